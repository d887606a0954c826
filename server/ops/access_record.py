"""What there is to know of a request that was answered, or of a WebSocket that opened or closed."""

import base64
import binascii
import copy
from collections.abc import Callable, Mapping
from enum import Enum
from io import BytesIO
from time import perf_counter
from typing import Any, Final, Self

from hybrid.bridge.types import LANE, Headers, Scope
from hybrid.bridge.wsgi.environ import EnvironBuilder, server_protocol
from hybrid.server.ops.metrics.route_tally import CLIENT_LEFT
from hybrid.server.wire.http11 import Request

__all__ = ["CLIENT_LEFT", "AccessEvent", "AccessRecord", "WebSocketRecord"]

#: Bytes of a request line that could not be read, of which a log needs no more to tell what it was.
_LINE_SIZE: Final = 1024

#: What request lines have of the versions that are spoken; ``HTTP/2.0``, as with nginx and gunicorn.
PROTOCOLS: Final = {version: server_protocol(version) for version in ("1.0", "1.1", "2")}

_environs = EnvironBuilder(multithread=True, multiprocess=False)


class AccessEvent(Enum):
    """What a record is of."""

    REQUEST = "request"
    WEBSOCKET_OPEN = "websocket.open"
    WEBSOCKET_CLOSE = "websocket.close"


_REQUEST: Final = AccessEvent.REQUEST


class AccessRecord:
    """What there is to know of a request that was answered, or of a WebSocket that opened or closed.

    As the message of a log record its text is the line that ``access_log_format`` asks for. Whatever comes
    from the client is here as it came: escaping is the matter of whoever writes it down.

    Attributes:
        event: what this is of.
        client: address and port of the client, None on a Unix socket (ASGI ``client``).
        request: the request's head; None for one that could not be read.
        line: the beginning of the first line of a request that could not be read, as it came.
        scope: the ASGI scope that the application got; None where no application was asked.
        environ: the WSGI environ; None before a WSGI application was called, and where none was.
        application: the name of the target that answered, as in the route table; ``""`` for none.
        pool: the threads that it ran on, or waited for; ``""`` on the event loop.
        status: of the response; 499 when the client left without one.
        body_bytes: bytes of the response's body, without its coding, given to the connection.
        complete: whether all of the response was.
        began: when the head was complete, by :func:`time.perf_counter`.
        duration: seconds from there until the last byte of the response was given to the connection; of a
            WebSocket until it was open, and until it was closed.
        queue_time: seconds between the hand-over to the threads and the beginning of the application's call;
            None on the event loop, and where no thread became free.
    """

    __slots__ = (
        "_head", "application", "began", "body_bytes", "client", "complete", "duration", "environ", "event",
        "line", "pool", "queue_time", "queued", "request", "scope", "status", "write_line",
    )  # fmt: skip

    def __init__(
        self, write_line: Callable[["AccessRecord"], str], request: Request | None, scope: Scope | None
    ) -> None:
        self.began = perf_counter()
        self.write_line = write_line
        self.request = request
        self.scope = scope
        self.client: tuple[str, int] | None = scope["client"] if scope is not None else None
        self.event = _REQUEST
        self.application = self.pool = ""
        self.status = 0
        self.body_bytes = 0
        self.complete = True
        self.queued = self.duration = 0.0
        self.line = b""
        self.queue_time: float | None = None
        self.environ: dict[str, Any] | None = None
        self._head: bytes | None = None

    def __repr__(self) -> str:
        return f"<AccessRecord {self.event.value} {self}>"

    def __str__(self) -> str:
        return self.write_line(self)

    # The request.

    @property
    def method(self) -> str | None:
        """As it was sent; None for a request that could not be read."""
        return self.request.method if self.request is not None else None

    @property
    def request_line(self) -> str:
        """Method, target and version; where these could not be read, what the first line begins with."""
        if self.request is None:
            return self.line.decode("latin-1")
        return f"{self.request.method} {self.target} {PROTOCOLS[self.request.http_version]}"

    @property
    def target(self) -> str:
        """Path and query as they were sent, which is printable ASCII; ``""`` where it could not be read."""
        return self.request.target.decode("ascii") if self.request is not None else ""

    @property
    def path(self) -> str:
        """The path as it was sent."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as it was sent, without the question mark."""
        return self.target.partition("?")[2]

    @property
    def http_version(self) -> str | None:
        """``"1.1"``, ``"1.0"`` or ``"2"``; None for a request that could not be read."""
        return self.request.http_version if self.request is not None else None

    @property
    def request_headers(self) -> Headers:
        """Fields in order, names in lower case."""
        return self.request.headers if self.request is not None else []

    def request_header(self, name: str) -> str | None:
        """Return the last value of a field, as latin-1; None where there is none."""
        value = self.request.fields.get(name.lower().encode("latin-1")) if self.request is not None else None
        return None if value is None else value.decode("latin-1")

    @property
    def user(self) -> str | None:
        """The user name of Basic authentication, which nobody has checked."""
        value = self.request_header("authorization") or ""
        scheme, _, credentials = value.partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            return base64.b64decode(credentials.strip().encode("utf-8")).split(b":", 1)[0].decode("utf-8")
        except (ValueError, binascii.Error):
            return None

    def environ_variables(self) -> Mapping[str, Any]:
        """Return the WSGI environ; for an ASGI application, what it would be."""
        if self.environ is not None:
            return self.environ
        if self.scope is None or self.request is None:
            return {}
        return _environs.build({**self.scope, "type": "http", "method": self.request.method}, BytesIO())

    @property
    def lane(self) -> str | None:
        """Where an application with two lanes has served it, and why; None where none was asked."""
        return self.scope.get(LANE) if self.scope is not None else None

    # The response.

    @property
    def reason(self) -> str:
        """The reason phrase that was sent; ``""`` where there was no response."""
        return self._read_head()[0]

    @property
    def response_headers(self) -> Headers:
        """Fields in order, as they were sent, the server's own included."""
        return self._read_head()[1]

    def response_header(self, name: str) -> str | None:
        """Return the last value of a field, as latin-1; None where there is none."""
        wanted = name.lower().encode("latin-1")
        values = [value for key, value in self.response_headers if key.lower() == wanted]
        return values[-1].decode("latin-1") if values else None

    def _read_head(self) -> tuple[str, Headers]:
        if self._head is None:
            return "", []
        first, *lines = self._head.partition(b"\r\n\r\n")[0].split(b"\r\n")
        fields = [line.partition(b": ") for line in lines]
        return first.partition(b" ")[2].partition(b" ")[2].decode("latin-1"), [
            (name, value) for name, _, value in fields
        ]

    # For the server, which fills it in.

    @property
    def head_sent(self) -> bool:
        """Whether a response has begun."""
        return self._head is not None

    def note_head(self, data: bytes) -> None:
        """The response begins with these bytes; the first call counts."""
        if self._head is None:
            self._head = data

    def note_refusal(self, data: bytes, status: int) -> None:
        """These bytes are a whole response of the server's own."""
        self._head = data
        self.status = status
        head_only = self.request is not None and self.request.method == "HEAD"
        self.body_bytes = 0 if head_only else len(data.partition(b"\r\n\r\n")[2])

    def note_line(self, line: bytes) -> None:
        """The first line of a request that could not be read begins like that."""
        self.line = line[:_LINE_SIZE]


