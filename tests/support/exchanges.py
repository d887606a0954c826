"""An exchange without a connection: keeps what a WSGI call does to it."""

import io
import os
from typing import Any, BinaryIO

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Headers, ResponseHead, Scope


def http_scope(**changes: Any) -> dict[str, Any]:
    """Make the ASGI scope of `GET / HTTP/1.1`, with changes."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"example.org")],
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 80),
        **changes,
    }


class RecordedExchange:
    """A `ThreadedExchange` that keeps what it is told.

    Args:
        scope: the request; `GET /` when None.
        body: of the request.
        leave_at: the number of the part, from 0, at which the client turns out to have left.

    Attributes:
        hints: status and header fields of the interim responses.
        head: status, reason and header fields that were started last.
        parts: the parts of the body that were written.
        from_file: whether the last part was a file's.
        finished: whether the response is complete.
        aborted: whether it was cut off.
        rejected: the status that was answered in the application's place.
    """

    def __init__(self, scope: Scope | None = None, body: bytes = b"", *, leave_at: int | None = None) -> None:
        self.scope: Scope = scope or http_scope()
        self.body: BinaryIO = io.BytesIO(body)
        self.memo = None
        self.progress = 0.0
        self.rejected: int | None = None
        self.disconnected = False
        self.gone = False
        self.hints: list[tuple[int, Headers]] = []
        self.head: tuple[int, str, Headers] | None = None
        self.parts: list[bytes] = []
        self.from_file = False
        self.finished = False
        self.aborted = False
        self._leave_at = leave_at

    def __repr__(self) -> str:
        state = "aborted" if self.aborted else "finished" if self.finished else "open"
        return f"<RecordedExchange {self.status} {state} {self.parts!r}>"

    @property
    def status(self) -> int | None:
        """The status that was started."""
        return self.head[0] if self.head else None

    @property
    def headers(self) -> Headers:
        """The header fields that were started."""
        assert self.head is not None
        return self.head[2]

    @property
    def sent(self) -> bool:
        """Whether the client has been sent anything."""
        return bool(self.parts) or self.finished

    def respond(self, head: ResponseHead, data: bytes) -> None:
        """Keep the head and the only part."""
        self.start(head.status, head.reason, head.headers)
        self.finish(data)

    def interim(self, status: int, headers: Headers) -> None:
        """Keep an interim response."""
        assert not self.sent, "interim responses come first"
        self.hints.append((status, headers))

    def start(self, status: int, reason: str, headers: Headers) -> None:
        """Keep the head."""
        assert not self.sent, "a response is started once"
        self.head = status, reason, headers

    def write(self, data: bytes) -> None:
        """Keep a part."""
        assert self.head is not None
        assert data, "an empty part would be nothing, and in some codings the end"
        assert not self.finished
        if len(self.parts) == self._leave_at:
            self.disconnected = True
            raise ClientDisconnected("the client has left")
        self.parts.append(data)

    def finish(self, data: bytes = b"") -> None:
        """Keep the last part."""
        if data:
            self.write(data)
        elif self.disconnected:
            raise ClientDisconnected("the client has left")
        assert self.head is not None
        self.finished = True

    def reject(self, status: int, reason: str, headers: Headers) -> None:
        """Note the answer in the application's place."""
        self.rejected = status

    def send_file(self, descriptor: int, offset: int, count: int) -> None:
        """Keep what the file has there as the last part."""
        assert count > 0
        self.from_file = True
        self.finish(os.pread(descriptor, count, offset))

    def abort(self) -> None:
        """Note that the response is cut off."""
        self.aborted = True
