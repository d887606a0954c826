"""What is asked on one HTTP/1.1 connection: refusals, limits of bodies, expectations (RFC 9112)."""

import logging
from typing import Any

import pytest
from hypothesis import given, settings

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Receive, Scope, Send
from tests.support.http_apps import echo
from tests.support.http_peer import (
    Peer,
    Puppet,
    get,
    on_loop,
    request,
)
from tests.support.http_requests import mutants

# Refusals (RFC 9112 section 2.2).


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({}, None),
        ({"limit_request_line": 10}, 414),
        ({"limit_request_fields": 1}, 431),
        ({"limit_request_field_size": 10}, 431),
        ({"limit_request_head": 64}, 431),
    ],
)
@on_loop
async def test_limits(limits: dict[str, Any], status: int | None) -> None:
    """Each limit of the configuration has its status."""
    peer = Peer(echo, **limits)
    await peer.send(get("/a/long/path", "X-Some: thing long", "X-More: things"))
    response = peer.response()
    assert response.status == (status or 200)
    assert peer.closed == (status is not None)


@on_loop
async def test_refusal_is_a_whole_response(caplog: pytest.LogCaptureFixture) -> None:
    """A refusal has everything a response has, says why in one line, repeats nothing, and is in the log."""
    caplog.set_level(logging.INFO)
    peer = Peer(echo)
    await peer.send(b"GET /<script> HTTP/1.1\r\nHost: <script>\r\n\r\n")
    response = peer.response()
    assert (response.status, response.body) == (400, b"invalid Host")
    assert response.values(b"content-type") == [b"text/plain; charset=utf-8"]
    assert response.values(b"connection") == [b"close"]
    assert response.values(b"date")
    assert "192.0.2.1:50000 - refused: 400 Bad Request: invalid Host" in caplog.text


@on_loop
async def test_nothing_is_read_after_a_refusal() -> None:
    """Whatever follows a request that was refused is thrown away."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(b"GET / HTTP/1.1\r\n\r\n" + get("/smuggled"))
    await peer.send(get("/later"))
    assert peer.response().status == 400
    assert not app.calls


@on_loop
async def test_refusal_waits_for_its_turn() -> None:
    """A request that is refused gets its answer after the requests before it."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/first") + b"broken\r\n\r\n" + get("/smuggled"))
    assert peer.transport.take() == b""
    await app.call.answer(b"1")
    first, second = peer.responses("GET", "GET")
    assert (first.body, second.status) == (b"1", 400)
    assert peer.closed
    assert len(app.calls) == 1


# Bodies (RFC 9112 sections 6 and 7).


@on_loop
async def test_upgrade_to_something_else_is_ignored() -> None:
    """An Upgrade that is not WebSocket changes nothing, and its body is intact (RFC 9110 section 7.8)."""
    peer = Peer(echo)
    fields = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "Content-Length: 5")
    await peer.send(request("POST", "/a", *fields, body=b"hello") + get("/b"))
    assert [response.body for response in peer.responses("POST", "GET")] == [b"POST /a hello", b"GET /b "]
    assert not peer.closed


@on_loop
async def test_upgrade_in_http_1_0_is_ignored() -> None:
    """HTTP/1.0 cannot ask for another protocol (RFC 9110 section 7.8)."""
    peer = Peer(echo)
    fields = ("Connection: Upgrade", "Upgrade: websocket")
    await peer.send(get("/a", *fields, version="1.0"))
    assert peer.response().body == b"GET /a "


@pytest.mark.parametrize("expects", [(), ("Expect: 100-continue",)])
@on_loop
async def test_length_above_the_limit(expects: tuple[str, ...]) -> None:
    """A body that is announced as too large is refused at once: no application is called for it, the client
    is not told to go on, and what follows is no request.
    """
    app = Puppet()
    peer = Peer(app, limit_request_body=4)
    await peer.send(request("POST", "/", "Content-Length: 5", *expects))
    assert peer.response("POST").status == 413
    assert peer.closed
    assert peer.transport.eof_written  # our direction alone: the client may still be sending
    await peer.send(b"hello" + get("/smuggled"))
    assert peer.transport.take() == b""
    assert not app.calls


@on_loop
async def test_length_at_the_limit() -> None:
    """The limit belongs to what is allowed."""
    peer = Peer(echo, limit_request_body=5)
    await peer.send(request("POST", "/", "Content-Length: 5", body=b"hello"))
    assert peer.response("POST").body == b"POST / hello"


CHUNKED = "Transfer-Encoding: chunked"


@on_loop
async def test_chunks_above_the_limit() -> None:
    """An application that reads chunks is told that the client is gone when they become too much, and the
    client gets a 413; what the application still sends is dropped.
    """
    app = Puppet()
    peer = Peer(app, limit_request_body=4)
    await peer.send(request("POST", "/", CHUNKED, body=b"4\r\ngood\r\n"))
    assert (await app.call.receive())["body"] == b"good"
    await peer.send(b"1\r\nx\r\n0\r\n\r\n" + get("/smuggled"))
    assert await app.call.receive() == {"type": "http.disconnect"}
    assert peer.response("POST").status == 413
    assert peer.closed
    with pytest.raises(ClientDisconnected):
        await app.call.start()
    await app.call.finish()
    assert len(app.calls) == 1


@on_loop
async def test_chunks_above_the_limit_in_the_middle_of_a_response() -> None:
    """A response that has begun is cut off instead."""
    app = Puppet()
    peer = Peer(app, limit_request_body=4)
    await peer.send(request("POST", "/", CHUNKED, body=b"4\r\ngood\r\n"))
    await app.call.start()
    await app.call.body(b"begun", more=True)
    await peer.send(b"1\r\n")
    assert peer.transport.aborted
    with pytest.raises(ClientDisconnected):
        await app.call.body(b"more")
    await app.call.finish()


# Whatever is refused, and requests that came to the wrong server (RFC 9110 section 7.4).


@given(mutants())
@settings(max_examples=200, deadline=None)
def test_nothing_is_heard_after_a_refusal(raw: bytes) -> None:
    """Whatever has closed a connection, no request that comes after it reaches an application."""

    @on_loop
    async def send() -> None:
        seen: list[str] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            seen.append(scope["path"])
            while (await receive()).get("more_body"):
                pass
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})

        peer = Peer(app)
        await peer.send(raw)
        closed = peer.closed
        await peer.send(get("/after"))
        assert not (closed and "/after" in seen)

    send()


@pytest.mark.parametrize(("proxies", "status"), [("none", 421), ("192.0.2.1", None)])
@on_loop
async def test_https_in_clear(proxies: str, status: int | None) -> None:
    """What is asked for with https has come through TLS, or from a proxy that is believed (RFC 9110 section
    7.4).
    """
    app = Puppet()
    peer = Peer(app, forwarded_allow_ips=proxies)
    await peer.send(get("https://y/a"))
    if status is None:
        assert (app.call.scope["path"], app.call.scope["headers"]) == ("/a", [(b"host", b"y")])
        await app.call.answer()
    else:
        assert peer.response().status == status
        assert peer.closed
        assert not app.calls
