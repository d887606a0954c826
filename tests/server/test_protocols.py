"""Which version of HTTP begins on a connection: by ALPN, by what is said first in clear, behind a proxy."""

import asyncio
import logging
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from hybrid.server.connection import Connection, Handler
from hybrid.server.http11 import Http11
from hybrid.server.negotiated import negotiated_factory
from hybrid.server.protocols import protocol_factory
from hybrid.server.server import Server
from hybrid.server.turnover import RequestCount
from hybrid.server.wire.http2.frames import PREFACE
from tests.support.certificates import Authority, authority
from tests.support.embedded import Client, on_each_loop, port_of, serving
from tests.support.http_peer import Peer, Puppet, get, on_loop, settle
from tests.support.process import Serve
from tests.support.transports import FakeTransport

__all__ = ["authority"]

LINE = b"PROXY TCP4 198.51.100.1 203.0.113.1 70 443\r\n"
LAST_GET = get("/", "Connection: close")
#: A TLS 1.2 cipher of RFC 9113 appendix A, which OpenSSL has by default, and one that is not there.
CBC, GCM = "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"


class StandIn(Handler):
    """Something in the place of HTTP/2, which says what it gets.

    Attributes:
        made: all that there were.
    """

    made: "list[StandIn]"

    def __init__(self, connection: Connection, count: RequestCount | None) -> None:
        super().__init__(connection)
        self.count = count
        self.received = b""
        self.drained = 0
        self.made.append(self)

    def data_received(self, data: bytes) -> None:
        """Keep it, and say it."""
        self.received += data
        self._connection.write(b"<" + data + b">")

    def drain(self) -> None:
        """Count how often it is told."""
        self.drained += 1
        self._connection.close()


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> list[StandIn]:
    """Put the stand-in where HTTP/2 is; give those that are made."""
    made: list[StandIn] = []
    monkeypatch.setattr(StandIn, "made", made, raising=False)
    monkeypatch.setitem(sys.modules, "hybrid.server.http2", SimpleNamespace(Http2=StandIn))
    return made


class Newcomer(Peer):
    """A client in memory that has connected in clear and said nothing yet."""

    def __init__(self, enough: Callable[[], object] = list, **settings: Any) -> None:
        self.puppet = Puppet()
        super().__init__(self.puppet, **settings)
        self.connection.lost()  # the one of Peer's own
        self.transport = FakeTransport(peername=("192.0.2.1", 50000), sockname=("192.0.2.2", 80))
        self.first = protocol_factory(self.context, None, enough)()
        self.transport.connect(self.first)
        (self.connection,) = self.context.connections  # type: ignore[assignment]


def cuts(data: bytes) -> list[list[bytes]]:
    """Give the same bytes whole, one by one, and in two pieces at each place."""
    single = [data[index : index + 1] for index in range(len(data))]
    return [[data], single, *([data[:index], data[index:]] for index in range(1, len(data)))]


# In clear.


@pytest.mark.parametrize("settings", [{"http": "1"}, {"http": "auto"}], ids=["1", "auto"])
@on_loop
async def test_nothing_to_choose(settings: dict[str, Any], stand_ins: list[StandIn]) -> None:
    """Where HTTP/2 cannot be spoken, HTTP/1.1 begins with the connection, and refuses a preface."""
    peer = Newcomer(**settings)
    assert type(peer.first) is Http11
    await peer.send(PREFACE)
    assert peer.transport.written.startswith(b"HTTP/1.1 505 ")
    assert not stand_ins


@pytest.mark.parametrize("settings", [{"http": "auto", "http2_cleartext": True}, {"http": "2"}], ids=str)
@on_loop
async def test_prior_knowledge(settings: dict[str, Any], stand_ins: list[StandIn]) -> None:
    """The preface begins HTTP/2, in any number of pieces, and with all bytes."""
    data = PREFACE + b"frames"
    for pieces in cuts(data):
        peer = Newcomer(**settings)
        for piece in pieces:
            await peer.send(piece)
        assert stand_ins.pop().received == data
        assert not peer.puppet.calls


