"""WebSockets on streams of HTTP/2 (RFC 8441), as far as they differ from others, or have neighbours.

What is the same in both versions is tested where WebSockets are, there with a relay.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from hybrid.bridge.types import Message, Receive, Scope, Send
from hybrid.server.connection import Connection
from hybrid.server.server import Server
from hybrid.server.wire.http2.priority import Priority, shared
from tests.support.embedded import on_each_loop, port_of, serving, until
from tests.support.http2_clients import ConnectionOver, Http2Client, ResetByServer, http2
from tests.support.http2_frames import Kind, frame, number
from tests.support.http2_raw import RawClient, raw_http2
from tests.support.http2_websockets import Refused, WebSocketStream, open_websocket, start_websocket
from tests.support.ticks import FAST, Ticks

HANDSHAKE = ((":protocol", "websocket"), ("sec-websocket-version", "13"))
MIB = 1024 * 1024
#: The largest window that there is.
HUGE = 2**31 - 1
#: Bytes of a message that one frame takes.
PART = 8 * 1024


class Port(NamedTuple):
    """Where a server of this process listens."""

    port: int


class Site:
    """An application with a path for each behaviour.

    Attributes:
        sent: messages that `/flood` has sent.
        ends: the last events of all WebSockets.
        go: lets `/slow` and `/deaf` go on.
        calls: how many calls there were.
    """

    def __init__(self) -> None:
        self.sent = 0
        self.calls = 0
        self.ends: list[Message] = []
        self.go = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        self.calls += 1
        if scope["type"] == "http":
            await self._respond(scope, send)
            return
        await receive()
        await send({"type": "websocket.accept"})
        if scope["path"] == "/deaf":
            await self.go.wait()
        if scope["path"] == "/flood":
            await self._flood(send)
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
        self.ends.append(message)

    async def _respond(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] == "/slow":
            await send({"type": "http.response.body", "body": b"slow ", "more_body": True})
            await self.go.wait()
        if scope["path"] == "/large":
            for _ in range(64):
                await send({"type": "http.response.body", "body": bytes(MIB), "more_body": True})
        await send({"type": "http.response.body", "body": b"here"})

    async def _flood(self, send: Send) -> None:
        with suppress(OSError):
            while self.sent < 40_000:
                await send({"type": "websocket.send", "bytes": bytes(PART)})
                self.sent += 1


@asynccontextmanager
async def site(**settings: Any) -> AsyncIterator[tuple[Site, Server]]:
    """Serve it, over HTTP/2 in clear; at the end, let those go on who wait."""
    application = Site()
    settings = {"http2_cleartext": True, "lifespan": "off", **settings}
    async with serving(application, **settings) as (server, _):
        yield application, server
        application.go.set()


async def visit(server: Server, visitor: Callable[[Http2Client], None], **options: Any) -> None:
    """Let a client visit a server of this loop, from a thread."""

    def come() -> None:
        with http2(Port(port_of(server)), **options) as client:
            visitor(client)

    await asyncio.to_thread(come)


def works(websocket: WebSocketStream) -> bool:
    """Whether a message comes back."""
    websocket.send("there?")
    return websocket.recv() == "there?"


#: Fields besides those of the right handshake, or instead of them; what is answered, and a field of that.
HANDSHAKES: list[tuple[str, list[tuple[str, str]], int, tuple[bytes, bytes | None]]] = [
    ("the right one", [("sec-websocket-version", "13")], 200, (b"sec-websocket-accept", None)),
    ("a key, which means nothing", [("sec-websocket-version", "13"), ("sec-websocket-key", "x")], 200,
     (b"sec-websocket-accept", None)),
    ("no version", [], 400, (b"content-type", b"text/plain; charset=utf-8")),
    ("version 8", [("sec-websocket-version", "8")], 426, (b"sec-websocket-version", b"13")),
    ("version 8, without what HTTP/2 has not", [("sec-websocket-version", "8")], 426, (b"upgrade", None)),
    ("two versions", [("sec-websocket-version", "13"), ("sec-websocket-version", "8")], 426,
     (b"sec-websocket-version", b"13")),
    ("a body", [("sec-websocket-version", "13"), ("content-length", "5")], 400, (b"upgrade", None)),
    ("a body of no bytes", [("sec-websocket-version", "13"), ("content-length", "0")], 200,
     (b"upgrade", None)),
    ("no token", [("sec-websocket-version", "13"), ("sec-websocket-protocol", "a b")], 400,
     (b"upgrade", None)),
    ("no extension", [("sec-websocket-version", "13"), ("sec-websocket-extensions", "=")], 400,
     (b"upgrade", None)),
    ("an unknown extension", [("sec-websocket-version", "13"), ("sec-websocket-extensions", "x-y; a=1")], 200,
     (b"sec-websocket-extensions", None)),
]  # fmt: skip


@pytest.fixture
def soon(ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients go on for a moment only on streams that are over."""
    monkeypatch.setattr("hybrid.server.http2._LINGER_SECONDS", 0.05)


