"""What of an answer is compared: each part becomes a tree, in which places have names."""
