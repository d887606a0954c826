"""`WSGIToASGI`: both of its paths, without a server."""

import asyncio
import gc
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, ClassVar
from wsgiref.types import StartResponse
from wsgiref.validate import validator

import pytest

import hybrid.bridge.wsgi.adapter as adapter_module
from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import BodyPolicy, Message, Scope
from hybrid.bridge.wsgi.adapter import ResponseAborted, WSGIToASGI
from hybrid.bridge.wsgi.oversight import Patience
from hybrid.bridge.wsgi.threadpool import ThreadPool
from tests.support.exchanges import RecordedExchange, http_scope
from tests.support.waiting import poll

Environ = dict[str, Any]
DEADLINE = 20.0
PLAIN = [("Content-Type", "text/plain")]
ON_DISK = BodyPolicy(buffer=0)

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    """Give a pool of two threads, which must have ended with the test."""
    pool = ThreadPool(2)
    yield pool
    assert pool.close(DEADLINE)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on a loop of its own, within the deadline."""

    async def in_time() -> Any:
        async with asyncio.timeout(DEADLINE):
            return await main

    return asyncio.run(in_time())


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something is true; the test's deadline applies."""
    while not condition():
        await asyncio.sleep(0)


class Client:
    """The other side of one ASGI call.

    Attributes:
        sent: the messages that came.
        send_error: what `send` raises from now on.
    """

    def __init__(self, *body: bytes, **scope: Any) -> None:
        self.scope = http_scope(**scope)
        self.sent: list[Message] = []
        self.send_error: BaseException | None = None
        self._events: list[Message] = [
            {"type": "http.request", "body": part, "more_body": True} for part in body[:-1]
        ]
        self._events.append({"type": "http.request", "body": b"".join(body[-1:])})
        self._left = asyncio.Event()

    def leave(self) -> None:
        """Let the client go, before the rest of its body if that has not been received."""
        self._events.clear()
        self._left.set()

    async def receive(self) -> Message:
        """Give the next event; wait for the client to leave when there is none."""
        await asyncio.sleep(0)
        if self._events:
            return self._events.pop(0)
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message."""
        if self.send_error is not None:
            raise self.send_error
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self._left.set()

    async def until_sent(self, messages: int) -> None:
        """Return when so many messages have come, and no more."""
        await until(lambda: len(self.sent) >= messages)
        assert len(self.sent) == messages

    async def call(self, app: WSGIToASGI) -> None:
        """Make the call, and return when it does."""
        await app(self.scope, self.receive, self.send)

    @asynccontextmanager
    async def calling(self, app: WSGIToASGI) -> AsyncIterator["asyncio.Task[None]"]:
        """Make the call in the background."""
        task = asyncio.create_task(self.call(app))
        yield task
        await asyncio.wait([task], timeout=DEADLINE)
        assert task.done()

    @property
    def status(self) -> int:
        """The status of the response."""
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The header fields of the response."""
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        """The body of the response, which must be complete."""
        assert not self.sent[-1].get("more_body")
        return b"".join(message["body"] for message in self.sent[1:])


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the body of the request."""
    start_response("200 OK", PLAIN)
    return [environ["wsgi.input"].read()]


class Stepping:
    """An application that sends parts when the test says so.

    Attributes:
        waiting: set whenever it waits for the test.
        go: lets it go on.
        error: what ended its iteration.
        closed: how often its iterable was closed.
        body: the wsgi.input it was given.
        seen: what `hybrid.disconnected` said when it was closed.
    """

    def __init__(self) -> None:
        self.waiting = threading.Event()
        self.go = threading.Semaphore(0)
        self.closed = 0
        self.seen: bool | None = None
        self.body: BinaryIO
        self._environ: Environ

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Be called by the server."""
        self._environ = environ
        self.body = environ["wsgi.input"]
        start_response("200 OK", PLAIN)
        return self

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(3):
            self.waiting.set()
            assert self.go.acquire(timeout=DEADLINE)
            self.waiting.clear()
            self.body.read(1)
            yield b"part"

    def knows_that_the_client_has_left(self) -> bool:
        """Ask as an application can."""
        return bool(self._environ["hybrid.disconnected"]())

    def close(self) -> None:
        """Count, and look whether the client is there."""
        self.closed += 1
        self.seen = self._environ["hybrid.disconnected"]()


