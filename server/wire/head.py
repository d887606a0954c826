"""The one place that knows the C parser of request heads, picohttpparser through :mod:`gunicorn_h1c`.

It finds the end of the head, splits it and checks tokens and limits. It also lets things through that RFC
9112 forbids or leaves to the server; :mod:`hybrid.server.wire.http11` checks what comes out of here.
"""

import re
from typing import Protocol

import gunicorn_h1c as h1c

# The fast parser has an IncompleteError of its own, which the package does not export.
from gunicorn_h1c._parser_fast import IncompleteError

from hybrid.bridge.types import Headers
from hybrid.server.limits import MOST_FIELDS, Limits
from hybrid.server.wire.errors import RequestError

#: A version in its right form and place that is not ours. The parser's own verdict depends on what follows.
_OTHER_VERSION = re.compile(rb"(?:\r\n)?[!-~]+ [!-~]+ HTTP/(?!1\.)[0-9]\.[0-9]\r")
#: One that means the same as HTTP/1.1 (RFC 9110 section 2.5), and that the parser does not know.
_LATER_VERSION = re.compile(rb"((?:\r\n)?[!-~]+ [!-~]+ HTTP/1\.)[2-9](?=\r)")
#: Methods are tokens (RFC 9110 section 9.1). The parser takes those of 3 to 20 characters without small
#: letters: for ASGI a method is in upper case, so that "get" would become GET.
_METHOD = re.compile(rb"(?:\r\n)?[!#$%&'*+\-.^_`|~0-9A-Za-z]+ [!-~]+ HTTP/1\.[0-9]\r")
_KNOWN_METHOD = re.compile(rb"(?:\r\n)?[!$%&'*+\-.^_`|~0-9A-Z]{3,20} ")


class Head(Protocol):
    """A parsed head. The parser makes the Python values when they are asked for, anew or cached."""

    method: bytes
    path: bytes
    minor_version: int
    header_count: int
    consumed: int
    asgi_headers: Headers


def parse_head(buffer: bytes, seen: int, limits: Limits) -> Head | None:
    """Parse the head at the start of ``buffer``; None while it is incomplete.

    Args:
        buffer: what has come so far, not empty.
        seen: how much of it an earlier call has looked at in vain.
        limits: on the request line, the fields, and all of it.

    Raises:
        RequestError: 400, 414, 431, 501 or 505.
    """
    try:
        head: Head = h1c.parse_request_fast(
            buffer, seen, limits.request_line, limits.request_fields, limits.request_field_size
        )
    except IncompleteError:
        _check_incomplete(buffer, limits)
        return None
    except ValueError as error:
        later = _LATER_VERSION.match(buffer)
        if later is not None:
            return parse_head(later[1] + b"1" + buffer[later.end() :], seen, limits)
        raise _refusal(buffer, error, limits) from error
    if head.consumed > limits.request_head:
        raise RequestError(431, "request head too large")
    return head


def _check_incomplete(buffer: bytes, limits: Limits) -> None:
    """Refuse a head that is over a limit already, before more of it is kept."""
    if buffer.find(b"\n", 0, limits.request_line + 2) < 0 and len(buffer) > limits.request_line + 1:
        raise RequestError(414, "request line too long")
    if len(buffer) > limits.request_head:
        raise RequestError(431, "request head too large")


def _refusal(buffer: bytes, error: ValueError, limits: Limits) -> RequestError:
    if isinstance(error, h1c.LimitRequestLine):
        return RequestError(414, "request line too long")
    if isinstance(error, h1c.LimitRequestHeaders):
        return RequestError(431, "too many header fields, or one too large")
    if _OTHER_VERSION.match(buffer):
        return RequestError(505, "HTTP version not supported")
    if _METHOD.match(buffer) and not _KNOWN_METHOD.match(buffer):
        return RequestError(501, "method not supported")
    if buffer.count(b"\n") > min(limits.request_fields, MOST_FIELDS):  # beyond, it only says that it failed
        return RequestError(431, "too many header fields")
    return RequestError(400, "malformed request")
