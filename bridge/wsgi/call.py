"""One call of a WSGI application on a worker thread (PEP 3333), whatever the response goes out through.

Everything here runs on the worker.
"""

import logging
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import TracebackType
from typing import Any, Final
from wsgiref.types import WSGIApplication

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Headers, ThreadedExchange

logger = logging.getLogger("hybrid.wsgi")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

#: Fields that belong to the server's connection (RFC 9110 section 7.6.1); PEP 3333 forbids applications to
#: send them.
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade")
)  # fmt: skip
#: As it is usually written; it differs from response to response, and so has to be fast to take in.
_CONTENT_LENGTH: Final = ("Content-Length", "content-length")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
#: Fields that were found valid, encoded. Most responses carry the same few again and again.
_known_fields: dict[tuple[str, str], tuple[bytes, bytes]] = {}
_KNOWN_FIELDS_LIMIT: Final = 1024
_KNOWN_VALUE_SIZE: Final = 256
#: Fields whose values differ from response to response, or are nobody else's business: not remembered.
_VOLATILE: Final = frozenset(
    ("set-cookie", "location", "etag", "last-modified", "expires", "www-authenticate")
)


class WSGIError(RuntimeError):
    """The application broke a rule of PEP 3333; the message says which."""


def serve(app: WSGIApplication, environ: dict[str, Any], exchange: ThreadedExchange) -> None:
    """Call ``app`` and write its response to ``exchange``. Never raises: an error becomes a 500, or cuts the
    response off.
    """
    call = _Call(exchange)
    try:
        call.run(app, environ)
    except ClientDisconnected:
        exchange.abort()
    except BaseException:  # SystemExit in a view must not end a worker, nor the server
        logger.exception("%s: the WSGI application failed", _describe(exchange))
        call.fail()


def _describe(exchange: ThreadedExchange) -> str:
    """Name a request in the log, without control characters that a client might have put into its path."""
    scope = exchange.scope
    return f"{scope['method']} {scope['path'].encode('unicode_escape').decode('ascii')}"


