"""WebSockets on streams of HTTP/2 (RFC 8441): messages of one size, each of which must come back unchanged.

The client is a loop over sockets that block, without asyncio, and all that it sends is built ahead, so that
it needs less than a server does. It keeps to the windows that the server grants, and its own are as large as
windows can be.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct

import hpack

from benchmarks.cpu import family
from benchmarks.loads.clients import AnswerError
from benchmarks.loads.outcome import Outcome, Reading, failed
from benchmarks.loads.plan import PATIENCE, Plan, StreamEchoes
from benchmarks.loads.websocket import BINARY, MASK, frame

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 0x1
END_HEADERS = 0x4
INITIAL_WINDOW_SIZE, ENABLE_CONNECT_PROTOCOL = 4, 8
DEFAULT_WINDOW, LARGEST_WINDOW = 65535, (1 << 31) - 1

_HEADER = Struct(">BHBBL")
_LONG = Struct(">L")
_SETTING = Struct(">HL")
_BUFFER = 1 << 18


def h2_frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Build a frame of HTTP/2 (RFC 9113 section 4.1)."""
    return _HEADER.pack(len(payload) >> 16, len(payload) & 0xFFFF, kind, flags, stream) + payload


HELLO = (
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    + h2_frame(SETTINGS, 0, 0, _SETTING.pack(INITIAL_WINDOW_SIZE, LARGEST_WINDOW))
    + h2_frame(WINDOW_UPDATE, 0, 0, _LONG.pack(LARGEST_WINDOW - DEFAULT_WINDOW))
)
HANDSHAKE = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "localhost"),
    ("sec-websocket-version", "13"),
]


@dataclass
class Stream:
    """A WebSocket: the frame with its message, what has come of the echo, and the window to send in."""

    message: bytes
    window: int
    come: bytes = b""
    due: bool = False  # the next message waits for a window


class Connection:
    """A connection whose streams are WebSockets; `answers` counts echoes on all of them."""

    def __init__(self, port: int, load: StreamEchoes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers = 0
        self.echo = frame(BINARY, load.expected.encode())
        self.message = frame(BINARY, load.expected.encode(), MASK)
        self.streams = {
            number: Stream(h2_frame(DATA, 0, number, self.message), DEFAULT_WINDOW)
            for number in range(1, 2 * load.streams, 2)
        }
        self.window = DEFAULT_WINDOW
        self.buffer = b""
        self.decoder = hpack.Decoder()
        self.socket.sendall(HELLO)

    def receive(self) -> None:
        """Take what has come, and send what is due after it; `AnswerError` when it is something else."""
        data = self.socket.recv(_BUFFER)
        if not data:
            raise AnswerError("connection closed")
        data = self.buffer + data
        replies: list[bytes] = []
        at, end = 0, len(data)
        while end - at >= _HEADER.size:
            high, low, kind, flags, number = _HEADER.unpack_from(data, at)
            stop = at + _HEADER.size + (high << 16) + low
            if stop > end:
                break
            payload = data[at + _HEADER.size : stop]
            if kind == DATA:
                self._take_data(number, flags, payload, replies)
            else:
                self._take_other(kind, flags, number, payload, replies)
            at = stop
        self.buffer = data[at:]
        if replies:
            self.socket.sendall(b"".join(replies))

    def _take_data(self, number: int, flags: int, payload: bytes, replies: list[bytes]) -> None:
        stream = self.streams[number]
        come = stream.come + payload
        if come == self.echo and not flags & END_STREAM:
            stream.come = b""
            self.answers += 1
            self._send(stream, replies)
        elif self.echo.startswith(come) and not flags & END_STREAM:
            stream.come = come
        else:
            raise AnswerError(f"unexpected message: {come[:80]!r}")

    def _send(self, stream: Stream, replies: list[bytes]) -> None:
        size = len(self.message)
        stream.due = self.window < size or stream.window < size
        if not stream.due:
            self.window -= size
            stream.window -= size
            replies.append(stream.message)

    def _take_other(self, kind: int, flags: int, number: int, payload: bytes, replies: list[bytes]) -> None:
        if kind == WINDOW_UPDATE:
            self._take_window(number, _LONG.unpack(payload)[0], replies)
        elif kind == HEADERS:
            self._take_head(number, payload, replies)
        elif kind == SETTINGS and not flags & ACK:
            self._take_settings(dict(_SETTING.iter_unpack(payload)), replies)
        elif kind == PING and not flags & ACK:
            replies.append(h2_frame(PING, ACK, 0, payload))
        elif kind in (RST_STREAM, GOAWAY):
            raise AnswerError(f"stream {number} reset" if kind == RST_STREAM else "connection going away")

    def _take_settings(self, settings: dict[int, int], replies: list[bytes]) -> None:
        """Open the WebSockets when the server says that it knows them (RFC 8441 section 3)."""
        replies.append(h2_frame(SETTINGS, ACK, 0))
        if not settings.get(ENABLE_CONNECT_PROTOCOL):
            raise AnswerError("no WebSockets over HTTP/2")
        encoder = hpack.Encoder()
        for number, stream in self.streams.items():
            stream.window = settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
            replies.append(h2_frame(HEADERS, END_HEADERS, number, encoder.encode(HANDSHAKE)))

    def _take_head(self, number: int, block: bytes, replies: list[bytes]) -> None:
        status = dict(self.decoder.decode(block, raw=True))[b":status"]
        if status != b"200":
            raise AnswerError(f"handshake refused: {status.decode()}")
        self._send(self.streams[number], replies)

    def _take_window(self, number: int, increment: int, replies: list[bytes]) -> None:
        if number:
            self.streams[number].window += increment
        else:
            self.window += increment
        for stream in self.streams.values():
            if stream.due:
                self._send(stream, replies)


def measure(plan: Plan, load: StreamEchoes) -> Outcome:
    """Send messages for the time of the plan, after the warm-up, which begins when all have been answered."""
    connections = [Connection(plan.port, load) for _ in range(load.connections)]
    try:
        _until(connections, PATIENCE, lambda: all(each.answers >= load.streams for each in connections))
        if not all(each.answers for each in connections):
            return failed(f"no answer within {PATIENCE:.0f} s")
        _until(connections, plan.warm_up)
        pids = family(plan.pid)
        start = Reading.take(_answers(connections), pids)
        _until(connections, plan.seconds)
        end = Reading.take(_answers(connections), pids)
    except (AnswerError, OSError) as error:
        return failed(str(error) or type(error).__name__)
    finally:
        for each in connections:
            each.socket.close()
    return start.until(end, [])


def _until(
    connections: Sequence[Connection], seconds: float, done: Callable[[], bool] = lambda: False
) -> None:
    """Keep all connections busy until the time is up, or they are done."""
    poll = select.poll()
    by_number = {each.socket.fileno(): each for each in connections}
    for number in by_number:
        poll.register(number, select.POLLIN)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0 and not done():
        for number, _ in poll.poll(left * 1000):
            by_number[number].receive()


def _answers(connections: Sequence[Connection]) -> int:
    return sum(each.answers for each in connections)
