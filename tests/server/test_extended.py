"""Early hints, trailers and debug information: what becomes of the messages, in memory."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.server.wire.errors import ResponseError
from tests.support.http_peer import Call, Peer, Puppet, get, on_loop, request, settle, start_waiting, started

LINKS = [b"</a.css>; rel=preload; as=style", b"</b.js>; rel=preload"]
TE = ("TE: trailers", "Connection: TE")


def hints(peer: Peer) -> list[tuple[int, list[bytes]]]:
    """Return status and links of the responses that have come."""
    return [(response.status, response.values(b"link")) for response in peer.responses()]


async def hint(call: Call, links: Any = LINKS) -> None:
    """Send an early hint."""
    await call.send({"type": "http.response.early_hint", "links": links})


async def trailers(call: Call, headers: Any = ((b"a", b"1"),), *, more: bool = False) -> None:
    """Send trailer fields."""
    await call.send({"type": "http.response.trailers", "headers": headers, "more_trailers": more})


async def trailed(call: Call, headers: Any = ()) -> None:
    """Begin a response, and say that trailers follow."""
    await call.send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": True})


# Early hints (RFC 8297).


@pytest.mark.parametrize("when", ["before the start", "after the start"])
@on_loop
async def test_hints(when: str) -> None:
    """Hints go out at once, as often as they are sent, until the head of the response does."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    if when == "after the start":
        await app.call.start(204)
    await hint(app.call)
    assert peer.transport.written.startswith(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>")
    await hint(app.call, iter(LINKS[:1]))
    if when == "before the start":
        await app.call.start(204)
    await app.call.body()
    await app.call.finish()
    assert hints(peer) == [(103, LINKS), (103, LINKS[:1]), (204, [])]


@on_loop
async def test_late_hints() -> None:
    """Hints after the head has left have nowhere to go, and are no error: the specification allowed them."""
    app, peer = await started()
    await app.call.body(b"a", more=True)
    await hint(app.call)
    await app.call.body(b"b")
    await app.call.finish()
    assert peer.response().body == b"ab"


@on_loop
async def test_hints_to_http_1_0() -> None:
    """A client of HTTP/1.0 would take them for the response (RFC 9110 section 15.2)."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get(version="1.0"))
    await hint(app.call)
    assert not peer.transport.written
    await app.call.answer()


@on_loop
async def test_no_links() -> None:
    """A hint of nothing is not sent."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await hint(app.call, [])
    assert not peer.transport.written
    await app.call.answer()


@pytest.mark.parametrize("links", [[b"</a>\r\nset-cookie: a=b"], ["</a>"], b"</a>", None, [b"\0"]])
@on_loop
async def test_wrong_links(links: Any) -> None:
    """Links that are not bytes, or would inject a field, are refused, and nothing of them is sent."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    with pytest.raises(ResponseError, match=r"^http\.response\.early_hint: "):
        await hint(app.call, links)
    with pytest.raises(ResponseError, match="'links' is missing"):
        await app.call.send({"type": "http.response.early_hint"})
    assert not peer.transport.written
    await app.call.answer()


@on_loop
async def test_hints_to_a_slow_client() -> None:
    """Who sends hints waits for the client as with a part of the body."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await peer.stop_reading()
    task = peer.context.loop.create_task(hint(app.call))
    await settle()
    assert not task.done()
    await peer.read_on()
    await task
    await app.call.answer()


@on_loop
async def test_hints_and_continue() -> None:
    """A client that waits to be told to go on is told, before or after the hints."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 1", "Expect: 100-continue"))
    await hint(app.call)
    receiving = asyncio.ensure_future(app.call.receive())
    await settle()
    await peer.send(b"x")
    assert (await receiving)["body"] == b"x"
    await app.call.answer()
    assert [response.status for response in peer.responses("POST")] == [103, 100, 200]


# Trailers: what goes over the wire is tested with the encoder.


@on_loop
async def test_trailers() -> None:
    """They end the response, and the connection goes on."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", *TE) + get("/next"))
    await trailed(app.call, [(b"trailer", b"a, b")])
    await app.call.body(b"body")
    assert len(app.calls) == 1
    await trailers(app.call, more=True)
    await trailers(app.call, [(b"b", b"2")])
    assert peer.transport.take().endswith(b"\r\n\r\n4\r\nbody\r\n0\r\na: 1\r\nb: 2\r\n\r\n")
    await app.call.finish()
    await settle()
    assert app.call.scope["path"] == "/next"
    await app.call.answer()
    assert peer.response().status == 200


