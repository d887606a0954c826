"""The start of a connection that a proxy has opened, without a network and on each event loop."""

import logging
from typing import Any

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.http11 import Http11
from hybrid.server.proxied import ProxiedStart
from tests.support.embedded import client, on_each_loop, serving
from tests.support.http_peer import Peer, Puppet, get, on_loop, settle
from tests.support.transports import FakeTransport

PROXY = ("192.0.2.1", 50000)
LINE = b"PROXY TCP4 198.51.100.1 203.0.113.1 70 443\r\n"
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
UNSPECIFIED = SIGNATURE + b"\x21\x00\x00\x00"
TLS_TO_PROXY = SIGNATURE + bytes.fromhex("21110014 c6336401 cb007101 0046 01bb 200005 01 00000000")


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with client, server and scheme."""
    body = f"{scope['client']} {scope['server']} {scope['scheme']}".encode()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body})


class Proxied(Peer):
    """A proxy in memory that has not said anything yet, on its way to a puppet."""

    def __init__(self, **settings: Any) -> None:
        self.puppet = Puppet()
        usual = {"proxy_protocol": "auto", "proxy_allow_ips": "192.0.2.0/24"}
        super().__init__(self.puppet, **{**usual, **settings})
        self.connection.lost()  # the one that had no header to read
        self.start()

    def start(self, **names: Any) -> None:
        """Connect."""
        connection = self.connection = type(self.connection)(self.context)
        self.transport = FakeTransport(**{"peername": PROXY, "sockname": ("192.0.2.2", 80), **names})
        start = ProxiedStart(connection, lambda at, rest: at.switch(Http11(at), rest))
        self.transport.connect(start)

    async def scope(self, data: bytes) -> Scope:
        """Return the scope of the request that some bytes are."""
        await self.send(data)
        scope = self.puppet.call.scope
        await self.puppet.call.answer()
        return scope


@pytest.mark.parametrize(
    ("header", "client", "server", "scheme"),
    [
        (LINE, ("198.51.100.1", 70), ("203.0.113.1", 443), "http"),
        (b"PROXY UNKNOWN\r\n", PROXY, ("192.0.2.2", 80), "http"),
        (LOCAL, PROXY, ("192.0.2.2", 80), "http"),
        (UNSPECIFIED, PROXY, ("192.0.2.2", 80), "http"),
        (TLS_TO_PROXY, ("198.51.100.1", 70), ("203.0.113.1", 443), "https"),
    ],
)
@on_loop
async def test_header(header: bytes, client: Any, server: Any, scheme: str) -> None:
    """The client is who the proxy says, in one piece with the request as byte by byte."""
    peer = Proxied()
    data = header + get("/x")
    scope = await peer.scope(data)
    assert (scope["client"], scope["server"], scope["scheme"]) == (client, server, scheme)
    again = Proxied()
    for index in range(len(data) - 1):
        again.transport.receive(data[index : index + 1])
    scope = await again.scope(data[-1:])
    assert (scope["client"], scope["server"], scope["scheme"]) == (client, server, scheme)
    scope = await again.scope(get("/second"))
    assert scope["client"] == client


@pytest.mark.parametrize(
    ("header", "listed", "believed"),
    [
        (LINE, "198.51.100.1", True),
        (LINE, "192.0.2.1", False),
        (LINE, "none", False),
        (LOCAL, "192.0.2.1", True),
        (LOCAL, "198.51.100.1", False),
        (UNSPECIFIED, "192.0.2.1", False),
        (UNSPECIFIED, "*", False),
        (b"PROXY UNKNOWN\r\n", "*", False),
    ],
)
@on_loop
async def test_whose_fields_are_believed(header: bytes, listed: str, believed: bool) -> None:
    """The client's, as it is the one who has written them: the proxy has only passed them on."""
    peer = Proxied(forwarded_allow_ips=listed)
    scope = await peer.scope(header + get("/x", "X-Forwarded-For: 6.6.6.6"))
    assert (scope["client"] == ("6.6.6.6", 0)) is believed


