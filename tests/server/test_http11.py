"""HTTP/1.1 on one connection as the client sees it, in the order of RFC 9112."""

import asyncio
import contextlib
import logging
import re
import tracemalloc
from collections.abc import Awaitable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hybrid.bridge.errors import ClientDisconnected, PoolFull, ProtocolError
from hybrid.bridge.types import Receive, Scope, Send, ThreadedApplication, ThreadedExchange
from tests.support.http_peer import (
    IncompleteResponse,
    Peer,
    Puppet,
    get,
    on_loop,
    read_responses,
    request,
    settle,
    started,
)
from tests.support.http_requests import mutants

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECTS = ("Content-Length: 5", "Expect: 100-continue")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the request: its method, path and body."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    head = f"{scope['method']} {scope['path']} ".encode()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": head + body})


async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer without looking at the body."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"deaf"})


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


# Interim and bodiless responses (RFC 9110 sections 9.3.2, 10.1.1, 15.3.5, 15.4.5).


@on_loop
async def test_continue_when_the_application_reads() -> None:
    """A client that waits with its body is told to go on when the application asks for it, once."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", *EXPECTS))
    assert peer.transport.take() == b""
    receiving = app.call.receive_all()
    receiving.send(None)
    assert peer.transport.take() == CONTINUE
    receiving.close()
    await peer.send(b"he")
    assert (await app.call.receive())["body"] == b"he"
    await peer.send(b"llo")
    assert (await app.call.receive())["body"] == b"llo"
    await app.call.answer(b"done")
    assert peer.response("POST").body == b"done"
    assert not peer.closed


@on_loop
async def test_no_continue_when_the_application_does_not_read() -> None:
    """A final answer in place of 100 ends the connection: nobody can tell whether the body comes."""
    peer = Peer(deaf)
    await peer.send(request("POST", "/", *EXPECTS))
    response = peer.response("POST")
    assert (response.status, response.values(b"connection")) == (200, [b"close"])
    assert peer.closed


@on_loop
async def test_no_continue_when_the_body_is_here() -> None:
    """A client that did not wait is not told to go on."""
    peer = Peer(echo)
    await peer.send(request("POST", "/", *EXPECTS, body=b"hello"))
    assert peer.response("POST").body == b"POST / hello"
    await peer.send(request("POST", "/", *EXPECTS, body=b"he"))
    await peer.send(b"llo")
    assert peer.response("POST").body == b"POST / hello"
    assert not peer.closed


@on_loop
async def test_no_continue_in_the_middle_of_a_response() -> None:
    """Once the head of the response has been sent, 100 would be a part of its body."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", *EXPECTS))
    await app.call.start()
    await app.call.body(b"part", more=True)
    receiving = app.call.receive_all()
    receiving.send(None)
    receiving.close()
    await app.call.body(b"end")
    response = peer.response("POST")
    assert response.body == b"partend"
    await app.call.finish()
    assert peer.closed


@on_loop
async def test_continue_between_start_and_body() -> None:
    """A start alone is not sent, so that an application may give it before it reads."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", *EXPECTS))
    await app.call.start()
    receiving = app.call.receive_all()
    receiving.send(None)
    receiving.close()
    assert peer.transport.take() == CONTINUE
    await peer.send(b"hello")
    await app.call.body(b"done")
    assert peer.response("POST").body == b"done"
    await app.call.finish()


@pytest.mark.parametrize(
    ("fields", "version", "body"),
    [
        (("Content-Length: 5", "Expect: 100-continue"), "1.0", b""),
        (("Content-Length: 0", "Expect: 100-continue"), "1.1", b""),
        (("Expect: 100-continue",), "1.1", b""),
    ],
)
@on_loop
async def test_no_continue_for(fields: tuple[str, ...], version: str, body: bytes) -> None:
    """HTTP/1.0 and requests without a body get no 100 (RFC 9110 section 10.1.1)."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", *fields, body=body, version=version))
    receiving = app.call.receive_all()
    with contextlib.suppress(StopIteration):
        receiving.send(None)
    receiving.close()
    assert peer.transport.take() == b""


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


