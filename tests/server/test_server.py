"""The life of a server inside somebody's program: start, stop, cancellation, and what it leaves behind."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from hybrid.bridge.errors import LifespanError, LoadError
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server import drain
from hybrid.server import server as module
from hybrid.server.config import Config
from hybrid.server.config.processes import LoopName
from hybrid.server.context import ServerContext
from hybrid.server.drain import InFlight
from hybrid.server.errors import BindError
from hybrid.server.server import Server
from tests.apps import hello_asgi, hello_wsgi
from tests.support.embedded import DEADLINE, client, get, on_each_loop, port_of, serving, until, until_drained

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"

#: A WSGI view on a worker thread, which :func:`waiting_wsgi` keeps there.
Release = threading.Event


class App:
    """An ASGI application that notes what becomes of it, and answers only when it may.

    Attributes:
        events: what has happened, in order.
        may_answer: what requests wait for.
        state: what the first request found in its scope.
    """

    def __init__(self, lifespan: Callable[[Receive, Send], Awaitable[None]] | None = None) -> None:
        self.events: list[str] = []
        self.may_answer = asyncio.Event()
        self.state: dict[str, Any] | None = None
        self._lifespan = lifespan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a scope."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        else:
            await self._answer(scope, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._lifespan is not None:
                await self._lifespan(receive, send)
                return
            await receive()
            scope["state"]["colour"] = "blue"
            self.events.append("startup")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self.events.append("shutdown")
            await send({"type": "lifespan.shutdown.complete"})
        except asyncio.CancelledError:
            self.events.append("lifespan cancelled")
            raise

    async def _answer(self, scope: Scope, send: Send) -> None:
        self.state = scope.get("state")
        self.events.append("request")
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.events.append("request cancelled")
            raise
        self.events.append("answer")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


async def never(receive: Receive, send: Send) -> None:
    """Never finish startup."""
    await asyncio.Event().wait()


async def never_again(receive: Receive, send: Send) -> None:
    """Start, and never finish shutdown."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await asyncio.Event().wait()


async def refuse(receive: Receive, send: Send) -> None:
    """Fail to start."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def refuse_to_stop(receive: Receive, send: Send) -> None:
    """Start, and fail to stop."""
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.failed", "message": "the disk is full"})


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Put back the level of our log, which `run()` sets for the whole process."""
    before = logging.getLogger("hybrid").level
    yield
    logging.getLogger("hybrid").setLevel(before)


@pytest.fixture
def release() -> Iterator[Release]:
    """Give what views on worker threads wait for, and let them go at the end of the test."""
    event = threading.Event()
    yield event
    event.set()


def waiting_wsgi(release: Release, entered: threading.Event) -> Any:
    """Make a WSGI application that says when it is called, and answers when it is let go."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        entered.set()
        release.wait(DEADLINE)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    return app


def workers() -> list[threading.Thread]:
    """List the worker threads of WSGI applications."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("wsgi-")]


def open_descriptors() -> set[str]:
    """List what this process has open, sockets by their identity."""
    found = set()
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists the folder is gone already
            found.add(str(fd.readlink()))
    return found


# Start and stop.


@on_each_loop
async def test_serve() -> None:
    """A server in a task of somebody's loop answers until `should_exit` is set, and then returns."""
    async with serving(hello_asgi.app) as (server, task):
        assert server.listeners is not None
        assert server.listeners.urls == [f"http://127.0.0.1:{port_of(server)}"]
        assert repr(server) == f"<Server started <Listeners {server.listeners.urls[0]}>>"
        assert (await get(server)).endswith(b"\r\n\r\nhello\n")
        server.should_exit = True
        await asyncio.wait_for(task, DEADLINE)
        assert not server.started
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port_of(server))
        assert "stopping" in repr(server)


