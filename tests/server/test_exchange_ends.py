"""How the call of an application can end, and what becomes of its response."""

import asyncio
import contextlib
import logging
from typing import Any

import pytest

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import ASGIApp, Receive, Resolver, Scope, Send
from tests.support.http_peer import Peer, Puppet, get, on_loop, request, start_waiting, started


@on_loop
async def test_application_raises_before_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """An error before anything was sent is a 500 and a traceback in the log, and the connection closes."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/oops"))
    await app.call.finish(RuntimeError("broken"))
    response = peer.response()
    assert (response.status, response.body) == (500, b"Internal Server Error")
    assert response.values(b"connection") == [b"close"]
    assert peer.closed
    (record,) = caplog.records
    assert "GET /oops" in record.getMessage()
    assert record.exc_info
    assert "broken" in str(record.exc_info[1])


@on_loop
async def test_disconnect_of_another_client(caplog: pytest.LogCaptureFixture) -> None:
    """An application that has failed because somebody else's client has left has failed."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/passes-on"))
    await app.call.finish(ClientDisconnected("the client has left"))
    assert peer.response().status == 500
    assert caplog.messages == ["GET /passes-on: the application failed"]


@on_loop
async def test_application_raises_after_start_was_given() -> None:
    """A start alone has not been sent yet, so that the client gets a 500 all the same."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"x-secret", b"1")])
    await app.call.finish(RuntimeError("broken"))
    response = peer.response()
    assert response.status == 500
    assert not response.values(b"x-secret")


@on_loop
async def test_application_raises_in_the_middle() -> None:
    """An error in the middle of a response cuts the connection, so that the client can tell."""
    app, peer = await started()
    await app.call.body(b"part", more=True)
    await app.call.finish(RuntimeError("broken"))
    assert peer.transport.aborted
    assert peer.transport.take().endswith(b"4\r\npart\r\n")


@on_loop
async def test_application_raises_after_the_response(caplog: pytest.LogCaptureFixture) -> None:
    """An error after the response is logged; the client has what it asked for, and may go on."""
    app, peer = await started()
    await app.call.body(b"all")
    await app.call.finish(RuntimeError("too late"))
    assert peer.response().body == b"all"
    assert not peer.closed
    assert len(caplog.records) == 1


class Unusual(BaseException):
    """An exception that is none of the usual kinds."""


@pytest.mark.parametrize(
    "error",
    [
        SystemExit(3),
        KeyboardInterrupt(),
        asyncio.CancelledError(),
        Unusual(),
        BaseExceptionGroup("several", [KeyboardInterrupt()]),
    ],
    ids=lambda error: type(error).__name__,
)
@on_loop
async def test_application_raises_what_is_no_error(error: BaseException) -> None:
    """Whatever an application raises, its client gets an answer and nobody else notices."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.finish(error)
    assert peer.response().status == 500
    assert peer.closed
    assert not peer.context.calls


@on_loop
async def test_application_returns_without_a_response(caplog: pytest.LogCaptureFixture) -> None:
    """Returning without a response is the application's fault: 500, and a line in the log."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.finish()
    assert peer.response().status == 500
    assert "returned without completing its response" in caplog.text


@on_loop
async def test_application_returns_in_the_middle() -> None:
    """Returning in the middle of a response cuts the connection."""
    app, peer = await started()
    await app.call.body(b"part", more=True)
    await app.call.finish()
    assert peer.transport.aborted


@pytest.mark.parametrize("started", [False, True])
@on_loop
async def test_application_returns_because_the_client_left(
    started: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An application that stops when the client has left does as it should: nothing is logged."""
    caplog.set_level(logging.INFO)
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    if started:
        await app.call.start()
        await app.call.body(b"part", more=True)
    await app.call.receive()
    waiting = await start_waiting(app.call.receive())
    await peer.send_eof()
    assert await waiting == {"type": "http.disconnect"}
    await app.call.finish()
    assert peer.transport.closing
    assert not caplog.records


@on_loop
async def test_application_fails_because_the_client_left(caplog: pytest.LogCaptureFixture) -> None:
    """The error that `send` raises may come out of the application: that is not worth a line in the log."""
    caplog.set_level(logging.INFO)
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await peer.leave()
    with pytest.raises(ClientDisconnected) as raised:
        await app.call.start()
    await app.call.finish(raised.value)
    assert not caplog.records


@on_loop
async def test_application_translates_that_the_client_left(caplog: pytest.LogCaptureFixture) -> None:
    """Nor is what a framework raises in its place, but for a line that says what happened."""
    caplog.set_level(logging.INFO)
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/where"))
    await peer.leave()
    with pytest.raises(ClientDisconnected) as raised:
        await app.call.start()
    error = Exception()
    error.__cause__ = raised.value
    await app.call.finish(error)
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("INFO", None)
    assert record.getMessage() == "GET /where: ended with Exception, as its client has left"


@on_loop
async def test_application_goes_on_after_the_response() -> None:
    """A call that is still running after its response does not keep the connection from the next one."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    first = app.call
    await first.start()
    await first.body(b"1")
    await peer.send(get())
    assert len(app.calls) == 2
    await app.call.answer(b"2")
    assert [response.body for response in peer.responses("GET", "GET")] == [b"1", b"2"]
    assert len(peer.context.calls) == 1
    await first.finish()
    assert not peer.context.calls


@on_loop
async def test_a_bad_body_is_refused_in_the_application_s_place(caplog: pytest.LogCaptureFixture) -> None:
    """When the body turns out to be broken the client gets 400; the application hears that it has left."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Transfer-Encoding: chunked", body=b"2\r\nhe\r\n"))
    waiting = await start_waiting(app.call.receive_all())
    await peer.send(b"x\r\n")
    assert peer.response("POST").status == 400
    assert await waiting == [
        {"type": "http.request", "body": b"he", "more_body": True},
        {"type": "http.disconnect"},
    ]
    for call in (app.call.start(), app.call.body()):
        with pytest.raises(ClientDisconnected):
            await call
    await app.call.finish(ClientDisconnected())
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@on_loop
async def test_a_bad_body_after_the_head_of_the_response() -> None:
    """When a response has begun, a broken body cuts the connection."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Transfer-Encoding: chunked", body=b"2\r\nhe\r\n"))
    await app.call.start()
    await app.call.body(b"part", more=True)
    await peer.send(b"x\r\n")
    assert peer.transport.aborted
    with pytest.raises(ClientDisconnected):
        await app.call.body()
    await app.call.finish()


def broken_application(scope: Scope, receive: Receive, send: Send) -> Any:
    """Fail when called, not when awaited."""
    raise RuntimeError("broken")


class BrokenRouter(Resolver):
    """A router that fails."""

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Fail."""
        raise RuntimeError("broken")


@pytest.mark.parametrize("application", [broken_application, BrokenRouter()])
@on_loop
async def test_application_fails_before_it_is_awaited(
    application: ASGIApp, caplog: pytest.LogCaptureFixture
) -> None:
    """An application or router that fails at once is an application that failed."""
    peer = Peer(application)
    await peer.send(get())
    assert peer.response().status == 500
    assert "broken" in caplog.text


@on_loop
async def test_repr_tells_the_state() -> None:
    """What a debugger shows says whose response it is, and what is due."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/where"))
    assert "GET b'/where'" in repr(peer.handler)
    assert "http.response.start is due" in repr(peer.handler)
    with contextlib.suppress(OSError):
        await app.call.answer()
