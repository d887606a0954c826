"""How an HTTP/1.1 connection ends, and what may happen before (RFC 9112 sections 9.5 and 9.6)."""

import pytest

from tests.support.http_apps import deaf
from tests.support.http_peer import (
    Peer,
    Puppet,
    get,
    on_loop,
    request,
)

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
