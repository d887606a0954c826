"""WSGI on the direct path over real sockets: order, clients that vanish, and the end of the server."""

import os
import random
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from hybrid.bridge.gateway import Gateway, Target
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.apps.wsgi_nonce import expected
from tests.support.bridges import Bridge, bridge_to
from tests.support.embedded import client, on_each_loop, serving, until
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


def get(path: str, *lines: str) -> bytes:
    """Write a request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


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


# The server stops while a worker is at work.


@on_each_loop
async def test_response_is_completed() -> None:
    """A drain waits for the response, and closes the connection after it."""
    app = Held()
    async with serving(app) as (server, task), client(server) as connection:
        connection.send(get("/"))
        await until(lambda: app.inside.acquire(blocking=False))
        server.should_exit = True
        await until(lambda: not server.started)
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
        assert server.listeners is not None
        address = server.listeners.sockets[0].getsockname()
        stuck = [connected(address, get("/endless")) for _ in range(3)]
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
        assert server.listeners is not None
        address = server.listeners.sockets[0].getsockname()
        with closing(connected(address, get("/large"))):
            async with client(server) as connection:
                connection.send(get("/", "Connection: close"))
                assert (await connection.read_all()).endswith(b"free")


def connected(address: tuple[str, int], data: bytes) -> socket.socket:
    """Connect, send, and read nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.settimeout(DEADLINE)
    sock.connect(address)
    sock.sendall(data)
    return sock


# Clients that vanish.


class Asked(NamedTuple):
    """A request of the stress test, and what its response must be."""

    data: bytes
    nonce: str
    size: int
    uploaded: int
    fails: bool


class Crowd:
    """Clients that ask for anything, in any number on a connection, and leave whenever they like.

    Each one has random numbers of its own, the same every time.
    """

    def __init__(self, port: int, seed: int) -> None:
        self._port = port
        self._chance = random.Random(seed)  # noqa: S311 - the same each time
        self._seed = seed
        self._asked = 0
        self.answered = 0
        self.left = 0

    def run(self, end: float) -> None:
        """Come and go until the clock passes `end`."""
        while time.monotonic() < end:
            with closing(socket.create_connection(("127.0.0.1", self._port), DEADLINE)) as sock:
                self._visit(sock)

    def _visit(self, sock: socket.socket) -> None:
        """Send some requests at once or one by one, read some of the responses, and go in some way."""
        chance = self._chance
        batch: list[Asked] = []
        with sock.makefile("rb") as file:
            try:
                for _ in range(chance.randrange(1, 4)):
                    batch = [self._ask() for _ in range(chance.choice([1, 1, 2, 5]))]
                    sock.sendall(b"".join(asked.data for asked in batch))
                    for asked in batch:
                        if chance.random() < 0.15:
                            file.read1(chance.randrange(1, 50_000))
                            return self._leave(sock)
                        self._check(read_response(file), asked)
                if chance.random() < 0.2:
                    sock.sendall(self._ask().data[: chance.randrange(1, 200)])
                self._leave(sock)
            except ConnectionError:  # a response that is cut off can take those before it along
                assert any(asked.fails for asked in batch)

    def _ask(self) -> Asked:
        chance = self._chance
        self._asked += 1
        nonce = f"{self._seed}-{self._asked}-{chance.getrandbits(64):x}"
        shape = chance.choice(["list", "list", "parts", "length", "write", "fail"])
        size = chance.choice([0, 1, 100, 6999, 20_000, 300_000])
        uploaded = chance.choice([0, 0, 10, 100_000])
        head = f"POST /nonce/{nonce}/{shape}/{size} HTTP/1.1\r\nHost: x\r\n"
        if chance.random() < 0.5:
            data = f"{head}Content-Length: {uploaded}\r\n\r\n".encode() + b"u" * uploaded
        else:
            chunk = f"{uploaded:x}\r\n{'u' * uploaded}\r\n" if uploaded else ""
            data = f"{head}Transfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n".encode()
        return Asked(data, nonce, size, uploaded, fails=shape == "fail" and size > 7000)

    def _check(self, response: tuple[int, dict[str, str], bytes], asked: Asked) -> None:
        """Compare a response with what it must be."""
        status, fields, body = response
        assert status == 200, (asked, status, fields)
        assert (fields["x-nonce"], fields["x-uploaded"]) == (asked.nonce, str(asked.uploaded))
        assert body == expected(asked.nonce, asked.size), asked
        assert not asked.fails
        self.answered += 1

    def _leave(self, sock: socket.socket) -> None:
        """Go politely, half-way, or with a reset."""
        self.left += 1
        match self._chance.randrange(3):
            case 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            case 1:
                with suppress(OSError):  # the server may have gone first
                    sock.shutdown(socket.SHUT_WR)
            case _:
                pass


