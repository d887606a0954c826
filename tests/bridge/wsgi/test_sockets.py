"""A WSGI application that is given a socket, without a server: what becomes of what it does and returns."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from hybrid.bridge import portal
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from hybrid.bridge.wsgi.sockets import SOCKET_KEY, WSGISockets
from tests.support.exchanges import RecordedExchange, http_scope

DEADLINE = 20.0


class RecordedSocketExchange(RecordedExchange):
    """A `SocketExchange` that keeps what it is told; the application uses the socket with `use`.

    Attributes:
        other: the client's end.
        ended: whether the worker has let go.
    """

    def __init__(self, scope: Any = None) -> None:
        super().__init__(scope)
        self.other, self._socket = socket.socketpair()
        self.ended = False

    def take_socket(self) -> socket.socket:
        """Give it."""
        return self._socket

    def used(self) -> bool:
        """Look whether something has come."""
        self.other.setblocking(False)
        try:
            return bool(self.other.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False

    def end(self) -> None:
        """Close both ends."""
        assert not self.ended
        self.ended = True
        self.other.close()
        self._socket.close()


def call(app: WSGIApplication, scope: Any = None) -> RecordedSocketExchange:
    """Give an application a WebSocket, and return when it is done with it."""
    threads = SocketThreads(1)
    exchange = RecordedSocketExchange(scope)
    asyncio.run(submit(WSGISockets(app, threads), exchange))
    assert threads.close(DEADLINE)
    assert exchange.ended
    return exchange


async def submit(sockets: WSGISockets, exchange: RecordedSocketExchange) -> None:
    """Give an application a WebSocket, on a loop."""
    sockets.submit_socket(exchange)


def use(environ: WSGIEnvironment) -> None:
    """Say something on the socket."""
    environ["werkzeug.socket"].sendall(b"x")


class Body:
    """An iterable that notes what is done to it.

    Attributes:
        taken: how many parts were taken.
        closed: how often it was closed.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self.taken = 0
        self.closed = 0
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        """Give two parts."""
        for part in (b"one ", b"two"):
            self.taken += 1
            yield part
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Note it."""
        self.closed += 1


def test_unused() -> None:
    """The response is that of any request, and its iterable is closed."""
    body = Body()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("404 Not Found", [])
        return body

    exchange = call(app)
    assert (exchange.status, exchange.parts, exchange.finished) == (404, [b"one ", b"two"], True)
    assert (body.taken, body.closed) == (2, 1)


@pytest.mark.parametrize("starts", [True, False])
def test_used(starts: bool, caplog: pytest.LogCaptureFixture) -> None:
    """What the call returns is not iterated, but closed; whether there is a status does not matter."""
    body = Body()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        use(environ)
        if starts:
            start_response("200 OK", [])
        return body

    exchange = call(app)
    assert exchange.head is None
    assert not exchange.finished
    assert (body.taken, body.closed) == (0, 1)
    assert not caplog.records


@pytest.mark.parametrize("yields", [True, False])
def test_used_by_a_generator(yields: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Its end is the end, and a part that comes after the use is dropped, status or none."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        yield b""
        use(environ)
        if yields:
            yield b"x"
            raise AssertionError

    exchange = call(app)
    assert exchange.head is None
    assert not caplog.records


@pytest.mark.parametrize("uses", [True, False])
@pytest.mark.parametrize("where", ["call", "iterator"])
def test_connection_error(uses: bool, where: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is how engineio ends a WebSocket; without one it is an error like others."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if uses:
            use(environ)
        if where == "call":
            raise ConnectionError
        start_response("200 OK", [])
        return _fail(ConnectionError())

    exchange = call(app)
    assert exchange.status == (None if uses else 500)
    assert [record.levelno for record in caplog.records] == ([] if uses else [logging.ERROR])


def _fail(error: Exception) -> Iterator[bytes]:
    yield b""
    raise error


def test_other_error(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once, though the socket was used."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        use(environ)
        raise ValueError

    call(app)
    assert [record.getMessage() for record in caplog.records] == ["GET /: the WSGI application failed"]


def test_error_of_an_iterator_closes_it() -> None:
    """close() is called once, as after any response."""
    body = Body(ConnectionResetError())

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return body

    exchange = call(app)
    assert (body.closed, exchange.aborted) == (1, True)


def test_environ_keeps_no_socket() -> None:
    """After the call it is gone from the environ, which frameworks leave to the garbage collector."""
    seen: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environ)
        assert isinstance(environ[SOCKET_KEY], socket.socket)
        assert environ["hybrid.disconnected"]() is False
        start_response("200 OK", [])
        return []

    call(app)
    assert SOCKET_KEY not in seen[0]


def test_errors(caplog: pytest.LogCaptureFixture) -> None:
    """What the application writes to `wsgi.errors` is in the log when it is done, half a line too."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        use(environ)
        environ["wsgi.errors"].write("half a line")
        return []

    call(app)
    assert "half a line" in caplog.text


def test_scope_of_which_no_environ_can_be_made(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and the exchange is let go of all the same."""
    called: list[object] = []
    app: Callable[..., Any] = called.append
    exchange = call(app, http_scope(path=None))
    assert exchange.aborted
    assert not called
    assert "the WebSocket could not be given to" in caplog.text


def test_repr() -> None:
    """It names the application."""
    assert repr(WSGISockets(len, SocketThreads())) == "WSGISockets(<built-in function len>)"  # type: ignore[arg-type]


def test_thread_knows_the_loop() -> None:
    """A view can run a coroutine on the loop that has the WebSocket."""
    seen: list[asyncio.AbstractEventLoop] = []
    ended = threading.Event()

    async def which() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(portal.run(which, timeout=DEADLINE))
        use(environ)
        ended.set()
        return []

    async def main() -> asyncio.AbstractEventLoop:
        WSGISockets(app, threads).submit_socket(RecordedSocketExchange())
        assert await asyncio.to_thread(ended.wait, DEADLINE)
        return asyncio.get_running_loop()

    threads = SocketThreads(1)
    assert asyncio.run(main()) is seen[0]
    assert threads.close(DEADLINE)
