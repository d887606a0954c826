"""The direct path of WSGI applications: an exchange between the loop, with its connection, and a worker."""

import asyncio
import gc
import logging
import math
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest

import hybrid.server.spool as spool_module
from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.types import (
    BodyPolicy,
    Headers,
    Receive,
    ResponseHead,
    Scope,
    Send,
    ThreadedApplication,
    ThreadedExchange,
)
from hybrid.server.config import Config
from hybrid.server.connection import Connection
from hybrid.server.context import ServerContext
from hybrid.server.threaded import ThreadedExchange as ServerExchange
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http11 import Request
from tests.support.embedded import until
from tests.support.http_peer import Peer, get, on_loop, read_responses, request, settle

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Workers(ThreadedApplication):
    """Takes exchanges for the test, which does the workers' part with :func:`on_thread`.

    ``full`` says that there is no room; what else is given goes to the body policy.
    """

    def __init__(self, *, full: bool = False, **policy: Any) -> None:
        self.body_policy = BodyPolicy(**policy)
        self.exchanges: list[ThreadedExchange] = []
        self.bodies: list[Any] = []
        self._full = full

    def submit(self, exchange: ThreadedExchange) -> None:
        """Keep an exchange."""
        self.bodies.append(exchange.body)
        if self._full:
            raise PoolFull("there is no room")
        self.exchanges.append(exchange)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Never be called: the server knows what this is."""
        raise AssertionError

    @property
    def exchange(self) -> ThreadedExchange:
        """The latest exchange."""
        return self.exchanges[-1]


async def on_thread(function: Callable[..., object], *arguments: object) -> None:
    """Do something as a worker would, and let the loop do what follows from it."""
    await asyncio.to_thread(function, *arguments)
    await settle()


async def answer(exchange: ThreadedExchange, *parts: bytes, length: int | None = None) -> None:
    """Answer as a worker would: parts, and then the end."""
    headers = [] if length is None else [(b"content-length", b"%d" % length)]
    exchange.start(200, "OK", headers)
    for part in parts:
        await on_thread(exchange.write, part)
    await on_thread(exchange.finish)


def spooled(exchange: Any) -> int:
    """Return how many bytes wait on disk."""
    overflow = exchange._overflow
    return overflow._spool.pending if overflow is not None and overflow._spool is not None else 0


def is_done(exchange: Any) -> bool:
    """Whether the response is complete and on its way."""
    return bool(exchange.done)


async def opened(**settings: Any) -> tuple[Peer, Workers]:
    """Send `GET /` to workers."""
    workers = Workers()
    peer = Peer(workers, **settings)
    await peer.send(get())
    return peer, workers


class TestRequest:
    """The loop's half: what happens before a worker has the exchange."""

    @pytest.mark.parametrize("limit", [0, 1000])
    @pytest.mark.parametrize("fields", ["Content-Length: 5", "Transfer-Encoding: chunked"])
    def test_body(self, limit: int, fields: str) -> None:
        """A worker gets the request when its body is complete, as a file; from then on it is the worker's."""
        body = [b"ab", b"cde"] if "Length" in fields else [b"2\r\nab\r\n", b"3\r\ncde\r\n0\r\n\r\n"]

        @on_loop
        async def check() -> None:
            workers = Workers(buffer=limit)
            peer = Peer(workers)
            await peer.send(request("POST", "/", fields, body=body[0]))
            assert not workers.exchanges
            await peer.send(body[1])
            with workers.exchange.body as file:
                assert file.read() == b"abcde"
                await peer.leave()
                assert not file.closed

        check()

    @on_loop
    async def test_no_body(self) -> None:
        """A request without a body has an empty one."""
        _, workers = await opened()
        assert workers.exchange.body.read() == b""

    @pytest.mark.parametrize("how", ["leaves", "sends nonsense"])
    def test_body_that_never_ends_well(self, how: str) -> None:
        """What has come of a body that will never be complete is dropped, and no worker is asked for it."""

        @on_loop
        async def check() -> None:
            workers = Workers(buffer=0)
            peer = Peer(workers)
            await peer.send(request("POST", "/", "Transfer-Encoding: chunked", body=b"2\r\nab\r\n"))
            if how == "leaves":
                await peer.leave()
            else:
                await peer.send(b"nonsense\r\n")
                assert peer.response("POST").status == 400
            assert not workers.exchanges

        check()
        gc.collect()  # a file left open would warn here

    def test_no_room(self, caplog: pytest.LogCaptureFixture) -> None:
        """Where the pool has no room a request is refused with 503 and Retry-After, and its body closed."""

        @on_loop
        async def check() -> None:
            workers = Workers(full=True, buffer=0)
            peer = Peer(workers)
            await peer.send(request("POST", "/path", "Content-Length: 2", body=b"ab"))
            response = peer.response("POST")
            assert response.status == 503
            assert response.values(b"retry-after") == [b"1"]
            assert peer.closed
            assert workers.bodies[0].closed

        check()
        assert "POST b'/path' HTTP/1.1>: refused, there is no room" in caplog.text

    @on_loop
    async def test_continue(self) -> None:
        """A client that holds its body back is told to go on at once: the worker cannot be asked."""
        workers = Workers()
        peer = Peer(workers)
        await peer.send(request("POST", "/", "Content-Length: 2", "Expect: 100-continue"))
        assert peer.transport.take() == CONTINUE
        await peer.send(b"ab")
        await answer(workers.exchange, b"x")
        assert peer.response("POST").body == b"x"

    @on_loop
    async def test_continue_without_a_body(self) -> None:
        """Where no body is to come, nobody waits for it (RFC 9110 section 10.1.1)."""
        workers = Workers()
        peer = Peer(workers)
        await peer.send(get("/", "Expect: 100-continue"))
        assert peer.transport.take() == b""