@on_loop
async def test_trailers_nobody_asked_for() -> None:
    """The client has all of its response before they come, and the connection goes on after them."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get() + get("/next"))
    await trailed(app.call)
    await app.call.body(b"body")
    assert peer.response().values(b"content-length") == [b"4"]
    assert len(app.calls) == 1
    await trailers(app.call)
    await app.call.finish()
    await settle()
    assert app.call.scope["path"] == "/next"
    await app.call.answer()


@pytest.mark.parametrize("announced", [False, True])
@on_loop
async def test_trailers_that_are_not_due(announced: bool) -> None:
    """They are refused where the start has not announced them, and before the body is over."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", *TE))
    with pytest.raises(ProtocolError, match=r"http\.response\.start is due"):
        await trailers(app.call)
    await (trailed(app.call) if announced else app.call.start())
    with pytest.raises(ProtocolError, match=r"http\.response\.body is due"):
        await trailers(app.call)
    await app.call.body(b"body")
    if announced:
        with pytest.raises(ProtocolError, match=r"http\.response\.trailers is due"):
            await app.call.body(b"more")
        with pytest.raises(ProtocolError, match=r"http\.response\.trailers is due"):
            await app.call.start()
        await trailers(app.call)
    with pytest.raises(ProtocolError, match="complete"):
        await trailers(app.call)
    await app.call.finish()
    assert b"body" in peer.transport.take()


@pytest.mark.parametrize("fields", [[(b"content-length", b"1")], [(b"a",)], [1], 1])
@on_loop
async def test_wrong_trailers(fields: Any) -> None:
    """What cannot be a trailer field is refused; the application may still send others."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", *TE))
    await trailed(app.call)
    await app.call.body(b"body")
    with pytest.raises(ResponseError):
        await trailers(app.call, fields)
    await trailers(app.call, [])
    await app.call.finish()
    assert peer.response().body == b"body"


@on_loop
async def test_trailers_that_do_not_come(caplog: pytest.LogCaptureFixture) -> None:
    """An application that has announced them and returns has not completed its response."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", *TE))
    await trailed(app.call)
    await app.call.body(b"body")
    await app.call.finish()
    await settle()
    assert "returned without completing its response" in caplog.text
    assert peer.transport.aborted


@on_loop
async def test_close_with_trailers() -> None:
    """What is said about the connection holds for a response with trailers."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", *TE))
    await trailed(app.call)
    peer.connection.drain()
    await app.call.body(b"body")
    await trailers(app.call)
    await app.call.finish()
    await settle()
    assert peer.closed
    assert peer.response().values(b"connection") == [b"close"]


@on_loop
async def test_client_leaves_before_the_trailers() -> None:
    """Trailers after the client has left raise what every message then does."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", *TE))
    await trailed(app.call)
    await app.call.body(b"body")
    await peer.leave()
    with pytest.raises(ClientDisconnected):
        await trailers(app.call)
    await app.call.finish()


# Debug information.


@on_loop
async def test_debug() -> None:
    """Before the response, what an application has to say of it reaches who has asked for that."""
    told: list[Any] = []
    app = Puppet()
    peer = Peer(app, response_debugger=lambda scope, info: told.append((scope["path"], info)))
    await peer.send(get("/a"))
    info = {"template": object()}
    await app.call.send({"type": "http.response.debug", "info": info})
    assert told == [("/a", info)]
    await app.call.start()
    with pytest.raises(ProtocolError, match=r"http\.response\.body is due"):
        await app.call.send({"type": "http.response.debug", "info": info})
    await app.call.body()
    await app.call.finish()
    assert peer.response().status == 200


@on_loop
async def test_debug_that_nobody_asked_for() -> None:
    """It is refused, as every message that was not offered."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    with pytest.raises(ProtocolError, match=r"'http\.response\.debug' was sent"):
        await app.call.send({"type": "http.response.debug", "info": {}})
    await app.call.answer()
    assert peer.response().status == 200


@pytest.mark.parametrize("kind", ["http.response.push", ""])
@on_loop
async def test_unknown(kind: str) -> None:
    """A message that there is not is refused."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    with pytest.raises(ProtocolError, match="was sent, but"):
        await app.call.send({"type": kind})
    await app.call.answer()
    assert peer.response().status == 200


# All of them, to a client that does not read.


@pytest.mark.parametrize("what", ["hint", "file", "trailers"])
@on_loop
async def test_sends_that_are_given_up(tmp_path: Path, what: str) -> None:
    """A message whose `send` is given up while the client does not read is not kept for it: an application
    that goes on to the next one each time would fill the memory.
    """
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", *TE))
    await trailed(app.call)
    path = tmp_path / "small"
    path.write_bytes(b"small")
    file = {"type": "http.response.zerocopysend", "offset": 0, "more_body": True}
    if what == "trailers":
        await app.call.body(b"all")
    peer.transport.take()
    await peer.stop_reading()
    with path.open("rb") as opened:
        for _ in range(100):
            if what == "hint":
                sending = await start_waiting(hint(app.call))
            elif what == "file":
                sending = await start_waiting(app.call.send({**file, "file": opened}))
            else:
                sending = await start_waiting(trailers(app.call, more=True))
            sending.cancel()
            await asyncio.wait({sending})
            assert sending.cancelled()
    assert peer.transport.take() == b""
    await peer.leave()
    with pytest.raises(ClientDisconnected):
        await hint(app.call)
    await app.call.finish()