@pytest.mark.parametrize("data", [get("/x"), b"PRIX /x HTTP/1.1\r\nHost: x\r\n\r\n"])
@on_loop
async def test_no_preface(data: bytes, stand_ins: list[StandIn]) -> None:
    """Anything else is HTTP/1.1, and no byte of it is lost."""
    for pieces in cuts(data):
        peer = Newcomer(http="auto", http2_cleartext=True)
        for piece in pieces:
            await peer.send(piece)
        assert peer.puppet.call.scope["method"] == data.split()[0].decode()
        await peer.puppet.call.answer()
        assert peer.transport.written.startswith(b"HTTP/1.1 200 ")
    assert not stand_ins


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n", 400),  # only OPTIONS has a target like that
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", 505),
        (b"PRI / HTTP/1.1\r\nHost: x\r\n\r\n", 200),
    ],
)
@on_loop
async def test_almost_a_preface(data: bytes, status: int, stand_ins: list[StandIn]) -> None:
    """What begins as the preface does and is none is answered by HTTP/1.1, which gets all of it."""
    for pieces in cuts(data):
        peer = Newcomer(http="auto", http2_cleartext=True)
        for piece in pieces:
            await peer.send(piece)
        for call in peer.puppet.calls:
            await call.answer()
        assert peer.transport.written.startswith(b"HTTP/1.1 %d " % status)
    assert not stand_ins


@on_loop
async def test_http2_alone(stand_ins: list[StandIn], caplog: pytest.LogCaptureFixture) -> None:
    """HTTP/1.1 is closed without an answer where it is not spoken, and the log says which setting did it."""
    caplog.set_level(logging.INFO)
    peer = Newcomer(http="2")
    await peer.send(get())
    assert peer.transport.closing
    assert not peer.transport.written
    assert not peer.puppet.calls
    assert not stand_ins
    assert "192.0.2.1:50000 - refused: it does not begin with HTTP/2, and http is 2" in caplog.text


