"""What applications send, as WebSocket messages and as messages of a channel layer, and back."""

from collections.abc import Mapping
from typing import Any, Final

from flask import json

#: The type of what :meth:`WebSockets.emit` sends to a group.
EMITTED: Final = "socket.emit"


def encode(data: object) -> dict[str, Any]:
    """Return ``{"text": …}`` or ``{"bytes": …}``: text for a str, binary for bytes, JSON text for a dict or a
    list.

    Raises:
        TypeError: it is anything else, or has something in it that is not for JSON.
    """
    if isinstance(data, str):
        return {"text": data}
    if isinstance(data, (bytes, bytearray)):
        return {"bytes": bytes(data)}
    if isinstance(data, (dict, list)):
        return {"text": json.dumps(data)}
    raise TypeError(
        f"a message is a str, bytes, or a dict or list for JSON, not {type(data).__name__}; send_json() sends"
        " any value"
    )


def for_group(data: object) -> dict[str, Any]:
    """Return what a channel layer is to carry to each member of a group; JSON is written once for all."""
    message = {"type": EMITTED, **encode(data)}
    if isinstance(data, dict):
        message["object"] = True
    return message


def from_group(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent to the client for a message of a channel layer.

    One that has ``text`` or ``bytes`` is that; any other is JSON text, as it is. What was emitted as a dict
    gets the number that a layer with a history has given it, as ``"sequence"``.
    """
    text, binary = message.get("text"), message.get("bytes")
    if isinstance(text, str):
        if message.get("object") and "sequence" in message:
            text = _with_sequence(text, message["sequence"])
        return {"text": text}
    if isinstance(binary, bytes):
        return {"bytes": binary}
    return {"text": json.dumps(message)}


def _with_sequence(text: str, number: int) -> str:
    """Add a last key to a JSON object: the last of two with the same name counts, in all browsers."""
    head = text.rstrip()[:-1]
    comma = "" if head.strip() == "{" else ", "
    return f'{head}{comma}"sequence": {number}}}'