class _Call:
    """The state of one call: what start_response was told, and whether it has gone out.

    The head is held back until the first part of the body that is not empty (PEP 3333, "The start_response()
    Callable"), so that the application can change its mind, with ``exc_info``, for as long as nothing was
    sent.
    """

    __slots__ = ("_exchange", "_head", "_left", "_sent")

    def __init__(self, exchange: ThreadedExchange) -> None:
        self._exchange = exchange
        self._head: tuple[int, str, Headers] | None = None
        self._sent = False
        self._left: int | None = None  # bytes that the Content-Length still allows; negative when cut

    def run(self, app: WSGIApplication, environ: dict[str, Any]) -> None:
        """Call the application and send what it returns and writes."""
        parts = app(environ, self.start_response)
        try:
            self._send_parts(parts)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()

    def fail(self) -> None:
        """Answer 500 if nothing was sent yet, or make the client see that the response is incomplete."""
        if self._sent:
            self._exchange.abort()
            return
        body = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        try:
            self._exchange.start(500, "Internal Server Error", headers)
            self._exchange.finish(body)
        except ClientDisconnected:
            self._exchange.abort()
        except Exception:
            logger.exception("%s: the error could not be answered", _describe(self._exchange))
            self._exchange.abort()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Take status and header fields, as PEP 3333 has it in its section on the callable."""
        if exc_info is not None and exc_info[1] is not None:
            try:
                if self._sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle through the traceback's frames
        elif self._head is not None:
            raise WSGIError("start_response was called a second time without exc_info")
        self._left = None
        encoded: Headers = []
        for field in headers:
            if type(field) is tuple and (known := _known_fields.get(field)) is not None:
                encoded.append(known)
            else:
                encoded.append(self._encode_field(*field))
        code, reason = _parse_status(status)
        self._head = code, reason, encoded
        return self.write

    def write(self, data: bytes, /) -> None:
        """Send a part of the body at once: PEP 3333's imperative alternative to returning it."""
        if data:
            self._send(data)
            if self._left is not None and self._left < 0:
                raise WSGIError("write() was given more than the Content-Length allows")

    def _send_parts(self, parts: Iterable[bytes]) -> None:
        if isinstance(parts, (list, tuple)) and len(parts) == 1 and not self._sent:
            self._finish(parts[0])
            return
        for part in parts:
            if part:
                self._send(part)
                if self._left is not None and self._left < 0:
                    break  # PEP 3333: stop iterating when enough has been sent
            elif not isinstance(part, bytes):
                raise _not_bytes(part)
        self._finish(b"")

    def _send(self, data: bytes) -> None:
        data = self._cut(data)  # before the head: as long as that is held back, an error is still a 500
        if data:
            self._send_head()
            self._exchange.write(data)

    def _finish(self, data: bytes) -> None:
        data = self._cut(data)
        if self._left:
            self._check_length(self._left)
        self._send_head()
        self._exchange.finish(data)

    def _send_head(self) -> None:
        if not self._sent:
            if self._head is None:
                raise WSGIError("the application sent a body, or none at all, without calling start_response")
            self._exchange.start(*self._head)
            self._sent = True

    def _cut(self, data: bytes) -> bytes:
        """Keep a body within its Content-Length: what is beyond would be read as the next response."""
        if not isinstance(data, bytes):
            raise _not_bytes(data)
        if self._left is None or not data:
            return data
        allowed = max(0, self._left)
        self._left -= len(data)
        if self._left >= 0:
            return data
        logger.error(
            "%s: the application's body is longer than its Content-Length, and was cut",
            _describe(self._exchange),
        )
        return data[:allowed]

    def _check_length(self, left: int) -> None:
        """Refuse a body that is too short; the head of a response to HEAD, and a 304, tell of another's."""
        status = self._head[0] if self._head is not None else 0
        if left > 0 and self._exchange.scope["method"] != "HEAD" and status not in (204, 304):
            raise WSGIError(f"the application's body is {left} bytes shorter than its Content-Length")

    def _encode_field(self, name: str, value: str) -> tuple[bytes, bytes]:
        """Check a header field now, while the application can still be told (PEP 3333 asks for it)."""
        if not isinstance(name, str) or not isinstance(value, str):
            raise WSGIError(f"header name and value must be str, not {name!r}: {value!r}")
        if name in _CONTENT_LENGTH:
            return self._announce(value)
        if _TOKEN.fullmatch(name) is None:
            raise WSGIError(f"invalid header name {name!r}")
        if _VALUE.fullmatch(value) is None:
            raise WSGIError(f"invalid character in the value of header {name!r}")
        lower = name.lower()
        if lower in _HOP_BY_HOP:
            raise WSGIError(f"the application must not send the hop-by-hop header {name!r}")
        field = lower.encode("ascii"), value.encode("latin-1")
        if lower == "content-length":
            return self._announce(value)
        if (
            lower not in _VOLATILE
            and len(value) <= _KNOWN_VALUE_SIZE
            and len(_known_fields) < _KNOWN_FIELDS_LIMIT
        ):
            _known_fields[name, value] = field
        return field

    def _announce(self, length: str) -> tuple[bytes, bytes]:
        if self._left is not None or not length.isascii() or not length.isdigit():
            raise WSGIError(f"invalid or repeated Content-Length {length!r}")
        self._left = int(length)
        return b"content-length", length.encode("ascii")


def _not_bytes(part: object) -> WSGIError:
    return WSGIError(f"the body must be bytes, not {type(part).__name__}")


@lru_cache(maxsize=256)
def _parse_status(status: str) -> tuple[int, str]:
    """Check a status now, while the application can still be told. Interim ones are the server's matter."""
    code, _, reason = status.partition(" ")
    if len(code) != 3 or not code.isascii() or not code.isdigit() or not "200" <= code <= "599":
        raise WSGIError(f"the status must be three digits from 200 to 599 and a reason, not {status!r}")
    if _VALUE.fullmatch(reason) is None:
        raise WSGIError(f"invalid character in the status {status!r}")
    return int(code), reason