@pytest.mark.parametrize("start", [b"", PREFACE[:1], PREFACE[:-1]])
@on_loop
async def test_preface_in_time(start: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A client has as long for the preface as for the head of a request."""
    caplog.set_level(logging.INFO)
    peer = Newcomer(http="auto", http2_cleartext=True, timeout_headers=5)
    if start:
        await peer.send(start)
    await peer.pass_time(4)
    assert not peer.transport.closing
    await peer.pass_time(10)
    assert ("the preface of HTTP/2 did not come in time" in caplog.text) is bool(start)
    assert peer.transport.closing


@on_loop
async def test_end_before_the_preface() -> None:
    """A client that leaves in the middle of it is gone."""
    peer = Newcomer(http="auto", http2_cleartext=True)
    await peer.send(PREFACE[:5])
    await peer.send_eof()
    assert peer.closed


@pytest.mark.parametrize("proxied", [False, True])
@on_loop
async def test_stopping_within_the_preface(stand_ins: list[StandIn], proxied: bool) -> None:
    """A server that stops gives the client a moment for the rest, and tells what begins then, once."""
    settings: dict[str, Any] = {"proxy_protocol": "v1", "proxy_allow_ips": "*"} if proxied else {}
    peer = Newcomer(http="auto", http2_cleartext=True, **settings)
    peer.context.patient = peer.context.draining = True
    peer.connection.drain()
    await peer.send(LINE * proxied + PREFACE[:5])
    assert not peer.transport.closing
    await peer.send(PREFACE[5:])
    assert [each.drained for each in stand_ins] == [1]


@on_loop
async def test_stopping_behind_a_proxy_at_once(stand_ins: list[StandIn]) -> None:
    """Header and preface in one piece: what begins is told once, too."""
    peer = Newcomer(http="auto", http2_cleartext=True, proxy_protocol="v1", proxy_allow_ips="*")
    peer.context.patient = peer.context.draining = True
    peer.connection.drain()
    await peer.send(LINE + PREFACE)
    assert [each.drained for each in stand_ins] == [1]


@on_loop
async def test_stopping_without_a_word() -> None:
    """A client that says nothing holds up a server that stops no longer than another idle one."""
    peer = Newcomer(http="auto", http2_cleartext=True)
    peer.context.patient = peer.context.draining = True
    peer.connection.drain()
    await settle()
    assert not peer.closed
    await peer.pass_time(1)
    assert peer.closed


@on_loop
async def test_behind_a_proxy_header(stand_ins: list[StandIn]) -> None:
    """The PROXY protocol comes first, in one piece with the preface or not; HTTP/1.1 is spoken there too."""
    settings: dict[str, Any] = {
        "http": "auto",
        "http2_cleartext": True,
        "proxy_protocol": "v1",
        "proxy_allow_ips": "*",
    }
    for pieces in cuts(LINE + PREFACE):
        peer = Newcomer(**settings)
        for piece in pieces:
            await peer.send(piece)
        assert stand_ins.pop().received == PREFACE
        assert peer.connection.client == ("198.51.100.1", 70)
    peer = Newcomer(**settings)
    await peer.send(LINE + get("/x"))
    assert peer.puppet.call.scope["http_version"] == "1.1"
    await peer.puppet.call.answer()


@on_loop
async def test_one_count_for_both_versions(stand_ins: list[StandIn]) -> None:
    """Requests of both versions are counted together; without a limit nothing counts."""
    enough: list[int] = []
    settings: dict[str, Any] = {"http": "auto", "http2_cleartext": True}
    peer = Newcomer(lambda: enough.append(1), limit_max_requests=2, **settings)
    await peer.send(PREFACE)
    count = stand_ins[0].count
    assert count is not None
    assert not count.add()
    assert (count.add(), enough) == (True, [1])
    peer = Newcomer(**settings)
    await peer.send(PREFACE)
    assert stand_ins[1].count is None


# Over TLS.


@asynccontextmanager
async def secure_client(
    server: Server, authority: Authority, *protocols: str, ciphers: str = ""
) -> AsyncIterator[Client]:
    """Connect to a server with TLS, and offer these protocols; with a list of ciphers, in TLS 1.2."""
    context = authority.client_context()
    if protocols:
        context.set_alpn_protocols(protocols)
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    streams = await asyncio.open_connection(
        "127.0.0.1", port_of(server), ssl=context, server_hostname="localhost"
    )
    connection = Client(*streams)
    try:
        yield connection
    finally:
        await connection.close()


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answer."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})


def secured(authority: Authority, **settings: Any) -> Any:
    """Serve with the authority's certificate."""
    return serving(hello, lifespan="off", ssl_certfile=authority.folder / "server.pem", **settings)


@on_each_loop
async def test_alpn(authority: Authority, stand_ins: list[StandIn]) -> None:
    """HTTP/2 begins for who offers it, HTTP/1.1 for others, also for those who offer nothing."""
    async with secured(authority, http="auto") as (server, _):
        for offers in (["h2"], ["http/1.1", "h2"]):
            async with secure_client(server, authority, *offers) as client:
                client.send(PREFACE)
                assert await client.read_until(b">") == b"<" + PREFACE + b">"
        assert len(stand_ins) == 2
        for offers in ([], ["http/1.1"], ["h3"]):
            async with secure_client(server, authority, *offers) as client:
                client.send(LAST_GET)
                assert (await client.read_all()).startswith(b"HTTP/1.1 200 ")
    assert len(stand_ins) == 2


@on_each_loop
async def test_http11_alone_over_tls(authority: Authority, stand_ins: list[StandIn]) -> None:
    """HTTP/2 is not offered where it is not spoken."""
    async with (
        secured(authority, http="1") as (server, _),
        secure_client(server, authority, "h2", "http/1.1") as client,
    ):
        client.send(LAST_GET)
        assert (await client.read_all()).startswith(b"HTTP/1.1 200 ")
    assert not stand_ins


@on_each_loop
async def test_http2_alone_over_tls(
    authority: Authority, stand_ins: list[StandIn], caplog: pytest.LogCaptureFixture
) -> None:
    """Who does not offer HTTP/2 is closed without an answer, and the log says which setting did it."""
    caplog.set_level(logging.INFO)
    async with secured(authority, http="2") as (server, _):
        async with secure_client(server, authority, "h2", "http/1.1") as client:
            client.send(PREFACE)
            assert await client.read_until(b">") == b"<" + PREFACE + b">"
        for offers in ([], ["http/1.1"]):
            async with secure_client(server, authority, *offers) as client:
                client.send(get())
                assert await client.read_all() == b""
    assert len(stand_ins) == 1
    assert caplog.text.count("- refused: it does not offer HTTP/2 (ALPN h2), and http is 2") == 2


@on_each_loop
async def test_inadequate_security(
    authority: Authority, stand_ins: list[StandIn], caplog: pytest.LogCaptureFixture
) -> None:
    """A cipher that HTTP/2 may not be spoken with ends the connection, with GOAWAY; HTTP/1.1 may use it."""
    caplog.set_level(logging.INFO)
    async with secured(authority, http="auto") as (server, _):
        async with secure_client(server, authority, "h2", ciphers=GCM) as client:
            client.send(PREFACE)
            assert await client.read_until(b">") == b"<" + PREFACE + b">"
        async with secure_client(server, authority, "h2", ciphers=CBC) as client:
            client.send(PREFACE)
            answer = await client.read_until(b"appendix A")
        async with secure_client(server, authority, "http/1.1", ciphers=CBC) as client:
            client.send(LAST_GET)
            assert (await client.read_all()).startswith(b"HTTP/1.1 200 ")
    settings, frames = answer[:9], answer[9:]
    assert settings == bytes.fromhex("000000 04 00 00000000")
    assert frames[3:17] == bytes.fromhex("07 00 00000000 00000000 0000000c")[:14]
    assert f"HTTP/2 may not be spoken with TLSv1.2 and {CBC}, see ssl_ciphers" in caplog.text
    assert len(stand_ins) == 1


class WeakLayer:
    """Stands in for a TLS layer that has agreed on HTTP/2 with a cipher that will not do."""

    def selected_alpn_protocol(self) -> str:
        """Say HTTP/2."""
        return "h2"

    def cipher(self) -> tuple[str, str, int]:
        """Say what is used."""
        return CBC, "TLSv1.2", 128


@on_loop
async def test_goaway_is_not_overtaken(stand_ins: list[StandIn]) -> None:
    """Who is sending reads it first: the connection closes when the client has fallen silent."""
    peer = Newcomer(http="1")
    peer.transport = FakeTransport(ssl_object=WeakLayer())
    connection = Connection(peer.context)
    begin = negotiated_factory(lambda connection: StandIn(connection, None), Http11)
    peer.transport.connect(Http11(connection))
    connection.switch(begin(connection), PREFACE)
    await settle()
    assert b"appendix A" in peer.transport.written
    await peer.send(b"more")
    assert not peer.transport.closing
    connection.tick(peer.context.now + 10)
    assert not stand_ins
    assert peer.transport.closing


# With HTTP/2 itself.


def asked(url: str, *options: str) -> tuple[str, str]:
    """Ask with curl, which believes any certificate; return the version that was spoken, and the answer."""
    command = ["curl", "-sSk", "--max-time", "20", "-w", "\\n%{http_version}", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    body, _, version = done.stdout.rpartition("\n")
    return version, body


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_curl_over_tls(serve: Serve, authority: Authority, loop: str) -> None:
    """Without a setting the client chooses, and applications of both kinds answer."""
    pem = authority.folder / "server.pem"
    server = serve("hello_asgi", "/wsgi=hello_wsgi", ssl_certfile=pem, loop=loop)
    for path in ("/", "/wsgi/"):
        assert asked(server.url + path) == ("2", "hello\n")
        assert asked(server.url + path, "--http1.1") == ("1.1", "hello\n")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_curl_in_clear(serve: Serve, loop: str) -> None:
    """Both versions on one port, behind the PROXY protocol too."""
    clear = serve("hello_asgi", http2_cleartext=True, loop=loop)
    proxied = serve("hello_asgi", http2_cleartext=True, proxy_protocol="v1", loop=loop)
    for server, options in ((clear, ()), (proxied, ("--haproxy-protocol",))):
        assert asked(server.url, "--http2-prior-knowledge", *options) == ("2", "hello\n")
        assert asked(server.url, *options) == ("1.1", "hello\n")


# What is loaded.


@pytest.mark.parametrize("settings", ["", "http='1', ssl_certfile='a'", "http='auto'"])
def test_nothing_is_loaded_in_vain(settings: str) -> None:
    """No module of HTTP/2 is there before a connection speaks it."""
    code = f"""
import asyncio, sys
from hybrid.server.config import Config
from hybrid.server.context import ServerContext
from hybrid.server.protocols import protocol_factory
async def app(*_): pass
async def main():
    config = Config(app=app, {settings})
    context = ServerContext(config, app, asyncio.get_running_loop())
    protocol_factory(context, config.ssl_certfile, list)()
asyncio.run(main())
print([name for name in sys.modules if "http2" in name or name == "hpack"])
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "['hybrid.server.config.http2']\n"
