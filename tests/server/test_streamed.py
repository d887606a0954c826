"""An exchange whose body a worker reads while it comes, between its connection and that worker."""

import asyncio
import logging
import math
import time
from typing import Any

import pytest

from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.types import BodyPolicy, Receive, Scope, Send, ThreadedApplication, ThreadedExchange
from hybrid.bridge.wsgi.lull import Lull
from tests.support.embedded import until
from tests.support.http_peer import Peer, get, on_loop, request, settle

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = "Transfer-Encoding: chunked"
EXPECTS = ("Content-Length: 5", "Expect: 100-continue")
FULL = 64 * 1024


class Workers(ThreadedApplication):
    """Takes exchanges for the test, which does the workers' part with :func:`on_thread`.

    ``full`` says that there is no room; what else is given goes to the body policy.
    """

    def __init__(self, *, full: bool = False, **policy: Any) -> None:
        self.body_policy = BodyPolicy(**{"stream": True, **policy})
        self.exchanges: list[ThreadedExchange] = []
        self._full = full

    def submit(self, exchange: ThreadedExchange) -> None:
        """Keep an exchange."""
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


async def on_thread(function: Any, *arguments: object) -> Any:
    """Do something as a worker would, and let the loop do what follows from it."""
    result = await asyncio.to_thread(function, *arguments)
    await settle()
    return result


async def read(workers: Workers, size: int = -1) -> Any:
    """Read the body of the latest exchange on a thread."""
    return await on_thread(workers.exchange.body.read, size)


async def answer(exchange: ThreadedExchange, body: bytes) -> None:
    """Answer as a worker would."""
    exchange.start(200, "OK", [])
    await on_thread(exchange.finish, body)


async def posted(*fields: str, body: bytes = b"", **settings: Any) -> tuple[Peer, Workers]:
    """Send `POST /` to workers that read as the body comes."""
    workers = Workers()
    peer = Peer(workers, **settings)
    await peer.send(request("POST", "/", *fields, body=body))
    return peer, workers