@on_loop
async def test_unknown_expectation() -> None:
    """Who expects what nobody knows is told before any application is called (RFC 9110 section 10.1.1)."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 5", "Expect: something"))
    assert peer.response("POST").status == 417
    assert peer.closed
    assert not app.calls


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


@pytest.mark.parametrize("length", [None, b"4"])
@pytest.mark.parametrize("parts", [1, 2])
@on_loop
async def test_head(length: bytes | None, parts: int) -> None:
    """HEAD gets the head that GET would get, and no body; the connection lives."""
    headers = [] if length is None else [(b"content-length", length)]
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("HEAD", "/"))
    await app.call.start(200, headers)
    if parts == 2:
        await app.call.body(b"bo", more=True)
    await app.call.body(b"body"[2 * (parts - 1) :])
    await app.call.finish()
    data = peer.transport.take()
    assert data.endswith(b"\r\n\r\n")
    assert data.count(b"\r\n\r\n") == 1
    (response,) = read_responses(data, "HEAD")
    if length or parts == 1:
        assert response.values(b"content-length") == [b"4"]
    else:
        assert response.values(b"transfer-encoding") == [b"chunked"]
    assert not peer.closed


@on_loop
async def test_head_may_leave_the_body_out() -> None:
    """An application may answer HEAD with the length of what it does not send."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("HEAD", "/"))
    await app.call.answer(b"", headers=[(b"content-length", b"1000")])
    assert peer.response("HEAD").values(b"content-length") == [b"1000"]
    assert not peer.closed