@on_each_loop
async def test_port_is_free_afterwards() -> None:
    """When `serve()` has returned its port can be had at once."""
    async with serving(hello_asgi.app) as (server, _):
        await get(server)
    async with serving(hello_asgi.app, port=port_of(server)) as (again, _):
        assert (await get(again)).endswith(b"hello\n")


@on_each_loop
async def test_stop_from_another_thread() -> None:
    """`should_exit` may be set on any thread."""
    async with serving(hello_asgi.app) as (server, task):
        threading.Thread(target=setattr, args=(server, "should_exit", True)).start()
        await asyncio.wait_for(task, DEADLINE)


@on_each_loop
async def test_told_to_stop_before_it_started() -> None:
    """A server that is told to stop before it serves starts nothing and listens nowhere."""
    app = App()
    server = Server(Config(app=app, port=0))
    server.should_exit = True
    await server.serve()
    assert server.listeners is None
    assert "startup" not in app.events


@on_each_loop
async def test_serve_twice() -> None:
    """A server is good for one life: another call is a clear error, and does not disturb the first."""
    async with serving(hello_asgi.app) as (server, _):
        with pytest.raises(RuntimeError, match="has served already: make another one"):
            await server.serve()
        assert (await get(server)).endswith(b"hello\n")
    with pytest.raises(RuntimeError, match="has served already"):
        await server.serve()


@on_each_loop
async def test_told_to_stop_after_the_end() -> None:
    """Setting the flags of a server that has ended does nothing."""
    async with serving(hello_asgi.app) as (server, _):
        pass
    server.should_exit = True
    server.force_exit = True


def test_told_to_stop_after_its_loop_has_closed() -> None:
    """Not even when its event loop is gone."""
    server = Server(Config(app=hello_asgi.app, port=0))
    server.should_exit = True
    asyncio.run(server.serve())
    server.should_exit = False
    assert not server.should_exit
    assert not server.force_exit


@on_each_loop
async def test_two_servers() -> None:
    """Two servers live in one loop, each with its application, and one outlives the other."""
    app = App()
    app.may_answer.set()
    async with serving(hello_wsgi.app) as (first, _):
        async with serving(app) as (second, _):
            assert port_of(first) != port_of(second)
            assert (await get(second)).endswith(b"ok")
            assert (await get(first)).endswith(b"hello\n")
        assert (await get(first)).endswith(b"hello\n")


@on_each_loop
async def test_several_clients_at_once() -> None:
    """Requests on several connections are answered side by side, each with its own."""
    async with serving(hello_wsgi.app) as (server, _):
        answers = await asyncio.gather(*(get(server) for _ in range(20)))
        assert {answer.rpartition(b"\r\n\r\n")[2] for answer in answers} == {b"hello\n"}


# What it says.


