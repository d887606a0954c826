"""Several requests on one HTTP/1.1 connection: whether it lives on, and pipelining (RFC 9112 section 9.3)."""

import pytest

from hybrid.bridge.errors import PoolFull
from hybrid.bridge.types import Receive, Scope, Send, ThreadedApplication, ThreadedExchange
from tests.support.http_apps import deaf, echo
from tests.support.http_peer import (
    Peer,
    Puppet,
    get,
    on_loop,
    read_responses,
    request,
    settle,
)

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
