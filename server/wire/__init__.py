"""Protocols without input or output: bytes to events and back; no asyncio, no socket, no clock."""
