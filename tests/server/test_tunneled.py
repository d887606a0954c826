"""WebSockets of WSGI applications in an embedded server: what the client gets of either way to answer."""

import asyncio
import errno
import logging
import socket
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from hybrid.bridge.errors import PoolFull
from hybrid.bridge.socket_application import SocketApplication, SocketExchange
from hybrid.bridge.types import Receive, Resolver, ResponseHead, Scope, Send
from hybrid.server.config import Config
from hybrid.server.config.processes import LoopName
from hybrid.server.server import Server
from hybrid.server.wire.websocket.frames import encode_close
from tests.support.embedded import DEADLINE, client, on_each_loop, port_of, serving, until
from tests.support.websocket_clients import handshake_bytes

HANDSHAKE = handshake_bytes("/a%20b?q")
ANSWER = b"HTTP/1.1 101 Own\r\n\r\n"


async def ask(app: WSGIApplication, request: bytes = HANDSHAKE, **settings: Any) -> bytes:
    """Serve an application, send a handshake, and return all that comes."""
    async with serving(app, **settings) as (server, _), client(server) as connection:
        connection.send(request)
        return await connection.read_all()


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as an error."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def plain(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer as if there were no WebSockets."""
    start_response("402 Pay First", [("Content-Type", "text/plain"), ("X-Own", "1")])
    return [b"please"]


# Answers


@on_each_loop
async def test_answer_on_the_socket() -> None:
    """What the application writes is all that the client gets; what it returns is dropped."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        own: socket.socket = environ["werkzeug.socket"]
        own.sendall(ANSWER)
        assert own.recv(100) == b"\x81"
        own.sendall(b"\x82")
        return plain(environ, start_response)

    assert await ask(app, HANDSHAKE + b"\x81") == ANSWER + b"\x82"


@on_each_loop
async def test_answer_from_the_iterator() -> None:
    """A generator may use the socket too, and what it yields afterwards is dropped."""
    ended = threading.Event()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        try:
            yield b""
            environ["werkzeug.socket"].sendall(ANSWER)
            start_response("200 OK", [])
            while True:
                yield b"x"
        finally:
            ended.set()

    assert await ask(app) == ANSWER
    assert ended.is_set()


@on_each_loop
async def test_ordinary_answer() -> None:
    """An application that leaves the socket alone answers as to any request, and the connection ends."""
    response = await ask(plain)
    head, _, body = response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 402 Pay First\r\ncontent-type: text/plain\r\nx-own: 1\r\n")
    assert head.endswith(b"connection: close")
    assert b"please" in body


@on_each_loop
async def test_ordinary_answer_in_parts() -> None:
    """It may be long, and the client slow; what the application writes to the socket then is dropped."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "2000000")])
        for _ in range(20):
            yield b"x" * 100_000
            environ["werkzeug.socket"].sendall(b"no")

    head, _, body = (await ask(app)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert body == b"x" * 2_000_000


@on_each_loop
async def test_environ() -> None:
    """It is that of a GET, with the socket in it; the scope is one of HTTP."""
    seen: list[WSGIEnvironment] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        assert "werkzeug.socket" in environ
        assert "gunicorn.socket" not in environ
        seen.append(dict(environ))
        return plain(environ, start_response)

    await ask(app)
    (environ,) = seen
    names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "wsgi.url_scheme", "HTTP_UPGRADE")
    assert [environ[name] for name in names] == ["GET", "/a b", "q", "http", "websocket"]
    assert environ["HTTP_SEC_WEBSOCKET_VERSION"] == "13"
    assert environ["wsgi.input"].read() == b""
    assert environ["wsgi.multithread"] is True
    scope = environ["hybrid.scope"]
    assert (scope["type"], scope["method"], scope["scheme"]) == ("http", "GET", "http")
    assert "subprotocols" not in scope
    assert environ["hybrid.disconnected"]()


@on_each_loop
async def test_socket_of_http() -> None:
    """A request that is no handshake has no socket."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b"%d" % ("werkzeug.socket" in environ)]

    response = await ask(app, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert response.endswith(b"\r\n\r\n0")


@on_each_loop
async def test_invalid_handshake() -> None:
    """The server refuses it, and the application is not called."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise AssertionError

    response = await ask(app, HANDSHAKE.replace(b"Version: 13", b"Version: 12"))
    assert response.startswith(b"HTTP/1.1 426 ")


# Failures