@on_each_loop
async def test_embedded_server_writes_to_the_log_only(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Inside somebody's program the terminal is not ours: where it listens goes to the log."""
    with caplog.at_level(logging.INFO, "hybrid"):
        async with serving(hello_asgi.app, access_log=True) as (server, _):
            await get(server)
    assert f"listening on http://127.0.0.1:{port_of(server)}" in caplog.messages
    assert capsys.readouterr() == ("", "")


def run_in_thread(server: Server, sockets: list[socket.socket] | None = None) -> list[object]:
    """Let a server run on a thread until it listens, then stop it; return what `run` raised, if anything."""
    raised: list[object] = []

    def run() -> None:
        try:
            server.run(sockets)
        except BaseException as error:  # noqa: BLE001 - SystemExit is what it raises
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive() and not server.started:
        thread.join(0.005)
    server.should_exit = True
    thread.join(DEADLINE)
    assert not thread.is_alive()
    return raised


def test_run_says_where_it_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """By itself it says so on stderr, in a line that programs may rely on, and prints what it serves."""
    server = Server(Config(app=hello_asgi.app, port=0))
    assert run_in_thread(server) == []
    first, *table = capsys.readouterr().err.splitlines()
    assert first == f"hybrid: listening on http://127.0.0.1:{port_of(server)}"
    assert [row.split()[0] for row in table] == ["PATH", "/"]


def test_run_on_another_thread() -> None:
    """On a thread that cannot handle signals it runs without, and leaves the program's handlers alone."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert run_in_thread(Server(Config(app=hello_wsgi.app, port=0, loop="asyncio"))) == []
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_run_takes_sockets() -> None:
    """`run` serves on sockets that it is given."""
    given = socket.create_server(("127.0.0.1", 0))
    port = given.getsockname()[1]
    server = Server(Config(app=hello_asgi.app))
    assert run_in_thread(server, [given]) == []
    assert port_of(server) == port
    assert given.fileno() == -1


def test_run_takes_unix_sockets(tmp_path: Path) -> None:
    """Unix sockets too, whose files are left to whoever has made them."""
    path = tmp_path / "app.sock"
    given = socket.socket(socket.AF_UNIX)
    given.bind(str(path))
    server = Server(Config(app=hello_asgi.app))
    assert run_in_thread(server, [given]) == []
    assert server.listeners is not None
    assert server.listeners.urls == [f"unix:{path}"]
    assert path.is_socket()


@on_each_loop
async def test_given_socket_that_is_closed() -> None:
    """A socket that is closed already is refused like an address that cannot be had."""
    server = Server(Config(app=hello_asgi.app))
    closed = socket.socket()
    closed.close()
    with pytest.raises(BindError, match=r"^cannot listen on a socket that was given: Bad file descriptor$"):
        await server.serve([closed])


def test_run_leaves_no_signal_handlers() -> None:
    """After `run` on the main thread the program's signal handlers are back."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    server = Server(Config(app=hello_asgi.app, port=0))
    stopper = threading.Thread(target=stop_once_started, args=(server,))
    stopper.start()
    server.run()
    stopper.join(DEADLINE)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def stop_once_started(server: Server) -> None:
    """Tell a server to stop as soon as it has started (runs on a thread)."""
    pause = threading.Event()
    while not server.started:
        pause.wait(0.005)
    server.should_exit = True


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"app": "no_such_module:app"}, 3),
        ({"app": 42}, 3),
        ({"app": App(refuse)}, 3),
        ({"app": hello_asgi.app, "uds": "/no/such/folder/app.sock"}, 1),
    ],
)
def test_run_that_fails(capsys: pytest.CaptureFixture[str], settings: dict[str, Any], code: int) -> None:
    """What keeps `run` from serving is one line on stderr and an exit code."""
    with pytest.raises(SystemExit) as caught:
        Server(Config(port=0, **settings)).run()
    assert caught.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("hybrid: ")