@pytest.mark.parametrize(("status", "length"), [(204, []), (205, [b"0"]), (304, [b"4"])])
@pytest.mark.parametrize("body", [b"", b"body"])
@on_loop
async def test_bodiless_status(status: int, length: list[bytes], body: bytes) -> None:
    """204, 205 and 304 have no body, whatever the application sends; 204 has no length, and 205 that of 0."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.answer(body, status, [(b"Content-Length", b"4")])
    data = peer.transport.take()
    assert data.endswith(b"\r\n\r\n")
    (response,) = read_responses(data)
    assert response.status == status
    assert response.values(b"content-length") == length
    assert not response.values(b"transfer-encoding")
    assert not peer.closed


@pytest.mark.parametrize("status", [204, 304])
@on_loop
async def test_bodiless_status_without_a_length(status: int) -> None:
    """No length is made up for a response that ends with its head, nor a coding."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(status)
    await app.call.body(b"", more=True)
    await app.call.body(b"")
    await app.call.finish()
    response = peer.response()
    assert not response.values(b"content-length") + response.values(b"transfer-encoding")
    assert not peer.closed


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 205), ("GET", 304)])
@pytest.mark.parametrize("polite", [False, True])
@on_loop
async def test_response_without_body_that_has_no_end(
    method: str, status: int, polite: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An application that never ends a body of which nothing is sent leaves the loop to others, and is told
    when its client leaves: one that closes its direction waits for nothing more.
    """
    app = Puppet()
    peer = Peer(app)
    await peer.send(request(method, "/"))
    await app.call.start(status)

    async def stream() -> None:
        while True:
            await app.call.body(b"part", more=True)

    streaming = asyncio.ensure_future(stream())
    await settle()
    assert not streaming.done()
    await (peer.send_eof() if polite else peer.leave())
    for call in (streaming, app.call.body()):
        with pytest.raises(ClientDisconnected):
            await call
    assert peer.closed or not polite
    await app.call.finish(ClientDisconnected())
    assert not caplog.records


@on_loop
async def test_parts_that_are_empty(caplog: pytest.LogCaptureFixture) -> None:
    """A client that closes its direction still gets a body whose parts are empty for a while."""
    app, peer = await started()
    await app.call.body(b"", more=True)
    await peer.send_eof()
    await app.call.body(b"", more=True)
    await app.call.body(b"all")
    assert peer.response().body == b"all"
    await app.call.finish()
    assert not caplog.records


# Fields that the server adds (RFC 9110 sections 6.6.1 and 10.2.4).


@on_loop
async def test_date_and_server() -> None:
    """Every response has one Date, in the one form that may be sent, and one Server."""
    peer = Peer(deaf)
    await peer.send(get())
    response = peer.response()
    (date,) = response.values(b"date")
    assert re.fullmatch(
        r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} "
        r"\d\d:\d\d:\d\d GMT",
        date.decode(),
    )
    assert parsedate_to_datetime(date.decode()).tzinfo is not None
    assert response.values(b"server") == [b"hybrid"]


@on_loop
async def test_date_is_formatted_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Responses between two ticks share their Date, and a tick brings a new one."""
    clock = 784111777.0
    monkeypatch.setattr("hybrid.server.context.time", lambda: clock)
    peer = Peer(deaf)
    await peer.send(get())
    assert peer.response().values(b"date") == [b"Sun, 06 Nov 1994 08:49:37 GMT"]
    clock += 0.9
    await peer.send(get())
    assert peer.response().values(b"date") == [b"Sun, 06 Nov 1994 08:49:37 GMT"]
    clock += 0.2
    peer.context.tick()
    await peer.send(get())
    assert peer.response().values(b"date") == [b"Sun, 06 Nov 1994 08:49:38 GMT"]


@pytest.mark.parametrize("name", [b"date", b"Date", b"server", b"SERVER"])
@on_loop
async def test_application_sends_its_own(name: bytes) -> None:
    """A Date or Server of the application's takes the place of the server's."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.answer(headers=[(name, b"mine")])
    response = peer.response()
    assert response.values(name.lower()) == [b"mine"]
    assert len(response.values(b"date")) == len(response.values(b"server")) == 1


# Persistence (RFC 9112 section 9.3).


@pytest.mark.parametrize(
    ("version", "connection", "lives", "says"),
    [
        ("1.1", None, True, []),
        ("1.1", "keep-alive", True, []),
        ("1.1", "close", False, [b"close"]),
        ("1.1", "Close", False, [b"close"]),
        ("1.1", "CLOSE", False, [b"close"]),
        ("1.1", "keep-alive, close", False, [b"close"]),
        ("1.1", "x, close ,y", False, [b"close"]),
        ("1.1", "x-close", True, []),
        ("1.1", "", True, []),
        ("1.0", None, False, [b"close"]),
        ("1.0", "keep-alive", True, [b"keep-alive"]),
        ("1.0", "Keep-Alive", True, [b"keep-alive"]),
        ("1.0", "x,keep-alive", True, [b"keep-alive"]),
        ("1.0", "keep-alive, close", False, [b"close"]),
        ("1.0", "close", False, [b"close"]),
        ("1.0", "x", False, [b"close"]),
    ],
)
@on_loop
async def test_persistence(version: str, connection: str | None, lives: bool, says: list[bytes]) -> None:
    """The client's version and its Connection field decide whether the connection lives, and it is told."""
    peer = Peer(deaf)
    fields = () if connection is None else (f"Connection: {connection}",)
    await peer.send(get("/", *fields, version=version))
    response = peer.response()
    assert response.values(b"connection") == says
    assert peer.closed != lives
    if lives:
        await peer.send(get())
        assert peer.response().status == 200


@on_loop
async def test_several_connection_fields() -> None:
    """All lines of the Connection field count."""
    peer = Peer(deaf)
    await peer.send(get("/", "Connection: close", "Connection: keep-alive"))
    assert peer.response().values(b"connection") == [b"close"]
    assert peer.closed


@on_loop
async def test_application_closes() -> None:
    """An application that says `Connection: close` gets it; other options of that field are the server's."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.answer(headers=[(b"connection", b"keep-alive"), (b"keep-alive", b"timeout=9")])
    assert peer.response().values(b"connection") == []
    assert not peer.closed
    await peer.send(get())
    await app.call.answer(headers=[(b"Connection", b"Close")])
    assert peer.response().values(b"connection") == [b"close"]
    assert peer.closed


@on_loop
async def test_transfer_encoding_is_the_server_s() -> None:
    """The application's Transfer-Encoding is left out, as the ASGI specification asks."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.answer(b"hello", headers=[(b"Transfer-Encoding", b"gzip, chunked")])
    response = peer.response()
    assert response.values(b"transfer-encoding") == []
    assert response.body == b"hello"


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
@on_loop
async def test_http_1_0_without_a_length(connection: str) -> None:
    """A body of unknown length to HTTP/1.0 is not chunked, and ends when the connection does."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/", f"Connection: {connection}", version="1.0"))
    await app.call.start()
    await app.call.body(b"hel", more=True)
    await app.call.body(b"lo")
    await app.call.finish()
    response = peer.response()
    assert response.body == b"hello"
    assert not response.values(b"transfer-encoding")
    assert response.values(b"connection") == [b"close"]
    assert peer.closed


# Pipelining (RFC 9112 section 9.3.2).


@on_loop
async def test_pipelined_requests_are_answered_in_order() -> None:
    """A later request waits until the earlier one has been answered, however fast it would be."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + request("POST", "/2", "Content-Length: 3", body=b"abc") + get("/3"))
    for number in (1, 2, 3):
        assert len(app.calls) == number
        assert app.call.scope["path"] == f"/{number}"
        await app.call.answer(b"%d" % number)
    assert [response.body for response in peer.responses("GET", "POST", "GET")] == [b"1", b"2", b"3"]


@on_loop
async def test_hundreds_of_requests_in_one_packet() -> None:
    """Many requests at once are as good as one after another."""
    peer = Peer(echo)
    peer.transport.receive(b"".join(get(f"/{number}") for number in range(1000)))
    written = b""
    while written.count(b"HTTP/1.1 200") < 1000:
        await peer.send(b"")
        written += peer.transport.take()
    responses = read_responses(written, *["GET"] * 1000)
    assert [response.body for response in responses] == [b"GET /%d " % n for n in range(1000)]
    assert not peer.closed


@on_loop
async def test_pipelined_requests_that_wait_pause_the_socket() -> None:
    """What waits behind a request is bounded, and is taken up afterwards."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await peer.send(get("/next") * 2200)
    assert not peer.transport.is_reading()
    for _ in range(200):
        await app.call.answer()
        assert app.call.scope["path"] == "/next"
    assert peer.transport.is_reading()


@on_loop
async def test_a_client_that_does_not_read_gets_no_further_response() -> None:
    """While the responses so far have not been read, no further request is begun: memory stays bounded."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + get("/2"))
    await peer.stop_reading()
    await app.call.answer(b"large")
    await peer.send(get("/3"))
    assert len(app.calls) == 1
    await peer.read_on()
    assert [call.scope["path"] for call in app.calls] == ["/1", "/2"]
    await app.call.answer(b"2")
    assert [call.scope["path"] for call in app.calls] == ["/1", "/2", "/3"]
    await app.call.answer(b"3")
    assert [response.body for response in peer.responses(*["GET"] * 3)] == [b"large", b"2", b"3"]


@on_loop
async def test_a_client_that_does_not_read_and_goes_on_asking() -> None:
    """Requests that wait for their client to read pause the socket when they are many."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1"))
    await peer.stop_reading()
    await app.call.answer(b"large")
    assert peer.transport.is_reading()
    await peer.send(get("/next") * 2200)
    assert not peer.transport.is_reading()
    await peer.read_on()
    assert app.call.scope["path"] == "/next"


@on_loop
async def test_a_client_that_does_not_read_leaves() -> None:
    """A client that leaves without having read is gone, with the requests that it had sent."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + get("/2"))
    await peer.stop_reading()
    await app.call.answer(b"large")
    await peer.leave()
    assert len(app.calls) == 1
    assert not peer.context.connections


@on_loop
async def test_a_client_that_reads_slowly_is_not_idle() -> None:
    """The keep-alive time begins when the client has read its response, or nearly."""
    app = Puppet()
    peer = Peer(app, timeout_keep_alive=7)
    await peer.send(get("/1"))
    await peer.stop_reading()
    await app.call.answer(b"large")
    await peer.pass_time(1000)
    assert not peer.closed
    await peer.read_on()
    await peer.pass_time(6.9)
    assert not peer.closed
    await peer.pass_time(7 + peer.context.TICK)
    assert peer.closed


@on_loop
async def test_nothing_is_answered_after_close() -> None:
    """A request behind one that closes the connection is not begun."""
    peer = Peer(echo)
    await peer.send(get("/1", "Connection: close") + get("/2"))
    assert peer.response().body == b"GET /1 "
    assert peer.closed


@on_loop
async def test_application_that_fails_ends_the_pipeline() -> None:
    """After a response that was cut off nothing else is answered."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + get("/2"))
    await app.call.start()
    await app.call.body(b"part", more=True)
    await app.call.finish(RuntimeError())
    assert peer.transport.aborted
    assert len(app.calls) == 1


class Pool(ThreadedApplication):
    """An application on threads, whose part the test plays; it has room for so many exchanges."""

    def __init__(self, room: int = 1000) -> None:
        self.exchanges: list[ThreadedExchange] = []
        self._room = room

    def submit(self, exchange: ThreadedExchange) -> None:
        """Keep the exchange for the test."""
        if len(self.exchanges) == self._room:
            raise PoolFull("full")
        self.exchanges.append(exchange)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Never be called: the server knows what this is."""
        raise AssertionError


@on_loop
async def test_pipelined_requests_to_threads() -> None:
    """A request waits for the one before it on threads too, also when more come while a worker finishes."""
    pool = Pool()
    peer = Peer(pool)
    await peer.send(get("/1") + get("/2"))
    for number in range(1, 5):
        assert [exchange.scope["path"] for exchange in pool.exchanges] == [
            f"/{n}" for n in range(1, number + 1)
        ]
        pool.exchanges[-1].start(200, "OK", [])
        pool.exchanges[-1].finish(b"%d" % number)  # leaves the response to the loop
        peer.transport.receive(get(f"/{number + 2}"))
        await settle()
    responses = peer.responses(*["GET"] * 4)
    assert [response.body for response in responses] == [b"1", b"2", b"3", b"4"]


@on_loop
async def test_no_room_on_the_threads() -> None:
    """A request that no thread can take is answered 503, the last one; those behind it are not begun."""
    pool = Pool(room=1)
    peer = Peer(pool)
    await peer.send(get("/1") + get("/2") + get("/3"))
    pool.exchanges[0].start(200, "OK", [])
    pool.exchanges[0].finish(b"1")
    await settle()
    first, second = peer.responses("GET", "GET")
    assert (first.body, second.status) == (b"1", 503)
    assert second.values(b"retry-after") == [b"1"]
    assert second.values(b"connection") == [b"close"]
    assert peer.closed


# Responses before the end of the request (RFC 9112 section 9.5).


@on_loop
async def test_early_response_and_a_small_rest() -> None:
    """The rest of a small body is read and dropped, and the connection lives."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 10", body=b"hello"))
    await app.call.answer(b"early")
    assert peer.response("POST").body == b"early"
    await peer.send(b"worldGET /n")
    await peer.send(b"ext HTTP/1.1\r\nHost: x\r\n\r\n")
    assert app.call.scope["path"] == "/next"
    await app.call.answer(b"next")
    assert peer.response().body == b"next"
    assert not peer.closed


@on_loop
async def test_early_response_and_the_rest_of_chunks() -> None:
    """So is the rest of a chunked body."""
    peer = Peer(deaf)
    await peer.send(request("POST", "/", "Transfer-Encoding: chunked", body=b"5\r\nhel"))
    assert peer.response("POST").body == b"deaf"
    await peer.send(b"lo\r\n0\r\n\r\n" + get())
    assert peer.response().body == b"deaf"
    assert not peer.closed


@on_loop
async def test_early_response_and_broken_chunks() -> None:
    """When the rest of a body is broken the connection closes; the request has had its response."""
    peer = Peer(deaf)
    await peer.send(request("POST", "/", "Transfer-Encoding: chunked", body=b"5\r\nhel"))
    assert peer.response("POST").body == b"deaf"
    await peer.send(b"lo!" + get())
    assert peer.closed
    assert peer.transport.take() == b""


@on_loop
async def test_early_response_and_a_large_rest() -> None:
    """A large rest is not worth reading: the server says its last word, listens a moment, and closes."""
    peer = Peer(deaf)
    await peer.send(request("POST", "/", "Content-Length: 100000000", body=b"hello"))
    assert peer.response("POST").body == b"deaf"
    await peer.send(bytes(70_000))
    assert peer.transport.eof_written
    assert not peer.transport.closing
    await peer.send(bytes(70_000))
    assert not peer.transport.closing
    await peer.send_eof()
    assert peer.transport.closing


@on_loop
async def test_early_response_resumes_reading() -> None:
    """A socket that was paused for the application's sake is read again when that has answered."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 100000", body=bytes(99_999)))
    assert not peer.transport.is_reading()
    await app.call.answer()
    assert peer.transport.is_reading()


@on_loop
async def test_early_response_to_a_client_that_stops() -> None:
    """A client that does not go on with the body that it announced is not waited for."""
    peer = Peer(deaf)
    await peer.send(request("POST", "/", "Content-Length: 10", body=b"hello"))
    await peer.pass_time(1000)
    assert peer.transport.closing


# Closing (RFC 9112 section 9.6).


@on_loop
async def test_client_closes_its_direction() -> None:
    """A client that closes its direction after its request still gets the response."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await peer.send_eof()
    await app.call.answer(b"still")
    assert peer.response().body == b"still"
    assert peer.transport.closing


@on_loop
async def test_client_closes_its_direction_after_several_requests() -> None:
    """It gets all its responses."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + get("/2") + get("/3"))
    await peer.send_eof()
    for number in (1, 2, 3):
        await app.call.answer(b"%d" % number)
    assert [response.body for response in peer.responses(*["GET"] * 3)] == [b"1", b"2", b"3"]
    assert peer.transport.closing


@on_loop
async def test_client_that_closed_its_direction_sends_nothing_more() -> None:
    """Every application that answers such a client hears of it, the later ones too."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + get("/2"))
    await peer.send_eof()
    for _ in range(2):
        assert (await app.call.receive())["type"] == "http.request"
        assert (await app.call.receive())["type"] == "http.disconnect"
        await app.call.answer()
    assert len(peer.responses("GET", "GET")) == 2


@on_loop
async def test_client_closes_its_direction_without_having_read() -> None:
    """It gets all its responses even when it reads late."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + get("/2"))
    await peer.stop_reading()
    await app.call.answer(b"large")
    await peer.send_eof()
    await peer.read_on()
    await app.call.answer(b"2")
    assert [response.body for response in peer.responses("GET", "GET")] == [b"large", b"2"]
    assert peer.transport.closing


@pytest.mark.parametrize(
    "rest",
    [b"GET /unfinished HT", request("POST", "/", "Content-Length: 9", body=b"unfinished"[:8])],
    ids=["head", "body"],
)
@on_loop
async def test_client_closes_its_direction_in_the_next_request(rest: bytes) -> None:
    """What can never be complete is not waited for."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + rest)
    await peer.send_eof()
    await app.call.answer(b"1")
    assert peer.transport.take().endswith(b"\r\n\r\n1")
    assert peer.transport.closing


@pytest.mark.parametrize("data", [b"", b"GET / HT", request("POST", "/", "Content-Length: 9", body=b"x")])
@on_loop
async def test_client_closes_its_direction_before_the_end_of_a_request(data: bytes) -> None:
    """Nothing can come of a request that is incomplete: the connection closes."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(data)
    await peer.send_eof()
    assert peer.transport.closing
    assert peer.transport.take() == b""


@on_loop
async def test_client_leaves() -> None:
    """Nothing of a connection is kept when it is gone."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await peer.leave()
    await app.call.finish()
    assert not peer.context.connections
    assert not peer.context.calls


# Timeouts (RFC 9112 section 9.5); time is what the test says.


@on_loop
async def test_keep_alive_timeout() -> None:
    """An idle connection is closed without a word when its time is over, and not before."""
    peer = Peer(deaf, timeout_keep_alive=7)
    await peer.send(get())
    peer.transport.take()
    await peer.pass_time(6.9)
    assert not peer.closed
    await peer.pass_time(7 + peer.context.TICK)
    assert peer.transport.closing
    assert peer.transport.take() == b""


@on_loop
async def test_keep_alive_timeout_does_not_count_a_response() -> None:
    """An application may take as long as it wants."""
    app = Puppet()
    peer = Peer(app, timeout_keep_alive=7)
    await peer.send(get())
    await peer.pass_time(1000)
    await app.call.answer(b"late")
    assert peer.response().body == b"late"


@on_loop
async def test_header_timeout() -> None:
    """A head that does not come to its end in time is answered 408."""
    peer = Peer(deaf, timeout_headers=7)
    await peer.send(b"GET / HTTP/1.1\r\n")
    await peer.pass_time(6.9)
    assert not peer.closed
    await peer.pass_time(7 + peer.context.TICK)
    assert peer.response().status == 408
    assert peer.closed


@on_loop
async def test_header_timeout_is_not_renewed() -> None:
    """A client that sends a byte now and then has no more time than others."""
    peer = Peer(deaf, timeout_headers=7)
    for byte in b"GET / HTTP/1.1\r\n":
        await peer.send(bytes([byte]))
        peer.context.now += 1
    peer.connection.tick(peer.context.now)
    assert peer.response().status == 408


@on_loop
async def test_header_timeout_of_the_next_request() -> None:
    """The time for the next head begins with its first byte."""
    peer = Peer(deaf, timeout_headers=7, timeout_keep_alive=100)
    await peer.send(get())
    peer.transport.take()
    peer.context.now += 50
    await peer.send(b"G")
    await peer.pass_time(6.9)
    assert not peer.closed
    await peer.pass_time(7 + peer.context.TICK)
    assert peer.response().status == 408


@on_loop
async def test_a_connection_without_a_request_is_closed() -> None:
    """A client that connects and says nothing is not waited for."""
    peer = Peer(deaf, timeout_headers=7)
    await peer.pass_time(7 + peer.context.TICK)
    assert peer.transport.closing
    assert peer.transport.take() == b""


# Stopping.


@on_loop
async def test_drain_closes_idle_connections() -> None:
    """A server that stops closes what is idle at once."""
    peer = Peer(deaf)
    await peer.send(get())
    peer.connection.drain()
    assert peer.transport.closing


@pytest.mark.parametrize("started", [False, True])
@on_loop
async def test_drain_lets_the_response_finish(started: bool) -> None:
    """A server that stops finishes the response, says that it is the last, and begins no other request."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get("/1") + get("/2"))
    if started:
        await app.call.start()
    peer.context.draining = True
    peer.connection.drain()
    assert not peer.closed
    if not started:
        await app.call.start()
    await app.call.body(b"1")
    await app.call.finish()
    response = peer.response()
    assert (response.body, response.values(b"connection")) == (b"1", [b"close"])
    assert len(app.calls) == 1
    assert peer.closed


# Any pieces.


METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE"])
BODIES = st.binary(max_size=40)


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[list[tuple[str, bytes]], bytes]:
    """Draw some requests with their bodies, and the bytes in which they are sent."""
    requests: list[tuple[str, bytes]] = []
    data = b""
    for _ in range(draw(st.integers(1, 4))):
        method, body = draw(METHODS), draw(BODIES)
        requests.append((method, body))
        if draw(st.booleans()):
            sizes = draw(st.lists(st.integers(1, 10), max_size=5))
            data += request(method, "/", "Transfer-Encoding: chunked", body=chunked(body, sizes))
        else:
            data += request(method, "/", f"Content-Length: {len(body)}", body=body)
    return requests, data


def chunked(body: bytes, sizes: list[int]) -> bytes:
    """Write a body in chunks of these sizes, and one for the rest."""
    data = b""
    for size in [*sizes, len(body)]:
        chunk, body = body[:size], body[size:]
        if chunk:
            data += b"%x\r\n%b\r\n" % (len(chunk), chunk)
    return data + b"0\r\n\r\n"


@given(pipelines(), st.data())
def test_any_pieces(pipeline: tuple[list[tuple[str, bytes]], bytes], data: st.DataObject) -> None:
    """In whatever pieces valid requests come, the same responses come back, in order."""
    requests, raw = pipeline
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8), "cuts"))

    @on_loop
    async def run() -> None:
        peer = Peer(echo)
        for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            await peer.send(raw[start:end])
        await peer.send(b"")
        responses = peer.responses(*(method for method, _ in requests))
        assert [response.body for response in responses] == [
            f"{method} / ".encode() + body for method, body in requests
        ]
        assert not peer.closed

    run()