class TestResponse:
    """The worker's half: what the client gets."""

    @on_loop
    async def test_one_part(self) -> None:
        """A response of one part has a length, and gives the connection back."""
        peer, workers = await opened()
        workers.exchange.start(201, "Made", [(b"x-a", b"1")])
        await on_thread(workers.exchange.finish, b"all")
        response = peer.response()
        assert (response.status, response.body) == (201, b"all")
        assert response.values(b"x-a") == [b"1"]
        assert response.values(b"content-length") == [b"3"]
        await peer.send(get("/next"))
        assert workers.exchange.scope["path"] == "/next"
        assert not peer.closed

    @on_loop
    async def test_nothing_before_the_first_part(self) -> None:
        """The head waits for the first part of the body."""
        peer, workers = await opened()
        workers.exchange.start(200, "OK", [])
        await settle()
        assert peer.transport.take() == b""

    @on_loop
    async def test_parts(self) -> None:
        """Each part has reached the transport when the worker's next one is due."""
        peer, workers = await opened()
        workers.exchange.start(200, "OK", [])
        await on_thread(workers.exchange.write, b"one")
        assert peer.transport.written.endswith(b"\r\n\r\n3\r\none\r\n")
        await on_thread(workers.exchange.write, b"two")
        await on_thread(workers.exchange.finish)
        assert peer.response().body == b"onetwo"

    @on_loop
    async def test_slow_client_does_not_hold_the_worker(self) -> None:
        """What the client does not read waits on disk; when it reads on, everything comes in order."""
        peer, workers = await opened()
        exchange = workers.exchange
        exchange.start(200, "OK", [])
        await peer.stop_reading()
        for number in range(40):
            await on_thread(exchange.write, b"%0100000d" % number)
        await on_thread(exchange.finish)
        assert peer.transport.take() == b""
        assert not is_done(exchange)
        await peer.read_on()
        await until(lambda: is_done(exchange))
        assert peer.response().body == b"".join(b"%0100000d" % number for number in range(40))
        await peer.send(get("/next"))
        assert workers.exchange.scope["path"] == "/next"

    @on_loop
    async def test_client_that_reads_again(self) -> None:
        """When everything spooled has been sent, parts go to the client at once again."""
        peer, workers = await opened()
        workers.exchange.start(200, "OK", [])
        await peer.stop_reading()
        await on_thread(workers.exchange.write, b"one")
        assert peer.transport.take() == b""
        await peer.read_on()
        assert peer.transport.take().endswith(b"3\r\none\r\n")
        await on_thread(workers.exchange.write, b"two")
        assert peer.transport.take() == b"3\r\ntwo\r\n"
        await peer.stop_reading()
        await on_thread(workers.exchange.write, b"three")
        assert peer.transport.take() == b""
        await peer.read_on()
        await on_thread(workers.exchange.finish)
        assert peer.transport.take() == b"5\r\nthree\r\n0\r\n\r\n"

    def test_full_spool_holds_the_worker(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """When the spool is full, write() returns once the client has read half of it."""
        monkeypatch.setattr(spool_module, "SPOOL_SIZE", 1000)

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [(b"content-length", b"5001")])
            await peer.stop_reading()
            writing = asyncio.create_task(on_thread(exchange.write, b"a" * 2000 + b"b" * 3000))
            await until(lambda: spooled(exchange) == 1000)
            await settle()
            assert not writing.done()
            await peer.read_on()
            await writing
            await on_thread(exchange.finish, b"c")
            await until(lambda: is_done(exchange))
            assert peer.response().body == b"a" * 2000 + b"b" * 3000 + b"c"

        check()

    @pytest.mark.parametrize("when", ["at the start", "later"])
    def test_disk_that_is_full(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, when: str
    ) -> None:
        """Without a disk to spool to the worker waits for the client, and the log says why."""

        def fail(*_: object, **__: object) -> int:
            raise OSError("no space left")

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [])
            await peer.stop_reading()
            if when == "later":
                await on_thread(exchange.write, b"one")
                monkeypatch.setattr(os, "pwrite", fail)
            else:
                monkeypatch.setattr(tempfile, "TemporaryFile", fail)
                await peer.read_on()
                await on_thread(exchange.write, b"one")
                await peer.stop_reading()
            writing = asyncio.create_task(on_thread(exchange.write, b"two"))
            await until(lambda: "no space left" in caplog.text)
            await settle()
            assert not writing.done()
            await peer.read_on()
            await writing
            await on_thread(exchange.finish)
            assert peer.response().body == b"onetwo"

        check()
        assert "192.0.2.1:50000: a response cannot be spooled, its thread waits" in caplog.text

    @on_loop
    async def test_huge_part(self) -> None:
        """A part of any size is sent in bounded ones."""
        peer, workers = await opened()
        workers.exchange.start(200, "OK", [])
        await on_thread(workers.exchange.write, b"x" * 1_000_000)
        await on_thread(workers.exchange.finish)
        data = peer.transport.take()
        assert read_responses(data)[0].body == b"x" * 1_000_000
        assert data.count(b"\r\n40000\r\n") == 3

    @on_loop
    async def test_slow_client_does_not_hold_the_last_part(self) -> None:
        """The last part is the loop's to send: the worker is free, however large it is."""
        peer, workers = await opened()
        await peer.stop_reading()
        workers.exchange.start(200, "OK", [])
        await on_thread(workers.exchange.finish, b"x" * 1_000_000)
        assert len(peer.response().body) == 1_000_000

    @on_loop
    async def test_worker_that_is_faster_than_the_loop(self) -> None:
        """A worker leaves a bounded number of bytes for the loop before it waits for it to come."""
        peer, workers = await opened()
        exchange = workers.exchange
        written = []

        def write_much() -> None:
            for number in range(100):
                exchange.write(b"x" * 10_000)
                written.append(number)
            exchange.finish()

        exchange.start(200, "OK", [])
        worker = asyncio.get_running_loop().run_in_executor(None, write_much)
        while len(written) < 6:  # the loop does nothing else meanwhile
            pass
        assert peer.transport.take() == b""
        assert len(written) == 6
        await worker
        assert len(written) == 100

    @on_loop
    async def test_length_that_is_reached_before_the_end(self, caplog: pytest.LogCaptureFixture) -> None:
        """A response that has its announced length is complete, once: what comes after is nothing, and the
        next response on the connection is not disturbed.
        """
        caplog.set_level(logging.INFO, "hybrid.access")
        workers = Workers()
        peer = Peer(workers, access_log=True)
        await peer.send(get("/1") + get("/2"))
        first = workers.exchange
        first.start(200, "OK", [(b"content-length", b"3")])
        await on_thread(first.write, b"one")
        assert len(workers.exchanges) == 2
        workers.exchange.start(200, "OK", [])
        await on_thread(workers.exchange.write, b"two")
        await on_thread(first.finish)
        first.abort()
        await on_thread(workers.exchange.finish)
        assert [response.body for response in peer.responses("GET", "GET")] == [b"one", b"two"]
        logged = [record.getMessage().rpartition(" ")[0] for record in caplog.records]
        assert logged == [
            '192.0.2.1:50000 - "GET /1 HTTP/1.1" 200',
            '192.0.2.1:50000 - "GET /2 HTTP/1.1" 200',
        ]

    @on_loop
    async def test_pipelined_requests_run_one_after_another(self) -> None:
        """A request is not given to a worker before the response to the one before it is on its way."""
        workers = Workers()
        peer = Peer(workers)
        await peer.send(get("/1") + get("/2") + get("/3"))
        for number in (b"1", b"2", b"3"):
            assert len(workers.exchanges) == int(number)
            await answer(workers.exchange, number)
        assert [response.body for response in peer.responses(*["GET"] * 3)] == [b"1", b"2", b"3"]

    @on_loop
    async def test_connection_close(self) -> None:
        """A client that wants to close gets its response, and then the end."""
        workers = Workers()
        peer = Peer(workers)
        await peer.send(get("/", "Connection: close"))
        await answer(workers.exchange, b"x")
        assert peer.closed
        assert peer.response().values(b"connection") == [b"close"]

    @on_loop
    async def test_repr(self) -> None:
        """The repr names the request, and says how far it is."""
        peer, workers = await opened()
        exchange = workers.exchange
        assert repr(exchange) == "<ThreadedExchange <Request GET b'/' HTTP/1.1> open>"
        exchange.start(200, "OK", [])
        await on_thread(exchange.finish)
        assert repr(exchange).endswith(" done>")
        await peer.send(get())
        await peer.leave()
        assert repr(workers.exchange).endswith(" disconnected>")


