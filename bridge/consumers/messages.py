"""The ASGI messages of a WebSocket, as the consumers' methods describe them (ASGI WebSocket spec 2.5)."""

from collections.abc import Iterable
from typing import Any

from hybrid.bridge.types import Message

#: A header field as an application gives it.
Field = tuple[bytes, bytes] | list[bytes]


def accept_message(subprotocol: str | None, headers: Iterable[Field] | None) -> Message:
    """Return what grants a handshake."""
    message: dict[str, Any] = {"type": "websocket.accept", "subprotocol": subprotocol}
    if headers:
        message["headers"] = list(headers)
    return message


def data_message(text_data: str | None, bytes_data: bytes | None) -> Message:
    """Return what sends a message, text if both are there.

    Raises:
        ValueError: both are None.
    """
    if text_data is not None:
        return {"type": "websocket.send", "text": text_data}
    if bytes_data is not None:
        return {"type": "websocket.send", "bytes": bytes_data}
    raise ValueError("You must pass one of bytes_data or text_data")


def close_message(code: int | None, reason: str | None) -> Message:
    """Return what closes a WebSocket, or refuses its handshake. True is no code, but ``send(close=True)``."""
    message: dict[str, Any] = {"type": "websocket.close"}
    if code is not None and code is not True:
        message["code"] = code
    if reason:
        message["reason"] = reason
    return message
