"""WSGI applications on the streams of one connection: many threads at once, and clients that take back what
they have asked for.
"""

import asyncio
import io
import threading
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.gateway import Gateway, Target
from hybrid.bridge.types import BodyPolicy, Receive, Scope, Send
from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.server import Server
from tests.support.http2_clients import http2
from tests.support.http2_servers import part, served, serving, start
from tests.support.sockets import DEADLINE
from tests.support.waiting import until


class Held:
    """An application each of whose calls waits for the test, and says its path; it keeps the paths."""

    def __init__(self) -> None:
        self.inside = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.called: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer when the test says."""
        self.called.append(environ["PATH_INFO"])
        self.inside.release()
        assert self.go.acquire(timeout=DEADLINE)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]

    def begun(self) -> None:
        """Return when one more call has begun."""
        assert self.inside.acquire(timeout=DEADLINE)


def queued(server: Server) -> int:
    """Tell how many requests wait for a thread."""
    return server.load().pools[""].queued


def test_environ() -> None:
    """The protocol is HTTP/2.0, and the host is the authority; the client's cookies are one field."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        keys = ("SERVER_PROTOCOL", "HTTP_HOST", "HTTP_COOKIE", "REQUEST_METHOD", "QUERY_STRING")
        return [" ".join(str(environ[key]) for key in keys).encode()]

    with served(app) as client:
        response = client.ask("/?q", ("cookie", "a=1"), ("cookie", "b=2"))
        assert response.body == b"HTTP/2.0 x a=1; b=2 GET q"


def test_many_at_once() -> None:
    """Ten views of one connection that wait for one another run on ten threads."""
    barrier = threading.Barrier(10)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        barrier.wait(DEADLINE)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [threading.current_thread().name.encode()]

    with served(app, threads=10) as client:
        streams = [client.start("/") for _ in range(10)]
        assert len({stream.response().body for stream in streams}) == 10


# Requests that are taken back.


def test_leaves_the_queue() -> None:
    """A request whose stream is reset before a thread has it is never called, and takes up no place."""
    app = Held()
    with serving(app, threads=1) as at, http2(at) as client:
        first = client.start("/first")
        app.begun()
        others = [client.start(f"/{number}") for number in range(20)]
        client.ping()
        assert queued(at.server) == 20
        for stream in others[1:]:
            stream.reset()
        client.ping()
        assert queued(at.server) == 1
        app.go.release(2)
        assert [first.response().body, others[0].response().body] == [b"/first", b"/0"]
    assert app.called == ["/first", "/0"]


def test_thousands_of_them() -> None:
    """A client that begins and resets requests again and again costs a pool whose threads are busy neither
    places nor memory: others still find room.
    """
    app = Held()
    with serving(app, threads=1, threads_queue=50) as at, http2(at) as client, http2(at) as other:
        first = client.start("/first")
        app.begun()
        for _ in range(20):
            for stream in [client.start("/x") for _ in range(40)]:
                stream.reset()
        client.ping()
        assert queued(at.server) <= 10
        last = other.start("/last")
        other.ping()
        app.go.release(2)
        assert [first.response().body, last.response().body] == [b"/first", b"/last"]
    assert app.called == ["/first", "/last"]


def test_connection_that_is_lost() -> None:
    """With it all that waits leaves the queue."""
    app = Held()
    with serving(app, threads=1) as at:
        with http2(at) as client:
            for number in range(5):
                client.start(f"/{number}")
            app.begun()
            client.ping()
            assert queued(at.server) == 4
        until(lambda: queued(at.server) == 0)
        app.go.release()
    assert app.called == ["/0"]


def test_worker_is_told() -> None:
    """An application that runs can ask whether its client has left, and hears of it when it writes."""
    told: list[str] = []
    inside = threading.Semaphore(0)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"one")
        inside.release()
        until(environ["hybrid.disconnected"])
        told.append("asked")
        try:
            write(b"two")
        except ClientDisconnected:
            told.append("raised")
            raise
        return []

    with served(app) as client:
        stream = client.start("/")
        assert stream.read() == b"one"
        assert inside.acquire(timeout=DEADLINE)
        stream.reset()
        until(lambda: told == ["asked", "raised"])
        assert not client.goaway


# Bodies.


