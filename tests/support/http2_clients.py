"""A client of HTTP/2 made with `h2`: many requests on one connection, step by step, with deadlines.

It reads from its socket only while something is waited for, on the thread that waits. What comes is
acknowledged at once, so that the windows stay open, or when it is read. Frames that no proper client sends
are for :mod:`tests.support.http2_raw`.
"""

import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    InformationalResponseReceived,
    PingAckReceived,
    PushedStreamReceived,
    ResponseReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.settings import SettingCodes, Settings

from tests.support.http2_frames import Frame, FrameReader, Kind
from tests.support.sockets import DEADLINE
from tests.support.websocket_clients import Listening

Fields = list[tuple[bytes, bytes]]


class Head(NamedTuple):
    """The head of a response."""

    status: int
    headers: Fields


class Response(NamedTuple):
    """A whole response, and what came before and after it."""

    status: int
    headers: Fields
    body: bytes
    interim: list[Head]
    trailers: Fields

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of a field, one for each line."""
        return [value for key, value in self.headers if key == name]


class ResetByServer(Exception):
    """The server has reset the stream; `code` says why."""

    def __init__(self, code: int) -> None:
        super().__init__(f"reset by the server: {ErrorCodes(code).name}")
        self.code = code


class ConnectionOver(Exception):
    """The server has closed the connection."""


class Http2Client:
    """One connection.

    Args:
        sock: connected, and after the TLS handshake if there is one; the caller closes it.
        settings: what the client says of itself.
        acknowledges: whether what comes is acknowledged at once; else when it is read.

    Attributes:
        protocol: the state of the connection.
        goaway: the server's GOAWAY, the last one; None before.
        closed: whether the server has closed the connection.
        pushed: what the server has promised, each with the fields of the request.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        settings: Mapping[SettingCodes, int] | None = None,
        acknowledges: bool = True,
    ) -> None:
        self.protocol = H2Connection(H2Configuration(header_encoding=None))
        values = {SettingCodes.ENABLE_PUSH: 0, **(settings or {})}
        self.protocol.local_settings = Settings(client=True, initial_values=values)
        self.protocol.max_inbound_frame_size = self.protocol.local_settings.max_frame_size
        self.goaway: Frame | None = None
        self.closed = False
        self.acknowledges = acknowledges
        self._sock = sock
        self._frames = FrameReader()
        self._streams: dict[int, Stream] = {}
        self.pushed: list[tuple[Fields, Stream]] = []
        self._pongs = 0
        self._settled = 0
        self.protocol.initiate_connection()
        self.flush()

    def __repr__(self) -> str:
        return f"<Http2Client streams={len(self._streams)} goaway={self.goaway} closed={self.closed}>"

    # Requests.

    def start(
        self,
        target: str = "/",
        *fields: tuple[str, str],
        method: str = "GET",
        ends: bool = True,
        **pseudo: str,
    ) -> "Stream":
        """Send the head of a request; `pseudo` adds to the pseudo-header fields or replaces them."""
        given = {"method": method, "scheme": self._scheme, "authority": "x", "path": target, **pseudo}
        head = [*((f":{name}", value) for name, value in given.items()), *fields]
        number = self.protocol.get_next_available_stream_id()
        stream = self._streams[number] = Stream(self, number)
        self.protocol.send_headers(number, [(name.encode(), value.encode("latin-1")) for name, value in head])
        if ends:
            self.protocol.end_stream(number)
        self.flush()
        return stream

    def ask(
        self, target: str = "/", *fields: tuple[str, str], method: str = "", body: bytes | None = None
    ) -> Response:
        """Send a request and return its response. A body makes it a POST."""
        method = method or ("GET" if body is None else "POST")
        stream = self.start(target, *fields, method=method, ends=body is None)
        if body is not None:
            with suppress(ResetByServer):  # it may be answered, and refused, before it has been sent
                stream.send(body, ends=True)
        return stream.response()

    # The connection.

    @property
    def server_settings(self) -> Settings:
        """What the server has said of itself."""
        return self.protocol.remote_settings

    def settle(self) -> None:
        """Wait until the server has acknowledged our settings, and so has sent its own."""
        self.wait_for(lambda: self._settled)

    def update_settings(self, settings: dict[SettingCodes | int, int]) -> None:
        """Say something else of ourselves, and wait until the server has acknowledged it."""
        known = self._settled
        self.protocol.update_settings(settings)
        self.flush()
        self.wait_for(lambda: self._settled > known)

    def ping(self) -> None:
        """Wait for an answer: what was sent before has come to the server."""
        known = self._pongs
        self.protocol.ping(b"are you?")
        self.flush()
        self.wait_for(lambda: self._pongs > known)

    def wait_until_closed(self) -> None:
        """Return when the server has closed the connection."""
        with suppress(ConnectionOver):
            self.wait_for(lambda: False)

    def wait_for_goaway(self) -> Frame:
        """Return the server's GOAWAY."""
        self.wait_for(lambda: self.goaway)
        assert self.goaway is not None
        return self.goaway

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Take what comes until a condition holds.

        Raises:
            ConnectionOver: it does not hold, and nothing more comes.
        """
        end = time.monotonic() + DEADLINE
        while not condition():
            if self.closed:
                raise ConnectionOver(f"{self!r}")
            self._sock.settimeout(max(0.001, end - time.monotonic()))
            try:
                self._receive(self._sock.recv(65536))
            except ConnectionResetError:
                self._receive(b"")
            except TimeoutError:
                raise AssertionError(f"what is waited for has not come: {self!r}") from None

    def send_frame(self, frame: bytes) -> None:
        """Send a frame that `h2` does not know."""
        self.flush()
        self._sock.sendall(frame)

    def flush(self) -> None:
        """Send what there is to send; a server that has closed gets nothing."""
        data = self.protocol.data_to_send()
        self._sock.settimeout(DEADLINE)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._sock.sendall(data)

    def _receive(self, data: bytes) -> None:
        self.closed = not data
        for each in self._frames.feed(data):
            if each.kind == Kind.GOAWAY:
                self.goaway = each  # which would be the end for h2, although streams may go on
                continue
            for event in self.protocol.receive_data(each.encode()):
                self._take(event)
        self.flush()

    def _take(self, event: Event) -> None:
        if isinstance(event, SettingsAcknowledged):
            self._settled += 1
        elif isinstance(event, PingAckReceived):
            self._pongs += 1
        elif isinstance(event, PushedStreamReceived):
            number = int(event.pushed_stream_id or 0)
            self._streams[number] = Stream(self, number)
            fields = [(bytes(name), bytes(value)) for name, value in event.headers or ()]
            self.pushed.append((fields, self._streams[number]))
        elif (stream := self._streams.get(getattr(event, "stream_id", 0) or 0)) is not None:
            stream.take(event)

    @property
    def _scheme(self) -> str:
        return "https" if isinstance(self._sock, ssl.SSLSocket) else "http"


class Stream:
    """A request and its response.

    Attributes:
        number: of the stream.
        interim: the heads of interim responses so far.
        head: the head of the response; None before.
        trailers: the fields that came after the body.
        ended: whether the response is complete.
        code: with what the server has reset the stream; None if it has not.
    """

    def __init__(self, client: Http2Client, number: int) -> None:
        self.client = client
        self.number = number
        self.interim: list[Head] = []
        self.head: Head | None = None
        self.trailers: Fields = []
        self.ended = False
        self.code: int | None = None
        self._parts: deque[tuple[bytes, int]] = deque()

    def __repr__(self) -> str:
        return f"<Stream {self.number} head={self.head} ended={self.ended} code={self.code}>"

    # The request.

    @property
    def room(self) -> int:
        """How many bytes of the body the windows allow, by what has been received."""
        return self.client.protocol.local_flow_control_window(self.number) if self.code is None else 0

    def send(self, data: bytes, *, ends: bool = False) -> None:
        """Send a part of the body, as much at a time as the windows allow.

        Raises:
            ResetByServer: the server wants no more of it.
        """
        protocol = self.client.protocol
        rest = memoryview(data)
        while rest:
            self.client.wait_for(lambda: self.room > 0 or self.code is not None)
            self._check()
            size = min(self.room, protocol.max_outbound_frame_size, len(rest))
            protocol.send_data(self.number, bytes(rest[:size]))
            rest = rest[size:]
            self.client.flush()
        if ends:
            self.end()

    def end(self) -> None:
        """Say that the request is complete."""
        self._check()
        self.client.protocol.end_stream(self.number)
        self.client.flush()

    def send_trailers(self, *fields: tuple[str, str]) -> None:
        """Say that the request is complete, with fields after its body."""
        head = [(name.encode(), value.encode("latin-1")) for name, value in fields]
        self.client.protocol.send_headers(self.number, head, end_stream=True)
        self.client.flush()

    def reset(self, code: int = ErrorCodes.CANCEL) -> None:
        """Give up."""
        self.client.protocol.reset_stream(self.number, code)
        self.client.flush()

    # The response.

    def wait_for_head(self) -> Head:
        """Return the head of the response."""
        self.client.wait_for(lambda: self.head or self.code is not None)
        if self.head is None:
            self._check()
        assert self.head is not None
        return self.head

    def read(self) -> bytes:
        """Return the next part of the body; nothing at its end.

        Raises:
            ResetByServer: the response was cut off.
        """
        self.client.wait_for(lambda: self._parts or self.ended or self.code is not None)
        if self._parts:
            data, size = self._parts.popleft()
            if size and self.code is None:
                self.client.protocol.acknowledge_received_data(size, self.number)
                self.client.flush()
            return data
        if not self.ended:
            self._check()
        return b""

    def read_until(self, mark: bytes) -> bytes:
        """Return the body so far, when a mark has come in it."""
        body = b""
        while mark not in body:
            part = self.read()
            assert part, f"the response ends without {mark!r}: {body!r}"
            body += part
        return body

    def read_all(self) -> bytes:
        """Return the rest of the body."""
        return b"".join(iter(self.read, b""))

    def response(self) -> Response:
        """Return the whole response."""
        status, headers = self.wait_for_head()
        body = self.read_all()
        return Response(status, headers, body, self.interim, self.trailers)

    def wait_for_reset(self) -> int:
        """Return the code with which the server resets the stream."""
        self.client.wait_for(lambda: self.code is not None)
        assert self.code is not None
        return self.code

    def take(self, event: Event) -> None:
        """Let an event have its effect."""
        if isinstance(event, InformationalResponseReceived):
            self.interim.append(_head(event.headers))
        elif isinstance(event, ResponseReceived):
            self.head = _head(event.headers)
        elif isinstance(event, DataReceived):
            self._take_data(event)
        elif isinstance(event, TrailersReceived):
            self.trailers = [(bytes(name), bytes(value)) for name, value in event.headers or ()]
        elif isinstance(event, StreamEnded):
            self.ended = True
        elif isinstance(event, StreamReset):
            self.code = int(event.error_code or 0)

    def _take_data(self, event: DataReceived) -> None:
        size = event.flow_controlled_length or 0
        if self.client.acknowledges and size:
            self.client.protocol.acknowledge_received_data(size, self.number)
            size = 0
        if event.data or size:
            self._parts.append((event.data or b"", size))

    def _check(self) -> None:
        if self.code is not None:
            raise ResetByServer(self.code)


def _head(fields: Iterable[Any] | None) -> Head:
    (_, status), *rest = [(bytes(name), bytes(value)) for name, value in fields or ()]
    return Head(int(status), rest)


def connect(
    server: Listening, context: ssl.SSLContext | None = None, name: str = "localhost"
) -> socket.socket:
    """Connect to a server of this machine; under TLS, offer HTTP/2 and nothing else."""
    plain = socket.create_connection(("127.0.0.1", server.port), DEADLINE)
    if context is None:
        return plain
    try:
        context.set_alpn_protocols(["h2"])
        secure = context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise
    assert secure.selected_alpn_protocol() == "h2"
    return secure


@contextmanager
def http2(server: Listening, context: ssl.SSLContext | None = None, **options: Any) -> Generator[Http2Client]:
    """Connect to a server, by prior knowledge or under TLS; options are those of :class:`Http2Client`."""
    with connect(server, context) as sock:
        yield Http2Client(sock, **options)
