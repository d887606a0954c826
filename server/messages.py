"""What is wrong with a message of an ASGI application, in words that name it (ASGI specification, "Error
Handling"). Nothing here is called for a message that is right.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from hybrid.bridge.errors import ProtocolError
from hybrid.bridge.types import Message
from hybrid.server.wire.errors import ResponseError


def kind_of(message: Any) -> str:
    """Return the type of a message that may be none.

    Raises:
        ProtocolError: it is no dictionary, or has no type.
    """
    if not isinstance(message, Mapping):
        raise ProtocolError(f"{message!r} is no ASGI message: it must be a dict")
    keys = cast("Mapping[str, Any]", message)
    kind = keys.get("type")
    if not isinstance(kind, str):
        missing = "type" not in keys
        raise ProtocolError(
            f"{message!r} is no ASGI message: its type " + ("is missing" if missing else "must be a str")
        )
    return kind


def body_of(message: Message) -> bytes:
    """Return the body of a message in which something is unusual.

    The specification asks for ``bytes``. A bytearray and a memoryview are taken as well, and copied, since
    frameworks hand on those that they are given.

    Raises:
        ResponseError: ``body`` is of another type, or ``more_body`` is no bool.
    """
    body: Any = message.get("body", b"")
    more: Any = message.get("more_body", False)
    if not isinstance(more, bool):
        raise ResponseError(f"{message['type']}: more_body must be a bool, not {more!r}")
    if isinstance(body, (bytearray, memoryview)):
        return bytes(cast("memoryview[int]", body))  # len() of one counts items, which need not be bytes
    if not isinstance(body, bytes):
        raise ResponseError(f"{message['type']}: body must be bytes, not {body!r}")
    return body


def start_complaint(message: Message, error: ResponseError | None = None) -> str:
    """Say why a message starts no response; ``error`` is what the encoder has said of it, if anything."""
    kind = message["type"]
    if "status" not in message:
        return f"{kind}: status is missing"
    headers: Any = message.get("headers", ())
    expected = f"{kind}: headers must be an iterable of pairs of bytes"
    if isinstance(headers, (Mapping, str, bytes)) or not hasattr(headers, "__iter__"):
        return f"{expected}, not {headers!r}"
    if error is not None:
        return f"{kind}: {error}"
    if not isinstance(message["status"], int):
        return f"{kind}: status must be an int, not {message['status']!r}"
    if isinstance(headers, Iterator):  # what was wrong has been taken out of it
        return expected
    fields = cast("Iterable[Any]", headers)
    return f"{expected}, not of {next(filter(_is_no_field, fields), fields)!r}"


def _is_no_field(field: Any) -> bool:
    try:
        name, value = field
    except (TypeError, ValueError):
        return True
    return not isinstance(name, bytes) or not isinstance(value, bytes)