@pytest.mark.parametrize("error", [ValueError, ConnectionResetError, SystemExit])
@on_each_loop
async def test_failure_before_the_socket_is_used(
    caplog: pytest.LogCaptureFixture, error: type[BaseException]
) -> None:
    """The client gets a 500, and the log one error."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise error

    assert (await ask(app)).startswith(b"HTTP/1.1 500 ")
    assert failures(caplog) == ["GET /a b: the WSGI application failed"]


@pytest.mark.parametrize("error", [ValueError, ConnectionResetError])
@on_each_loop
async def test_failure_after_the_socket_was_used(
    caplog: pytest.LogCaptureFixture, error: type[Exception]
) -> None:
    """The connection ends, and the log has one error; a ConnectionError is the usual end, and none."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["werkzeug.socket"].sendall(ANSWER)
        raise error

    assert await ask(app) == ANSWER
    usual = error is ConnectionResetError
    assert failures(caplog) == ([] if usual else ["GET /a b: the WSGI application failed"])


@on_each_loop
async def test_failure_within_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """The client can tell that an ordinary answer is incomplete."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Length", "10")])
        yield b"12345"
        raise ValueError

    _, _, body = (await ask(app)).partition(b"\r\n\r\n")
    assert body in (b"12345", b"")  # a reset may overtake it
    assert failures(caplog) == ["GET /a b: the WSGI application failed"]


@on_each_loop
async def test_application_that_returns_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """That is no answer to the handshake, but all right after the socket was used."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        if environ["QUERY_STRING"] == "q":
            environ["werkzeug.socket"].sendall(ANSWER)

    assert await ask(app) == ANSWER
    assert failures(caplog) == []
    assert (await ask(app, HANDSHAKE.replace(b"?q", b""))).startswith(b"HTTP/1.1 500 ")


@on_each_loop
async def test_client_that_leaves_before_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    """The application can find out; an answer that nobody gets is no error, and an endless one is stopped."""
    entered, closed = threading.Event(), threading.Event()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        try:
            entered.set()
            assert environ["werkzeug.socket"].recv(1) == b""
            start_response("200 OK", [])
            while True:
                yield b"x" * 100_000
        finally:
            closed.set()

    async with serving(app) as (server, _):
        async with client(server) as connection:
            connection.send(HANDSHAKE)
            await until(entered.is_set)
        await until(closed.is_set)
    assert failures(caplog) == []


class Route(Resolver):
    """Leads everything to one application."""

    def __init__(self, application: SocketApplication) -> None:
        self._application = application

    def resolve(self, scope: Scope) -> tuple[SocketApplication, Scope]:
        """Give it."""
        return self._application, scope


class Responds(SocketApplication):
    """Answers in one step, on a thread of its own."""

    def submit_socket(self, exchange: SocketExchange) -> None:
        """Start the thread."""
        threading.Thread(target=self._answer, args=(exchange,)).start()

    def _answer(self, exchange: SocketExchange) -> None:
        with exchange.take_socket():
            assert not exchange.disconnected
            exchange.interim(103, [(b"link", b"</a>")])
            exchange.respond(ResponseHead(200, "OK", [(b"content-length", b"2")], 2), b"ok")
            exchange.end()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Never be called: the server knows what this is."""
        raise AssertionError


@on_each_loop
async def test_answer_in_one_step() -> None:
    """A response that is whole goes out whole."""
    response = await ask(Route(Responds()), lifespan="off")  # type: ignore[arg-type]
    assert response.startswith(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n")
    assert response.endswith(b"\r\n\r\nok")


class SendsFile(Responds):
    """Answers with a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def _answer(self, exchange: SocketExchange) -> None:
        with exchange.take_socket(), self._path.open("rb") as file:
            exchange.start(402, "Pay First", [(b"content-length", b"600000")])
            exchange.send_file(file.fileno(), 1, 600_000)
            exchange.end()


@on_each_loop
async def test_answer_with_a_file(tmp_path: Path) -> None:
    """A refusal may come out of a file."""
    path = tmp_path / "file"
    path.write_bytes(b"-" + b"x" * 600_000)
    response = await ask(Route(SendsFile(path)), lifespan="off")  # type: ignore[arg-type]
    assert response.startswith(b"HTTP/1.1 402 ")
    assert response.endswith(b"\r\n\r\n" + b"x" * 600_000)


# Refusals