class TestBody:
    """The body on its way from the connection to the worker."""

    @pytest.mark.parametrize("chunked", [False, True])
    def test_as_it_comes(self, chunked: bool) -> None:
        """The worker has the request from its head on, reads what is there, and gets to the end."""

        def coded(data: bytes) -> bytes:
            return b"%x\r\n%b\r\n" % (len(data), data) if chunked else data

        @on_loop
        async def check() -> None:
            peer, workers = await posted(CHUNKED if chunked else "Content-Length: 5")
            assert len(workers.exchanges) == 1
            await peer.send(coded(b"ab"))
            assert await read(workers, 2) == b"ab"
            reading = asyncio.create_task(read(workers))
            await peer.send(coded(b"cde"))
            if chunked:
                await peer.send(b"0\r\n\r\n")
            assert await reading == b"cde"
            assert await read(workers) == b""
            await answer(workers.exchange, b"x")
            assert peer.response("POST").body == b"x"
            assert not peer.closed

        check()

    @on_loop
    async def test_byte_by_byte(self) -> None:
        """A body that comes in single bytes, head and all, is whole."""
        workers = Workers()
        peer = Peer(workers)
        for byte in request("POST", "/", CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"):
            await peer.send(bytes([byte]))
        assert await read(workers) == b"hello"

    @on_loop
    async def test_no_body(self) -> None:
        """A request without a body has an empty one, as without streaming."""
        workers = Workers()
        await Peer(workers).send(get())
        assert (workers.exchange.body.read(), workers.exchange.body.seekable()) == (b"", True)

    @on_loop
    async def test_full(self) -> None:
        """Reading from the socket pauses while the worker does not read, and goes on when it has."""
        part = FULL // 8
        peer, workers = await posted("Content-Length: 1000000")
        for _ in range(8):
            assert peer.transport.is_reading()
            await peer.send(b"x" * part)
        assert not peer.transport.is_reading()
        assert len(await read(workers, 2 * part)) == 2 * part
        assert not peer.transport.is_reading()
        assert len(await read(workers, 3 * part)) == 3 * part
        assert peer.transport.is_reading()

    @pytest.mark.parametrize("expects", [False, True])
    def test_worker_that_waits_while_jobs_wait(self, expects: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        """What asks the client for more is not held back as responses are while many jobs wait: the worker
        has nothing else to do.
        """
        monkeypatch.setattr("sys.getswitchinterval", lambda: 3600.0)
        monkeypatch.setattr("hybrid.server.outbox._LONGEST_PAUSE", 3600.0)

        @on_loop
        async def check() -> None:
            size = 2 * FULL
            peer, workers = await posted(f"Content-Length: {size}", *EXPECTS[1:] * expects)
            outbox = peer.context.outbox
            outbox.lulls = [Lull(range(100))]
            outbox.put(lambda _: None, b"")
            await settle()
            if not expects:
                await peer.send(b"x" * FULL)
                assert not peer.transport.is_reading()
            reading = asyncio.create_task(read(workers))
            asked = (lambda: CONTINUE in peer.transport.written) if expects else peer.transport.is_reading
            try:
                await until(asked)
            except BaseException:
                await peer.leave()  # so that the worker does
                raise
            await peer.send(b"x" * (size if expects else FULL))
            assert len(await reading) == size

        check()

    @on_loop
    async def test_waiting_for_the_client_is_not_being_stuck(self) -> None:
        """A worker that waits for the body makes as much progress as can be; afterwards it is looked at."""
        peer, workers = await posted("Content-Length: 1")
        reading = asyncio.create_task(read(workers))
        while workers.exchange.progress != math.inf:
            await asyncio.sleep(0)
        before = time.monotonic()
        await peer.send(b"x")
        await reading
        assert before <= workers.exchange.progress <= time.monotonic()

    @pytest.mark.parametrize("begun", [False, True])
    def test_given_up(self, begun: bool) -> None:
        """A worker whose request somebody else has answered, as it took too long, cannot read on."""

        @on_loop
        async def check() -> None:
            peer, workers = await posted("Content-Length: 5", body=b"ab")
            if begun:
                workers.exchange.start(200, "OK", [])
                await on_thread(workers.exchange.write, b"begun")
            workers.exchange.reject(504, "Gateway Timeout", [])
            await settle()
            assert peer.transport.aborted == begun
            if not begun:
                assert peer.response("POST").status == 504
            with pytest.raises(ClientDisconnected):
                await read(workers)

        check()

    @on_loop
    async def test_nothing_beyond_the_body(self) -> None:
        """What follows the body is the next request, which waits for the response."""
        peer, workers = await posted("Content-Length: 5", body=b"hello" + get("/next"))
        assert await read(workers) == b"hello"
        assert len(workers.exchanges) == 1
        await answer(workers.exchange, b"1")
        assert workers.exchange.scope["path"] == "/next"
        await answer(workers.exchange, b"2")
        assert [response.body for response in peer.responses("POST", "GET")] == [b"1", b"2"]


class TestContinue:
    """A client that waits to be told that it may send its body."""

    @on_loop
    async def test_when_the_worker_waits(self) -> None:
        """It is told so when the worker wants to read, and once."""
        peer, workers = await posted(*EXPECTS)
        assert peer.transport.take() == b""
        reading = asyncio.create_task(read(workers))
        while not peer.transport.written:
            await asyncio.sleep(0)
        assert peer.transport.take() == CONTINUE
        await peer.send(b"he")
        await peer.send(b"llo")
        assert await reading == b"hello"
        await answer(workers.exchange, b"x")
        assert peer.response("POST").body == b"x"
        assert not peer.closed

    @on_loop
    async def test_answer_without_reading(self) -> None:
        """It is not told so when the application answers without reading; nobody knows then whether the body
        comes, and the connection closes.
        """
        peer, workers = await posted(*EXPECTS)
        await answer(workers.exchange, b"no")
        response = peer.response("POST")
        assert (response.body, response.values(b"connection")) == (b"no", [b"close"])
        assert peer.closed

    @on_loop
    async def test_body_that_is_here(self) -> None:
        """A client that did not wait is not told anything, and may stay."""
        peer, workers = await posted(*EXPECTS, body=b"he")
        reading = asyncio.create_task(read(workers))
        await settle()
        await peer.send(b"llo")
        assert await reading == b"hello"
        await answer(workers.exchange, b"x")
        assert peer.response("POST").values(b"connection") == []

    @on_loop
    async def test_in_the_middle_of_a_response(self) -> None:
        """Once the response has begun, 100 would be a part of it."""
        peer, workers = await posted(*EXPECTS)
        workers.exchange.start(200, "OK", [])
        await on_thread(workers.exchange.write, b"part")
        reading = asyncio.create_task(read(workers))
        while not workers.exchange._asked:  # type: ignore[attr-defined]
            await asyncio.sleep(0)
        await settle()
        await peer.send(b"hello")
        assert await reading == b"hello"
        await on_thread(workers.exchange.finish)
        assert peer.response("POST").body == b"part"
        assert peer.closed

    @on_loop
    async def test_without_expectation(self) -> None:
        """Nobody else is told."""
        peer, workers = await posted("Content-Length: 5")
        reading = asyncio.create_task(read(workers))
        await settle()
        await peer.send(b"hello")
        assert await reading == b"hello"
        assert peer.transport.take() == b""


class TestUnread:
    """Responses to bodies that were not read to their end."""

    @on_loop
    async def test_small_rest(self) -> None:
        """A small rest is read away, and the next request is served."""
        peer, workers = await posted("Content-Length: 1000", body=b"x" * 500)
        await answer(workers.exchange, b"1")
        await peer.send(b"x" * 500 + get("/next"))
        assert workers.exchange.scope["path"] == "/next"
        await answer(workers.exchange, b"2")
        assert [response.body for response in peer.responses("POST", "GET")] == [b"1", b"2"]
        assert not peer.closed

    @on_loop
    async def test_whole_body_and_a_pipelined_request(self) -> None:
        """So is a body that is here, and that nobody looked at."""
        body = b"5\r\nhello\r\n0\r\n\r\n"
        peer, workers = await posted(CHUNKED, body=body + get("/next"))
        await answer(workers.exchange, b"1")
        assert workers.exchange.scope["path"] == "/next"
        await answer(workers.exchange, b"2")
        assert len(peer.responses("POST", "GET")) == 2

    @on_loop
    async def test_large_rest(self) -> None:
        """A large one ends the connection, politely; it had been paused, and is read again for that."""
        peer, workers = await posted("Content-Length: 1000000", body=b"x" * 2 * FULL)
        assert not peer.transport.is_reading()
        await answer(workers.exchange, b"1")
        assert peer.transport.is_reading()
        assert peer.response("POST").body == b"1"
        await peer.send(b"x" * 2 * FULL)
        assert peer.transport.eof_written

    @on_loop
    async def test_worker_that_reads_on(self) -> None:
        """A worker that reads after its response is complete is not stuck."""
        peer, workers = await posted("Content-Length: 5", body=b"ab")
        first = workers.exchange
        await answer(first, b"1")
        await peer.send(b"cde" + get("/next"))
        assert await on_thread(first.body.read, 2) == b"ab"
        with pytest.raises(ClientDisconnected, match="the response is complete"):
            await on_thread(first.body.read)
        await answer(workers.exchange, b"2")
        assert len(peer.responses("POST", "GET")) == 2


class TestFailing:
    """Bodies that will not be complete."""

    @pytest.mark.parametrize("waiting", [False, True])
    def test_client_leaves(self, waiting: bool) -> None:
        """Reading raises, and so does writing."""

        @on_loop
        async def check() -> None:
            peer, workers = await posted("Content-Length: 5", body=b"ab")
            reading = asyncio.create_task(read(workers)) if waiting else None
            await settle()
            await peer.leave()
            with pytest.raises(ClientDisconnected, match="the client has left"):
                await (reading or read(workers))
            assert workers.exchange.disconnected
            workers.exchange.start(200, "OK", [])
            with pytest.raises(ClientDisconnected):
                await on_thread(workers.exchange.write, b"x")
            await on_thread(workers.exchange.abort)
            assert peer.transport.take() == b""

        check()

    @on_loop
    async def test_client_closes_its_direction(self) -> None:
        """In the middle of the body that is the same as leaving; after it, it is not."""
        peer, workers = await posted("Content-Length: 5", body=b"ab")
        await peer.send_eof()
        with pytest.raises(ClientDisconnected):
            await read(workers)
        peer, workers = await posted("Content-Length: 5", body=b"hello")
        await peer.send_eof()
        assert await read(workers) == b"hello"
        await answer(workers.exchange, b"x")
        assert peer.response("POST").body == b"x"

    @pytest.mark.parametrize("bad", [(b"nonsense\r\n", 400), (b"6\r\n", 413)])
    @pytest.mark.parametrize("how", ["reads", "reads later", "has started", "answers"])
    def test_refused(self, bad: tuple[bytes, int], how: str, caplog: pytest.LogCaptureFixture) -> None:
        """A body that turns out to be malformed or too large is answered by the server; the worker's read
        raises, and what it answers is dropped.
        """
        data, status = bad
        caplog.set_level(logging.INFO, "hybrid.access")

        @on_loop
        async def check() -> None:
            peer, workers = await posted(CHUNKED, body=b"2\r\nab\r\n", limit_request_body=7, access_log=True)
            exchange = workers.exchange
            reading = asyncio.create_task(read(workers)) if how == "reads" else None
            if how == "has started":
                exchange.start(200, "OK", [])
            await settle()
            if how == "answers":  # left in the outbox, which the loop has not come to
                exchange.start(200, "OK", [])
                exchange.finish(b"x")
            peer.transport.receive(data + get("/smuggled"))
            await settle()
            if how != "answers":
                with pytest.raises(ClientDisconnected):
                    await (reading or read(workers))
                if how != "has started":
                    exchange.start(500, "Internal Server Error", [])
                with pytest.raises(ClientDisconnected):
                    await on_thread(exchange.finish, b"late")
                await on_thread(exchange.abort)
            assert peer.response("POST").status == status
            assert peer.transport.eof_written
            assert not peer.transport.aborted
            assert len(workers.exchanges) == 1

        check()
        assert [record.getMessage().split(" ")[-2] for record in caplog.records] == [str(status)]

    @pytest.mark.parametrize("data", [b"nonsense\r\n", b"6\r\n"])
    def test_refused_in_the_middle_of_a_response(self, data: bytes) -> None:
        """A response that has begun is cut off instead, so that the client can tell."""

        @on_loop
        async def check() -> None:
            peer, workers = await posted(CHUNKED, body=b"2\r\nab\r\n", limit_request_body=7)
            workers.exchange.start(200, "OK", [])
            await on_thread(workers.exchange.write, b"begun")
            await peer.send(data)
            assert peer.transport.aborted
            with pytest.raises(ClientDisconnected):
                await read(workers)
            with pytest.raises(ClientDisconnected):
                await on_thread(workers.exchange.write, b"x")

        check()

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_limit_of_the_application(self, stream: bool, chunked: bool) -> None:
        """An application may take less than the server: the limit of its own is kept the same way."""

        @on_loop
        async def check() -> None:
            workers = Workers(stream=stream, limit=4)
            peer = Peer(workers)
            field, body = (CHUNKED, b"5\r\nhello\r\n") if chunked else ("Content-Length: 5", b"")
            await peer.send(request("POST", "/", field, "Expect: 100-continue", body=body))
            response = peer.responses("POST")[-1]
            assert (response.status, response.body) == (413, b"request body too large")
            assert peer.closed
            assert len(workers.exchanges) == (stream and chunked)

        check()

    @pytest.mark.parametrize("body", [b"", b"he", b"hello" + get("/next")])
    def test_no_room(self, body: bytes) -> None:
        """Where the pool has no room the request is refused at its head, before any of the body."""

        @on_loop
        async def check() -> None:
            workers = Workers(full=True)
            peer = Peer(workers)
            await peer.send(request("POST", "/", *EXPECTS, body=body))
            response = peer.response("POST")
            assert response.status == 503
            assert response.values(b"retry-after") == [b"1"]
            assert peer.closed

        check()

    @on_loop
    async def test_stopped(self) -> None:
        """A server that cuts its connections off lets the worker go."""
        peer, workers = await posted("Content-Length: 5", body=b"ab")
        reading = asyncio.create_task(read(workers))
        await settle()
        peer.connection.abort()
        with pytest.raises(ClientDisconnected):
            await reading

    @on_loop
    async def test_drain(self) -> None:
        """A server that drains reads the body to its end, and closes with the response."""
        peer, workers = await posted("Content-Length: 5", body=b"ab")
        peer.context.draining = True
        peer.connection.drain()
        await peer.send(b"cde")
        assert await read(workers) == b"abcde"
        await answer(workers.exchange, b"x")
        assert peer.response("POST").values(b"connection") == [b"close"]
        assert peer.closed