class TestRequest:
    """What the application is given."""

    def test_validated_echo(self, pool: ThreadPool) -> None:
        """A body that comes in pieces is read as one, and wsgiref.validate is content with everything."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", PLAIN)
            return [environ["wsgi.input"].read(100)]

        async def main() -> None:
            client = Client(b"one ", b"", b"two", method="POST")
            await client.call(WSGIToASGI(validator(app), pool=pool))
            assert (client.status, client.body) == (200, b"one two")

        run(main())

    def test_context(self, pool: ThreadPool) -> None:
        """Context variables that a middleware set are seen by the application, not the other way."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", PLAIN)
            value = VARIABLE.get()
            VARIABLE.set("of the application")
            return [value.encode()]

        async def main() -> None:
            VARIABLE.set("of the middleware")
            client = Client()
            await client.call(WSGIToASGI(app, pool=pool))
            assert client.body == b"of the middleware"
            assert VARIABLE.get() == "of the middleware"

        run(main())

    @pytest.mark.parametrize("threads", [1, 2])
    def test_flags(self, threads: int) -> None:
        """wsgi.multithread says whether the pool has several threads, wsgi.multiprocess what it was told."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", PLAIN)
            return [b"%d%d" % (environ["wsgi.multithread"], environ["wsgi.multiprocess"])]

        async def main(pool: ThreadPool) -> None:
            client = Client()
            await client.call(WSGIToASGI(app, pool=pool, multiprocess=True))
            assert client.body == b"%d1" % (threads > 1)

        pool = ThreadPool(threads)
        run(main(pool))
        assert pool.close(DEADLINE)

    def test_client_that_leaves_before_its_body_is_complete(self, pool: ThreadPool) -> None:
        """The application is not called, nothing is sent, and the file of the body is closed."""

        async def main() -> None:
            client = Client(b"one", b"two", method="POST")
            receive = client.receive

            async def leave_after_one() -> Message:
                message = await receive()
                client.leave()
                return message

            client.receive = leave_after_one  # type: ignore[method-assign]
            await client.call(WSGIToASGI(not_to_be_called, pool=pool, body_policy=ON_DISK))
            assert client.sent == []

        run(main())
        gc.collect()  # a file left open would warn here

    def test_receive_fails(self, pool: ThreadPool) -> None:
        """An error of the server's goes back to the server, and the file of the body is closed."""

        async def main() -> None:
            client = Client(b"one", b"two", method="POST")
            events = iter([await client.receive()])

            async def receive() -> Message:
                try:
                    return next(events)
                except StopIteration:
                    raise ConnectionError("of the server") from None

            app = WSGIToASGI(not_to_be_called, pool=pool, body_policy=ON_DISK)
            with pytest.raises(ConnectionError, match="of the server"):
                await app(client.scope, receive, client.send)

        run(main())
        gc.collect()