def test_run_without_uvloop(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An event loop that is not installed is a mistake of the user's, as one in an option is."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    with pytest.raises(SystemExit) as caught:
        Server(Config(app=hello_asgi.app, loop="uvloop")).run()
    assert caught.value.code == 2
    assert capsys.readouterr().err == "hybrid: loop: uvloop is not installed\n"


def test_interrupted_while_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control-C while the application is imported is an exception, as in any program."""

    def load(*_: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(module, "load_application", load)
    with pytest.raises(KeyboardInterrupt):
        Server(Config(app="app")).run()


# Signals.


@on_each_loop
async def test_signals_are_left_to_the_program() -> None:
    """`serve()` never touches the signal handlers of the program around it."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    mine = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        before = [signal.getsignal(number) for number in numbers]
        async with serving(hello_asgi.app):
            assert [signal.getsignal(number) for number in numbers] == before
        assert [signal.getsignal(number) for number in numbers] == before
    finally:
        signal.signal(signal.SIGTERM, mine)


# Lifespan.


@on_each_loop
async def test_lifespan_comes_first_and_last() -> None:
    """Startup runs before the first request, shutdown after the last; requests find the state."""
    app = App()
    app.may_answer.set()
    async with serving(app) as (server, _):
        await get(server)
    assert app.events == ["startup", "request", "answer", "shutdown"]
    assert app.state == {"colour": "blue"}


@on_each_loop
async def test_shutdown_waits_for_requests() -> None:
    """An application is not shut down while it answers."""
    app = App()
    async with serving(app) as (server, task), client(server) as connection:
        connection.send(REQUEST)
        await until(lambda: "request" in app.events)
        server.should_exit = True
        await until_drained(server)
        assert not task.done()
        app.may_answer.set()
        assert (await connection.read_all()).endswith(b"ok")
    assert app.events == ["startup", "request", "answer", "shutdown"]


@on_each_loop
async def test_state_is_copied_for_each_request() -> None:
    """What one request puts into its state no other one sees (ASGI lifespan state)."""
    app = App()
    app.may_answer.set()
    async with serving(app) as (server, _):
        await get(server)
        assert app.state is not None
        app.state["mine"] = 1
        await get(server)
        assert app.state == {"colour": "blue"}


@on_each_loop
async def test_lifespan_off() -> None:
    """With `lifespan="off"` the application never hears of one."""
    app = App()
    app.may_answer.set()
    async with serving(app, lifespan="off") as (server, _):
        await get(server)
    assert app.events == ["request", "answer"]
    assert app.state == {}


@on_each_loop
async def test_startup_fails() -> None:
    """An application that fails to start is never listened for."""
    server = Server(Config(app=App(refuse), port=0))
    with pytest.raises(LifespanError, match="no database"):
        await server.serve()
    assert server.listeners is None


@on_each_loop
async def test_lifespan_required() -> None:
    """With `lifespan="on"` an application that has none is refused."""
    server = Server(Config(app=hello_asgi.app, port=0, lifespan="on"))
    with pytest.raises(LifespanError, match="lifespan is required"):
        await server.serve()
    assert server.listeners is None


@on_each_loop
async def test_told_to_stop_while_starting(caplog: pytest.LogCaptureFixture) -> None:
    """A startup that takes for ever can be stopped; the application may clean up."""
    app = App(never)
    server = Server(Config(app=app, port=0))
    task = asyncio.create_task(server.serve())
    await asyncio.sleep(0)
    server.should_exit = True
    await asyncio.wait_for(task, DEADLINE)
    assert app.events == ["lifespan cancelled"]
    assert server.listeners is None
    assert "told to stop before the application had started" in caplog.text


@on_each_loop
async def test_shutdown_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A failure while stopping is logged: there is nobody left who could do anything about it."""
    async with serving(App(refuse_to_stop)):
        pass
    assert "the disk is full" in caplog.text


@on_each_loop
async def test_shutdown_takes_too_long(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shutdown that never ends is cut off, and the log says so."""
    monkeypatch.setattr(module, "_SHUTDOWN_SECONDS", 0.01)
    app = App(never_again)
    async with serving(app, timeout_graceful_shutdown=0):
        pass
    assert app.events == ["lifespan cancelled"]
    assert "cutting off lifespan shutdown" in caplog.text


@on_each_loop
async def test_force_during_shutdown(caplog: pytest.LogCaptureFixture) -> None:
    """A shutdown that never ends can be cut off at once."""
    app = App(never_again)
    async with serving(app) as (server, task):
        server.should_exit = True
        await until_drained(server)
        server.force_exit = True
        await asyncio.wait_for(task, DEADLINE)
    assert app.events == ["lifespan cancelled"]
    assert "cutting off lifespan shutdown" in caplog.text


# Draining.


@pytest.mark.parametrize(
    ("in_flight", "text"),
    [
        ((1, 0, 0), "1 connection"),
        ((2, 1, 0), "2 connections, 1 ASGI call"),
        ((0, 12, 3), "12 ASGI calls, 3 WSGI calls"),
    ],
)
def test_what_is_in_flight(in_flight: tuple[int, int, int], text: str) -> None:
    """The log names what is in flight, and nothing that is not."""
    assert str(InFlight(*in_flight)) == text


def test_signals() -> None:
    """The first signal drains; SIGTERM may come again; SIGINT while it drains forces."""
    server = Server(Config(app=hello_asgi.app))
    for number, forces in ((signal.SIGTERM, False), (signal.SIGTERM, False), (signal.SIGINT, True)):
        server._handle_signal(number, None)
        assert (server.should_exit, server.force_exit) == (True, forces)


@on_each_loop
async def test_idle_connections_are_closed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """A connection that nothing is in flight on is closed first thing, and is nothing to warn about."""
    async with (
        serving(hello_asgi.app, timeout_graceful_shutdown=0) as (server, task),
        client(server) as fresh,
        client(server) as idle,
    ):
        idle.send(REQUEST)
        await idle.read_until(b"hello\n")
        server.should_exit = True
        assert await idle.read_all() == b""
        assert await fresh.read_all() == b""
        await asyncio.wait_for(task, DEADLINE)
    assert "cutting off" not in caplog.text


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[ServerContext]:
    """Give what the connections of each server share."""
    made: list[ServerContext] = []

    def make(*args: Any) -> ServerContext:
        made.append(ServerContext(*args))
        return made[-1]

    monkeypatch.setattr(module, "ServerContext", make)
    return made


@on_each_loop
async def test_connections_learn_that_the_server_drains(contexts: list[ServerContext]) -> None:
    """From the moment in which it stops, everything that still comes in finds the server draining."""
    async with serving(hello_asgi.app):
        assert [context.draining for context in contexts] == [False]
    assert [context.draining for context in contexts] == [True]


@on_each_loop
async def test_deadlines_hold_while_it_drains(
    contexts: list[ServerContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock that connections are closed by goes on while the server waits for them."""
    app = App()
    async with serving(app) as (server, _), client(server) as connection:
        connection.send(REQUEST)
        await until(lambda: "request" in app.events)
        monkeypatch.setattr(ServerContext, "TICK", 0.01)
        server.should_exit = True
        await until_drained(server)
        before = contexts[0].now
        await until(lambda: contexts[0].now > before)
        app.may_answer.set()


@on_each_loop
async def test_response_in_flight_is_the_last(release: Release) -> None:
    """A response that begins while the server drains says that its connection closes."""
    entered = threading.Event()
    app = App()
    async with (
        serving(app) as (asgi, _),
        serving(waiting_wsgi(release, entered)) as (wsgi, _),
        client(asgi) as one,
        client(wsgi) as other,
    ):
        one.send(REQUEST)
        other.send(REQUEST)
        await until(lambda: "request" in app.events and entered.is_set())
        asgi.should_exit = wsgi.should_exit = True
        await until_drained(asgi)
        await until_drained(wsgi)
        app.may_answer.set()
        release.set()
        for connection in (one, other):
            response = (await connection.read_all()).lower()
            assert response.startswith(b"http/1.1 200 ")
            assert b"\r\nconnection: close\r\n" in response
            assert response.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("way", ["time is over", "force_exit"])
@on_each_loop
async def test_request_that_never_ends(caplog: pytest.LogCaptureFixture, way: str) -> None:
    """What is still in flight at the end is cut off, and the log says how much."""
    app = App()
    settings = {"timeout_graceful_shutdown": 0.01} if way == "time is over" else {}
    async with serving(app, **settings) as (server, task), client(server) as connection:
        connection.send(REQUEST)
        await until(lambda: "request" in app.events)
        server.should_exit = True
        await until_drained(server)
        if way == "force_exit":
            server.force_exit = True
        assert await connection.read_all() == b""
        await asyncio.wait_for(task, DEADLINE)
    assert app.events == ["startup", "request", "request cancelled", "shutdown"]
    assert "cutting off 1 connection, 1 ASGI call" in caplog.messages


@on_each_loop
async def test_view_that_never_ends(caplog: pytest.LogCaptureFixture, release: Release) -> None:
    """A view that is stuck on its thread is left behind, and the log says so."""
    entered = threading.Event()
    async with (
        serving(waiting_wsgi(release, entered), timeout_graceful_shutdown=0) as (server, task),
        client(server) as connection,
    ):
        connection.send(REQUEST)
        await until(entered.is_set)
        server.should_exit = True
        assert await connection.read_all() == b""
        await asyncio.wait_for(task, DEADLINE)
    assert "cutting off 1 connection, 1 WSGI call" in caplog.messages
    assert all(thread.daemon for thread in workers())
    release.set()
    await until(lambda: not workers())


@on_each_loop
async def test_request_that_resists(monkeypatch: pytest.MonkeyPatch) -> None:
    """An application call that ignores its cancellation cannot keep the server."""
    monkeypatch.setattr(drain, "_CANCEL_SECONDS", 0.01)
    let_go = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        entered.set()
        while not let_go.is_set():
            with suppress(asyncio.CancelledError):
                await let_go.wait()

    entered = asyncio.Event()
    async with (
        serving(app, timeout_graceful_shutdown=0, lifespan="off") as (server, task),
        client(server) as connection,
    ):
        connection.send(REQUEST)
        await entered.wait()
        server.should_exit = True
        await asyncio.wait_for(task, DEADLINE)
    let_go.set()
    await until(lambda: len(asyncio.all_tasks()) == 2)  # this test's, with its deadline


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_view_that_outlives_the_loop(loop: LoopName, release: Release) -> None:
    """A view that is let go when the server is long gone fails quietly, and its thread ends."""
    entered = threading.Event()
    app = waiting_wsgi(release, entered)
    server = Server(Config(app=app, port=0, timeout_graceful_shutdown=0, loop=loop))
    with ask_while_running(server, entered):
        pass
    release.set()
    for thread in workers():
        thread.join(DEADLINE)
    assert not workers()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_view_that_waits_for_a_slow_client(loop: LoopName) -> None:
    """A view that waits for a client to read is told that it is over, and its iterator is closed."""
    entered, closed = threading.Event(), threading.Event()

    def parts() -> Iterator[bytes]:
        try:
            while True:
                entered.set()
                yield b"x" * 1_000_000
        finally:
            closed.set()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return parts()

    server = Server(Config(app=app, port=0, timeout_graceful_shutdown=0, loop=loop))
    with ask_while_running(server, entered):
        assert closed.wait(DEADLINE)
    for thread in workers():
        thread.join(DEADLINE)
    assert not workers()


@contextmanager
def ask_while_running(server: Server, entered: threading.Event) -> Iterator[None]:
    """Run a server on a thread, stop it when its application has a request, and keep the client."""
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.005)
    with socket.create_connection(("127.0.0.1", port_of(server))) as connection:
        connection.sendall(REQUEST)
        assert entered.wait(DEADLINE)
        server.should_exit = True
        thread.join(DEADLINE)
        assert not thread.is_alive()
        yield


# Cancellation.


@on_each_loop
async def test_cancelled_while_serving(release: Release) -> None:
    """Cancelling `serve()` cuts off what is in flight, runs the shutdown, and leaves nothing behind."""
    before = open_descriptors()
    tasks = asyncio.all_tasks()
    app = App()
    async with serving(app) as (server, task):
        async with client(server) as connection:
            connection.send(REQUEST)
            await until(lambda: "request" in app.events)
            task.cancel()
            assert await connection.read_all() == b""
            await asyncio.wait({task}, timeout=DEADLINE)
        assert task.cancelled()
    assert app.events == ["startup", "request", "request cancelled", "shutdown"]
    assert not server.force_exit
    await until(lambda: open_descriptors() <= before)
    await until(lambda: asyncio.all_tasks() == tasks)


@on_each_loop
async def test_cancelled_while_starting() -> None:
    """Cancelling `serve()` during startup cancels the application."""
    app = App(never)
    task = asyncio.create_task(Server(Config(app=app, port=0)).serve())
    await until(lambda: len(asyncio.all_tasks()) > 3)  # the lifespan's too
    task.cancel()
    await asyncio.wait({task}, timeout=DEADLINE)
    assert task.cancelled()
    assert app.events == ["lifespan cancelled"]


@on_each_loop
async def test_cancelled_while_draining() -> None:
    """Cancelling `serve()` while it waits for requests does not wait for them any longer."""
    app = App()
    async with serving(app) as (server, task):
        async with client(server) as connection:
            connection.send(REQUEST)
            await until(lambda: "request" in app.events)
            server.should_exit = True
            await until_drained(server)
            task.cancel()
            assert await connection.read_all() == b""
            await asyncio.wait({task}, timeout=DEADLINE)
        assert task.cancelled()
    assert app.events == ["startup", "request", "request cancelled", "shutdown"]


@on_each_loop
async def test_cancelled_while_shutting_down() -> None:
    """Cancelling `serve()` during the lifespan's shutdown cancels that."""
    begun = asyncio.Event()

    async def never_end(receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        begun.set()
        await asyncio.Event().wait()

    app = App(never_end)
    async with serving(app) as (server, task):
        server.should_exit = True
        await begun.wait()
        task.cancel()
        await asyncio.wait({task}, timeout=DEADLINE)
        assert task.cancelled()
    assert app.events == ["lifespan cancelled"]


@on_each_loop
async def test_nothing_is_left_behind() -> None:
    """After `serve()` no thread, task or descriptor of the server's is there."""
    before = open_descriptors()
    tasks = asyncio.all_tasks()
    async with serving(hello_wsgi.app) as (server, _):
        await asyncio.gather(*(get(server) for _ in range(5)))
        assert workers()
    assert not workers()
    assert asyncio.all_tasks() == tasks
    await until(lambda: open_descriptors() <= before)


# Where it listens.


@on_each_loop
async def test_given_sockets(tmp_path: Path) -> None:
    """Sockets that somebody has opened are served, all of them, and closed at the end; their files stay."""
    path = tmp_path / "app.sock"
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    sockets = [unix, socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))]
    async with serving(hello_asgi.app, sockets=sockets) as (server, _):
        assert server.listeners is not None
        everything, urls = list(server.listeners.each), server.listeners.urls
        assert urls[0] == f"unix:{path}"
        assert urls[1:] == [f"http://127.0.0.1:{each.getsockname()[1]}" for each in sockets[1:]]
        for listener in tuple(server.listeners.each):
            server.listeners.each[:] = [listener]  # whose URL is the one that the client goes to
            assert (await get(server)).endswith(b"hello\n")
        server.listeners.each[:] = everything
    assert [each.fileno() for each in sockets] == [-1, -1, -1]
    assert path.is_socket()


@on_each_loop
async def test_unix_socket(tmp_path: Path) -> None:
    """A Unix socket is served like a port, and its file is gone at the end."""
    path = tmp_path / "app.sock"
    async with serving(hello_wsgi.app, uds=str(path)) as (server, _):
        assert (await get(server)).endswith(b"hello\n")
    assert not path.exists()


@on_each_loop
async def test_address_in_use() -> None:
    """When the address cannot be had the application, which was started before, is stopped again."""
    app = App()
    async with serving(hello_asgi.app) as (first, _):
        second = Server(Config(app=app, port=port_of(first)))
        with pytest.raises(BindError, match="Address already in use"):
            await second.serve()
    assert app.events == ["startup", "shutdown"]


@on_each_loop
async def test_application_that_cannot_be_loaded() -> None:
    """`serve()` raises what keeps it from loading the application."""
    with pytest.raises(LoadError, match="no_such_module"):
        await Server(Config(app="no_such_module:app", app_dir=os.getcwd())).serve()  # noqa: PTH109
