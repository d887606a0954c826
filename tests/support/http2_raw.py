"""A client of HTTP/2 that sends any bytes and shows the frames that come back: what no proper client does."""

import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress

from hpack import Decoder, Encoder

from tests.support.http2_clients import connect
from tests.support.http2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PREFACE,
    Frame,
    FrameReader,
    Kind,
    frame,
    settings,
)
from tests.support.sockets import DEADLINE
from tests.support.websocket_clients import Listening

Field = tuple[str | bytes, str | bytes]


class RawClient:
    """One connection.

    Args:
        sock: connected, and after the TLS handshake if there is one; the caller closes it.

    Attributes:
        sock: for what this class has no method for.
        encoder: for header blocks; it keeps the table of the connection.
        decoder: for those of the server.
        closed: whether the server has closed the connection, politely or not.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.encoder = Encoder()
        self.decoder = Decoder()
        self.closed = False
        self._reader = FrameReader()
        self._frames: deque[Frame] = deque()

    def __repr__(self) -> str:
        return f"<RawClient waiting={list(self._frames)} closed={self.closed}>"

    def send(self, *parts: bytes) -> None:
        """Send bytes; a server that has closed gets nothing, and :meth:`read` will tell."""
        self.sock.settimeout(DEADLINE)
        with suppress(BrokenPipeError, ConnectionResetError):  # what it said before can still be read
            self.sock.sendall(b"".join(parts))

    def greet(self, values: Mapping[int, int] | None = None) -> dict[int, int]:
        """Begin the connection, and return what the server says of itself, acknowledged."""
        self.send(PREFACE, settings(*(values or {}).items()))
        (*_, said) = self.read_until(lambda each: each.kind == Kind.SETTINGS and not each.flags & ACK)
        self.send(frame(Kind.SETTINGS, flags=ACK))
        return said.settings

    def block(self, *fields: Field, method: str = "GET", path: str = "/", scheme: str = "http") -> bytes:
        """Encode the fields of a request."""
        head = [(":method", method), (":scheme", scheme), (":authority", "x"), (":path", path), *fields]
        return self.encoder.encode(head)

    def headers(self, stream: int, block: bytes, *, ends: bool = True) -> bytes:
        """Write a HEADERS frame with a whole block."""
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return frame(Kind.HEADERS, block, stream=stream, flags=flags)

    def request(self, stream: int, *fields: Field, ends: bool = True, **pseudo: str) -> bytes:
        """Write the head of a request."""
        return self.headers(stream, self.block(*fields, **pseudo), ends=ends)

    # What comes back.

    def read(self) -> Frame | None:
        """Return the next frame; None when the server has closed."""
        end = time.monotonic() + DEADLINE
        while not self._frames and not self.closed:
            self.sock.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            except TimeoutError:
                raise AssertionError("no frame has come in time") from None
            self._take(data)
        return self._frames.popleft() if self._frames else None

    def read_until(self, condition: Callable[[Frame], object]) -> list[Frame]:
        """Return the frames up to the first one of which a condition holds; it must come."""
        frames: list[Frame] = []
        while (each := self.read()) is not None:
            frames.append(each)
            if condition(each):
                return frames
        raise AssertionError(f"the server has closed before that, after {frames}")

    def read_to_end(self) -> list[Frame]:
        """Return all frames that come until the server closes."""
        return list(iter(self.read, None))

    def error_of_connection(self) -> int:
        """Return the code of the GOAWAY with which the server ends the connection; it closes after that."""
        *_, last = (each for each in self.read_to_end() if each.kind == Kind.GOAWAY)
        return last.code

    def reset_of(self, stream: int) -> int:
        """Return the code with which the server resets a stream."""
        (*_, last) = self.read_until(lambda each: (each.kind, each.stream) == (Kind.RST_STREAM, stream))
        return last.code

    def status_of(self, stream: int) -> int:
        """Return the status of the response on a stream, whose head must come in one frame."""
        (status,) = self.statuses_of(stream)
        return status

    def statuses_of(self, *streams: int) -> list[int]:
        """Return the status of the response on each stream, whichever comes first."""
        statuses: dict[int, int] = {}
        while not statuses.keys() >= {*streams}:
            (*_, each) = self.read_until(lambda each: each.kind == Kind.HEADERS)
            fields: Mapping[object, object] = dict(self.decoder.decode(each.payload))  # each, for the table
            if ":status" in fields:  # not trailers
                statuses[each.stream] = int(str(fields[":status"]))
        return [statuses[stream] for stream in streams]

    def ping(self, data: bytes = b"are you?") -> list[Frame]:
        """Wait for the answer to a PING, and return the frames before it: what was sent has come."""
        self.send(frame(Kind.PING, data))
        answer = Frame(Kind.PING, ACK, 0, data)
        return self.read_until(lambda each: each == answer)[:-1]

    # Floods, on plain sockets.

    def flood(self, part: bytes, times: int, *, reads: bool = True) -> int:
        """Send a part again and again; return how many times the server took it.

        It ends early when the server closes, and, for a client that does not read, when the server takes no
        more although its buffers had a second to empty.
        """
        sent = 0
        rest = memoryview(part)
        self.sock.setblocking(False)
        with selectors.DefaultSelector() as selector, suppress(BrokenPipeError, ConnectionResetError):
            selector.register(self.sock, selectors.EVENT_WRITE | (selectors.EVENT_READ if reads else 0))
            while sent < times and not self.closed and (ready := selector.select(DEADLINE if reads else 1)):
                if ready[0][1] & selectors.EVENT_READ:
                    self._take(self.sock.recv(65536))
                if ready[0][1] & selectors.EVENT_WRITE:
                    rest = rest[self.sock.send(rest) :]
                    if not rest:
                        sent, rest = sent + 1, memoryview(part)
        return sent

    def _take(self, data: bytes) -> None:
        self.closed = not data
        self._frames.extend(self._reader.feed(data))


@contextmanager
def raw_http2(server: Listening, context: ssl.SSLContext | None = None) -> Generator[RawClient]:
    """Connect to a server, by prior knowledge or under TLS, and say nothing yet."""
    with connect(server, context) as sock:
        yield RawClient(sock)