class TestHandshake:
    """RFC 8441 section 5: as in RFC 6455, without what says the same in HTTP/2."""

    @pytest.mark.parametrize(
        ("fields", "status", "field"), [row[1:] for row in HANDSHAKES], ids=[row[0] for row in HANDSHAKES]
    )
    @on_each_loop
    async def test_table(
        self, fields: list[tuple[str, str]], status: int, field: tuple[bytes, bytes | None]
    ) -> None:
        """It is granted with 200, or refused before an application is asked, without fields of HTTP/1.1."""

        def visitor(client: Http2Client) -> None:
            client.settle()
            stream = client.start("/", *fields, method="CONNECT", ends=False, protocol="websocket")
            head = stream.wait_for_head()
            assert head.status == status
            assert dict(head.headers).get(field[0]) == field[1]
            assert not {name for name, _ in head.headers} & {b"connection", b"upgrade", b"transfer-encoding"}
            if status == 200:
                stream.reset()
            client.ping()

        async with site() as (application, server):
            await visit(server, visitor)
            assert application.calls == (status == 200)

    @on_each_loop
    async def test_other_protocols(self) -> None:
        """What is not WebSocket is not implemented, and what is no extended CONNECT is neither."""

        def visitor(client: Http2Client) -> None:
            assert start_websocket(client, protocol="connect-udp").wait_for_head().status == 501
            assert client.ask("/", ("sec-websocket-version", "13"), ("upgrade-insecure", "1")).status == 200

        async with site() as (_, server):
            await visit(server, visitor)

    @on_each_loop
    async def test_log(self) -> None:
        """It is logged with the status that the client was sent, and with its end, as in HTTP/1.1."""
        lines: list[str] = []

        def visitor(client: Http2Client) -> None:
            websocket = open_websocket(client, "/chat")
            assert works(websocket)
            assert websocket.close() == (1000, "")

        async with site(access_log=True, access_logger=lambda record: lines.append(str(record))) as (
            _,
            server,
        ):
            await visit(server, visitor)
            await until(lambda: len(lines) == 2)
        assert re.search(r'"GET /chat HTTP/2\.0" 200 ', lines[0])
        assert re.search(r'"WebSocket /chat" closed 1000 "-" \S+ in 1/6 out 1/6', lines[1])

    @pytest.mark.parametrize(("denied", "status"), [(200, 403), (299, 403), (302, 302), (410, 410)])
    @on_each_loop
    @pytest.mark.parametrize("kind", ["asgi", "wsgi"])
    async def test_denial(self, denied: int, status: int, kind: str) -> None:
        """An application that refuses with a status of success, which would grant the handshake (RFC 8441
        section 5), has 403 sent, and logged; its fields and body stay.
        """
        lines: list[str] = []

        async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [(b"x-kept", b"1")]
            await send({"type": "websocket.http.response.start", "status": denied, "headers": headers})
            await send({"type": "websocket.http.response.body", "body": b"not here"})

        def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            start_response(f"{denied} Whatever", [("X-Kept", "1")])
            return [b"not here"]

        def visitor(client: Http2Client) -> None:
            response = start_websocket(client, "/denied").response()
            assert (response.status, response.body) == (status, b"not here")
            assert response.values(b"x-kept") == [b"1"]

        settings: dict[str, Any] = {"access_logger": lambda record: lines.append(str(record))}
        settings |= {"http2_cleartext": True, "lifespan": "off", "access_log": True}
        async with serving(asgi if kind == "asgi" else wsgi, **settings) as (server, _):
            await visit(server, visitor)
            await until(lambda: lines)
        assert re.search(rf'"GET /denied HTTP/2\.0" {status} ', lines[0])


