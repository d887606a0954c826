"""A WebSocket on a connection: from the request that asks for it to the close frames."""
