"""A channel layer through Redis or Valkey."""
