"""One call of a WSGI application on a worker thread (PEP 3333), whatever the response goes out through.

Everything here runs on the worker.
"""

import logging
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any
from wsgiref.types import WSGIApplication

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Headers, ResponseWriter

logger = logging.getLogger("hybrid.wsgi")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]

#: Fields that belong to the server's connection (RFC 9110 section 7.6.1); PEP 3333 forbids applications to
#: send them.
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade")
)  # fmt: skip


class WSGIError(RuntimeError):
    """The application broke a rule of PEP 3333; the message says which."""


def serve(app: WSGIApplication, environ: dict[str, Any], writer: ResponseWriter) -> None:
    """Call ``app`` and write its response to ``writer``. Never raises: an error becomes a 500, or cuts the
    response off.
    """
    call = _Call(writer)
    try:
        call.run(app, environ)
    except ClientDisconnected:
        writer.abort()
    except BaseException:  # SystemExit in a view must not end a worker, nor the server
        logger.exception(
            "%s %s: the WSGI application failed", environ["REQUEST_METHOD"], environ["PATH_INFO"]
        )
        call.fail()


class _Call:
    """The state of one call: what start_response was told, and whether it has gone out.

    The head is held back until the first part of the body that is not empty (PEP 3333, "The start_response()
    Callable"), so that the application can change its mind, with ``exc_info``, for as long as nothing was
    sent.
    """

    __slots__ = ("_head", "_left", "_sent", "_writer")

    def __init__(self, writer: ResponseWriter) -> None:
        self._writer = writer
        self._head: tuple[int, str, Headers] | None = None
        self._sent = False
        self._left: int | None = None  # bytes that the announced Content-Length still allows

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
            self._writer.abort()
            return
        body = b"Internal Server Error"
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        try:
            self._writer.start(500, "Internal Server Error", headers)
            self._writer.finish(body)
        except ClientDisconnected:
            self._writer.abort()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        """Take status and header fields, as PEP 3333 has it in its section on the callable."""
        if exc_info is not None:
            try:
                if self._sent and exc_info[1] is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # no cycle through the traceback's frames
        elif self._head is not None:
            raise WSGIError("start_response was called a second time without exc_info")
        code, reason = _parse_status(status)
        self._left = None
        self._head = code, reason, [self._encode_header(name, value) for name, value in headers]
        return self.write

    def write(self, data: bytes, /) -> None:
        """Send a part of the body at once: PEP 3333's imperative alternative to returning it."""
        if data:
            self._send(data)

    def _send_parts(self, parts: Iterable[bytes]) -> None:
        if isinstance(parts, (list, tuple)) and len(parts) == 1 and not self._sent:
            self._finish(parts[0])
            return
        for part in parts:
            if part:
                self._send(part)
        self._finish(b"")

    def _send(self, data: bytes) -> None:
        self._send_head()
        self._writer.write(self._cut(data))

    def _finish(self, data: bytes) -> None:
        self._send_head()
        self._writer.finish(self._cut(data))

    def _send_head(self) -> None:
        if not self._sent:
            if self._head is None:
                raise WSGIError("the application sent a body, or none at all, without calling start_response")
            self._writer.start(*self._head)
            self._sent = True

    def _cut(self, data: bytes) -> bytes:
        """Keep a body within its Content-Length: what is beyond would be read as the next response."""
        if not isinstance(data, bytes):
            raise WSGIError(f"the body must be bytes, not {type(data).__name__}")
        if self._left is None:
            return data
        if len(data) > self._left:
            logger.error(
                "the application's body is longer than its Content-Length; %d bytes cut",
                len(data) - self._left,
            )
            data = data[: self._left]
        self._left -= len(data)
        return data

    def _encode_header(self, name: str, value: str) -> tuple[bytes, bytes]:
        if not isinstance(name, str) or not isinstance(value, str):
            raise WSGIError(f"header name and value must be str, not {name!r}: {value!r}")
        lower = name.lower()
        if lower in _HOP_BY_HOP:
            raise WSGIError(f"the application must not send the hop-by-hop header {name!r}")
        if lower == "content-length" and value.isdigit():
            self._left = int(value)
        try:
            return lower.encode("latin-1"), value.encode("latin-1")
        except UnicodeEncodeError:
            raise WSGIError(f"header {name!r} has characters outside latin-1") from None


def _parse_status(status: str) -> tuple[int, str]:
    code, _, reason = status.partition(" ")
    if len(code) != 3 or not code.isdigit():
        raise WSGIError(f"the status must be three digits and a reason, not {status!r}")
    return int(code), reason