class TestInterim:
    """Responses ahead of the response (RFC 9110 section 15.2)."""

    HINT: ClassVar[Headers] = [(b"link", b"</a>")]

    @on_loop
    async def test_order(self) -> None:
        """They are sent at once, in order, and the response follows as ever."""
        peer, workers = await opened()
        await on_thread(workers.exchange.interim, 103, self.HINT)
        assert peer.transport.written == b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
        await on_thread(workers.exchange.interim, 103, [])
        await answer(workers.exchange, b"one", b"two")
        hint, empty, response = peer.responses("GET")
        assert (hint.status, hint.values(b"link")) == (103, [b"</a>"])
        assert (empty.status, empty.headers) == (103, [])
        assert (response.status, response.body, response.values(b"link")) == (200, b"onetwo", [])
        assert not peer.closed

    @on_loop
    async def test_client_that_has_left(self) -> None:
        """It raises, as everything that is sent to nobody does."""
        peer, workers = await opened()
        await peer.leave()
        with pytest.raises(ClientDisconnected):
            await on_thread(workers.exchange.interim, 103, self.HINT)

    @on_loop
    async def test_slow_client_holds_the_worker(self) -> None:
        """What waits for a client is bounded: the worker waits when that does not read."""
        peer, workers = await opened()
        await peer.stop_reading()
        hinting = asyncio.create_task(on_thread(workers.exchange.interim, 103, self.HINT))
        while b"103" not in peer.transport.written:
            await asyncio.sleep(0)
        await settle()
        assert not hinting.done()
        await peer.read_on()
        await hinting

    @on_loop
    async def test_nobody_has_answered_yet(self) -> None:
        """After them somebody else can still answer for a stuck application; after that they are dropped."""
        peer, workers = await opened()
        exchange = workers.exchange
        await on_thread(exchange.interim, 103, self.HINT)
        exchange.reject(504, "Gateway Timeout", [])
        with pytest.raises(ClientDisconnected):
            await on_thread(exchange.interim, 103, self.HINT)
        assert [response.status for response in peer.responses("GET")] == [103, 504]