@on_loop
async def test_memory_of_a_head_that_never_ends() -> None:
    """A client that sends a head without an end is refused before it has cost more than the limits."""
    peer = Peer(deaf)
    tracemalloc.start()
    try:
        for _ in range(10_000):
            peer.transport.receive(b"a" * 1000)
            if peer.closed:
                break
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert peer.response().status == 414


# Any order of events.

OFTEN = ("bytes", "bytes", "bytes", "start", "part", "end", "end", "receive", "return", "raise")
SELDOM = ("stop reading", "read on", "eof", "leave", "drain", "time", "much time")
STEPS = st.lists(st.sampled_from(OFTEN + SELDOM), max_size=40)


class Scenario:
    """A client, an application and a clock that do things in any order, as far as they could."""

    def __init__(self, raw: bytes, data: st.DataObject) -> None:
        self.app = Puppet()
        self.peer = Peer(self.app)
        self.raw = raw
        self.data = data
        self.eof = self.writing_stopped = False

    async def step(self, step: str) -> None:
        """Do one thing, if it is possible now."""
        peer = self.peer
        match step:
            case "bytes" if peer.transport.is_reading() and not self.eof:
                size = self.data.draw(st.integers(1, 100))
                piece, self.raw = self.raw[:size], self.raw[size:]
                await peer.send(piece)
            case "start" | "part" | "end" | "receive" | "return" | "raise" if self.app.calls:
                await self.act(step)
            case "stop reading" | "read on" if self.writing_stopped == (step == "read on"):
                self.writing_stopped = not self.writing_stopped
                if not peer.connection.closed:
                    await (peer.read_on() if step == "read on" else peer.stop_reading())
            case "eof" if peer.transport.is_reading() and not self.eof:
                self.eof = True
                await peer.send_eof()
            case "leave" if not peer.connection.closed:
                await peer.leave()
            case "drain":
                peer.context.draining = True
                peer.connection.drain()
            case "time" | "much time":
                peer.context.now += 1.0 if step == "time" else 100.0
                peer.connection.tick(peer.context.now)
        await settle()

    async def act(self, step: str) -> None:
        """Do something in the place of the application, in the latest call or the one before."""
        call = self.data.draw(st.sampled_from(self.app.calls[-2:]))
        with contextlib.suppress(ClientDisconnected, ProtocolError):
            match step:
                case "start":
                    await self.without_waiting(call.start())
                case "part" | "end":
                    await self.without_waiting(call.body(b"part", more=step == "part"))
                case "receive":
                    await self.without_waiting(call.receive())
                case "return" | "raise" if not call.end.done():
                    await call.finish(RuntimeError() if step == "raise" else None)

    async def without_waiting(self, call: Awaitable[Any]) -> None:
        """Let a call of the application come as far as it can."""
        task = asyncio.ensure_future(call)
        await settle()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def check(self) -> None:
        """See that what has been sent are responses, of which the last may be incomplete."""
        written = bytes(self.peer.transport.written)
        count = written.count(b"HTTP/1.1 ")
        with contextlib.suppress(IncompleteResponse):
            assert len(read_responses(written, *["GET"] * count)) == count if written else True
        if self.peer.connection.closed:
            assert not self.peer.context.connections


@given(pipelines(), STEPS, st.data())
def test_any_order_of_events(
    pipeline: tuple[list[tuple[str, bytes]], bytes], steps: list[str], data: st.DataObject
) -> None:
    """Whatever happens in whatever order: responses in their order and nothing else, and no error inside."""

    @on_loop
    async def run() -> None:
        scenario = Scenario(pipeline[1], data)
        for step in steps:
            await scenario.step(step)
            scenario.check()
        if not scenario.peer.connection.closed:
            await scenario.peer.leave()
        for call in scenario.app.calls:
            if not call.end.done():
                await call.finish()
        assert not scenario.peer.context.calls
        assert not scenario.peer.context.connections

    run()
