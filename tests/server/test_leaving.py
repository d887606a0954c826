"""What becomes of the call of an application whose client leaves in the middle of a response."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.exchange import Exchange
from tests.support.embedded import until
from tests.support.http_peer import Call, Peer, Puppet, get, on_loop, request, settle

#: Seconds that a call may go on unaware; short, as the tests wait for it.
GRACE = 0.01


@pytest.fixture
def file() -> Iterator[BinaryIO]:
    """Give a file that is open."""
    with Path(__file__).open("rb") as file:
        yield file


async def answering(part: bytes = b"part", **settings: Any) -> tuple[Peer, Call]:
    """Give a client in the middle of a response, and the call that sends it."""
    app = Puppet()
    peer = Peer(app, **{"timeout_disconnect": GRACE, **settings})
    await peer.send(get("/"))
    await app.call.start()
    if part:
        await app.call.body(part, more=True)
    return peer, app.call


async def enough_time() -> None:
    """Return when a call that began to be unaware just now has been cancelled."""
    peer, call = await answering()
    await peer.leave()
    await until(call.end.cancelled)
    await settle()


# Those who are cancelled.


@pytest.mark.parametrize("part", [b"part", b""])
@on_loop
async def test_unaware(part: bytes) -> None:
    """One that neither receives nor sends is cancelled, whether any of its response has been sent or not."""
    peer, call = await answering(part)
    await peer.leave()
    await until(call.end.cancelled)


@on_loop
async def test_nothing_is_kept() -> None:
    """A call is not cancelled before its time; one that ends early leaves no timer, which would keep the
    connection for all of the time.
    """
    peer, call = await answering(timeout_disconnect=3600)
    exchange = peer.handler._exchange
    assert isinstance(exchange, Exchange)
    await peer.leave()
    assert not call.end.done()
    with pytest.raises(ClientDisconnected) as caught:
        await call.body(b"more", more=True)
    leaving = exchange._leaving
    assert leaving is not None
    timer = leaving._timer
    assert timer is not None
    assert not timer.cancelled()
    await call.finish(caught.value)
    assert timer.cancelled()


@on_loop
async def test_client_says_no_more() -> None:
    """A client that closes its direction may be reading: the call goes on while it sends, and no longer."""
    peer, call = await answering(timeout_disconnect=3600)
    exchange = peer.handler._exchange
    assert isinstance(exchange, Exchange)
    await peer.send_eof()
    leaving = exchange._leaving
    assert leaving is not None
    for _ in range(3):
        await call.body(b"more", more=True)
        leaving.look(exchange)  # as the timer does
        await settle()
        assert not call.end.done()
    leaving.look(exchange)
    await settle()
    assert call.end.cancelled()


@on_loop
async def test_client_says_no_more_and_gets_files(file: BinaryIO) -> None:
    """What is sent of a file counts as well."""
    peer, call = await answering(timeout_disconnect=3600)
    exchange = peer.handler._exchange
    assert isinstance(exchange, Exchange)
    await peer.send_eof()
    leaving = exchange._leaving
    assert leaving is not None
    await call.send({"type": "http.response.zerocopysend", "file": file, "count": 1, "more_body": True})
    leaving.look(exchange)  # as the timer does
    await settle()
    assert not call.end.done()
    await call.finish()


@on_loop
async def test_response_begins_too_late() -> None:
    """The time counts from the beginning of the response when the client has gone before it."""
    app = Puppet()
    peer = Peer(app, timeout_disconnect=GRACE)
    await peer.send(get("/"))
    await peer.send_eof()
    await enough_time()
    assert not app.call.end.done()
    await app.call.start()
    await until(app.call.end.cancelled)


@pytest.mark.parametrize(
    "again",
    [
        {"type": "http.response.body", "body": b"part", "more_body": True},
        {"type": "http.response.zerocopysend", "offset": 0, "count": 1, "more_body": True},
        {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]},
    ],
    ids=["body", "file", "hint"],
)
@on_loop
async def test_endless_answer_to_head(file: BinaryIO, again: dict[str, Any]) -> None:
    """An application that sends for ever what nobody is sent takes turns with others, and is cancelled."""
    ended = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"part", "more_body": True})
        try:
            while True:
                await send({**again, "file": file})
        finally:
            ended.set()

    peer = Peer(app, timeout_disconnect=GRACE)
    await peer.send(request("HEAD", "/"))
    assert peer.transport.take().startswith(b"HTTP/1.1 200 ")
    await peer.leave()
    await ended.wait()


# Those who are not.


@on_loop
async def test_told_while_it_waits() -> None:
    """One that waits in `receive` is told and left alone."""
    peer, call = await answering()
    await call.receive()  # the request
    waiting = asyncio.ensure_future(call.receive())
    await settle()
    await peer.leave()
    assert await waiting == {"type": "http.disconnect"}
    await enough_time()
    assert not call.end.done()
    call.end.set_result(None)


@on_loop
async def test_told_later() -> None:
    """One that asks in time is left alone."""
    peer, call = await answering()
    peer.transport.lose()  # the loop does not turn before the question
    while (await call.receive())["type"] != "http.disconnect":
        pass
    await enough_time()
    assert not call.end.done()
    call.end.set_result(None)


@on_loop
async def test_told_to_end() -> None:
    """One that the server has told to end has the time that the server has."""
    peer, call = await answering()
    assert peer.handler.end_response()
    await enough_time()
    assert not call.end.done()
    await call.body()
    call.end.set_result(None)


@on_loop
async def test_not_begun() -> None:
    """One that has not begun to answer may be doing what must be done all the same."""
    app = Puppet()
    peer = Peer(app, timeout_disconnect=GRACE)
    await peer.send(get("/"))
    await peer.leave()
    await enough_time()
    assert not app.call.end.done()
    app.call.end.set_result(None)


@on_loop
async def test_complete() -> None:
    """One whose response is complete may go on with something else."""
    peer, call = await answering()
    await call.body()
    await peer.leave()
    await enough_time()
    assert not call.end.done()
    call.end.set_result(None)


@on_loop
async def test_client_reads_slowly() -> None:
    """One that waits for a client which has closed its direction, and reads slowly, is waiting rightly."""
    peer, call = await answering()
    await peer.send_eof()
    await peer.stop_reading()
    await enough_time()
    assert not call.end.done()
    call.end.set_result(None)


@on_loop
async def test_never() -> None:
    """0 cancels nothing."""
    peer, call = await answering(timeout_disconnect=0)
    await peer.leave()
    await enough_time()
    assert not call.end.done()
    call.end.set_result(None)
