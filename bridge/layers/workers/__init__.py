"""A channel layer for the processes of one machine, over a Unix socket and without Redis."""