def test_body_as_it_comes() -> None:
    """With a streaming policy the application reads while the client sends, within the stream's window."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        body: io.BufferedReader = environ["wsgi.input"]
        yield body.readline()
        yield b"%d" % sum(map(len, iter(lambda: body.read(10_000), b"")))

    streaming = WSGIToASGI(app, body_policy=BodyPolicy(stream=True))
    with served(streaming) as client:
        stream = client.start("/", method="POST", ends=False)
        stream.send(b"line\n")
        assert stream.read() == b"line\n"
        stream.send(bytes(2_000_000), ends=True)
        assert stream.read_all() == b"2000000"


def test_body_that_is_not_read() -> None:
    """What nobody reads of one body holds up no other stream."""
    app = Held()
    streaming = WSGIToASGI(app, body_policy=BodyPolicy(stream=True))
    with served(streaming) as client:
        client.settle()
        stream = client.start("/slow", method="POST", ends=False)
        app.begun()
        while stream.room:
            client.protocol.send_data(stream.number, bytes(min(stream.room, 16_384)))
            client.flush()
            client.ping()
        app.go.release(2)
        assert client.ask("/", body=b"").body == b"/"
        assert stream.response().body == b"/slow"


def test_body_that_is_taken_back() -> None:
    """A worker that reads a body which its client gives up hears of it."""
    told: list[str] = []
    inside = threading.Semaphore(0)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        inside.release()
        try:
            environ["wsgi.input"].read()
        except ClientDisconnected:
            told.append("raised")
            raise
        return []

    with served(WSGIToASGI(app, body_policy=BodyPolicy(stream=True))) as client:
        stream = client.start("/", method="POST", ends=False)
        assert inside.acquire(timeout=DEADLINE)
        stream.send(b"a part")
        stream.reset()
        until(lambda: told == ["raised"])


def test_file_wrapper(tmp_path: Path) -> None:
    """A file comes whole, with its length, to a client that takes it in small windows."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 10_000)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return environ["wsgi.file_wrapper"](path.open("rb"))  # type: ignore[no-any-return]

    with served(app, acknowledges=False) as client:
        response = client.ask("/")
        assert response.body == path.read_bytes()
        assert response.values(b"content-length") == [b"2560000"]
        assert client.ask("/", method="HEAD").body == b""


def test_slow_clients_keep_no_thread() -> None:
    """Responses that nobody takes are left to the loop: one thread answers them all."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [bytes(50_000) for _ in range(20)] if environ["PATH_INFO"] == "/large" else [b"free"]

    with served(app, acknowledges=False, threads=1) as client:
        client.update_settings({4: 1_000})
        large = [client.start("/large") for _ in range(5)]
        for stream in large:
            stream.wait_for_head()
        assert client.ask("/").body == b"free"
        assert [len(stream.read_all()) for stream in large] == [1_000_000] * 5


# Limits.


def test_no_thread_and_no_place() -> None:
    """A request for which there is no room is refused on its stream alone."""
    app = Held()
    with served(app, threads=1, threads_queue=1) as client:
        streams = [client.start("/1")]
        app.begun()
        streams.append(client.start("/2"))
        refused = client.ask("/3")
        assert (refused.status, refused.values(b"retry-after")) == (503, [b"1"])
        app.go.release(2)
        assert [stream.response().body for stream in streams] == [b"/1", b"/2"]
        assert not client.goaway


class HeldOnLoop(Held):
    """The same as an ASGI application."""

    async def on_loop(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer when the test says."""
        self.called.append(scope["path"])
        self.inside.release()
        while not self.go.acquire(blocking=False):
            await asyncio.sleep(0.001)
        await start(send)
        await part(send, scope["path"].encode())


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_gate(kind: str) -> None:
    """`limit_concurrency` counts streams: one waits, the next is refused, and who resets leaves the queue."""
    app = HeldOnLoop()
    application = app if kind == "wsgi" else app.on_loop
    with served(application, limit_concurrency=1, limit_concurrency_queue=1) as client:
        first = client.start("/1")
        app.begun()
        second = client.start("/2")
        assert client.ask("/3").status == 503
        second.reset()
        fourth = client.start("/4")
        client.ping()
        app.go.release(2)
        assert [first.response().body, fourth.response().body] == [b"/1", b"/4"]
    assert app.called == ["/1", "/4"]


def test_taken_back_behind_the_gate() -> None:
    """A request that has passed the gate, and waits for a thread, gives its place back as well."""
    app = Held()
    with served(app, threads=1, limit_concurrency=2, limit_concurrency_queue=0) as client:
        first = client.start("/1")
        app.begun()
        second = client.start("/2")
        assert client.ask("/3").status == 503
        second.reset()
        for _ in range(2):  # what becomes of it is done in the next turn of the loop
            client.ping()
        fourth = client.start("/4")
        app.go.release(2)
        assert [first.response().body, fourth.response().body] == [b"/1", b"/4"]
    assert app.called == ["/1", "/4"]


def test_both_kinds_on_one_connection() -> None:
    """Threads and loop answer side by side: neither waits for the other."""
    held = HeldOnLoop()
    gateway = Gateway([Target(held), Target(held.on_loop, "/asgi")], pool=ThreadPool(2))
    paths = ["/1", "/asgi/2", "/3", "/asgi/4"]
    with served(gateway) as client:
        streams = [client.start(path) for path in paths]
        for _ in streams:
            held.begun()
        held.go.release(4)
        assert [stream.response().body.decode() for stream in streams] == paths
