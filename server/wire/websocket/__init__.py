"""WebSocket without input or output: the opening handshake, frames, messages (RFC 6455)."""
