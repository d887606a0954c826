"""One call of a WSGI application on a worker thread (PEP 3333), whatever the response goes out through.

Everything here runs on the worker.
"""

import logging
import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from types import TracebackType
from typing import Any, Final, TypeVar
from wsgiref.types import WSGIApplication

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import BODILESS, Headers, ResponseHead, Scope, ScopedWriter
from hybrid.bridge.wsgi.filewrapper import FileWrapper

logger = logging.getLogger("hybrid.wsgi")

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

#: Fields that belong to the server's connection (RFC 9110 section 7.6.1); PEP 3333 forbids applications to
#: send them.
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade")
)  # fmt: skip
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
#: Heads, by what start_response was given, and fields that were found valid, encoded. Most responses carry
#: the same few again and again. Any worker reads and writes these, with single operations of the dictionary.
_known_heads: dict[tuple[object, ...], ResponseHead] = {}
_known_fields: dict[tuple[str, str], tuple[bytes, bytes]] = {}
_KNOWN_LIMIT: Final = 1024
_KNOWN_VALUE_SIZE: Final = 256
#: Fields whose values differ from response to response, or are nobody else's business: not remembered.
_VOLATILE: Final = frozenset(
    (b"set-cookie", b"location", b"etag", b"last-modified", b"expires", b"www-authenticate")
)


class WSGIError(RuntimeError):
    """The application broke a rule of PEP 3333; the message says which."""


#: Sees the environ when the application starts its response.
Look = Callable[[dict[str, Any]], object]


def serve(
    app: WSGIApplication, environ: dict[str, Any], exchange: ScopedWriter, look: Look | None = None
) -> None:
    """Call ``app`` and write its response to ``exchange``. Never raises: an error becomes a 500, or cuts the
    response off.
    """
    call = _Call(exchange)
    if look is not None:
        call.look = partial(look, environ)
    environ["wsgi.early_hints"] = call.early_hints
    try:
        call.run(app, environ)
    except ClientDisconnected:
        exchange.abort()
    except BaseException:  # SystemExit in a view must not end a worker, nor the server
        logger.exception("%s: the WSGI application failed", describe(exchange.scope))
        call.fail()


def describe(scope: Scope) -> str:
    """Name a request in the log, without control characters that a client might have put into its path."""
    return f"{scope['method']} {scope['path'].encode('unicode_escape').decode('ascii')}"


class _Call:
    """The state of one call: what start_response was told, and whether it has gone out.

    The head is held back until the first part of the body that is not empty (PEP 3333, "The start_response()
    Callable"), so that the application can change its mind, with ``exc_info``, for as long as nothing was
    sent.
    """

    __slots__ = ("_complete", "_exchange", "_head", "_left", "_sent", "look")

    def __init__(self, exchange: ScopedWriter) -> None:
        self._exchange = exchange
        self.look: Callable[[], object] | None = None
        self._head: ResponseHead | None = None
        self._sent = False  # whether the head has gone out
        self._complete = False  # whether everything has
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
        self._sent = True  # whoever has kept wsgi.early_hints must not reach the next response with it
        body = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        try:
            self._exchange.start(500, "Internal Server Error", headers)
            self._exchange.finish(body)
        except ClientDisconnected:
            self._exchange.abort()
        except Exception:
            logger.exception("%s: the error could not be answered", describe(self._exchange.scope))
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
        if self.look is not None:
            self.look()
            self.look = None  # no cycle through the environ, which has early_hints
        if type(headers) is not list:  # as PEP 3333 has it, but others are easily understood
            headers = list(headers)
        try:
            head = _known_heads.get((status, *headers))
        except TypeError:  # a field that is a list is a pair too, but cannot be looked up
            headers, head = [(name, value) for name, value in headers], None
        self._head = head or _encode_head(status, headers)
        self._left = self._head.length
        return self.write

    def early_hints(self, headers: Iterable[tuple[str | bytes, str | bytes]], /) -> None:
        """Send ``103 Early Hints`` with these fields, most often ``Link`` (RFC 8297): ``wsgi.early_hints``.

        As often as wanted, and as with gunicorn of no effect once the response has begun, or for HTTP/1.0.
        Fields are checked in any case.
        """
        fields: Headers = [_encode_hint(name, value) for name, value in headers]
        if not self._sent and self._exchange.scope["http_version"] != "1.0":
            self._exchange.interim(103, fields)

    def write(self, data: bytes, /) -> None:
        """Send a part of the body at once: PEP 3333's imperative alternative to returning it."""
        if data:
            self._send(data)
            if self._left is not None and self._left < 0:
                raise WSGIError("write() was given more than the Content-Length allows")

    def _send_parts(self, parts: Iterable[bytes]) -> None:
        if isinstance(parts, (list, tuple)) and len(parts) == 1 and not self._sent:
            data = parts[0]
            if isinstance(data, bytes) and (self._left is None or self._left == len(data)):
                self._send_last(data)
            else:
                self._finish(data)
            return
        if type(parts) is FileWrapper and self._send_file(parts):
            return
        for part in parts:
            if part:
                self._send(part)
                if self._left is not None and self._left < 0:
                    break  # PEP 3333: stop iterating when enough has been sent
            elif not isinstance(part, bytes):
                raise _not_bytes(part)
        if not self._complete:
            self._finish(b"")

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Send a file without reading it; False when it has to be iterated over.

        Without a Content-Length all of it is sent, with one at most that much: that is how an application
        asks for a part of a file.
        """
        wrapper.limit = self._left
        region = wrapper.region()
        if region is None:
            return False
        head = self._due_head()
        if self._left is None and not self._sent and head.status not in BODILESS:
            self._left = region.length
            length = b"content-length", b"%d" % region.length
            head = self._head = ResponseHead(head.status, head.reason, [*head.headers, length], region.length)
        if self._left is not None:
            self._left -= region.length
            self._check_length(self._left)
        if head.status in BODILESS or self._exchange.scope["method"] == "HEAD":
            self._send_last(b"")
            return True
        if not self._sent:
            self._exchange.start(head.status, head.reason, head.headers)
        self._sent = self._complete = True
        self._exchange.send_file(*region)
        return True

    def _send(self, data: bytes) -> None:
        data = self._cut(data)  # before the head: as long as that is held back, an error is still a 500
        if not data or self._complete:
            return
        if self._left is not None and self._left <= 0:
            self._send_last(data)  # by its announced length
            return
        if not self._sent:
            head = self._due_head()
            self._exchange.start(head.status, head.reason, head.headers)
            self._sent = True
        self._exchange.write(data)

    def _finish(self, data: bytes) -> None:
        data = self._cut(data)
        if self._left:
            self._check_length(self._left)
        self._send_last(data)

    def _send_last(self, data: bytes) -> None:
        if self._sent:
            self._exchange.finish(data)
        else:
            self._exchange.respond(self._due_head(), data)
            self._sent = True
        self._complete = True

    def _due_head(self) -> ResponseHead:
        if self._head is None:
            raise WSGIError("the application sent a body, or none at all, without calling start_response")
        return self._head

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
            describe(self._exchange.scope),
        )
        return data[:allowed]

    def _check_length(self, left: int) -> None:
        """Refuse a body that is too short; the head of a response to HEAD, and a 304, tell of another's."""
        status = self._due_head().status
        if left > 0 and self._exchange.scope["method"] != "HEAD" and status not in BODILESS:
            raise WSGIError(f"the application's body is {left} bytes shorter than its Content-Length")


