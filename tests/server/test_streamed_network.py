"""Request bodies that are read as they come, over real sockets: drains, the end of the server, full pools."""

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.gateway import Gateway, Target
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.support.bridges import bridge_to
from tests.support.embedded import client, on_each_loop, serving, until, until_drained
from tests.support.sockets import DEADLINE

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


class Uploads:
    """A WSGI application that reads its whole body, and knows how that ended."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.ended: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer with the body."""
        self.inside.release()
        try:
            body = environ["wsgi.input"].read()
        except ClientDisconnected as error:
            self.ended.append(str(error))
            raise
        self.ended.append("complete")
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [body]


def gateway(app: Uploads, pool: ThreadPool) -> Gateway:
    """Have an application's bodies streamed."""
    return Gateway([Target(app, stream=True)], pool=pool)


@on_each_loop
async def test_drain() -> None:
    """A server that stops lets an upload go on to its end, and answers it."""
    app, pool = Uploads(), ThreadPool(2)
    async with serving(gateway(app, pool)) as (server, task), client(server) as connection:
        connection.send(HEAD + b"hello")
        await until(lambda: app.inside.acquire(blocking=False))
        server.should_exit = True
        await until_drained(server)
        connection.send(b"world")
        answer = await connection.read_all()
        await task
    assert answer.endswith(b"\r\n\r\nhelloworld")
    assert b"connection: close" in answer
    assert app.ended == ["complete"]
    assert pool.close(DEADLINE)


@on_each_loop
async def test_end_of_the_server() -> None:
    """A worker that still waits for the body when the time is over is let go."""
    app, pool = Uploads(), ThreadPool(2)
    async with (
        serving(gateway(app, pool), timeout_graceful_shutdown=0) as (server, task),
        client(server) as connection,
    ):
        connection.send(HEAD + b"hello")
        await until(lambda: app.inside.acquire(blocking=False))
        server.should_exit = True
        assert await connection.read_all() == b""
        await task
    assert await asyncio.to_thread(pool.close, DEADLINE)
    assert app.ended == ["the client has left"]


@on_each_loop
async def test_thread_is_free_when_the_client_is_gone() -> None:
    """Clients that stop in the middle of a body keep every thread; when they leave, all of them are free."""
    app, pool = Uploads(), ThreadPool(2)
    async with serving(gateway(app, pool)) as (server, _):
        for _ in range(2):
            async with client(server) as one, client(server) as other:
                for connection in (one, other):
                    connection.send(HEAD + b"hello")
                    await until(lambda: app.inside.acquire(blocking=False))
        async with client(server) as connection:
            connection.send(HEAD + b"helloworld")
            assert await connection.read_until(b"helloworld")
    assert await asyncio.to_thread(pool.close, DEADLINE)
    assert sorted(app.ended) == ["complete", *["the client has left"] * 4]  # threads end in any order


@on_each_loop
async def test_pool_is_full() -> None:
    """Where neither a thread nor the queue has room, a request is refused before it has sent its body."""
    app, pool = Uploads(), ThreadPool(1, queue=1)
    async with (
        serving(gateway(app, pool)) as (server, _),
        client(server) as running,
        client(server) as queued,
        client(server) as refused,
    ):
        running.send(HEAD)
        await until(lambda: app.inside.acquire(blocking=False))
        queued.send(HEAD)
        await until(lambda: pool.queued)
        refused.send(HEAD)
        assert (await refused.read_all()).startswith(b"HTTP/1.1 503 ")
        for connection in (running, queued):
            connection.send(b"helloworld")
            assert await connection.read_until(b"helloworld")
    assert app.ended == ["complete"] * 2
    assert pool.close(DEADLINE)


def test_process_ends(tmp_path: Path) -> None:
    """A process ends in time although a worker waits for a client that sends nothing more."""
    targets = ["/lines=tests.apps.wsgi_lines+stream", "/events=tests.apps.wsgi_events"]
    with bridge_to("direct", targets, tmp_path, timeout_graceful_shutdown=0.2) as bridge:
        with bridge.open("/lines/x", "Content-Length: 10"):
            bridge.wait_for_event("x", "called")
            assert bridge.server.terminate() == 0
        assert "cutting off 1 connection" in bridge.server.stderr
