"""Request bodies under any ASGI server: read as they come, and bounded. The test plays the server."""

import asyncio
import gc
import math
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from wsgiref.types import StartResponse

import pytest

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import BodyPolicy, Message
from hybrid.bridge.wsgi.adapter import ResponseAborted, WSGIToASGI
from hybrid.bridge.wsgi.feeder import StreamFeeder
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.support.embedded import until
from tests.support.exchanges import RecordedExchange, http_scope

Environ = dict[str, Any]
DEADLINE = 20.0
STREAM = BodyPolicy(stream=True)
FULL = 64 * 1024
DISCONNECT: Message = {"type": "http.disconnect"}


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    """Give a pool of two threads, none of which may be stuck at the end."""
    pool = ThreadPool(2)
    yield pool
    assert pool.close(DEADLINE)


def run(main: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine on a loop of its own, within the deadline."""

    async def in_time() -> None:
        async with asyncio.timeout(DEADLINE):
            await main

    asyncio.run(in_time())
    gc.collect()  # what nobody awaited, retrieved or closed would warn here


class Server:
    """One ASGI call, whose events the test gives one by one.

    Attributes:
        sent: the messages that came.
        received: how many events were asked for.
    """

    def __init__(self, *fields: tuple[bytes, bytes], **scope: Any) -> None:
        self.scope = http_scope(method="POST", headers=list(fields), **scope)
        self.sent: list[Message] = []
        self.received = 0
        self._events: asyncio.Queue[Message] = asyncio.Queue()

    def give(self, body: bytes, *, more: bool = True) -> None:
        """Let a part of the body come."""
        self._events.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leave(self) -> None:
        """Let the client go."""
        self._events.put_nowait(DISCONNECT)

    async def receive(self) -> Message:
        """Give the next event."""
        self.received += 1
        return await self._events.get()

    async def send(self, message: Message) -> None:
        """Take a message; a complete response is followed by a disconnect, as servers do."""
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.leave()

    @asynccontextmanager
    async def calling(
        self, app: Any, pool: ThreadPool, policy: BodyPolicy = STREAM
    ) -> AsyncIterator["asyncio.Task[None]"]:
        """Make the call in the background; it must end by itself."""
        wrapped = WSGIToASGI(app, pool=pool, body_policy=policy)
        task = asyncio.create_task(wrapped(self.scope, self.receive, self.send))
        yield task
        await asyncio.wait([task], timeout=DEADLINE)
        assert task.done()

    @property
    def status(self) -> int:
        """The status of the response."""
        return int(self.sent[0]["status"])

    @property
    def body(self) -> bytes:
        """The body of the response, which must be complete."""
        assert not self.sent[-1].get("more_body")
        return b"".join(message["body"] for message in self.sent[1:])


class Reader:
    """An application that reads pieces, each when the test says so, and answers with what it read.

    Attributes:
        pieces: what it has read.
        error: what reading raised.
        wants: what it is to read next; None lets it answer.
    """

    def __init__(self, *, early: bool = False) -> None:
        self.pieces: list[bytes] = []
        self.error: BaseException | None = None
        self.inside = threading.Event()
        self._go = threading.Semaphore(0)
        self._wants: list[int | None] = []
        self._early = early

    def want(self, size: int | None) -> None:
        """Let it read so many bytes, or answer."""
        self._wants.append(size)
        self._go.release()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Be called by the bridge."""
        self.inside.set()
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        if self._early:
            write(b"early ")
        try:
            while (size := self._next()) is not None:
                self.pieces.append(environ["wsgi.input"].read(size))
        except ClientDisconnected as error:
            self.error = error
            raise
        return [b"".join(self.pieces)]

    def _next(self) -> int | None:
        assert self._go.acquire(timeout=DEADLINE)
        return self._wants.pop(0)


class TestStreaming:
    """An application that is called with the head, and reads as the body comes."""

    def test_as_it_comes(self, pool: ThreadPool) -> None:
        """It runs before the body is here, reads what is, and gets to the end."""

        async def main() -> None:
            app, server = Reader(), Server()
            async with server.calling(app, pool):
                await until(app.inside.is_set)
                app.want(3)
                server.give(b"ab")
                server.give(b"cd")
                await until(lambda: app.pieces == [b"abc"])
                app.want(-1)
                server.give(b"e", more=False)
                await until(lambda: app.pieces == [b"abc", b"de"])
                app.want(None)
            assert (server.status, server.body) == (200, b"abcde")

        run(main())

    def test_no_body(self, pool: ThreadPool) -> None:
        """A request without a body is at its end at once."""

        async def main() -> None:
            app, server = Reader(), Server()
            app.want(-1)
            app.want(None)
            async with server.calling(app, pool):
                server.give(b"", more=False)
            assert server.body == b""

        run(main())

    def test_room(self, pool: ThreadPool) -> None:
        """One message is asked for at a time, while there is room; and again when the worker has read."""

        async def main() -> None:
            app, server = Reader(), Server()
            part = b"x" * (FULL // 8)
            for _ in range(100):
                server.give(part)
            async with server.calling(app, pool):
                await until(lambda: server.received == 8)
                for _ in range(50):
                    await asyncio.sleep(0)
                assert server.received == 8
                app.want(6 * len(part))
                await until(lambda: server.received > 8)
                app.want(2 * FULL)
                await until(lambda: server.received > 20)
                app.want(None)

        run(main())

    @pytest.mark.parametrize("expects", [False, True])
    def test_expectation(self, pool: ThreadPool, expects: bool) -> None:
        """A client that waits to send its body is not asked for it before the worker reads; nor ever, when
        that answers without reading.
        """
        fields = [(b"expect", b"100-continue")] if expects else []

        async def main() -> None:
            app, server = Reader(), Server(*fields)
            async with server.calling(app, pool):
                await until(app.inside.is_set)
                for _ in range(50):
                    await asyncio.sleep(0)
                assert server.received == (not expects)
                app.want(2)
                await until(lambda: server.received)
                server.give(b"ab", more=False)
                app.want(None)
            assert server.body == b"ab"
            app, server = Reader(), Server(*fields)
            app.want(None)
            async with server.calling(app, pool):
                pass
            assert (server.body, server.received) == (b"", not expects)

        run(main())

    def test_answer_without_reading(self, pool: ThreadPool) -> None:
        """The call ends with the response, whatever has come of the body."""

        async def main() -> None:
            app, server = Reader(), Server()
            server.give(b"x" * 2 * FULL)
            app.want(None)
            async with server.calling(app, pool) as task:
                pass
            assert task.exception() is None
            assert server.body == b""

        run(main())

    @pytest.mark.parametrize("early", [False, True])
    def test_client_leaves(self, pool: ThreadPool, early: bool, caplog: pytest.LogCaptureFixture) -> None:
        """Reading raises; nothing more is sent, and it is nobody's error."""

        async def main() -> None:
            app, server = Reader(early=early), Server()
            async with server.calling(app, pool) as task:
                app.want(-1)
                server.give(b"x")
                await until(lambda: len(server.sent) == 2 if early else app.inside.is_set())
                server.leave()
            assert task.exception() is None
            assert isinstance(app.error, ClientDisconnected)
            assert len(server.sent) == (2 if early else 0)

        run(main())
        assert not caplog.records

    def test_cancelled(self, pool: ThreadPool) -> None:
        """A server that gives the call up lets the worker go."""

        async def main() -> None:
            app, server = Reader(), Server()
            app.want(-1)
            async with server.calling(app, pool) as task:
                await until(app.inside.is_set)
                task.cancel()
            await until(lambda: app.error)
            assert server.sent == []

        run(main())

    def test_cancelled_before_it_began(self, pool: ThreadPool) -> None:
        """So does one that gives it up before anything has happened."""

        async def main() -> None:
            app, server = Reader(), Server()
            app.want(-1)
            async with server.calling(app, pool) as task:
                await asyncio.sleep(0)
                task.cancel()
            await until(lambda: app.error)

        run(main())

    def test_cancelled_while_there_is_nothing_to_receive(self, pool: ThreadPool) -> None:
        """So does one that gives it up while the client still holds its body back."""

        async def main() -> None:
            app, server = Reader(), Server((b"expect", b"100-continue"))
            async with server.calling(app, pool) as task:
                await until(app.inside.is_set)
                task.cancel()
            app.want(-1)
            await until(lambda: app.error)
            assert server.received == 0

        run(main())

    def test_client_that_leaves_when_its_body_is_here(self, pool: ThreadPool) -> None:
        """It is missed although there is no room for more: nothing more has to come."""

        async def main() -> None:
            app, server = Reader(), Server()
            server.give(b"x" * 2 * FULL, more=False)
            async with server.calling(app, pool):
                await until(lambda: server.received == 2)
                server.leave()
                app.want(None)

        run(main())

    def test_receive_fails(self, pool: ThreadPool) -> None:
        """A server whose receive() fails does not leave the worker waiting for ever."""

        async def main() -> None:
            feeder = StreamFeeder(RecordedExchange(), _broken, STREAM)
            with pytest.raises(ConnectionError):
                await feeder.receive()
            with pytest.raises(ClientDisconnected):
                await asyncio.to_thread(feeder.stream.open().read)

        run(main())

    def test_pool_is_full(self, caplog: pytest.LogCaptureFixture) -> None:
        """A request for which there is no room is refused before any of its body is asked for."""
        release = threading.Event()

        async def main(pool: ThreadPool) -> None:
            pool.submit(release.wait, DEADLINE)
            server = Server()
            async with server.calling(Reader(), pool):
                pass
            release.set()
            assert (server.status, server.received) == (503, 0)

        pool = ThreadPool(1, queue=0)
        run(main(pool))
        assert pool.close(DEADLINE)
        assert "refused, thread pool 'wsgi'" in caplog.text

    def test_waiting_for_the_client_is_not_being_stuck(self) -> None:
        """A worker that waits for the body makes as much progress as can be; afterwards it is looked at."""

        async def main() -> None:
            exchange, server = RecordedExchange(), Server()
            feeder = StreamFeeder(exchange, server.receive, STREAM)
            reading = asyncio.create_task(asyncio.to_thread(feeder.stream.open().read, 1))
            await until(lambda: exchange.progress == math.inf)
            before = time.monotonic()
            server.give(b"x")
            await feeder.receive()
            assert await reading == b"x"
            assert before <= exchange.progress <= time.monotonic()

        run(main())

    def test_loop_is_closed(self) -> None:
        """A worker that reads when its loop has gone is not bothered with that."""

        async def make() -> StreamFeeder:
            feeder = StreamFeeder(
                RecordedExchange(http_scope(headers=[(b"expect", b"100-continue")])), _broken, STREAM
            )
            feeder.stream.feed(b"x" * FULL)
            feeder.stream.fail("the request is over")
            return feeder

        file = asyncio.run(make()).stream.open()
        assert len(file.read(FULL)) == FULL
        with pytest.raises(ClientDisconnected):
            file.read(1)


async def _broken() -> Message:
    raise ConnectionError("of the server")


class TestRefused:
    """Bodies that are not taken."""

    @staticmethod
    def fields_of(server: Server) -> dict[bytes, bytes]:
        """Give the header fields of the response."""
        return dict(server.sent[0]["headers"])

    @pytest.mark.parametrize("stream", [False, True])
    @pytest.mark.parametrize("version", ["1.1", "2"])
    def test_announced_length(self, pool: ThreadPool, stream: bool, version: str) -> None:
        """A length above the limit is a 413 at once; HTTP/1 is told to close, HTTP/2 has no word for it."""

        async def main() -> None:
            app, server = Reader(), Server((b"content-length", b"6"), http_version=version)
            async with server.calling(app, pool, BodyPolicy(limit=5, stream=stream)):
                pass
            assert (server.status, server.body, server.received) == (413, b"request body too large", 0)
            assert self.fields_of(server).get(b"connection") == (b"close" if version == "1.1" else None)
            assert not app.inside.is_set()

        run(main())

    def test_complete_body(self, pool: ThreadPool) -> None:
        """A body that turns out to be too large is a 413 before the rest of it is asked for."""

        async def main() -> None:
            app, server = Reader(), Server()
            for _ in range(10):
                server.give(b"xxx")
            async with server.calling(app, pool, BodyPolicy(limit=5)):
                pass
            assert (server.status, server.received) == (413, 2)
            assert not app.inside.is_set()

        run(main())

    def test_streamed_body(self, pool: ThreadPool) -> None:
        """So is one that the application reads already: reading raises, and its answer is dropped."""

        async def main() -> None:
            app, server = Reader(), Server()
            app.want(-1)
            async with server.calling(app, pool, BodyPolicy(limit=5, stream=True)) as task:
                await until(app.inside.is_set)
                server.give(b"xxx")
                server.give(b"xxx")
            assert task.exception() is None
            assert (server.status, server.body) == (413, b"request body too large")
            await until(lambda: app.error)
            assert str(app.error) == "request body too large"

        run(main())

    def test_streamed_body_in_the_middle_of_the_response(self, pool: ThreadPool) -> None:
        """A response that has begun is cut off instead, which the call's failing asks of the server."""

        async def main() -> None:
            app, server = Reader(early=True), Server()
            app.want(-1)
            async with server.calling(app, pool, BodyPolicy(limit=5, stream=True)) as task:
                await until(lambda: len(server.sent) == 2)
                server.give(b"xxxxxx")
            assert isinstance(task.exception(), ResponseAborted)
            assert len(server.sent) == 2

        run(main())

    def test_too_late(self, pool: ThreadPool) -> None:
        """What is too large after the response is complete changes nothing."""

        class Late(Server):
            """Takes the last of the response only when it has given too much."""

            async def send(self, message: Message) -> None:
                """Take a message."""
                if message["type"] == "http.response.body":
                    self.give(b"xxxxxx")
                    await until(self._events.empty)
                    await asyncio.sleep(0)
                await super().send(message)

        async def main() -> None:
            app, server = Reader(), Late()
            async with server.calling(app, pool, BodyPolicy(limit=5, stream=True)) as task:
                app.want(None)
            assert task.exception() is None
            assert (server.status, server.body) == (200, b"")

        run(main())

    def test_no_room_on_the_disk(
        self, pool: ThreadPool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A body that cannot be kept is a 507, with the reason in the log."""
        monkeypatch.setattr("tempfile.tempdir", "/nowhere")

        async def main() -> None:
            server = Server()
            server.give(b"xxxxxx")
            async with server.calling(Reader(), pool, BodyPolicy(buffer=5)):
                pass
            assert (server.status, server.body) == (507, b"no room for the request body")
            assert self.fields_of(server)[b"connection"] == b"close"

        run(main())
        assert "no room on the disk for a request body" in caplog.text


def test_repr() -> None:
    """The repr shows how far the body is."""

    async def main() -> None:
        assert repr(StreamFeeder(RecordedExchange(), _broken, STREAM)) == (
            "<StreamFeeder <BodyStream 0 bytes, coming>>"
        )

    run(main())