class WebSocketRecord(AccessRecord):
    """What there is to know of a WebSocket, when it opens and again when it closes.

    Attributes:
        close_code, close_reason: of the first close frame, or 1006 where there was none; None while it is
            open, and where the application speaks the protocol itself.
        closed_by: ``"client"`` or ``"server"``: who sent that frame; ``""`` where nobody did.
        messages_in, messages_out: how many it has received and sent; None where the application speaks the
            protocol itself.
        bytes_in, bytes_out: bytes of all frames since the handshake.
        rtt, rtt_min: seconds between the latest ping of ours that was answered and its pong, and the least of
            all; None where there was none.
    """

    __slots__ = (
        "bytes_in", "bytes_out", "close_code", "close_reason", "closed_by", "messages_in", "messages_out",
        "rtt", "rtt_min",
    )  # fmt: skip

    def __init__(
        self, write_line: Callable[[AccessRecord], str], request: Request | None, scope: Scope | None
    ) -> None:
        super().__init__(write_line, request, scope)
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.closed_by = ""
        self.messages_in: int | None = None
        self.messages_out: int | None = None
        self.bytes_in = self.bytes_out = 0
        self.rtt: float | None = None
        self.rtt_min: float | None = None

    def note_close(self, code: int, reason: str, closed_by: str) -> None:
        """Whatever closes the connection first counts."""
        if self.close_code is None:
            self.close_code, self.close_reason, self.closed_by = int(code), reason, closed_by

    def closing(self) -> Self:
        """Return the record of the same WebSocket for when it closes: whoever has this one may keep it."""
        later = copy.copy(self)
        later.event = AccessEvent.WEBSOCKET_CLOSE
        return later