def read_response(file: BinaryIO) -> tuple[int, dict[str, str], bytes]:
    """Read one response: status, header fields and body; raise when it is cut off."""
    status = int(read_line(file).split()[1])
    fields = {}
    while line := read_line(file).strip():
        name, _, value = line.decode("latin-1").partition(": ")
        fields[name] = value
    return status, fields, read_body(file, fields)


def read_body(file: BinaryIO, fields: dict[str, str]) -> bytes:
    """Read a body by its length or in chunks."""
    if "content-length" in fields:
        return read_exactly(file, int(fields["content-length"]))
    parts = []
    while size := int(read_line(file), 16):
        parts.append(read_exactly(file, size))
        read_line(file)
    read_line(file)
    return b"".join(parts)


def read_line(file: BinaryIO) -> bytes:
    """Read a line, which must be there."""
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("cut off")
    return line


def read_exactly(file: BinaryIO, size: int) -> bytes:
    """Read so many bytes, which must be there."""
    data = file.read(size)
    if len(data) < size:
        raise ConnectionError("cut off")
    return data


@contextmanager
def running(targets: Iterable[Callable[[], object]]) -> Iterator[list[BaseException]]:
    """Run functions on threads; give a list of what they raised, complete at the end of the block."""
    errors: list[BaseException] = []

    def run(target: Callable[[], object]) -> None:
        try:
            target()
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    yield errors
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive()


def open_sockets(bridge: Bridge) -> int:
    """Count the sockets and files of a process that are not part of its start (Linux)."""
    links = []
    for file in Path(f"/proc/{bridge.server.pid}/fd").iterdir():
        try:
            links.append(os.readlink(file))  # noqa: PTH115 - not a path
        except FileNotFoundError:
            continue
    return sum(link.startswith("socket:") or "deleted" in link for link in links)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
@pytest.mark.parametrize("bodies", ["", "+stream"])
def test_clients_that_vanish(tmp_path: Path, bodies: str) -> None:
    """Clients come, ask, and vanish at any point for five seconds. Every response that arrives is that of its
    own request; afterwards every thread is free, and no socket or file is left open.
    """
    names = ("nonce", "barrier", "class")
    targets = [f"/{name}=tests.apps.wsgi_{name}{bodies}" for name in names]
    with bridge_to("direct", targets, tmp_path, threads=THREADS) as bridge:
        assert bridge.ask("/class").status == 200
        before = open_sockets(bridge)
        crowds = [Crowd(bridge.port, seed) for seed in range(6)]
        end = time.monotonic() + 5
        with running([partial(crowd.run, end) for crowd in crowds]) as errors:
            pass
        assert errors == []
        assert min(crowd.answered for crowd in crowds) > 10
        assert min(crowd.left for crowd in crowds) > 10

        with running([lambda: bridge.ask(f"/barrier?{THREADS}")] * THREADS) as errors:
            pass
        assert errors == []
        end = time.monotonic() + DEADLINE
        while open_sockets(bridge) > before and time.monotonic() < end:
            bridge.ask("/class")
        assert open_sockets(bridge) <= before
    errors_logged = bridge.server.stderr
    assert errors_logged.count("Traceback") == errors_logged.count("ValueError: half-way") > 0