class TestFile:
    """A response whose last part is a file's."""

    @pytest.mark.parametrize("size", [1, 65_536, 300_000])
    def test_whole_response(self, tmp_path: Path, size: int) -> None:
        """It comes with its length; the file may be closed at once, and the connection goes on."""
        path = tmp_path / "file"
        path.write_bytes(b"12345" + b"x" * size)

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [])
            with path.open("rb") as file:
                await asyncio.to_thread(exchange.send_file, file.fileno(), 5, size)
            await until(lambda: is_done(exchange))
            response = peer.response()
            assert response.body == b"x" * size
            assert response.values(b"content-length") == [b"%d" % size]
            await peer.send(get("/next"))
            assert workers.exchange.scope["path"] == "/next"

        check()

    @pytest.mark.parametrize("length", [None, 11])
    @pytest.mark.parametrize("slow", [False, True])
    def test_after_other_parts(self, tmp_path: Path, length: int | None, slow: bool) -> None:
        """It comes after what was written before, in the same framing, spooled or not."""
        path = tmp_path / "file"
        path.write_bytes(b"012three")

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [] if length is None else [(b"content-length", b"%d" % length)])
            if slow:
                await peer.stop_reading()
            await on_thread(exchange.write, b"one")
            await on_thread(exchange.write, b"two")
            with path.open("rb") as file:
                sending = asyncio.create_task(on_thread(exchange.send_file, file.fileno(), 3, 5))
                await settle()
                if slow:
                    assert not sending.done()
                    await peer.read_on()
                await sending
            await until(lambda: is_done(exchange))
            assert peer.response().body == b"onetwothree"

        check()

    @pytest.mark.parametrize("when", ["before", "at the same time", "in the middle"])
    def test_client_leaves(self, tmp_path: Path, when: str) -> None:
        """Nothing is left open."""
        path = tmp_path / "file"
        path.write_bytes(b"x" * 1_000_000)

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [])
            with path.open("rb") as file:
                send = partial(exchange.send_file, file.fileno(), 0, 1_000_000)
                if when == "before":
                    await peer.leave()
                    with pytest.raises(ClientDisconnected):
                        await on_thread(send)
                elif when == "in the middle":
                    await peer.stop_reading()
                    await on_thread(send)
                    await peer.leave()
                else:
                    send()  # a worker: the loop comes to it only after the client's leaving
                    await peer.leave()
            await on_thread(exchange.abort)

        check()
        gc.collect()

    @pytest.mark.parametrize("status", [200, 304])
    def test_no_body(self, tmp_path: Path, status: int) -> None:
        """Where there can be no body the caller is told, and nothing is sent."""
        path = tmp_path / "file"
        path.write_bytes(b"x")

        @on_loop
        async def check() -> None:
            workers = Workers()
            peer = Peer(workers)
            await peer.send(request("HEAD" if status == 200 else "GET", "/"))
            workers.exchange.start(status, "", [])
            with path.open("rb") as file, pytest.raises(ResponseError, match="without a body"):
                workers.exchange.send_file(file.fileno(), 0, 1)
            assert peer.transport.take() == b""

        check()
        gc.collect()


