"""Frames for what an application sends on an open WebSocket (ASGI WebSocket specification, "Send")."""

from collections.abc import Callable

from hybrid.bridge.errors import ProtocolError
from hybrid.bridge.types import Message
from hybrid.server.wire.websocket.frames import encode_binary, encode_text


def encode_message(
    message: Message,
    text_encoder: Callable[[str], bytes] = encode_text,
    binary_encoder: Callable[[bytes | bytearray], bytes] = encode_binary,
) -> bytes:
    """Return the frame for a ``websocket.send``, made by one of the encoders.

    Raises:
        ProtocolError: the message does not have what it must have.
    """
    text = message.get("text")
    data = message.get("bytes")
    try:
        if data is None and text is not None:
            return text_encoder(text)
        if text is None and data is not None:
            return binary_encoder(data if type(data) is bytes else _as_bytes(data))
    except (AttributeError, TypeError, UnicodeEncodeError) as error:
        raise ProtocolError(f"websocket.send: {error}") from error
    raise ProtocolError("websocket.send: exactly one of text and bytes must be there and not None")


def _as_bytes(data: object) -> bytes | bytearray:
    """Take what is as good as bytes; of others the length is not how many bytes they are."""
    if isinstance(data, (bytes, bytearray)):
        return data
    if isinstance(data, memoryview):
        return data.tobytes()
    raise TypeError(f"bytes must be bytes, not {type(data).__name__}")
