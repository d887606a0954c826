"""Who is at the other end of a WebSocket, and whether it may be."""