class Full(SocketApplication):
    """Has no thread for anybody."""

    def submit_socket(self, exchange: SocketExchange) -> None:
        """Refuse it."""
        raise PoolFull("there is no thread")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Never be called: the server knows what this is."""
        raise AssertionError


@on_each_loop
async def test_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    """The handshake is answered 503 at once, logged with the reason, and in the access log."""
    caplog.set_level(logging.INFO)
    response = await ask(Route(Full()), access_log=True, lifespan="off")  # type: ignore[arg-type]
    assert response.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nretry-after: 1\r\n" in response
    assert any(line.endswith(": refused, there is no thread") for line in caplog.messages)
    assert '"GET /a%20b?q HTTP/1.1" 503' in caplog.text


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, "too many open files"), NotImplementedError("no watching")]
)
@on_each_loop
async def test_no_socket(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Without descriptors, or on a loop that cannot watch them, it is a 503 as well."""
    made: list[socket.socket] = []
    pair = socket.socketpair

    def socketpair() -> tuple[socket.socket, socket.socket]:
        if isinstance(error, OSError):
            raise error
        made.extend(pair())
        return made[0], made[1]

    def add_reader(*_: object) -> None:
        raise error

    async with serving(plain) as (server, _), client(server) as connection:
        await until(lambda: server.started)
        monkeypatch.setattr(socket, "socketpair", socketpair)
        if not isinstance(error, OSError):
            monkeypatch.setattr("hybrid.server.tunnel.Tunnel.__init__", add_reader)
        connection.send(HANDSHAKE)
        assert (await connection.read_all()).startswith(b"HTTP/1.1 503 ")
        monkeypatch.undo()
    assert len(failures(caplog)) == 1
    assert all(each.fileno() == -1 for each in made)


# The end


@on_each_loop
async def test_stop() -> None:
    """A view that waits for its client gets the end of input when the server stops, and the client a close
    frame with 1012.
    """
    entered = threading.Event()
    read: list[bytes] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        own: socket.socket = environ["werkzeug.socket"]
        own.sendall(ANSWER)
        entered.set()
        read.append(own.recv(100))
        return []

    async with serving(app) as (server, task), client(server) as connection:
        connection.send(HANDSHAKE)
        await until(entered.is_set)
        server.should_exit = True
        assert await connection.read_all() == ANSWER + encode_close(1012, "the server is stopping")
        await asyncio.wait_for(task, DEADLINE)
    assert read == [b""]


@on_each_loop
async def test_view_that_never_ends(caplog: pytest.LogCaptureFixture) -> None:
    """It is left behind, the log counts it, and what it writes later is an error to it."""
    entered, release = threading.Event(), threading.Event()
    ended: list[BaseException] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        own: socket.socket = environ["werkzeug.socket"]
        own.sendall(ANSWER)
        entered.set()
        release.wait(DEADLINE)
        try:
            own.sendall(b"too late")
        except OSError as error:
            ended.append(error)
        return []

    async with serving(app, timeout_graceful_shutdown=0) as (server, task), client(server) as connection:
        connection.send(HANDSHAKE)
        await until(entered.is_set)
        server.should_exit = True
        assert await connection.read_all() in (ANSWER + encode_close(1012, "the server is stopping"), b"")
        await asyncio.wait_for(task, DEADLINE)
    assert "cutting off 1 connection, 1 WSGI call" in caplog.messages
    release.set()
    await until(lambda: ended)
    assert isinstance(ended[0], BrokenPipeError)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("uses", [True, False])
def test_view_that_outlives_the_loop(loop: LoopName, uses: bool) -> None:
    """A view that is let go when the server is long gone ends quietly, and its thread too."""
    entered, release = threading.Event(), threading.Event()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if uses:
            environ["werkzeug.socket"].sendall(ANSWER)
        entered.set()
        release.wait(DEADLINE)
        return plain(environ, start_response)

    server = Server(Config(app=app, port=0, timeout_graceful_shutdown=0, loop=loop))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.005)
    with socket.create_connection(("127.0.0.1", port_of(server))) as connection:
        connection.sendall(HANDSHAKE)
        assert entered.wait(DEADLINE)
        server.should_exit = True
        thread.join(DEADLINE)
    assert not thread.is_alive()
    release.set()
    for worker in threading.enumerate():
        if worker.name.startswith("websocket-"):
            worker.join(DEADLINE)
            assert not worker.is_alive()
