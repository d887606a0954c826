"""`ASGIToWSGI`: an ASGI application called as a WSGI application, without a server."""

import asyncio
import gc
import io
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

import hybrid.bridge.wsgi.background as background_module
from hybrid.bridge import ASGIToWSGI, WSGIToASGI
from hybrid.bridge.errors import ClientDisconnected, LifespanError, ProtocolError
from hybrid.bridge.types import Message, Receive, Scope, Send
from hybrid.bridge.wsgi.adapter import ResponseAborted
from tests.apps import wsgi_start, wsgi_validated
from tests.support.waiting import until

DEADLINE = 20.0
PLAIN = [(b"content-type", b"text/plain")]
START: Message = {"type": "http.response.start", "status": 200, "headers": PLAIN}

VARIABLE: ContextVar[str] = ContextVar("variable", default="unset")

Http = Callable[[Scope, Receive, Send], Awaitable[None]]
Serve = Callable[[Http], ASGIToWSGI]


def part(data: bytes, *, more: bool = False) -> Message:
    """Make a part of a body."""
    return {"type": "http.response.body", "body": data, "more_body": more}


async def read(receive: Receive) -> bytes:
    """Read a whole body."""
    body = b""
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        body += bytes(message["body"])
        if not message["more_body"]:
            return body


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give a function that wraps an ASGI application without lifespan; its thread ends with the test."""
    made: list[ASGIToWSGI] = []

    def make(app: Http) -> ASGIToWSGI:
        made.append(ASGIToWSGI(app, lifespan="off"))
        return made[-1]

    yield make
    for app in made:
        app.close()
    assert not any(thread.name.startswith("test") for thread in threading.enumerate())


class Answer:
    """What a WSGI server has of one request.

    Attributes:
        heads: the arguments of each call of start_response.
        parts: what the iterable has given.
    """

    def __init__(self, app: Any, body: bytes = b"", **changes: Any) -> None:
        self.heads: list[tuple[Any, ...]] = []
        self.parts: list[bytes] = []
        environ: dict[str, Any] = {
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **changes,
        }
        environ = {key: value for key, value in environ.items() if value is not None}
        setup_testing_defaults(environ)
        environ["QUERY_STRING"] = environ.get("QUERY_STRING", "")
        self.iterable: Any = app(environ, self._start_response)

    def _start_response(self, *head: Any) -> Callable[[bytes], object]:
        self.heads.append(head)
        return self.parts.append

    def read(self) -> "Answer":
        """Take all that there is, and close, as a server does."""
        try:
            for data in self.iterable:
                assert data, "an empty part makes some servers send the head"
                self.parts.append(data)
        finally:
            self.iterable.close()
        return self

    @property
    def status(self) -> str:
        """The status that counts."""
        return str(self.heads[-1][0])

    @property
    def body(self) -> bytes:
        """All parts."""
        return b"".join(self.parts)


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Greet."""
    await send(START)
    await send(part(b"hello"))


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body."""
    body = await read(receive)
    await send(START)
    await send(part(body))


class TestResponse:
    """What reaches the WSGI server."""

    def test_hello(self, serve: Serve) -> None:
        """Status, fields and body."""
        answer = Answer(serve(hello)).read()
        assert answer.heads == [("200 OK", [("content-type", "text/plain")], None)]
        assert answer.parts == [b"hello"]

    def test_parts(self, serve: Serve) -> None:
        """Each part is given when it has been sent, and the next one asked for when it is taken."""
        sent: list[int] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            for number in range(3):
                sent.append(number)
                await send(part(b"%d" % number, more=True))
            await send(part(b""))

        answer = Answer(serve(app))
        for number in range(3):
            assert next(answer.iterable) == b"%d" % number
            assert sent == list(range(number + 1))
        assert answer.read().parts == []

    def test_empty(self, serve: Serve) -> None:
        """An empty response has a head."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 299})
            await send({"type": "http.response.body"})

        answer = Answer(serve(app)).read()
        assert (answer.heads, answer.body) == [([("299 Unknown Status Code", [], None)], b"")][0]

    def test_headers(self, serve: Serve) -> None:
        """Repeats stay in order, values are latin-1, and what belongs to the connection is left out."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            fields = [
                *[(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-a", b"\xe9")],
                *[(b"Connection", b"close"), (b"transfer-encoding", b"chunked")],
            ]
            await send({**START, "headers": iter(fields)})
            await send(part(b""))

        fields = Answer(serve(app)).read().heads[0][1]
        assert fields == [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-a", "\xe9")]

    @pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
    def test_no_body(self, serve: Serve, method: str, status: int) -> None:
        """Where there is no body none is given, whatever the application sends."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({**START, "status": status})
            await send(part(b"some", more=True))
            await send(part(b"body"))

        answer = Answer(serve(app), REQUEST_METHOD=method).read()
        assert (answer.status[:3], answer.body) == (str(status), b"")

    def test_background_task(self, serve: Serve) -> None:
        """What an application does after its response holds up no thread, and is not cut off."""
        go_on, done = threading.Event(), threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await hello(scope, receive, send)
            await asyncio.to_thread(go_on.wait, DEADLINE)
            done.set()

        assert Answer(serve(app)).read().body == b"hello"
        assert not done.is_set()
        go_on.set()
        assert done.wait(DEADLINE)

    def test_context(self, serve: Serve) -> None:
        """Context variables of the server's thread reach the application."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(part(VARIABLE.get().encode()))

        VARIABLE.set("of the thread")
        assert Answer(serve(app)).read().body == b"of the thread"

    def test_at_the_same_time(self, serve: Serve) -> None:
        """Requests on several threads run on the one loop, and can meet there."""
        barrier = asyncio.Barrier(2)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await barrier.wait()
            await hello(scope, receive, send)

        wsgi, answers = serve(app), []
        threads = [
            threading.Thread(target=lambda: answers.append(Answer(wsgi).read().body)) for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        assert answers == [b"hello", b"hello"]


class TestBody:
    """What reaches the application."""

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_echo(self, serve: Serve, size: int, chunked: bool) -> None:
        """A body of any size, with its length, or as far as the input goes where the server ends that."""
        body = os.urandom(size)
        how = {"CONTENT_LENGTH": None, "wsgi.input_terminated": True} if chunked else {}
        assert Answer(serve(echo), body, **how).read().body == body

    @pytest.mark.parametrize("length", [None, ""])
    def test_no_length(self, serve: Serve, length: str | None) -> None:
        """Without either there is no body, and nobody reads what may be the next request's."""
        assert Answer(serve(echo), b"next", CONTENT_LENGTH=length).read().body == b""

    def test_cut_off(self, serve: Serve) -> None:
        """A body that ends before its length is a client that has left."""
        seen: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            while not seen or seen[-1] == "http.request":
                seen.append((await receive())["type"])
            await hello(scope, receive, send)

        assert Answer(serve(app), b"half", CONTENT_LENGTH="8").read().body == b"hello"
        assert seen == ["http.request", "http.disconnect"]

    def test_who_gives_up_waiting_loses_nothing(self, serve: Serve) -> None:
        """A receive() that is cancelled, as by those who ask whether the client is there, loses no part."""

        class Slow(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                assert asked.wait(DEADLINE)
                return super().read(size)

        asked = threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(receive(), 0.01)
            asked.set()
            await echo(scope, receive, send)

        changes: dict[str, Any] = {"CONTENT_LENGTH": "3", "wsgi.input": Slow(b"all")}
        answer = Answer(serve(app), **changes)
        assert answer.read().body == b"all"

    def test_disconnect_after_the_response(self, serve: Serve) -> None:
        """Who listens for the end of the connection hears of it when the response is complete."""
        heard: list[Message] = []
        done = threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            assert await read(receive) == b"x"
            listening = asyncio.ensure_future(receive())
            await hello(scope, receive, send)
            heard.extend([await listening, await receive()])
            done.set()

        assert Answer(serve(app), b"x").read().body == b"hello"
        assert done.wait(DEADLINE)
        assert heard == [{"type": "http.disconnect"}] * 2

    def test_body_that_nobody_reads(self, serve: Serve) -> None:
        """An application need not read."""
        assert Answer(serve(hello), b"x" * 200_000).read().body == b"hello"


class TestErrors:
    """Applications that fail: an answer, a line in the log, and never a thread that waits for ever."""

    @pytest.mark.parametrize("started", [False, True])
    @pytest.mark.parametrize(
        "error", [ValueError("wrong"), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()]
    )
    def test_before_the_body(
        self, serve: Serve, caplog: pytest.LogCaptureFixture, started: bool, error: BaseException
    ) -> None:
        """A 500 takes the place of the head, and the loop lives on, whatever was raised."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] == "/hello":
                await hello(scope, receive, send)
                return
            if started:
                await send(START)
            raise error

        wsgi = serve(app)
        answer = Answer(wsgi, PATH_INFO="/a\n").read()
        assert (answer.status, answer.body) == ("500 Internal Server Error", b"Internal Server Error")
        assert answer.heads[-1][2][1] is error
        (record,) = caplog.records
        assert record.getMessage() == "GET /a\\n: the ASGI application failed"
        assert record.exc_info is not None
        assert record.exc_info[1] is error
        assert Answer(wsgi, PATH_INFO="/hello").read().body == b"hello"

    @pytest.mark.parametrize("error", [ValueError("wrong"), SystemExit(1)])
    def test_in_the_middle(self, serve: Serve, error: BaseException) -> None:
        """Once something was sent the server is made to cut the response off; a SystemExit ends nothing."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await send(part(b"begun", more=True))
            raise error

        answer = Answer(serve(app))
        with pytest.raises(ResponseAborted, match="in the middle") as caught:
            answer.read()
        assert caught.value.__cause__ is error
        assert answer.parts == [b"begun"]

    def test_many_times(self, serve: Serve) -> None:
        """However the threads are scheduled, an error is never taken for the end of a response."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            raise ValueError

        wsgi = serve(app)
        logging.getLogger("hybrid.wsgi").setLevel(logging.CRITICAL)
        try:
            statuses = {Answer(wsgi).read().status for _ in range(300)}
        finally:
            logging.getLogger("hybrid.wsgi").setLevel(logging.NOTSET)
        assert statuses == {"500 Internal Server Error"}

    def test_after_the_response(self, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
        """An error after the last part is a line in the log."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await hello(scope, receive, send)
            raise ValueError("too late")

        assert Answer(serve(app)).read().body == b"hello"
        until(lambda: "GET /: failed after the response" in caplog.text)

    @pytest.mark.parametrize("messages", [[], [START], [START, part(b"x", more=True)]])
    def test_incomplete(self, serve: Serve, messages: list[Message]) -> None:
        """An application that returns too early has failed."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            for message in messages:
                await send(message)

        answer = Answer(serve(app))
        if len(messages) < 2:
            assert answer.read().status == "500 Internal Server Error"
        else:
            with pytest.raises(ResponseAborted):
                answer.read()

    @pytest.mark.parametrize(
        ("messages", "state"),
        [
            ([part(b"x")], "WAITING"),
            ([START, START], "STARTED"),
            ([START, {"type": "http.response.trailers"}], "STARTED"),
            ([START, part(b"x"), part(b"y")], "COMPLETE"),
        ],
    )
    def test_out_of_order(self, serve: Serve, messages: list[Message], state: str) -> None:
        """A message that is not due raises, where it is sent."""
        raised: list[str] = []
        done = threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            for message in messages[:-1]:
                await send(message)
            try:
                await send(messages[-1])
            except ProtocolError as error:
                raised.append(str(error))
            done.set()

        Answer(serve(app)).read()
        assert done.wait(DEADLINE)
        assert raised == [
            f"the ASGI application sent {messages[-1]['type']!r} while its response was {state}"
        ]


class TestDisconnect:
    """The server takes no more, as its client has left."""

    def test_in_the_middle(self, serve: Serve) -> None:
        """Whatever the application waits for ends: send() raises, receive() says why, now and later."""
        told: list[object] = []
        done = threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await read(receive)
            listening = asyncio.ensure_future(receive())
            await send(START)
            try:
                await send(part(b"first", more=True))
            except ClientDisconnected:
                told.extend([await listening, await receive()])
            try:
                await send(part(b"second"))
            except ClientDisconnected:
                done.set()

        answer = Answer(serve(app))
        assert next(answer.iterable) == b"first"
        answer.iterable.close()
        assert done.wait(DEADLINE)
        assert told == [{"type": "http.disconnect"}] * 2

    def test_before_the_body_was_read(self, serve: Serve) -> None:
        """A receive() that waits for the server's input ends as well."""
        heard: list[Message] = []
        done = threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            sending = asyncio.ensure_future(send(part(b"first", more=True)))
            await asyncio.sleep(0)
            heard.append(await receive())
            with pytest.raises(ClientDisconnected):
                await sending
            done.set()

        answer = Answer(serve(app), b"body")
        assert next(answer.iterable) == b"first"
        answer.iterable.close()
        assert done.wait(DEADLINE)
        assert heard == [{"type": "http.disconnect"}]

    def test_never_iterated(self, serve: Serve) -> None:
        """A server need not begin."""
        called: list[Scope] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            called.append(scope)

        answer = Answer(serve(app))
        answer.iterable.close()
        assert not called

    def test_input_that_fails(self, serve: Serve) -> None:
        """An error of the server's input is the server's; the application hears that the client has left."""

        class Broken(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                raise OSError("the client has left")

        heard: list[Message] = []
        done = threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            heard.append(await receive())
            done.set()

        changes: dict[str, Any] = {"CONTENT_LENGTH": "3", "wsgi.input": Broken()}
        answer = Answer(serve(app), **changes)
        with pytest.raises(OSError, match="has left"):
            answer.read()
        assert done.wait(DEADLINE)
        assert heard == [{"type": "http.disconnect"}]


class Lively:
    """An application with a lifespan, which notes what happens.

    Attributes:
        events: what has happened.
        fails: whether it fails to start.
    """

    def __init__(self) -> None:
        self.events: list[str] = []
        self.fails = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            self.events.append(f"request {scope['state']}")
            await hello(scope, receive, send)
            return
        await receive()
        self.events.append("startup")
        if self.fails:
            await send({"type": "lifespan.startup.failed", "message": "no database"})
            return
        scope["state"]["key"] = "value"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.events.append("shutdown")
        await send({"type": "lifespan.shutdown.complete"})


class TestLifespan:
    """Startup at the first request, shutdown at the end."""

    def test_once(self) -> None:
        """Startup runs once, before the first request; its state reaches each; shutdown runs at close()."""
        app = Lively()
        wsgi = ASGIToWSGI(app)
        assert app.events == []
        for _ in range(2):
            assert Answer(wsgi).read().body == b"hello"
        wsgi.close()
        wsgi.close()
        assert app.events == ["startup", *["request {'key': 'value'}"] * 2, "shutdown"]

    def test_again(self) -> None:
        """After close() the next request starts it again."""
        app = Lively()
        wsgi = ASGIToWSGI(app)
        for _ in range(2):
            Answer(wsgi).read()
            wsgi.close()
        assert app.events == ["startup", "request {'key': 'value'}", "shutdown"] * 2

    def test_failed(self) -> None:
        """A failed startup is the server's to report; the next request tries again, and no thread is left."""
        app = Lively()
        app.fails = True
        wsgi = ASGIToWSGI(app)
        threads = threading.active_count()
        with pytest.raises(LifespanError, match="no database"):
            Answer(wsgi)
        assert threading.active_count() <= threads  # one of another test's may have ended
        app.fails = False
        assert Answer(wsgi).read().body == b"hello"
        wsgi.close()

    def test_first_requests_at_the_same_time(self) -> None:
        """It starts once, however many threads come first."""
        app = Lively()
        wsgi = ASGIToWSGI(app)
        threads = [threading.Thread(target=lambda: Answer(wsgi).read()) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        wsgi.close()
        assert app.events.count("startup") == 1

    def test_shutdown_that_fails_or_hangs(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """close() comes to an end, and says what went wrong."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            if how == "fails":
                await send({"type": "lifespan.shutdown.failed", "message": "no reason"})
            await asyncio.Event().wait()

        async def web(scope: Scope, receive: Receive, send: Send) -> None:
            await (hello if scope["type"] == "http" else app)(scope, receive, send)

        for how, text in (
            ("fails", "no reason"),
            ("hangs", "cutting off lifespan shutdown after 0.01 seconds"),
        ):
            wsgi = ASGIToWSGI(web)
            Answer(wsgi).read()
            wsgi.close(0.01 if how == "hangs" else DEADLINE)
            assert text in caplog.text

    def test_request_that_never_ends(self, serve: Serve) -> None:
        """close() cancels what still runs, and its thread gets an answer."""
        begun = threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            begun.set()
            await asyncio.Event().wait()

        wsgi, answers = serve(app), []
        thread = threading.Thread(target=lambda: answers.append(Answer(wsgi).read().status), daemon=True)
        thread.start()
        assert begun.wait(DEADLINE)
        wsgi.close()
        thread.join(DEADLINE)
        assert answers == ["500 Internal Server Error"]

    def test_blocked_loop(
        self, serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A loop that an application blocks is left behind, and named."""
        monkeypatch.setattr(background_module, "_CANCEL_SECONDS", 0.01)
        begun, let_go = threading.Event(), threading.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            begun.set()
            let_go.wait(DEADLINE)
            await hello(scope, receive, send)

        wsgi, answers = serve(app), []
        request = threading.Thread(target=lambda: answers.append(Answer(wsgi).read().status), daemon=True)
        request.start()
        assert begun.wait(DEADLINE)
        background = wsgi._background
        assert background is not None
        wsgi.close(0.01)
        assert "its event loop is blocked, and left behind" in caplog.text
        monkeypatch.setattr(background_module, "_CANCEL_SECONDS", DEADLINE)  # enough for the last answer
        let_go.set()
        background._thread.join(DEADLINE)
        request.join(DEADLINE)
        assert len(answers) == 1
        background.loop.close()

    def test_end_of_the_process(self) -> None:
        """The end of the process shuts the application down."""
        code = (
            "from tests.bridge.wsgi.test_reverse import *\n"
            "app = Lively()\n"
            "import atexit; atexit.register(lambda: print(app.events[-1]))\n"
            "Answer(ASGIToWSGI(app)).read()"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
        )
        assert (done.stdout, done.stderr) == ("shutdown\n", "")

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    def test_fork(self) -> None:
        """A process that is forked after the first request has a loop of its own, and its own lifespan."""
        code = (
            "from tests.bridge.wsgi.test_reverse import *\n"
            "app = Lively(); wsgi = ASGIToWSGI(app)\n"
            "Answer(wsgi).read()\n"
            "child = os.fork()\n"
            "if child: os.waitpid(child, 0)\n"
            "else: Answer(wsgi).read()\n"
            "wsgi.close(); print(app.events.count('startup'), app.events.count('shutdown'))"
        )
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert sorted(done.stdout.splitlines()) == ["1 1", "2 1"]


class TestValidator:
    """wsgiref.validate in the server's place."""

    def validated(self, app: ASGIToWSGI, body: bytes = b"", **changes: Any) -> Answer:
        """Have one request of `app` watched."""
        return Answer(validator(app), body, **changes).read()

    def test_hello(self, serve: Serve) -> None:
        """A plain response is right."""
        assert self.validated(serve(hello)).body == b"hello"

    def test_echo(self, serve: Serve) -> None:
        """The body is read as it may be."""
        assert self.validated(serve(echo), b"x" * 100_000).body == b"x" * 100_000

    def test_error(self, serve: Serve) -> None:
        """An error is answered as it may be."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            raise ValueError

        assert self.validated(serve(app)).status.startswith("500")


class TestRoundTrip:
    """A WSGI application behind both: WSGI to ASGI to WSGI."""

    @pytest.fixture
    def round_trip(self) -> Iterator[Callable[[Any], ASGIToWSGI]]:
        """Give what wraps an application twice; its threads end with the test."""
        made: list[ASGIToWSGI] = []

        def wrap(app: Any) -> ASGIToWSGI:
            made.append(ASGIToWSGI(WSGIToASGI(app)))
            return made[-1]

        yield wrap
        for wsgi in made:
            wsgi.close()
        gc.collect()

    @pytest.mark.parametrize("how", ["one", "halves"])
    def test_validated_at_both_ends(self, round_trip: Callable[[Any], ASGIToWSGI], how: str) -> None:
        """wsgiref.validate approves of the server's side and of the application's."""
        body = b"one\ntwo\n" + b"x" * 100_000
        answer = Answer(validator(round_trip(wsgi_validated.app)), body, QUERY_STRING=how).read()
        assert answer.body == body
        assert ("x-length", str(len(body))) in answer.heads[0][1]

    @pytest.mark.parametrize("how", ["never", "twice"])
    def test_error(self, round_trip: Callable[[Any], ASGIToWSGI], how: str) -> None:
        """An error in there is a 500 out here."""
        answer = Answer(round_trip(wsgi_start.app), QUERY_STRING=how).read()
        assert (answer.status, answer.body) == ("500 Internal Server Error", b"Internal Server Error")

    def test_late_error(self, round_trip: Callable[[Any], ASGIToWSGI]) -> None:
        """A response that is cut off in there is cut off out here."""
        answer = Answer(round_trip(wsgi_start.app), QUERY_STRING="too_late")
        with pytest.raises(ResponseAborted):
            answer.read()

    def test_environ(self, round_trip: Callable[[Any], ASGIToWSGI]) -> None:
        """The environ arrives as it was."""
        seen: dict[str, Any] = {}

        def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            seen.update(environ)
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"x"]

        given = {
            "SCRIPT_NAME": "/root",
            "PATH_INFO": "/a b/\xe9",
            "QUERY_STRING": "x=%20\xe9",
            "HTTP_COOKIE": "a=1; b=2",
            "CONTENT_TYPE": "text/plain",
            "CONTENT_LENGTH": "3",
            "REMOTE_ADDR": "192.0.2.1",
            "REMOTE_PORT": "1",
            "SERVER_PORT": "8000",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "https",
            "REQUEST_METHOD": "PUT",
        }
        Answer(round_trip(app), b"abc", **given).read()
        assert {key: seen[key] for key in given} == given