def not_to_be_called(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Fail the test."""
    raise AssertionError("the application was called")


class TestResponse:
    """What the server is sent."""

    @staticmethod
    async def answer(
        pool: ThreadPool,
        parts: Iterable[bytes],
        headers: list[tuple[str, str]] | None = None,
        status: str = "200 OK",
        method: str = "GET",
    ) -> Client:
        """Let an application answer with these parts."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response(status, headers or [])
            return parts

        client = Client(method=method)
        await client.call(WSGIToASGI(app, pool=pool))
        return client

    @pytest.mark.parametrize("parts", [[b"body"], [], [b""], iter([])])
    def test_length_of_one_part(self, pool: ThreadPool, parts: Any) -> None:
        """A body of one part, or none, has a Content-Length."""
        client = run(self.answer(pool, parts))
        assert client.headers == {b"content-length": b"%d" % len(client.body)}
        assert [message["type"] for message in client.sent] == ["http.response.start", "http.response.body"]

    def test_length_of_several_parts(self, pool: ThreadPool) -> None:
        """A body of several parts has none, as its length is not known when it begins."""
        client = run(self.answer(pool, [b"one", b"two"]))
        assert (client.headers, client.body) == ({}, b"onetwo")

    def test_length_of_the_applications(self, pool: ThreadPool) -> None:
        """A length that the application gives is passed on, once."""
        client = run(self.answer(pool, [b"body"], [("Content-Length", "4")]))
        assert client.sent[0]["headers"] == [(b"content-length", b"4")]

    @pytest.mark.parametrize(
        ("parts", "headers", "length"),
        [([], [], None), ([], [("Content-Length", "9")], b"9"), ([b"body"], [], b"4")],
    )
    def test_head(self, pool: ThreadPool, parts: Any, headers: Any, length: bytes | None) -> None:
        """A response to HEAD says the length of GET's body, where that is known."""
        client = run(self.answer(pool, parts, headers, method="HEAD"))
        assert client.headers.get(b"content-length") == length

    @pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
    @pytest.mark.parametrize("parts", [[], [b"body"], [b"bo", b"dy"]])
    def test_status_without_body(self, pool: ThreadPool, status: str, parts: Any) -> None:
        """204 and 304 end with their head, whatever the application adds; no server has to repair that."""
        headers = [("Content-Length", "4"), ("ETag", "x")]
        client = run(self.answer(pool, parts, headers, status))
        assert (client.headers, client.body) == ({b"etag": b"x"}, b"")

    def test_parts_are_sent_as_they_come(self, pool: ThreadPool) -> None:
        """Each part has been sent before the application is asked for the next one."""

        async def main() -> None:
            app, client = Stepping(), Client()
            async with client.calling(WSGIToASGI(app, pool=pool)):
                for number in range(3):
                    await until(app.waiting.is_set)
                    assert len(client.sent) == (number and number + 1)
                    app.go.release()
                    await client.until_sent(number + 2)
            assert client.body == b"part" * 3
            assert pool.close(DEADLINE)  # the call ends with the response, and the worker a moment later
            assert (app.closed, app.seen) == (1, False)

        run(main())

    def test_slow_server_is_waited_for(self, pool: ThreadPool) -> None:
        """The application is asked for nothing more until the server has taken what there is."""
        asked = []

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", PLAIN)
            for number in range(3):
                asked.append(number)
                yield b"part"

        async def main() -> None:
            client = Client()
            taken = asyncio.Semaphore(0)
            send = client.send

            async def slowly(message: Message) -> None:
                await send(message)
                await taken.acquire()

            client.send = slowly  # type: ignore[method-assign]
            async with client.calling(WSGIToASGI(app, pool=pool)):
                for messages in range(1, 6):
                    await client.until_sent(messages)
                    assert len(asked) == min(3, max(1, messages - 1))
                    taken.release()

        run(main())

    def test_failure_before_the_response(self, pool: ThreadPool) -> None:
        """An application that fails is a 500, which is the bridge's answer and not the server's."""
        client = Client()
        run(client.call(WSGIToASGI(not_to_be_called, pool=pool)))
        assert (client.status, client.body) == (500, b"Internal Server Error")

    def test_failure_in_the_middle(self, pool: ThreadPool) -> None:
        """The ASGI call fails, so that the server cuts the response off."""

        def app(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", PLAIN)
            yield b"begun"
            raise ValueError("went wrong")

        client = Client()
        with pytest.raises(ResponseAborted):
            run(client.call(WSGIToASGI(app, pool=pool)))
        assert client.sent[-1] == {"type": "http.response.body", "body": b"begun", "more_body": True}

    def test_failure_after_the_end(self, pool: ThreadPool, caplog: pytest.LogCaptureFixture) -> None:
        """A close() that fails when the response is complete is logged, and takes nothing back."""
        app = Stepping()
        app.close = lambda: 1 / 0  # type: ignore[assignment, method-assign]
        app.go.release(3)
        client = Client()
        run(client.call(WSGIToASGI(app, pool=pool)))
        assert client.body == b"part" * 3
        assert pool.close(DEADLINE)  # the call ends with the response, and the worker a moment later
        assert "ZeroDivisionError" in caplog.text

    def test_server_that_raises(self, pool: ThreadPool, caplog: pytest.LogCaptureFixture) -> None:
        """An error of send() that is not a disconnect is logged, and the call fails."""

        async def main() -> None:
            client = Client()
            client.send_error = RuntimeError("the server is confused")
            await client.call(WSGIToASGI(echo, pool=pool))

        with pytest.raises(ResponseAborted):
            run(main())
        assert "the server is confused" in caplog.text

    def test_pool_full(self, caplog: pytest.LogCaptureFixture) -> None:
        """A request for which there is no room is a 503 with Retry-After, and its body is closed."""
        release = threading.Event()

        async def main(pool: ThreadPool) -> None:
            pool.submit(release.wait, DEADLINE)
            client = Client(b"body", method="POST", path="/a\nb")
            await client.call(WSGIToASGI(not_to_be_called, pool=pool, body_policy=ON_DISK))
            release.set()
            assert client.status == 503
            assert client.headers[b"retry-after"].isdigit()
            assert client.headers[b"content-length"] == b"%d" % len(client.body)

        pool = ThreadPool(1, queue=0)
        run(main(pool))
        assert pool.close(DEADLINE)
        (message,) = caplog.messages
        assert message.startswith("POST /a\\nb: refused, thread pool 'wsgi': ")
        gc.collect()


class TestTooLate:
    """Requests that wait too long for a thread, and applications that are stuck."""

    def test_waited_too_long(self) -> None:
        """A request for which no thread became free is a 503, and never run."""
        release = threading.Event()

        refused: list[Scope] = []

        async def main(pool: ThreadPool) -> None:
            pool.submit(release.wait, DEADLINE)
            client = Client(b"body", method="POST")
            adapter = WSGIToASGI(not_to_be_called, pool=pool)
            adapter.on_refusal = refused.append
            await client.call(adapter)
            release.set()
            assert (client.status, client.body) == (503, b"Service Unavailable")
            assert client.headers[b"retry-after"] == b"1"
            assert [scope["method"] for scope in refused] == ["POST"]

        pool = ThreadPool(1, patience=Patience(queue=0.05))
        run(main(pool))
        assert pool.close(DEADLINE)

    def test_stuck(self) -> None:
        """The client gets a 504, and what the application writes when it is back reaches nobody."""
        release, ended = threading.Event(), threading.Event()
        raised: list[BaseException] = []

        def stuck(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            assert release.wait(DEADLINE)
            write = start_response("200 OK", [])
            assert environ["hybrid.disconnected"]()
            try:
                write(b"late")
            except ClientDisconnected as error:
                raised.append(error)
            ended.set()
            return []

        async def main(pool: ThreadPool) -> None:
            client = Client()
            await client.call(WSGIToASGI(stuck, pool=pool))
            assert (client.status, client.body) == (504, b"Gateway Timeout")
            release.set()
            assert await asyncio.to_thread(ended.wait, DEADLINE)
            assert len(raised) == 1
            assert (client.status, client.body) == (504, b"Gateway Timeout")

        pool = ThreadPool(1, patience=Patience(run=0.05))
        run(main(pool))
        assert pool.close(DEADLINE)
        assert poll(lambda: not pool.stats().stuck)  # and has said so in this test's log

    def test_stuck_in_the_middle(self) -> None:
        """A response that has begun is cut off by the server, since the call fails."""
        entered, release = threading.Event(), threading.Event()

        def stuck(environ: Environ, start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"first"
            entered.set()
            assert release.wait(DEADLINE)

        async def main(pool: ThreadPool) -> None:
            client = Client()
            call = asyncio.create_task(client.call(WSGIToASGI(stuck, pool=pool)))
            await until(lambda: len(client.sent) == 2 and entered.is_set())
            pool._look_for_late_jobs(time.monotonic() + 61.0)
            with pytest.raises(ResponseAborted, match="Gateway Timeout"):
                await call
            assert client.sent[-1] == {"type": "http.response.body", "body": b"first", "more_body": True}

        pool = ThreadPool(1, patience=Patience(run=60.0))
        run(main(pool))
        release.set()
        assert pool.close(DEADLINE)
        assert poll(lambda: not pool.stats().stuck)  # and has said so in this test's log


class TestFile:
    """A file wrapper under any ASGI server."""

    @staticmethod
    def app(path: Path) -> Callable[[Environ, StartResponse], Iterable[bytes]]:
        """Make an application that answers with a file."""

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", PLAIN)
            wrapper: Iterable[bytes] = environ["wsgi.file_wrapper"](path.open("rb"))
            return wrapper

        return app

    def test_pieces(self, pool: ThreadPool, tmp_path: Path) -> None:
        """It is read in pieces of bounded size, after a head with its length."""
        path = tmp_path / "file"
        path.write_bytes(os.urandom(600_000))
        client = Client()
        run(client.call(WSGIToASGI(self.app(path), pool=pool)))
        assert client.body == path.read_bytes()
        assert (b"content-length", b"600000") in client.sent[0]["headers"]
        assert [len(message["body"]) for message in client.sent[1:]] == [262_144, 262_144, 75_712, 0]

    def test_file_that_shrinks(self, pool: ThreadPool, tmp_path: Path) -> None:
        """When it becomes shorter meanwhile, the ASGI call fails."""
        path = tmp_path / "file"
        path.write_bytes(bytes(600_000))

        class Shrinking(Client):
            async def send(self, message: Message) -> None:
                os.truncate(path, 1000)
                await super().send(message)

        client = Shrinking()
        with pytest.raises(ResponseAborted):
            run(client.call(WSGIToASGI(self.app(path), pool=pool)))
        assert client.sent[-1]["more_body"]


class TestDisconnect:
    """The client, or the server, gives up."""

    def test_client_leaves(self, pool: ThreadPool, caplog: pytest.LogCaptureFixture) -> None:
        """The next part is not sent, the iterable is closed once and may know why, nothing is logged."""

        async def main() -> None:
            app, client = Stepping(), Client()
            async with client.calling(WSGIToASGI(app, pool=pool)) as task:
                await until(app.waiting.is_set)
                app.go.release()
                await until(lambda: len(client.sent) == 2)
                client.leave()
                await until(app.waiting.is_set)
                await until(app.knows_that_the_client_has_left)
                app.go.release()
            assert task.exception() is None
            assert len(client.sent) == 2
            assert (app.closed, app.seen) == (1, True)

        run(main())
        assert not caplog.records

    def test_send_says_so(self, pool: ThreadPool, caplog: pytest.LogCaptureFixture) -> None:
        """An OSError of send() means the same (ASGI HTTP specification 2.4)."""

        async def main() -> None:
            app, client = Stepping(), Client()
            client.send_error = ConnectionResetError()
            async with client.calling(WSGIToASGI(app, pool=pool)) as task:
                app.go.release()
            assert task.exception() is None
            assert (app.closed, app.seen) == (1, True)

        run(main())
        assert not caplog.records

    def test_complete_response_is_no_disconnect(self, pool: ThreadPool) -> None:
        """Servers say `http.disconnect` when the response is complete, too; the client has not left then."""
        app, client = Stepping(), Client()
        app.go.release(3)
        run(client.call(WSGIToASGI(app, pool=pool)))
        assert pool.close(DEADLINE)  # the call ends with the response, and the worker a moment later
        assert (app.closed, app.seen) == (1, False)

    def test_cancelled_while_the_application_runs(self, pool: ThreadPool) -> None:
        """A server that cancels the call is not made to wait. The worker sends nothing more and gets out;
        until then it keeps the body, which is closed in the end.
        """

        async def main() -> None:
            app, client = Stepping(), Client(b"body", method="POST")
            task = asyncio.create_task(client.call(WSGIToASGI(app, pool=pool, body_policy=ON_DISK)))
            await until(app.waiting.is_set)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not app.body.closed
            app.go.release()
            await until(lambda: app.closed and app.body.closed)
            assert app.seen is True
            assert client.sent == []

        run(main())

    def test_cancelled_while_it_sends(self, pool: ThreadPool) -> None:
        """A worker that waits for the server to take a part is let go."""

        async def main() -> None:
            app, client = Stepping(), Client()
            sending = asyncio.Event()

            async def never(message: Message) -> None:
                sending.set()
                await asyncio.get_running_loop().create_future()

            client.send = never  # type: ignore[method-assign]
            task = asyncio.create_task(client.call(WSGIToASGI(app, pool=pool)))
            app.go.release()
            await sending.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(lambda: app.closed)

        run(main())

    def test_cancelled_before_what_was_queued_is_sent(self, pool: ThreadPool) -> None:
        """A part that was on its way to the loop when the call ended is not sent after it."""

        async def main() -> None:
            client = Client()
            exchange = adapter_module._AsgiExchange(client.scope, echo_body(), client.send)
            waiting = asyncio.create_task(exchange.wait(client.receive))
            await asyncio.sleep(0)
            exchange.start(200, "OK", [])
            part = exchange._send_part(b"late", more=False)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            with pytest.raises(ClientDisconnected):
                await part
            assert client.sent == []

        run(main())

    def test_loop_is_closed(self) -> None:
        """A worker whose loop has gone is told that the client has left, and may give up in peace."""
        exchange: Any = None

        async def make() -> None:
            nonlocal exchange
            exchange = adapter_module._AsgiExchange(http_scope(), echo_body(), Client().send)

        run(make())
        exchange.start(200, "OK", [])
        with pytest.raises(ClientDisconnected, match="stopped"):
            exchange.write(b"part")
        exchange.abort()
        assert exchange.disconnected
        gc.collect()  # a coroutine that was never awaited would warn here


def echo_body() -> BinaryIO:
    """Make an empty body."""
    return RecordedExchange().body


class TestDirectPath:
    """The way under a server that knows `ThreadedApplication`."""

    @staticmethod
    def submit(app: Any, exchange: RecordedExchange, pool: ThreadPool) -> None:
        """Submit an exchange, and return when the worker has let go of it."""

        async def main() -> None:
            WSGIToASGI(app, pool=pool).submit(exchange)
            await until(lambda: (exchange.finished or exchange.aborted) and exchange.body.closed)

        run(main())

    def test_echo(self, pool: ThreadPool) -> None:
        """The exchange is served on a worker, and its body closed."""
        exchange = RecordedExchange(http_scope(method="POST"), b"body")
        self.submit(echo, exchange, pool)
        assert (exchange.status, exchange.parts, exchange.finished) == (200, [b"body"], True)

    def test_body_is_open_until_the_iterable_is_closed(self, pool: ThreadPool) -> None:
        """close() of the iterable may still read the request."""
        app = Stepping()
        closing = app.close
        seen: list[bool] = []
        app.close = lambda: (seen.append(app.body.closed), closing())  # type: ignore[assignment, method-assign, func-returns-value]
        app.go.release(3)
        self.submit(app, RecordedExchange(), pool)
        assert seen == [False]

    def test_disconnected(self, pool: ThreadPool) -> None:
        """`hybrid.disconnected` says what the exchange knows at that moment."""
        app = Stepping()
        exchange = RecordedExchange(leave_at=1)
        app.go.release(3)
        self.submit(app, exchange, pool)
        assert (exchange.aborted, app.closed, app.seen) == (True, 1, True)

    def test_scope_of_which_no_environ_can_be_made(
        self, pool: ThreadPool, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A scope that somebody has broken cuts the exchange off, with a log line, and nothing hangs."""
        exchange = RecordedExchange(http_scope(headers=None))
        self.submit(echo, exchange, pool)
        assert exchange.aborted
        assert "the request could not be given to" in caplog.text


class TestOtherScopes:
    """What is not HTTP."""

    @staticmethod
    async def lifespan(app: WSGIToASGI, between: Callable[[], Coroutine[Any, Any, None]]) -> list[str]:
        """Run a lifespan around something, and return the messages that came."""
        sent: list[str] = []
        shutdown = asyncio.Event()
        events = iter(["lifespan.startup", "lifespan.shutdown"])

        async def receive() -> Message:
            event = next(events)
            if event == "lifespan.shutdown":
                await shutdown.wait()
            return {"type": event}

        async def send(message: Message) -> None:
            sent.append(message["type"])

        task = asyncio.create_task(app({"type": "lifespan"}, receive, send))
        await until(lambda: sent)
        await between()
        shutdown.set()
        await task
        return sent

    def test_lifespan_ends_its_own_pool(self) -> None:
        """Shutdown ends the threads of the pool that is the application's own; it can be started again."""

        async def main() -> None:
            app = WSGIToASGI(echo)

            async def serve() -> None:
                client = Client(b"body", method="POST")
                await client.call(app)
                assert client.body == b"body"

            for _ in range(2):
                pool = app.pool
                sent = await self.lifespan(app, serve)
                assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
                assert pool._workers
                assert not any(worker.thread.is_alive() for worker in pool._workers)

        run(main())

    def test_lifespan_leaves_a_shared_pool_alone(self, pool: ThreadPool) -> None:
        """A pool that was given is the giver's to close."""

        async def main() -> None:
            app = WSGIToASGI(echo, pool=pool)
            await self.lifespan(app, lambda: asyncio.sleep(0))
            client = Client(b"body", method="POST")
            await client.call(app)
            assert client.body == b"body"

        run(main())

    def test_lifespan_with_a_stuck_thread(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Shutdown does not wait for ever for a thread that does not end; it is left behind, and logged."""
        monkeypatch.setattr(adapter_module, "_CLOSE_SECONDS", 0)
        stepping = Stepping()

        async def main() -> None:
            app = WSGIToASGI(stepping)
            pool, client = app.pool, Client()

            async def call() -> None:
                task = asyncio.create_task(client.call(app))
                await until(stepping.waiting.is_set)
                task.cancel()

            assert (await self.lifespan(app, call))[-1] == "lifespan.shutdown.complete"
            stepping.go.release()
            assert await asyncio.to_thread(pool.close, DEADLINE)

        with caplog.at_level(logging.WARNING):
            run(main())
        assert "threads that still run are left behind" in caplog.text

    def test_websocket(self, pool: ThreadPool) -> None:
        """A WebSocket is refused: WSGI has none."""

        async def main() -> None:
            client = Client(type="websocket")
            await client.call(WSGIToASGI(echo, pool=pool))
            assert [message["type"] for message in client.sent] == ["websocket.close"]

        run(main())

    def test_unknown(self, pool: ThreadPool) -> None:
        """Any other scope is an error, as the ASGI specification asks."""
        with pytest.raises(ValueError, match="cannot serve an ASGI 'mqtt' scope"):
            run(Client(type="mqtt").call(WSGIToASGI(echo, pool=pool)))


def test_repr(pool: ThreadPool) -> None:
    """The repr names the application."""
    assert repr(WSGIToASGI(echo, pool=pool)) == f"WSGIToASGI({echo!r})"


class TestEarlyHints:
    """`wsgi.early_hints` under an ASGI server, which may offer an extension for it, or not."""

    MESSAGE: ClassVar[Message] = {"type": "http.response.early_hint", "links": [b"</a>", b"</b>"]}

    @staticmethod
    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Hint, and answer."""
        environ["wsgi.early_hints"]([("Link", "</a>"), ("X-Other", "1"), ("Link", "</b>")])
        environ["wsgi.early_hints"]([("X-Other", "1")])
        start_response("200 OK", PLAIN)
        return [b"done"]

    @pytest.mark.parametrize("extensions", [{}, None, {"http.response.trailers": {}}])
    def test_not_offered(self, pool: ThreadPool, extensions: Any) -> None:
        """Without the extension hints are dropped."""
        client = Client(extensions=extensions)
        run(client.call(WSGIToASGI(self.app, pool=pool)))
        assert (client.status, client.body) == (200, b"done")

    def test_offered(self, pool: ThreadPool) -> None:
        """With it the links are sent first; there is no place for other fields."""
        client = Client(extensions={"http.response.early_hint": {}})
        run(client.call(WSGIToASGI(self.app, pool=pool)))
        assert client.sent.pop(0) == self.MESSAGE
        assert (client.status, client.body) == (200, b"done")

    def test_client_that_has_left(self, pool: ThreadPool) -> None:
        """A client that has left raises, as in write()."""
        begun, raised = threading.Event(), threading.Event()

        def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            begun.set()
            while not environ["hybrid.disconnected"]():
                pass
            try:
                environ["wsgi.early_hints"]([("Link", "</a>")])
            except ClientDisconnected:
                raised.set()
            return []

        async def main() -> None:
            client = Client(extensions={"http.response.early_hint": {}})
            async with client.calling(WSGIToASGI(app, pool=pool)):
                await until(begun.is_set)
                client.leave()
            assert client.sent == []

        run(main())
        assert raised.is_set()


def test_half_a_line_of_a_request(pool: ThreadPool, caplog: pytest.LogCaptureFixture) -> None:
    """What a request has left of a line in wsgi.errors is logged at its end, and not with the next one's."""

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.errors"].write("half of " + environ["PATH_INFO"])
        start_response("200 OK", PLAIN)
        return [b""]

    async def main() -> None:
        for path in ("/one", "/two"):
            await Client(path=path).call(WSGIToASGI(app, pool=pool))

    run(main())
    assert pool.close(DEADLINE)
    assert [record.getMessage() for record in caplog.records] == ["half of /one", "half of /two"]


@pytest.mark.parametrize(("given", "said"), [(True, True), (False, False), (None, False)])
def test_multiprocess(pool: ThreadPool, given: bool | None, said: bool) -> None:
    """wsgi.multiprocess is what the caller says, and otherwise false in a process that stands alone."""
    seen: list[object] = []

    def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(environ["wsgi.multiprocess"])
        start_response("200 OK", PLAIN)
        return [b""]

    run(Client().call(WSGIToASGI(app, pool=pool, multiprocess=given)))
    assert seen == [said]


def test_child_process() -> None:
    """In a process that multiprocessing has started, as servers start their workers, it is true."""
    code = (
        "import multiprocessing\n"
        "from hybrid.bridge import WSGIToASGI\n"
        "def work(): print(WSGIToASGI(print)._environ._base['wsgi.multiprocess'])\n"
        "worker = multiprocessing.get_context('fork').Process(target=work)\n"
        "worker.start(); worker.join(); work()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["True", "False"]
