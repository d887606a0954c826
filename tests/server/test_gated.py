"""Requests of a server with `limit_concurrency`: when they count, what they get instead, and what becomes of
those whose client leaves.
"""

import asyncio
from typing import Any

import pytest

from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.types import (
    ASGIApp,
    BodyPolicy,
    Receive,
    Scope,
    Send,
    ThreadedApplication,
    ThreadedExchange,
)
from hybrid.server.connection import Connection
from hybrid.server.gate import Gate
from hybrid.server.http11 import Http11
from tests.support.http_peer import Peer, Puppet, get, on_loop, request, settle
from tests.support.transports import FakeTransport

CHUNKED = "Transfer-Encoding: chunked"


class Workers(ThreadedApplication):
    """Takes exchanges for the test, which does the workers' part."""

    def __init__(self, *, stream: bool = False) -> None:
        self.body_policy = BodyPolicy(stream=stream)
        self.exchanges: list[ThreadedExchange] = []
        self.full = False

    def submit(self, exchange: ThreadedExchange) -> None:
        """Keep an exchange."""
        if self.full:
            raise PoolFull("there is no room")
        self.exchanges.append(exchange)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Never be called: the server knows what this is."""
        raise AssertionError


class Crowd:
    """Clients of one server."""

    def __init__(self, application: ASGIApp, **settings: Any) -> None:
        self.peers = [Peer(application, **{"limit_concurrency": 1, **settings})]
        self.context = self.peers[0].context
        assert self.context.gate is not None
        self.gate: Gate = self.context.gate

    async def send(self, data: bytes) -> Peer:
        """Let another client come and send something."""
        peer = Peer.__new__(Peer)
        peer.context = self.context
        peer.connection = Connection(self.context)
        peer.transport = FakeTransport(peername=("192.0.2.1", 50001), sockname=("192.0.2.2", 80))
        peer.handler = Http11(peer.connection)
        peer.transport.connect(peer.handler)
        await peer.send(data)
        return peer

    def state(self) -> tuple[int, int]:
        """Return how many are inside, and how many wait."""
        return self.gate.inside, self.gate.waiting


def assert_turned_away(peer: Peer) -> None:
    """The client is told that there is too much to do, and when to come again."""
    response = peer.response()
    assert (response.status, response.body) == (503, b"Service Unavailable")
    assert response.values(b"retry-after") == [b"1"]
    assert peer.closed


class TestAsgi:
    """Applications on the loop."""

    @on_loop
    async def test_turns(self) -> None:
        """A request waits until the call before it has returned; having answered is not enough."""
        app = Puppet()
        crowd = Crowd(app)
        first, second = await crowd.send(get("/first")), await crowd.send(get("/second"))
        assert [call.scope["path"] for call in app.calls] == ["/first"]
        await app.call.start()
        await app.call.body(b"1")
        await settle()
        assert first.response().body == b"1"
        assert crowd.state() == (1, 1)
        await app.call.finish()
        assert [call.scope["path"] for call in app.calls] == ["/first", "/second"]
        await app.call.answer(b"2")
        assert second.response().body == b"2"
        assert crowd.state() == (0, 0)

    @pytest.mark.parametrize("error", [RuntimeError("on purpose"), SystemExit(1), asyncio.CancelledError()])
    @on_loop
    async def test_call_that_fails(self, error: BaseException) -> None:
        """A call that fails in any way is over."""
        app = Puppet()
        crowd = Crowd(app)
        await crowd.send(get("/first"))
        await crowd.send(get("/second"))
        await app.call.finish(error)
        assert crowd.state() == (1, 0)
        await app.call.answer()

    @on_loop
    async def test_turned_away(self) -> None:
        """Without room in the queue it is a 503, and the application is not called."""
        app = Puppet()
        crowd = Crowd(app, limit_concurrency_queue=1)
        await crowd.send(get("/first"))
        second = await crowd.send(get("/second"))
        assert_turned_away(await crowd.send(get("/third") + get("/fourth")))
        assert_turned_away(await crowd.send(request("POST", "/", "Content-Length: 9", body=b"some")))
        await app.call.answer()
        await app.call.answer()
        assert second.response().status == 200
        assert len(app.calls) == 2

    @on_loop
    async def test_waiting_too_long(self) -> None:
        """In the end it is a 503 as well."""
        app = Puppet()
        crowd = Crowd(app, limit_concurrency_timeout=0.01)
        await crowd.send(get("/first"))
        second = await crowd.send(get("/second"))
        while not second.closed:
            await asyncio.sleep(0.005)
        assert_turned_away(second)
        await app.call.answer()
        assert (len(app.calls), crowd.state()) == (1, (0, 0))

    @on_loop
    async def test_client_that_leaves_the_queue(self) -> None:
        """It is not served, and no error."""
        app = Puppet()
        crowd = Crowd(app)
        await crowd.send(get("/first"))
        second, third = await crowd.send(get("/second")), await crowd.send(get("/third"))
        await second.leave()
        assert crowd.state() == (1, 1)
        await app.call.answer()
        assert app.call.scope["path"] == "/third"
        await app.call.answer()
        assert third.response().status == 200

    @on_loop
    async def test_client_that_leaves_inside(self) -> None:
        """It counts until the application has returned."""
        app = Puppet()
        crowd = Crowd(app)
        first = await crowd.send(get("/first"))
        await crowd.send(get("/second"))
        await first.leave()
        assert crowd.state() == (1, 1)
        await app.call.finish()
        assert app.call.scope["path"] == "/second"
        await app.call.answer()

    @on_loop
    async def test_half_closed_client(self) -> None:
        """A client that closes its direction has most likely left: it leaves the queue, with a 503 if it
        still reads. One whose request is being answered gets its answer.
        """
        app = Puppet()
        crowd = Crowd(app)
        first, second = await crowd.send(get("/first")), await crowd.send(get("/second"))
        await second.send_eof()
        assert_turned_away(second)
        assert crowd.state() == (1, 0)
        await first.send_eof()
        await app.call.answer(b"1")
        assert first.response().body == b"1"
        assert len(app.calls) == 1

    @on_loop
    async def test_bad_body_in_the_queue(self) -> None:
        """A body that is refused while its request waits takes it out of the queue."""
        app = Puppet()
        crowd = Crowd(app)
        await crowd.send(get("/first"))
        second = await crowd.send(request("POST", "/", CHUNKED))
        assert crowd.state() == (1, 1)
        await second.send(b"nonsense\r\n")
        assert second.response().status == 400
        assert crowd.state() == (1, 0)
        await app.call.answer()

    @on_loop
    async def test_idle_connections_do_not_count(self) -> None:
        """A connection without a request takes no place, nor does one whose head is incomplete."""
        app = Puppet()
        crowd = Crowd(app)
        for _ in range(5):
            await crowd.send(b"GET /")
        assert crowd.state() == (0, 0)
        await crowd.send(get("/first"))
        await app.call.answer()
        await crowd.send(get("/second"))
        assert crowd.state() == (1, 0)
        await app.call.answer()


class TestThreads:
    """Applications on threads."""

    @pytest.mark.parametrize("stream", [False, True])
    @on_loop
    async def test_turns(self, *, stream: bool) -> None:
        """A request waits until the worker has left the whole response before it to the loop."""
        app = Workers(stream=stream)
        crowd = Crowd(app)
        peers = [
            await crowd.send(request("POST", "/", CHUNKED, body=b"1\r\na\r\n0\r\n\r\n")) for _ in range(3)
        ]
        for number, peer in enumerate(peers, start=1):
            assert len(app.exchanges) == number
            exchange = app.exchanges[-1]
            await asyncio.to_thread(exchange.start, 200, "OK", [])
            assert exchange.body.read() == b"a"
            await asyncio.to_thread(exchange.finish, b"done")
            await settle()
            assert peer.response().body == b"done"
        assert crowd.state() == (0, 0)

    @on_loop
    async def test_collected_bodies_do_not_count(self) -> None:
        """A body that is collected for the application takes no place until it is complete."""
        app = Workers()
        crowd = Crowd(app)
        slow = await crowd.send(request("POST", "/slow", "Content-Length: 2", body=b"a"))
        assert crowd.state() == (0, 0)
        await crowd.send(get("/quick"))
        await slow.send(b"b")
        assert crowd.state() == (1, 1)
        await slow.leave()
        assert crowd.state() == (1, 0)

    @on_loop
    async def test_client_that_leaves(self) -> None:
        """In the queue it is gone; inside it counts until the worker has found out."""
        app = Workers()
        crowd = Crowd(app)
        peers = [await crowd.send(get(f"/{number}")) for number in range(3)]
        await peers[0].leave()
        await peers[1].leave()
        assert crowd.state() == (1, 1)
        exchange = app.exchanges[0]
        exchange.start(200, "OK", [])
        with pytest.raises(ClientDisconnected):
            exchange.finish(b"too late")
        await asyncio.to_thread(exchange.abort)
        await settle()
        assert crowd.state() == (1, 0)
        assert app.exchanges[1].scope["path"] == "/2"

    @on_loop
    async def test_half_closed_client(self) -> None:
        """A client that closes its direction leaves the queue, with a 503 if it still reads."""
        app = Workers()
        crowd = Crowd(app)
        await crowd.send(get("/first"))
        second = await crowd.send(get("/second"))
        await second.send_eof()
        assert_turned_away(second)
        assert crowd.state() == (1, 0)

    @on_loop
    async def test_turned_away(self) -> None:
        """Without room in the queue it is a 503; the body that was kept is closed."""
        app = Workers()
        crowd = Crowd(app, limit_concurrency_queue=0)
        await crowd.send(get("/first"))
        assert_turned_away(await crowd.send(request("POST", "/", "Content-Length: 4", body=b"some")))
        assert_turned_away(await crowd.send(get("/third") + get("/fourth")))
        assert len(app.exchanges) == 1

    @pytest.mark.parametrize("stream", [False, True])
    @on_loop
    async def test_waiting_too_long(self, *, stream: bool) -> None:
        """In the end it is a 503 as well."""
        app = Workers(stream=stream)
        crowd = Crowd(app, limit_concurrency_timeout=0.01)
        await crowd.send(get("/first"))
        second = await crowd.send(request("POST", "/", CHUNKED, body=b"1\r\na\r\n0\r\n\r\n"))
        while not second.closed:
            await asyncio.sleep(0.005)
        assert_turned_away(second)
        assert (len(app.exchanges), crowd.state()) == (1, (1, 0))

    @on_loop
    async def test_stuck(self) -> None:
        """A request that somebody else has answered, since the application is stuck, does not count."""
        app = Workers()
        crowd = Crowd(app)
        first, _ = await crowd.send(get("/first")), await crowd.send(get("/second"))
        app.exchanges[0].reject(504, "Gateway Timeout", [])
        await settle()
        assert first.response().status == 504
        assert (len(app.exchanges), crowd.state()) == (2, (1, 0))

    @on_loop
    async def test_stuck_in_the_middle(self) -> None:
        """Nor does one whose response had begun, and was cut off."""
        app = Workers()
        crowd = Crowd(app)
        first, _ = await crowd.send(get("/first")), await crowd.send(get("/second"))
        app.exchanges[0].start(200, "OK", [])
        await asyncio.to_thread(app.exchanges[0].write, b"part")
        await settle()
        app.exchanges[0].reject(504, "Gateway Timeout", [])
        await settle()
        assert first.transport.aborted
        assert (len(app.exchanges), crowd.state()) == (2, (1, 0))

    @on_loop
    async def test_pool_without_room(self) -> None:
        """What the pool refuses when its turn has come is a 503, and takes no place."""
        app = Workers()
        crowd = Crowd(app)
        await crowd.send(get("/first"))
        peers = [await crowd.send(get("/later")) for _ in range(3)]
        app.full = True
        app.exchanges[0].reject(504, "Gateway Timeout", [])
        await settle()
        for peer in peers:
            assert_turned_away(peer)
        assert crowd.state() == (0, 0)