class TestEnds:
    """RFC 8441 section 5: END_STREAM is the end of TCP's direction, RST_STREAM with CANCEL its reset."""

    @pytest.mark.parametrize("way", ["reset", "end", "connection"])
    @on_each_loop
    async def test_client_leaves(self, way: str) -> None:
        """However a client leaves without a close frame, it is 1006, and others on its connection stay."""

        def visitor(client: Http2Client) -> None:
            websocket, other = open_websocket(client), open_websocket(client)
            if way == "reset":
                websocket.stream.reset()
            elif way == "end":
                websocket.stream.end()
                assert websocket.stream.read_all() == b""
            else:
                return
            assert works(other)
            assert other.close() == (1000, "")

        async with site() as (application, server):
            await visit(server, visitor)
            await until(lambda: len(application.ends) == 2)
            codes = [end["code"] for end in application.ends]
            assert codes == ([1006, 1006] if way == "connection" else [1006, 1000])

    @on_each_loop
    async def test_server_ends(self, soon: None) -> None:
        """After the closing handshake the server ends its direction, and resets a client that stays."""

        def visitor(client: Http2Client) -> None:
            websocket = open_websocket(client)
            websocket.protocol.send_close(1000)
            (data,) = websocket.protocol.data_to_send()
            websocket.stream.send(data)
            websocket.stream.read_all()
            assert websocket.stream.wait_for_reset() == ErrorCodes.NO_ERROR
            client.ping()

        async with site() as (_, server):
            await visit(server, visitor)

    @on_each_loop
    async def test_client_that_does_not_answer_a_close(
        self, ticks: Ticks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is reset, as its TCP connection would be: CANCEL."""
        monkeypatch.setattr("hybrid.server.websocket.websocket.CLOSE_TIMEOUT", 0.1)

        def visitor(client: Http2Client) -> None:
            websocket = open_websocket(client, "/chat")
            assert websocket.stream.wait_for_reset() == ErrorCodes.CANCEL
            client.ping()

        async with site(ws_idle_timeout=0.1) as (application, server):
            await visit(server, visitor)
            assert [end["code"] for end in application.ends] == [1001]

    @pytest.mark.parametrize(
        ("data", "code"),
        [(b"\x83\x80abcd", 1002), (b"\x81\x81\0\0\0\0\xff", 1007), (b"\x82\xfe\x04\x01abcd", 1009)],
        ids=["a broken rule", "no UTF-8", "too large"],
    )
    @on_each_loop
    async def test_broken_frames(self, data: bytes, code: int) -> None:
        """What is wrong with one WebSocket ends that alone."""

        def visitor(client: Http2Client) -> None:
            other = open_websocket(client)
            websocket = open_websocket(client)
            websocket.send_bytes(data)
            end = websocket.end()
            assert end is not None
            assert end[0] == code
            assert works(other)
            assert client.ask().body == b"here"
            assert client.goaway is None

        async with site(ws_max_size=1024) as (_, server):
            await visit(server, visitor)

    @on_each_loop
    async def test_large_frames_that_go_on(self, soon: None) -> None:
        """A client that goes on with a message that is too large is heard no more: its window is closed."""

        def visitor(client: Http2Client) -> None:
            websocket = open_websocket(client)
            with suppress(ResetByServer):
                websocket.send(bytes(4 * MIB))
            assert client.ask().body == b"here"

        async with site(ws_max_size=1024) as (application, server):
            await visit(server, visitor)
            assert application.ends[0]["code"] == 1009


class TestFlowControl:
    """Each WebSocket has its own windows, and nobody waits for another's."""

    @on_each_loop
    async def test_application_that_does_not_receive(self) -> None:
        """Its client can send a window's worth, and what has been taken already; the others go on."""

        def visitor(client: Http2Client) -> None:
            deaf = open_websocket(client, "/deaf")
            other = open_websocket(client)
            frame = b"\x82\xfe\x40\x00\0\0\0\0" + bytes(0x4000)
            sent = 0
            while deaf.stream.room >= len(frame):
                deaf.send_bytes(frame)
                sent += len(frame)
                client.ping()
            assert sent < 2 * MIB
            assert works(other)
            assert client.ask().body == b"here"
            loop.call_soon_threadsafe(application.go.set)
            for _ in range(sent // len(frame)):
                assert deaf.recv() == bytes(0x4000)
            assert works(deaf)

        loop = asyncio.get_running_loop()
        async with site() as (application, server):
            await visit(server, visitor)

    @pytest.mark.parametrize("window", [65535, HUGE])
    @on_each_loop
    async def test_client_that_does_not_read(self, window: int) -> None:
        """`send()` waits: what is kept for such a client does not depend on the window that it claims. When
        it leaves, the application is told.
        """

        def visitor() -> None:
            with raw_http2(Port(port_of(server))) as client:
                flooded(client, window)
                asyncio.run_coroutine_threadsafe(until_still(application), loop).result()

        loop = asyncio.get_running_loop()
        async with site() as (application, server):
            await asyncio.to_thread(visitor)
            assert application.sent * PART < 16 * MIB  # the system's buffers, mostly
            await until(lambda: application.ends)

    @on_each_loop
    async def test_keepalive_behind_others(self, ticks: Ticks) -> None:
        """A client that does not read is not taken for dead because its pings wait behind other streams: for
        how long it may read nothing is another matter.
        """

        def visitor() -> None:
            with raw_http2(Port(port_of(server))) as client:
                flooded(client, HUGE)
                asyncio.run_coroutine_threadsafe(until_full(application, ticks), loop).result()
                client.send(client.request(3, *HANDSHAKE, ends=False, method="CONNECT"))
                asyncio.run_coroutine_threadsafe(until_called(application, 2), loop).result()
                asyncio.run_coroutine_threadsafe(ticks.passed(30), loop).result()
                assert not server.limits_hit
                assert not application.ends

        loop = asyncio.get_running_loop()
        pings = {"ws_ping_interval": 2 * FAST, "ws_ping_timeout": 5 * FAST}
        async with site(**pings) as (application, server):
            await asyncio.to_thread(visitor)

    @on_each_loop
    async def test_beside_a_download(self) -> None:
        """Messages do not wait for the end of a response that began before, nor the other way round."""

        def visitor(client: Http2Client) -> None:
            client.protocol.increment_flow_control_window(HUGE - 65535)
            large = client.start("/large")
            websocket = open_websocket(client)
            assert works(websocket)
            assert not large.ended
            flood = open_websocket(client, "/flood")
            assert client.ask().body == b"here"
            flood.stream.reset()
            large.reset()

        async with site() as (_, server):
            settings = {SettingCodes.INITIAL_WINDOW_SIZE: 16 * MIB}
            await visit(server, visitor, settings=settings)


class TestDrain:
    """A connection that has requests and WebSockets."""

    @on_each_loop
    async def test_both(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Requests are finished and none is taken any more; each WebSocket is closed in its turn: 1012."""
        monkeypatch.setattr("hybrid.server.http2.PATIENCE", 3.0)  # for a client on a busy machine

        def visitor(client: Http2Client) -> None:
            slow = client.start("/slow")
            assert slow.read() == b"slow "
            websockets = [open_websocket(client) for _ in range(8)]
            server.should_exit = True
            assert client.wait_for_goaway().code == ErrorCodes.NO_ERROR
            assert works(websockets[0])  # whose turn is the last
            with pytest.raises(Refused) as caught:
                open_websocket(client)
            assert caught.value.response.status == 503
            loop.call_soon_threadsafe(application.go.set)
            assert slow.read_all() == b"here"
            for websocket in websockets:
                assert websocket.end() == (1012, "the server is stopping")
            client.wait_until_closed()

        loop = asyncio.get_running_loop()
        async with site(ws_close_spread=3, timeout_graceful_shutdown=20) as (application, server):
            await visit(server, visitor)
            assert [end["code"] for end in application.ends] == [1012] * 8

    @on_each_loop
    async def test_without_time(self) -> None:
        """A server that is to be over at once closes them all."""

        def visitor(client: Http2Client) -> None:
            websockets = [open_websocket(client) for _ in range(2)]
            server.should_exit = True
            server.force_exit = True
            client.wait_until_closed()
            for websocket in websockets:
                with suppress(ResetByServer, ConnectionOver):
                    websocket.end()
                assert websocket.protocol.close_rcvd is not None
                assert websocket.protocol.close_rcvd.code == 1012

        async with site(ws_close_spread=60) as (_, server):
            await visit(server, visitor)


class TestCaps:
    """They count WebSockets, not connections."""

    @pytest.mark.parametrize("limit", ["ws_limit_connections", "ws_limit_per_client", "ws_limit_per_route"])
    @on_each_loop
    async def test_streams_count(self, limit: str) -> None:
        """Two on one connection are two; when one has ended, there is room, though the connection stays."""

        def visitor(client: Http2Client) -> None:
            first, _second = open_websocket(client), open_websocket(client)
            end = open_websocket(client).end()
            assert end is not None
            assert end[0] == (1013 if limit == "ws_limit_connections" else 1008)
            assert first.close() == (1000, "")
            third = open_websocket(client)
            assert works(third)
            third.stream.reset()
            client.ping()
            assert works(open_websocket(client))

        settings: dict[str, Any] = {limit: 2}
        async with site(**settings) as (_, server):
            await visit(server, visitor)
            assert server.limits_hit == {limit: 1}


def test_priority() -> None:
    """A WebSocket shares with others of its urgency, which would wait for ever for its end."""
    assert shared(Priority(1)) == Priority(1, incremental=True)


def flooded(client: RawClient, window: int) -> None:
    """Have an application flood a client that claims to take so much."""
    client.greet({SettingCodes.INITIAL_WINDOW_SIZE: window})
    client.send(frame(Kind.WINDOW_UPDATE, number(max(1, window - 65535))))
    client.send(client.request(1, *HANDSHAKE, ends=False, method="CONNECT", path="/flood"))
    assert client.status_of(1) == 200


async def until_still(application: Site) -> None:
    """Return when an application has sent nothing for a tenth of a second."""
    known = -1
    while known != application.sent:
        known = application.sent
        await asyncio.sleep(0.1)


async def until_full(application: Site, ticks: Ticks) -> None:
    """Return when all buffers on the way to a client that does not read are full."""
    (connection,) = ticks.context.connections
    assert isinstance(connection, Connection)
    while connection.writable:
        await until_still(application)


async def until_called(application: Site, calls: int) -> None:
    """Return when there have been so many calls."""
    await until(lambda: application.calls == calls)