class TestRejected:
    """Somebody else answers while a response waits for its client."""

    @on_loop
    async def test_response_that_has_begun(self) -> None:
        """It is cut off, and the worker is told."""
        peer, workers = await opened()
        exchange = workers.exchange
        exchange.start(200, "OK", [])
        await peer.stop_reading()
        await on_thread(exchange.write, b"one")
        exchange.reject(504, "Gateway Timeout", [])
        await settle()
        assert peer.transport.aborted
        with pytest.raises(ClientDisconnected):
            await on_thread(exchange.write, b"two")
        await on_thread(exchange.abort)
        gc.collect()

    @pytest.mark.parametrize("what", ["part", "file"])
    def test_worker_that_comes_a_moment_later(self, tmp_path: Path, what: str) -> None:
        """What it leaves is dropped: the client has had its answer."""
        path = tmp_path / "file"
        path.write_bytes(b"part")

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange: Any = workers.exchange
            exchange.start(200, "OK", [])
            await peer.stop_reading()
            with path.open("rb") as file:
                exchange.reject(504, "Gateway Timeout", [])
                exchange.done = False  # as the worker saw it a moment ago
                if what == "part":
                    exchange.write(b"part")
                else:
                    exchange.send_file(file.fileno(), 0, 4)
                exchange.done = True
            await on_thread(exchange.abort)
            assert peer.response().status == 504

        check()
        gc.collect()

    def test_while_the_worker_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A worker that waits for room is let go."""
        monkeypatch.setattr(spool_module, "SPOOL_SIZE", 1000)

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [])
            await peer.stop_reading()
            writing = asyncio.create_task(on_thread(exchange.write, b"x" * 2000))
            await until(lambda: spooled(exchange) == 1000)
            assert exchange.progress == math.inf  # it waits for its client, and is not stuck
            exchange.reject(413, "Content Too Large", [])
            with pytest.raises(ClientDisconnected):
                await writing
            assert exchange.progress < math.inf
            await on_thread(exchange.abort)

        check()
        gc.collect()


class TestAbort:
    """A response that cannot be completed."""

    @on_loop
    async def test_in_the_middle(self) -> None:
        """The connection is cut off, so that the client can tell."""
        peer, workers = await opened()
        workers.exchange.start(200, "OK", [])
        await on_thread(workers.exchange.write, b"begun")
        await on_thread(workers.exchange.abort)
        assert peer.transport.aborted

    @pytest.mark.parametrize("parts", [[], [b"x" * 100_000]])
    @pytest.mark.parametrize("access_log", [False, True])
    def test_after_the_end(self, parts: list[bytes], access_log: bool) -> None:
        """A complete response is left alone, though the loop has not come to sending it."""

        @on_loop
        async def check() -> None:
            peer, workers = await opened(access_log=access_log)
            exchange = workers.exchange

            def finish_and_fail() -> None:
                exchange.finish(b"".join(parts))
                exchange.abort()  # an iterable's close() failed

            exchange.start(200, "OK", [])
            await on_thread(finish_and_fail)
            assert not peer.transport.aborted
            assert peer.response().body == b"".join(parts)

        check()

    @on_loop
    async def test_after_the_end_of_a_spooled_response(self) -> None:
        """So is one that waits for its client to read."""
        peer, workers = await opened()
        exchange = workers.exchange

        def finish_and_fail() -> None:
            exchange.write(b"one")
            exchange.finish()
            exchange.abort()

        exchange.start(200, "OK", [])
        await peer.stop_reading()
        await on_thread(finish_and_fail)
        await peer.read_on()
        await until(lambda: is_done(exchange))
        assert not peer.transport.aborted
        assert peer.response().body == b"one"

    @on_loop
    async def test_in_the_middle_of_a_spooled_response(self) -> None:
        """What the client has not read of a response that is cut off is dropped."""
        peer, workers = await opened()
        workers.exchange.start(200, "OK", [])
        await peer.stop_reading()
        await on_thread(workers.exchange.write, b"begun")
        await on_thread(workers.exchange.abort)
        assert peer.transport.aborted
        assert peer.transport.take() == b""


class TestDisconnect:
    """The client leaves, or only stops sending."""

    @on_loop
    async def test_before_the_response(self) -> None:
        """The exchange says so, and whatever the worker sends raises."""
        peer, workers = await opened()
        exchange = workers.exchange
        assert not exchange.disconnected
        await peer.leave()
        assert workers.exchange.disconnected
        exchange.start(200, "OK", [])
        for send in (exchange.write, exchange.finish):
            with pytest.raises(ClientDisconnected):
                await on_thread(send, b"x")
        await on_thread(exchange.abort)
        assert peer.transport.take() == b""

    def test_while_the_worker_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A worker that waits for a slow client is let go when that leaves."""
        monkeypatch.setattr(spool_module, "SPOOL_SIZE", 1000)

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [])
            await peer.stop_reading()
            writing = asyncio.create_task(on_thread(exchange.write, b"x" * 2000))
            await until(lambda: spooled(exchange) == 1000)
            await peer.leave()
            with pytest.raises(ClientDisconnected):
                await writing
            await on_thread(exchange.abort)

        check()
        gc.collect()  # a file left open would warn here

    @pytest.mark.parametrize("finished", [False, True])
    def test_with_a_spool(self, finished: bool) -> None:
        """A client that leaves what is spooled for it ends the response; nothing stays open."""

        @on_loop
        async def check() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [])
            await peer.stop_reading()
            await on_thread(exchange.write, b"one")
            if finished:
                await on_thread(exchange.finish)
            await peer.leave()
            if not finished:
                with pytest.raises(ClientDisconnected):
                    await on_thread(exchange.write, b"two")
                await on_thread(exchange.abort)
            assert peer.transport.take() == b""

        check()
        gc.collect()

    @on_loop
    async def test_between_two_looks_of_the_worker(self) -> None:
        """A client that leaves just before the worker begins to spool leaves nothing open either."""
        peer, workers = await opened()
        exchange = workers.exchange
        exchange.start(200, "OK", [])

        def leave_and_write() -> None:
            loop = peer.context.loop
            asyncio.run_coroutine_threadsafe(peer.leave(), loop).result()
            peer.connection.closed = False  # as the worker saw it a moment ago
            exchange.write(b"one")
            peer.connection.closed = True

        await on_thread(leave_and_write)
        await on_thread(exchange.abort)

    @on_loop
    async def test_after_the_end(self) -> None:
        """A client that leaves when it has its response is no error for a worker that is not done yet."""
        peer, workers = await opened()
        workers.exchange.start(200, "OK", [(b"content-length", b"3")])
        await on_thread(workers.exchange.write, b"all")
        await peer.leave()
        await on_thread(workers.exchange.finish)

    @on_loop
    async def test_client_that_closes_its_direction(self) -> None:
        """It still gets its response (RFC 9112 section 9.6), and the connection is closed after that."""
        peer, workers = await opened()
        await peer.send_eof()
        assert workers.exchange.disconnected  # as far as anybody can tell
        await answer(workers.exchange, b"one", b"two")
        assert peer.response().body == b"onetwo"
        assert peer.closed


