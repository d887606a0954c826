"""WSGI on the direct path over real sockets: order, clients that vanish, and the end of the server."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from hybrid.bridge.gateway import Gateway, Target
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.bridge.wsgi.lull import Lull
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.support.bridges import bridge_to
from tests.support.downloads import connected
from tests.support.embedded import client, on_each_loop, serving, until, until_drained
from tests.support.http_peer import get
from tests.support.sockets import DEADLINE

THREADS = 8


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the path, in a thread."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"wsgi {environ['PATH_INFO']}".encode()]


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the path, on the loop."""
    body = f"asgi {scope['path']}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


class Held:
    """A WSGI application whose responses wait for the test in the middle, and that knows how they ended."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.ended: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        """Answer in two parts."""
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self._parts()

    def _parts(self) -> Iterator[bytes]:
        how = "left"
        try:
            yield b"one, "
            self.inside.release()
            assert self.go.acquire(timeout=DEADLINE)
            yield b"two"
            how = "complete"
        finally:
            self.ended.append(how)


# Requests on one connection are answered in order, whoever answers them.


@on_each_loop
async def test_wsgi_and_asgi_in_one_pipeline() -> None:
    """A pipeline that alternates between threads and loop comes back in order."""
    pool = ThreadPool(4)
    gateway = Gateway([Target(wsgi), Target(asgi, "/asgi")], pool=pool)
    paths = [f"{'/asgi' if number % 3 == 1 else ''}/{number}" for number in range(60)]
    async with serving(gateway) as (server, _), client(server) as connection:
        connection.send(b"".join(map(get, paths)) + get("/last", "Connection: close"))
        answer = await connection.read_all()
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answer.split(b"HTTP/1.1 200 OK\r\n")[1:]]
    assert [body.decode().split() for body in bodies] == [
        *(["asgi" if path.startswith("/asgi") else "wsgi", path] for path in paths),
        ["wsgi", "/last"],
    ]
    assert pool.close(DEADLINE)


@on_each_loop
async def test_request_that_comes_while_one_is_answered() -> None:
    """It waits, although threads are free."""
    app = Held()
    async with serving(app, threads=4) as (server, _), client(server) as connection:
        connection.send(get("/1"))
        await until(lambda: app.inside.acquire(blocking=False))
        connection.send(get("/2", "Connection: close"))
        app.go.release()
        await until(lambda: app.inside.acquire(blocking=False))
        assert app.ended == ["complete"]
        app.go.release()
        answer = await connection.read_all()
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert app.ended == ["complete", "complete"]


# Many requests wait for a thread.


def _are_done(tasks: "list[asyncio.Task[bytes]]", number: int) -> bool:
    return sum(task.done() for task in tasks) == number


@on_each_loop
async def test_responses_are_not_held_up_by_a_slow_view(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many requests waiting, the worker need not wake the loop; a response that is ready goes out all
    the same while the next view takes its time.
    """
    app, answers = Held(), list[bool]()

    def call(lull: Lull, function: Callable[[], object]) -> bool:
        answers.append(lull_call(lull, function))
        return answers[-1]

    lull_call = Lull.call
    monkeypatch.setattr(Lull, "call", call)
    async with serving(app, threads=1) as (server, _), AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(client(server)) for _ in range(8)]
        for connection in connections:
            connection.send(get("/", "Connection: close"))
        await until(lambda: server.load().pools[""].queued == 7)
        reading = [asyncio.create_task(connection.read_all()) for connection in connections]
        for answered in range(1, 9):
            app.go.release()
            await until(partial(_are_done, reading, answered))
    assert all(task.result().endswith(b"3\r\ntwo\r\n0\r\n\r\n") for task in reading)
    assert True in answers
    assert answers[-1] is False


# The server stops while a worker is at work.


@on_each_loop
async def test_response_is_completed() -> None:
    """A drain waits for the response, and closes the connection after it."""
    app = Held()
    async with serving(app) as (server, task), client(server) as connection:
        connection.send(get("/"))
        await until(lambda: app.inside.acquire(blocking=False))
        server.should_exit = True
        await until_drained(server)
        app.go.release()
        assert (await connection.read_all()).endswith(b"3\r\ntwo\r\n0\r\n\r\n")
        await task
    assert app.ended == ["complete"]


@on_each_loop
async def test_response_is_cut_off_when_the_time_is_over() -> None:
    """A worker that is still at it when the time is over gets out with its next part."""
    app = Held()
    async with (
        serving(app, timeout_graceful_shutdown=0) as (server, task),
        client(server) as connection,
    ):
        connection.send(get("/"))
        await until(lambda: app.inside.acquire(blocking=False))
        server.should_exit = True
        answer = await connection.read_all()
        await task
        assert not answer.endswith(b"0\r\n\r\n")
        app.go.release()
        await until(lambda: app.ended)
    assert app.ended == ["left"]


def test_client_that_never_reads(tmp_path: Path) -> None:
    """A process ends in time although a worker writes to a client that does not read."""
    targets = ["/endless=tests.apps.wsgi_endless", "/events=tests.apps.wsgi_events"]
    with (
        bridge_to("direct", targets, tmp_path, timeout_graceful_shutdown=0.2) as bridge,
        closing(bridge.open("/endless/x", receive_buffer=8192)),
    ):
        bridge.wait_for_event("x", "begun")
        assert bridge.server.terminate() == 0
        assert "cutting off 1 connection" in bridge.server.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_view_that_never_returns(tmp_path: Path, number: signal.Signals) -> None:
    """So it does although a view sits there for ever."""
    targets = ["/stepping=tests.apps.wsgi_stepping", "/events=tests.apps.wsgi_events"]
    with (
        bridge_to("direct", targets, tmp_path, timeout_graceful_shutdown=0.2) as bridge,
        closing(bridge.open("/stepping/x")),
    ):
        bridge.wait_for_event("x", "waiting")
        bridge.server.signal(number)
        assert bridge.server.wait() == 0


# Clients that do not read keep a thread as long as they are there, and not longer.


@on_each_loop
async def test_thread_is_free_when_the_client_is_gone() -> None:
    """Clients that never read keep every thread; when they leave, all of them are free."""
    begun = threading.Semaphore(0)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        if environ["PATH_INFO"] != "/endless":
            return [b"free"]
        begun.release()
        return iter(lambda: b"x" * 100_000, b"")

    async with serving(app, threads=3) as (server, _):
        stuck = [connected(server, get("/endless")) for _ in range(3)]
        for _ in stuck:
            await until(lambda: begun.acquire(blocking=False))
        async with client(server) as connection:
            connection.send(get("/", "Connection: close"))
            for sock in stuck:
                sock.close()
            assert (await connection.read_all()).endswith(b"free")


@on_each_loop
async def test_last_part_needs_no_thread() -> None:
    """A client that does not read a response of one part keeps no thread."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"x" * 20_000_000 if environ["PATH_INFO"] == "/large" else b"free"]

    async with serving(app, threads=1) as (server, _):
        with closing(connected(server, get("/large"))):
            async with client(server) as connection:
                connection.send(get("/", "Connection: close"))
                assert (await connection.read_all()).endswith(b"free")
