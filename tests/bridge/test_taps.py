"""Looking at requests while they are served: what is told, and that it changes nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from io import BytesIO
from typing import Any, BinaryIO

import pytest

from hybrid.bridge.taps import TappedExchange, TappedLoop, TappedThreads, tapped
from hybrid.bridge.types import (
    BodyPolicy,
    Headers,
    Message,
    Receive,
    ResponseHead,
    Scope,
    Send,
    ThreadedApplication,
    WatchedExchange,
)

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/"}
HEAD = ResponseHead(200, "OK", [(b"a", b"b")], 3)


class Seeing:
    """Puts down what it is told; what it looks at are paths that do not begin with ``/not``."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __call__(self, scope: Scope) -> "Seeing | None":
        """Look at a request, or not."""
        if scope["path"] == "/fails":
            raise ValueError("no")
        return None if scope["path"].startswith("/not") else self

    def head(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Put the head down."""
        self.told.append(("head", status, [*headers]))

    def part(self, data: bytes) -> None:
        """Put a part down, or fail with it."""
        if data == b"fail":
            raise ValueError("no")
        self.told.append(("part", data))

    def file(self, count: int) -> None:
        """Put a file down."""
        self.told.append(("file", count))

    def end(self, *, complete: bool) -> None:
        """Put the end down."""
        self.told.append(("end", complete))


class Written:
    """An exchange of the server's, which puts down what is written to it."""

    def __init__(self, path: str = "/") -> None:
        self.scope: Scope = {**SCOPE, "path": path}
        self.body: BinaryIO = BytesIO(b"body")
        self.memo: dict[Any, Any] | None = {}
        self.progress = 1.5
        self.disconnected = False
        self.gone = False
        self.calls: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Give a method."""
        return lambda *arguments: self.calls.append((name, *arguments))

    def reject(self, status: int, reason: str, headers: Headers) -> None:
        """Be answered by somebody else."""
        self.calls.append(("reject", status, reason, headers))


class Pooled(ThreadedApplication):
    """Keeps what it is given."""

    body_policy = BodyPolicy(limit=7)

    def __init__(self) -> None:
        self.given: list[Any] = []
        self.watched: list[Any] = []

    def submit(self, exchange: Any) -> None:
        """Take an exchange."""
        self.given.append(exchange)

    def submit_watched(self, exchange: WatchedExchange) -> None:
        """Take one that is watched."""
        self.watched.append(exchange)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as under another server."""
        await answer(scope, receive, send)


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in two parts."""
    await send({"type": "http.response.start", "status": 201, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    if scope["path"] == "/breaks":
        raise KeyError("here")
    await send({"type": "http.response.body", "body": b"two"})


async def receive() -> Message:
    """Receive nothing."""
    raise AssertionError


def sent_by(application: Callable[[Scope, Receive, Send], Awaitable[None]], path: str) -> list[Message]:
    """Return what an application sends."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def call() -> None:
        await application({**SCOPE, "path": path}, receive, send)

    asyncio.run(call())
    return messages


TOLD = [("head", 201, [(b"a", b"b")]), ("part", b"one"), ("part", b"two"), ("end", True)]


@pytest.mark.parametrize("threaded", [False, True], ids=["loop", "threads"])
def test_an_answer_through_send(threaded: bool) -> None:
    """All of it is told, in its order, and nothing else is sent than without the tap."""
    seeing, plain = Seeing(), Pooled() if threaded else answer
    application = tapped((plain, plain), [seeing])[0]
    assert sent_by(application, "/") == sent_by(plain, "/")
    assert seeing.told == TOLD


@pytest.mark.parametrize("path", ["/not", "/fails"], ids=["not wanted", "fails"])
def test_nobody_looks(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """Then the application is called as it is; who fails to say so is in the log, and the answer is whole."""
    seeing = Seeing()
    assert len(sent_by(TappedLoop(answer, seeing), path)) == 3
    assert seeing.told == []
    assert ("could not be looked at" in caplog.text) == (path == "/fails")


def test_an_application_breaks() -> None:
    """That is the end, and what it has raised goes on."""
    seeing = Seeing()
    with pytest.raises(KeyError, match="here"):
        sent_by(TappedLoop(answer, seeing), "/breaks")
    assert seeing.told == [*TOLD[:2], ("end", False)]


def test_a_file_through_send() -> None:
    """The size of a file is told, and that this is the end."""

    async def sends_file(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.zerocopysend", "file": 3, "count": 9})

    seeing = Seeing()
    sent_by(TappedLoop(sends_file, seeing), "/")
    assert seeing.told == [("head", 200, []), ("file", 9), ("end", True)]


def exchanged() -> tuple[Written, Seeing, TappedExchange]:
    """Give an exchange, who looks at it, and what the pool is given."""
    exchange, seeing, pool = Written(), Seeing(), Pooled()
    TappedThreads(pool, seeing).submit(exchange)
    (given,) = pool.given
    assert isinstance(given, TappedExchange)
    return exchange, seeing, given


def test_a_response_at_once() -> None:
    """It is written first, and told then."""
    exchange, seeing, given = exchanged()
    given.respond(HEAD, b"abc")
    assert exchange.calls == [("respond", HEAD, b"abc")]
    assert seeing.told == [("head", 200, [(b"a", b"b")]), ("part", b"abc"), ("end", True)]


def test_a_response_in_parts() -> None:
    """Each is told; what is ahead of the head is not."""
    exchange, seeing, given = exchanged()
    given.interim(103, [])
    given.start(200, "OK", [])
    given.write(b"a")
    given.finish(b"b")
    assert [name for name, *_ in exchange.calls] == ["interim", "start", "write", "finish"]
    assert seeing.told == [("head", 200, []), ("part", b"a"), ("part", b"b"), ("end", True)]


def test_a_file_of_a_thread() -> None:
    """Its size is told, and nobody reads it."""
    exchange, seeing, given = exchanged()
    given.start(200, "OK", [])
    given.send_file(3, 0, 9)
    assert exchange.calls[-1] == ("send_file", 3, 0, 9)
    assert seeing.told == [("head", 200, []), ("file", 9), ("part", b""), ("end", True)]


@pytest.mark.parametrize("left", [False, True], ids=["fails", "client left"])
def test_a_response_is_cut_off(left: bool) -> None:
    """That the application has failed is told; that its client has left is nothing to tell."""
    exchange, seeing, given = exchanged()
    exchange.disconnected = left
    given.abort()
    assert exchange.calls == [("abort",)]
    assert seeing.told == ([] if left else [("end", False)])


def test_a_request_is_refused() -> None:
    """What answers in the application's place reaches the exchange."""
    exchange, seeing, given = exchanged()
    given.reject(503, "Service Unavailable", [])
    assert exchange.calls == [("reject", 503, "Service Unavailable", [])]
    assert seeing.told == [("end", False)]


def test_what_the_pool_asks() -> None:
    """It learns from the tap what the exchange says, and the exchange what the pool tells."""
    exchange, _, given = exchanged()
    assert (given.scope, given.body, given.memo) == (exchange.scope, exchange.body, exchange.memo)
    assert (given.progress, given.disconnected, given.gone) == (1.5, False, False)
    given.taken()
    given.called({"a": 1})
    assert exchange.calls == [("taken",), ("called", {"a": 1})]


def test_who_fails_when_told(caplog: pytest.LogCaptureFixture) -> None:
    """The worker goes on, and the log has it."""
    exchange, _, given = exchanged()
    given.write(b"fail")
    given.finish()
    assert [name for name, *_ in exchange.calls] == ["write", "finish"]
    assert "could not be looked at" in caplog.text


def test_others_go_to_the_pool_as_they_are() -> None:
    """What nobody looks at has nothing around it; bodies are treated as without the tap."""
    pool = Pooled()
    application = TappedThreads(pool, Seeing())
    exchange = Written("/not")
    application.submit(exchange)
    application.submit_watched(exchange)
    assert pool.given == pool.watched == [exchange]
    application.submit_watched(Written())
    assert isinstance(pool.watched[1], TappedExchange)
    assert application.body_policy is pool.body_policy


def test_several_look() -> None:
    """Each is told; logs find what is below all of them."""
    first, second, pool = Seeing(), Seeing(), Pooled()
    threaded, on_loop = tapped((pool, answer), [first, second])
    assert isinstance(threaded, TappedThreads)
    assert isinstance(on_loop, TappedLoop)
    assert (threaded.tapped, on_loop.tapped) == (pool, answer)
    threaded.submit(Written())
    pool.given[0].respond(HEAD, b"abc")
    assert first.told == second.told != []
    assert tapped((pool, answer), []) == (pool, answer)
