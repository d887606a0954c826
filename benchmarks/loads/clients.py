"""What one connection of the load generator does: send, check the answer, send again.

An answer that looks like the one before it is checked by its length, its first and its last bytes; any other
is parsed. So every answer is checked, and the client stays cheaper than the servers that it measures.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple, cast

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n"
OK = b"HTTP/1.1 200 "


class AnswerError(Exception):
    """An answer that is not what the work asks for; the message says how."""


class Answer(NamedTuple):
    """One HTTP response: status, body, and its length on the wire in bytes."""

    status: int
    body: bytes
    size: int


class Meter:
    """Counts the answers of all connections and keeps what went wrong."""

    def __init__(self, limit: int, stop: Callable[[], None]) -> None:
        self.answered = 0
        self.limit = limit
        self.stop = stop
        self.stopped = False
        self.errors: list[str] = []
        self.first_answer = asyncio.Event()

    def fail(self, message: str) -> None:
        """Record an error and end the measurement, unless it is over and connections are being closed."""
        if not self.stopped:
            self.errors.append(message)
            self.first_answer.set()
            self.stop()


class Client(asyncio.Protocol):
    """A connection that always has one request under way and checks what comes back."""

    transport: asyncio.Transport

    def __init__(self, meter: Meter, request: bytes) -> None:
        self.meter = meter
        self.request = request
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it
        self.transport.write(self.request)

    def connection_lost(self, exc: Exception | None) -> None:
        """Record that the server ended a connection that was to be kept."""
        self.meter.fail(f"connection closed by the server ({exc or 'end of file'})")

    def answered(self) -> None:
        """Count a checked answer and send the next request."""
        meter = self.meter
        meter.answered += 1
        if meter.answered == meter.limit:
            meter.stop()
        self.transport.write(self.request)

    def examine(self, data: bytes) -> None:
        """Take the slow way, for the first answer, one in pieces, or one unlike the last."""
        self.buffer += data
        try:
            complete = self.take_answer()
        except AnswerError as error:
            self.meter.fail(str(error))
            self.transport.abort()
            return
        if complete:
            self.meter.first_answer.set()
            self.answered()

    def take_answer(self) -> bool:
        """Remove one whole answer from `buffer`; False if it needs more bytes, `AnswerError` if wrong."""
        raise NotImplementedError


class HTTPClient(Client):
    """Keep-alive GET requests for a path, each of which must be answered 200 with `body`."""

    def __init__(self, meter: Meter, body: bytes, path: str = "/") -> None:
        super().__init__(meter, GET.replace(b"/", path.encode(), 1))
        self.body = body
        self.size = -1

    def data_received(self, data: bytes) -> None:
        """Check an answer; the quick way needs one whole answer as long as the last."""
        if len(data) == self.size and not self.buffer and data.startswith(OK) and data.endswith(self.body):
            self.answered()
        elif len(self.buffer) + len(data) < self.size:
            self.buffer += data  # of a large one only the whole is worth a look
        else:
            self.examine(data)

    def take_answer(self) -> bool:
        """Remove one response with status 200 and the body asked for."""
        answer = parse_answer(self.buffer)
        if answer is None:
            return False
        if answer.status != 200 or answer.body != self.body or len(self.buffer) != answer.size:
            raise AnswerError(f"unexpected answer: {self.buffer[:300]!r}")
        self.size = answer.size
        self.buffer = b""
        return True


class OnDemandClient(HTTPClient):
    """As `HTTPClient`, but sends nothing of itself: `send` does, and `on_answer` is told of each answer.

    `due` is the time that the request under way was given to `send`.
    """

    def __init__(self, meter: Meter, body: bytes, on_answer: "Callable[[OnDemandClient], None]") -> None:
        super().__init__(meter, body)
        self.on_answer = on_answer
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait to be told."""
        self.transport = cast(asyncio.Transport, transport)

    def send(self, due: float = 0.0) -> None:
        """Send a request; none may be under way."""
        self.due = due
        self.transport.write(self.request)

    def answered(self) -> None:
        """Count a checked answer and pass the word."""
        self.meter.answered += 1
        self.on_answer(self)


def parse_answer(data: bytes) -> Answer | None:
    """Read one response (RFC 9112, section 6); None when it is not complete yet.

    Most state their length; chunks are for servers that do not even say it of a file. Raises `AnswerError`
    for anything else.
    """
    head, end, rest = data.partition(b"\r\n\r\n")
    if not end:
        return None
    status_line, *lines = head.split(b"\r\n")
    fields = (line.partition(b":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in fields}
    try:
        if headers.get(b"transfer-encoding") == b"chunked":
            return _parse_chunks(int(status_line.split()[1]), rest, len(head) + 4)
        status, length = int(status_line.split()[1]), int(headers[b"content-length"])
    except (KeyError, IndexError, ValueError):
        raise AnswerError(f"not a response with a Content-Length: {head[:300]!r}") from None
    return Answer(status, rest[:length], len(head) + 4 + length) if len(rest) >= length else None


def _parse_chunks(status: int, data: bytes, before: int) -> Answer | None:
    """Read a body in chunks without extensions and trailers; `before` are the bytes of the head."""
    if not data.endswith(b"0\r\n\r\n"):
        return None
    parts: list[bytes] = []
    position = 0
    while (end := data.find(b"\r\n", position)) >= 0 and (size := int(data[position:end], 16)):
        parts.append(data[end + 2 : end + 2 + size])
        position = end + 2 + size + 2
    whole = position + len(b"0\r\n\r\n")
    return Answer(status, b"".join(parts), before + whole) if end >= 0 else None