class TestStop:
    """The server stops."""

    @on_loop
    async def test_drain_before_the_head(self) -> None:
        """A response that has not begun says that it is the connection's last."""
        peer, workers = await opened()
        peer.connection.drain()
        await answer(workers.exchange, b"x")
        assert peer.closed
        assert peer.response().values(b"connection") == [b"close"]

    @on_loop
    async def test_drain_after_the_head(self) -> None:
        """One that has begun is completed, and the connection closed after it."""
        peer, workers = await opened()
        exchange = workers.exchange
        exchange.start(200, "OK", [])
        await on_thread(exchange.write, b"one")
        peer.connection.drain()
        await settle()
        assert not peer.transport.closing
        await on_thread(exchange.finish)
        assert peer.closed
        assert peer.response().body == b"one"

    def test_cancelled_while_a_worker_waits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A loop that cancels all its tasks at its end lets a waiting worker go."""
        monkeypatch.setattr(spool_module, "SPOOL_SIZE", 1000)
        outcome: list[BaseException] = []

        async def main() -> None:
            peer, workers = await opened()
            exchange = workers.exchange
            exchange.start(200, "OK", [])
            await peer.stop_reading()

            def write() -> None:
                try:
                    exchange.write(b"x" * 2000)
                except OSError as error:
                    outcome.append(error)
                    exchange.abort()

            worker = asyncio.get_running_loop().run_in_executor(None, write)
            await until(lambda: spooled(exchange) == 1000)
            worker.cancel()  # nobody waits for it here: the loop's end does
            with suppress(asyncio.CancelledError):
                await worker
            await peer.leave()

        asyncio.run(main())
        (error,) = outcome
        assert isinstance(error, ClientDisconnected)

    def test_loop_is_closed(self) -> None:
        """A worker that comes back after the end of the loop is told that the client has left."""

        async def main() -> ThreadedExchange:
            _, workers = await opened()
            return workers.exchange

        exchange = asyncio.run(main())
        exchange.start(200, "OK", [])
        with pytest.raises(ClientDisconnected):
            exchange.write(b"part")
        exchange.abort()
        gc.collect()  # a coroutine that was never awaited would warn here

    def test_loop_is_closed_while_a_worker_writes(self) -> None:
        """So is one that had left something for the loop already."""
        loop = asyncio.new_event_loop()
        config = Config(app=Workers())
        connection = Connection(ServerContext(config, Workers(), loop))
        exchange = ServerExchange(connection, Request("GET", b"/", "1.1", []), {}, Workers(), print)
        exchange.start(200, "OK", [])
        exchange.write(b"one")
        loop.close()
        with pytest.raises(ClientDisconnected, match="stopped"):
            exchange.write(b"x" * 100_000)


@pytest.mark.parametrize(("version", "kept"), [("1.0", False), ("1.1", True), ("2", True)])
def test_heads_that_are_put_together_before(version: str, kept: bool) -> None:
    """A whole response is a head that is encoded once for all, and its body; but HTTP/1.0 needs one that says
    what becomes of the connection.
    """

    @on_loop
    async def check() -> None:
        workers = Workers()
        peer = Peer(workers)
        it = ServerExchange(peer.connection, Request("GET", b"/", version, []), {}, workers, lambda: None)
        await on_thread(it.respond, ResponseHead(200, "OK", [(b"x-a", b"1")], None), b"hello")
        raw = peer.transport.take()
        (response,) = read_responses(raw)
        assert (response.status, response.body) == (200, b"hello")
        assert response.values(b"x-a") == [b"1"]
        assert response.values(b"connection") == ([] if kept else [b"keep-alive"])
        assert hasattr(it, "_encoder") is not kept

    check()


def test_head_and_body_as_a_client_reads_them() -> None:
    """A response to HEAD has no body; the worker sends it all the same."""

    @on_loop
    async def check() -> None:
        workers = Workers()
        peer = Peer(workers)
        await peer.send(request("HEAD", "/") + get())
        await answer(workers.exchange, b"one", b"two")
        await answer(workers.exchange, b"body")
        responses = read_responses(peer.transport.take(), "HEAD", "GET")
        assert [response.body for response in responses] == [b"", b"body"]

    check()
