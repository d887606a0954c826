"""Requests that an application makes in the client's place: server push (RFC 9113 section 8.4)."""

from typing import Final
from urllib.parse import quote

from hybrid.bridge.types import Message
from hybrid.server.limits import Limits
from hybrid.server.wire.errors import RequestError, ResponseError
from hybrid.server.wire.http2.fields import encode_field
from hybrid.server.wire.http2.frames import StreamFault
from hybrid.server.wire.http2.requests import read_request
from hybrid.server.wire.http11 import Request

#: What may stand in a path as it is (RFC 3986 section 3.3), and in a query.
_IN_PATH: Final = "/!$&'()*+,;=:@~"
_IN_QUERY: Final = _IN_PATH + "?%"
#: What a request without a body cannot say, or nobody can wait for.
_FORBIDDEN: Final = frozenset((b"content-length", b"expect", b"host"))


def read_promise(request: Request, scheme: str, message: Message, limits: Limits) -> tuple[Request, bytes]:
    """Make a request of ``http.response.push``: a GET of the same authority, with the fields that it has.

    The path is one with its octets decoded, as in scopes. What stands behind a ``?`` in it is sent as a
    query: frameworks pass both on in one.

    Args:
        request: whose response goes on.
        scheme: of that request.
        message: the message.
        limits: on requests.

    Returns:
        The request, and its header block.

    Raises:
        KeyError: the message has no path.
        ResponseError: no such request could be made.
    """
    fields = _fields(request, scheme, message)
    try:
        promised = read_request(tuple(fields), limits)
    except (RequestError, StreamFault) as error:
        raise ResponseError(f"http.response.push: no such request can be made: {error}") from None
    return promised, b"".join(encode_field(name, value) for name, value in fields)


def _fields(request: Request, scheme: str, message: Message) -> list[tuple[bytes, bytes]]:
    """Return the fields of the promised request, pseudo-header fields first."""
    path, question, query = _text(message["path"]).partition("?")
    target = quote(path, safe=_IN_PATH) + question + quote(query, safe=_IN_QUERY)
    fields = [
        (b":method", b"GET"),
        (b":scheme", scheme.encode("ascii")),
        (b":authority", request.fields[b"host"]),
        (b":path", target.encode("ascii")),
    ]
    for name, value in message.get("headers", ()):
        if name[:1] == b":" or name in _FORBIDDEN:
            raise ResponseError(f"http.response.push: {name!r} must not be among the headers")
        fields.append((name, value))
    return fields


def _text(path: object) -> str:
    if not isinstance(path, str) or path[:1] != "/":
        raise ResponseError(f"http.response.push: path must be a str that begins with '/', not {path!r}")
    return path
