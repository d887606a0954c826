"""HTTP/1.1 and HTTP/2 asked alike, so that what a test expects of an application holds for both.

Requests are made in words that both versions have: `h11` and `h2` make bytes of them. What is particular to
one of them - chunks, `Connection`, pipelines; frames, windows - is tested with clients of its own.
"""

import socket
from abc import ABC, abstractmethod
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Literal

import h11
from h2.exceptions import StreamClosedError

from tests.support.http2_clients import ConnectionOver, Head, Http2Client, ResetByServer, Response, Stream
from tests.support.sockets import DEADLINE
from tests.support.websocket_clients import Listening

Version = Literal["1.1", "2"]
VERSIONS: tuple[Version, ...] = ("1.1", "2")
#: How tests that are run for each version are told apart.
VERSION_IDS = ("http1", "http2")
#: The options of a server that speaks both in clear.
BOTH: dict[str, Any] = {"http": "auto", "http2_cleartext": True}


class CutOff(Exception):
    """A response that its server has not completed, as its client can tell."""


class Exchange(ABC):
    """A request and its response.

    Attributes:
        interim: the heads of interim responses so far.
        whole: whether the response is complete.
    """

    def __init__(self) -> None:
        self.interim: list[Head] = []
        self.whole = False

    @abstractmethod
    def send(self, data: bytes) -> None:
        """Send a part of the body; a server that wants no more of it gets nothing, and its answer counts."""

    @abstractmethod
    def end(self) -> None:
        """Say that the request is complete."""

    @abstractmethod
    def wait_for_interim(self) -> Head:
        """Return the first interim response, which comes before anything else."""

    @abstractmethod
    def head(self) -> Head:
        """Return the head of the response.

        Raises:
            CutOff: there is none.
        """

    @abstractmethod
    def read(self) -> bytes:
        """Return the next part of the body; nothing at its end.

        Raises:
            CutOff: it does not come to that.
        """

    @abstractmethod
    def leave(self) -> None:
        """Go away without waiting for the end: close the connection, or reset the stream alone."""

    def read_all(self) -> bytes:
        """Return the rest of the body."""
        return b"".join(iter(self.read, b""))

    def read_until(self, mark: bytes) -> bytes:
        """Return what comes of the body, when a mark has come in it."""
        body = b""
        while mark not in body:
            part = self.read()
            assert part, f"the response ends without {mark!r}: {body!r}"
            body += part
        return body

    def rest(self) -> bytes:
        """Return what comes of the body, be it cut off: `whole` tells."""
        body = bytearray()
        with suppress(CutOff):
            self.head()
            while part := self.read():
                body += part
        return bytes(body)

    def response(self) -> Response:
        """Return the whole response."""
        status, headers = self.head()
        return Response(status, headers, self.read_all(), self.interim, [])


class Connection(ABC):
    """A connection that makes one request after the other.

    Attributes:
        sock: what it is made on.
        host: that it asks for.
    """

    def __init__(self, sock: socket.socket, host: str = "x") -> None:
        self.sock = sock
        self.host = host

    def close(self) -> None:
        """Close the connection."""
        self.sock.close()

    @abstractmethod
    def start(self, target: str, *fields: str, method: str = "GET", ends: bool = True) -> Exchange:
        """Send the head of a request, with these field lines after the host.

        A body that follows has the length that a field says, or none that is known.
        """

    def ask(self, target: str, *fields: str, method: str = "", body: bytes | None = None) -> Response:
        """Send a request, its body with a length, and return the response. A body makes it a POST."""
        if body is None:
            return self.start(target, *fields, method=method or "GET").response()
        length = f"Content-Length: {len(body)}"
        exchange = self.start(target, *fields, length, method=method or "POST", ends=False)
        exchange.send(body)
        exchange.end()
        return exchange.response()


class Connection11(Connection):
    """One of HTTP/1.1."""

    def __init__(self, sock: socket.socket, host: str = "x") -> None:
        super().__init__(sock, host)
        self.state = h11.Connection(h11.CLIENT)

    def start(self, target: str, *fields: str, method: str = "GET", ends: bool = True) -> Exchange:
        """Send the head of a request."""
        if self.state.our_state is h11.DONE:
            self.state.start_next_cycle()
        head = [("Host", self.host), *map(_parts, fields)]
        if not ends and not any(name.lower() == "content-length" for name, _ in head):
            head.append(("Transfer-Encoding", "chunked"))
        exchange = Exchange11(self)
        headers = [(name.encode(), value.encode("latin-1")) for name, value in head]
        exchange.pass_on(h11.Request(method=method, target=target, headers=headers))
        if ends:
            exchange.end()
        return exchange