def _encode_head(status: str, headers: list[tuple[str, str]]) -> ResponseHead:
    """Check a head now, while the application can still be told (PEP 3333 asks for it), and encode it."""
    code, reason = _parse_status(status)
    encoded: Headers = []
    length: int | None = None
    usual = True
    for name, value in headers:
        field = _encode_field(name, value)
        encoded.append(field)
        if field[0] == b"content-length":
            if length is not None:
                raise WSGIError("Content-Length was given twice")
            length = int(value)
        usual = usual and field[0] not in _VOLATILE and len(value) <= _KNOWN_VALUE_SIZE
    head = ResponseHead(code, reason, encoded, length)
    if usual:
        _remember(_known_heads, (status, *headers), head)
    return head


def _encode_field(name: str, value: str) -> tuple[bytes, bytes]:
    if not isinstance(name, str) or not isinstance(value, str):
        raise WSGIError(f"header name and value must be str, not {name!r}: {value!r}")
    if known := _known_fields.get((name, value)):
        return known
    if _TOKEN.fullmatch(name) is None:
        raise WSGIError(f"invalid header name {name!r}")
    if _VALUE.fullmatch(value) is None:
        raise WSGIError(f"invalid character in the value of header {name!r}")
    lower = name.lower()
    if lower in _HOP_BY_HOP:
        raise WSGIError(f"the application must not send the hop-by-hop header {name!r}")
    field = lower.encode("ascii"), value.encode("latin-1")
    if lower == "content-length":
        if not value.isascii() or not value.isdigit():
            raise WSGIError(f"invalid Content-Length {value!r}")
    elif field[0] not in _VOLATILE and len(value) <= _KNOWN_VALUE_SIZE:
        _remember(_known_fields, (name, value), field)
    return field


def _encode_hint(name: str | bytes, value: str | bytes) -> tuple[bytes, bytes]:
    """Check a field of an interim response, which has no length. Bytes are taken, too, as gunicorn does."""
    name = name.decode("latin-1") if isinstance(name, bytes) else name
    value = value.decode("latin-1") if isinstance(value, bytes) else value
    field = _encode_field(name, value)
    if field[0] == b"content-length":
        raise WSGIError("an interim response has no Content-Length")
    return field


def _remember(known: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    """Keep what may be needed again. What is needed often comes back soon, so a full store starts anew."""
    if len(known) >= _KNOWN_LIMIT:
        known.clear()
    known[key] = value


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