@pytest.mark.parametrize(
    "start", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"PROXY TCP4 x\r\n", SIGNATURE + b"\0" * 4]
)
@on_loop
async def test_no_header(start: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A proxy that sends none, or a broken one, gets no answer."""
    caplog.set_level(logging.INFO)
    peer = Proxied()
    await peer.send(start)
    await peer.send(get("/x"))
    assert peer.transport.aborted
    assert not peer.transport.written
    assert not peer.puppet.calls
    assert "192.0.2.1:50000 - refused: " in caplog.text


@pytest.mark.parametrize(("mode", "header"), [("v1", LOCAL), ("v2", LINE)])
@on_loop
async def test_other_version(mode: str, header: bytes) -> None:
    """Of the versions only the one is read that is expected."""
    peer = Proxied(proxy_protocol=mode)
    await peer.send(header)
    assert peer.transport.aborted


@pytest.mark.parametrize(
    ("listed", "names", "admitted"),
    [
        ("192.0.2.0/24", {}, True),
        ("127.0.0.1,::1", {}, False),
        ("none", {}, False),
        ("*", {}, True),
        ("unix", {"peername": "", "sockname": "/run/app.sock"}, True),
        ("127.0.0.1", {"peername": "", "sockname": "/run/app.sock"}, False),
        ("unix", {"peername": None}, False),
    ],
)
@on_loop
async def test_who_may_connect(listed: str, names: dict[str, Any], admitted: bool) -> None:
    """Nobody but the listed, whatever they would say."""
    peer = Proxied(proxy_allow_ips=listed)
    await settle()
    peer.start(**names)
    await peer.send(LINE + get("/x"))
    assert bool(peer.puppet.calls) is admitted
    assert peer.transport.aborted is not admitted
    if admitted:
        await peer.puppet.call.answer()


@on_loop
async def test_header_in_time() -> None:
    """The header has as long as the head of a request."""
    peer = Proxied(timeout_headers=5)
    await peer.send(LINE[:5])
    await peer.pass_time(4)
    assert not peer.transport.aborted
    await peer.pass_time(10)
    assert peer.transport.aborted


@on_loop
async def test_end_before_the_header() -> None:
    """A proxy that leaves, or a server that cuts off what is left, ends the connection."""
    peer = Proxied()
    await peer.send_eof()
    assert peer.closed
    peer.start()
    peer.connection.drain()
    await settle()
    assert peer.closed


@on_loop
async def test_stopping_within_the_header() -> None:
    """A server that stops gives the proxy a moment for the rest, and answers for the last time."""
    peer = Proxied()
    await peer.send(LINE[:5])
    peer.context.patient = peer.context.draining = True
    peer.connection.drain()
    await peer.send(LINE[5:] + get("/x"))
    await peer.puppet.call.answer()
    assert b"\r\nconnection: close\r\n" in peer.transport.written
    assert peer.closed


@on_loop
async def test_stopping_without_a_header() -> None:
    """One that says nothing holds up a server that stops no longer than another idle client."""
    peer = Proxied()
    peer.context.patient = peer.context.draining = True
    peer.connection.drain()
    await settle()
    assert not peer.closed
    await peer.pass_time(1)
    assert peer.closed


@on_each_loop
async def test_over_a_socket() -> None:
    """A real connection, on both loops, with the header and the request in one piece and apart."""
    async with serving(tell, proxy_protocol="auto") as (server, _):
        for pieces in ([LINE + get("/", "Connection: close")], [LINE, get("/", "Connection: close")]):
            async with client(server) as connection:
                for piece in pieces:
                    connection.send(piece)
                answer = await connection.read_all()
                assert answer.endswith(b"('198.51.100.1', 70) ('203.0.113.1', 443) http"), answer


@on_each_loop
async def test_closed_at_once() -> None:
    """Whoever is not listed sees the connection end, without a word."""
    async with serving(tell, proxy_protocol="v1", proxy_allow_ips="192.0.2.1") as (server, _):
        async with client(server) as connection:
            assert await connection.read_all() == b""
        async with client(server) as connection:
            connection.send(LINE + get("/"))
            assert await connection.read_all() == b""