class Exchange11(Exchange):
    """A request and its response in HTTP/1.1."""

    def __init__(self, connection: Connection11) -> None:
        super().__init__()
        self._connection = connection
        self._head: Head | None = None

    def pass_on(self, event: h11.Event) -> None:
        """Send an event."""
        data = self._connection.state.send(event)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._connection.sock.sendall(data or b"")

    def send(self, data: bytes) -> None:
        """Send a part of the body, as a chunk if its length was not said."""
        self.pass_on(h11.Data(data=data))

    def end(self) -> None:
        """Say that the request is complete."""
        self.pass_on(h11.EndOfMessage())

    def wait_for_interim(self) -> Head:
        """Return the first interim response."""
        while not self.interim:
            assert self._head is None, f"no interim response, but {self._head}"
            self._take_head()
        return self.interim[0]

    def head(self) -> Head:
        """Return the head of the response."""
        while self._head is None:
            self._take_head()
        return self._head

    def _take_head(self) -> None:
        event = self._next()
        if isinstance(event, h11.InformationalResponse):
            self.interim.append(Head(event.status_code, list(event.headers)))
        elif isinstance(event, h11.Response):
            self._head = Head(event.status_code, list(event.headers))
        else:
            raise CutOff(f"no response: {event}")

    def read(self) -> bytes:
        """Return the next part of the body."""
        self.head()
        if self.whole:
            return b""
        event = self._next()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        self.whole = isinstance(event, h11.EndOfMessage)
        return b""

    def leave(self) -> None:
        """Close the connection."""
        self._connection.sock.close()

    def _next(self) -> object:
        try:
            while (event := self._connection.state.next_event()) is h11.NEED_DATA:
                self._connection.state.receive_data(self._connection.sock.recv(65536))
        except (h11.RemoteProtocolError, ConnectionResetError) as error:
            raise CutOff(str(error)) from error
        return event


class Connection2(Connection):
    """One of HTTP/2, which acknowledges what is read, and so holds back a server whose response is not."""

    def __init__(self, sock: socket.socket, host: str = "x") -> None:
        super().__init__(sock, host)
        self.client = Http2Client(sock, acknowledges=False)

    def start(self, target: str, *fields: str, method: str = "GET", ends: bool = True) -> Exchange:
        """Send the head of a request."""
        head = [(name.lower(), value) for name, value in map(_parts, fields)]
        stream = self.client.start(target, *head, method=method, ends=ends, authority=self.host)
        return Exchange2(stream)


class Exchange2(Exchange):
    """A request and its response in HTTP/2."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self.interim = stream.interim
        self._stream = stream

    def send(self, data: bytes) -> None:
        """Send a part of the body."""
        with suppress(ResetByServer):
            self._stream.send(data)

    def end(self) -> None:
        """Say that the request is complete."""
        with suppress(ResetByServer):
            self._stream.end()

    def wait_for_interim(self) -> Head:
        """Return the first interim response."""
        self._stream.client.wait_for(lambda: self.interim or self._stream.head)
        assert self.interim, f"no interim response, but {self._stream.head}"
        return self.interim[0]

    def head(self) -> Head:
        """Return the head of the response."""
        try:
            return self._stream.wait_for_head()
        except (ResetByServer, ConnectionOver) as error:
            raise CutOff(str(error)) from error

    def read(self) -> bytes:
        """Return the next part of the body."""
        try:
            part = self._stream.read()
        except (ResetByServer, ConnectionOver) as error:
            raise CutOff(str(error)) from error
        self.whole = not part
        return part

    def leave(self) -> None:
        """Reset the stream, unless it is over for both sides."""
        with suppress(StreamClosedError):
            self._stream.reset()


def _parts(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.strip()


#: The class for each version.
CONNECTIONS: dict[Version, type[Connection11] | type[Connection2]] = {"1.1": Connection11, "2": Connection2}


@contextmanager
def connected(server: Listening, version: Version) -> Generator[Connection]:
    """Connect to a server of this machine that knows both versions, while the block runs."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as sock:
        yield CONNECTIONS[version](sock)
