"""The ASGI WebSocket specification 2.5 in its order: a real server and real clients, on each event loop, over
HTTP/1.1 and HTTP/2.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import Message, Receive, Scope, Send
from hybrid.server.server import Server
from tests.conformance.rfc6455 import code, handshake, masked, plain
from tests.support.embedded import client, on_each_loop, port_of, serving, until
from tests.support.http_versions import BOTH, Version
from tests.support.process import start_server
from tests.support.ticks import Ticks
from tests.support.websocket_clients import end_of
from tests.support.websocket_versions import asking, check, connecting, vanish

ACCEPT: Message = {"type": "websocket.accept"}
CLOSE: Message = {"type": "websocket.close"}
START: Message = {"type": "websocket.http.response.start", "status": 401}
BODY: Message = {"type": "websocket.http.response.body"}
HI: Message = {"type": "websocket.send", "text": "hi"}

Script = list[Any]


class Player:
    """An application that plays a script: it sends messages, and calls what can be called with itself.

    Attributes:
        received: what it has received.
        errors: what sending has raised; the script goes on.
    """

    def __init__(self, *script: Any) -> None:
        self.script = script
        self.scope: Scope = {}
        self.received: list[Message] = []
        self.errors: list[Exception] = []
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Play."""
        self.scope = scope
        try:
            for step in self.script:
                if step is receive_one:
                    self.received.append(await receive())
                elif step is receive_all:
                    while not self.received or self.received[-1]["type"] != "websocket.disconnect":
                        self.received.append(await receive())
                elif isinstance(step, BaseException):
                    raise step
                else:
                    await self._send(step, send)
        finally:
            self.ended.set()

    async def _send(self, message: Any, send: Send) -> None:
        try:
            await send(message)
        except (ProtocolError, OSError) as error:
            self.errors.append(error)


def receive_one() -> None:
    """A step of a script: receive."""


def receive_all() -> None:
    """A step of a script: receive up to the end."""


@asynccontextmanager
async def playing(*script: Any, **settings: Any) -> AsyncIterator[tuple[Player, Server]]:
    """Serve an application that plays this."""
    player = Player(*script)
    async with serving(player, lifespan="off", **BOTH, **settings) as (server, _):
        yield player, server


def disconnect(number: int, reason: str = "") -> Message:
    """Return the event of an end."""
    return {"type": "websocket.disconnect", "code": number, "reason": reason}


class TestScope:
    """Websocket Connection Scope."""

    @on_each_loop
    async def test_scope(self, version: Version) -> None:
        """It has what the specification lists, with its types."""
        async with playing(ACCEPT, HI) as (player, server):
            offer = ["b", "a"]
            async with connecting(
                server, version, subprotocols=offer, origin="https://x.example"
            ) as websocket:
                await websocket.recv()
            scope = dict(player.scope)
            headers = scope.pop("headers")
            assert (b"origin", b"https://x.example") in headers
            assert all(type(part) is bytes for pair in headers for part in pair)
            assert all(name == name.lower() for name, _ in headers)
            assert set(scope.pop("extensions")) == {"websocket.http.response", "hybrid.shutdown"}
            host, port = scope.pop("client")
            assert (host, type(port)) == ("127.0.0.1", int)
            assert scope == {
                "type": "websocket",
                "asgi": {"version": "3.0", "spec_version": "2.5"},
                "http_version": version,
                "scheme": "ws",
                "path": "/a b",
                "raw_path": b"/a%20b",
                "query_string": b"c=d",
                "root_path": "",
                "server": ("127.0.0.1", port_of(server)),
                "subprotocols": ["b", "a"],
                "state": {},
            }


class TestAccept:
    """Connect and Accept."""

    @on_each_loop
    async def test_connect_is_first(self, version: Version) -> None:
        """The first event is websocket.connect; messages come after the application has accepted."""
        async with playing(receive_one, ACCEPT, receive_one) as (player, server):
            async with connecting(server, version) as websocket:
                await websocket.send("x")
                await end_of(websocket)
            assert player.received == [
                {"type": "websocket.connect"},
                {"type": "websocket.receive", "text": "x"},
            ]

    @on_each_loop
    async def test_accept_without_receiving(self, version: Version) -> None:
        """An application may accept before it receives."""
        async with playing(ACCEPT, HI) as (_, server), connecting(server, version) as websocket:
            assert await websocket.recv() == "hi"

    @on_each_loop
    async def test_subprotocol_and_headers(self, version: Version) -> None:
        """Both reach the client, and None is as good as nothing."""
        accept = {**ACCEPT, "subprotocol": "a", "headers": [(b"x-one", b"1"), (b"x-one", b"2")]}
        offer = ["b", "a"]
        async with (
            playing(accept) as (_, server),
            connecting(server, version, subprotocols=offer) as websocket,
        ):
            assert websocket.subprotocol == "a"
            assert websocket.response is not None
            assert websocket.response.headers.get_all("x-one") == ["1", "2"]
        accept = {**ACCEPT, "subprotocol": None, "headers": None}
        async with playing(accept) as (_, server), connecting(server, version) as websocket:
            assert websocket.subprotocol is None

    @on_each_loop
    async def test_close_instead(self, version: Version) -> None:
        """websocket.close in place of websocket.accept is a 403."""
        async with playing(receive_one, CLOSE, receive_one) as (player, server):
            with pytest.raises(InvalidStatus) as caught:
                async with connecting(server, version):
                    pass
            assert caught.value.response.status_code == 403
            await until(player.ended.is_set)
            assert player.received[1] == disconnect(1006)


class TestDenial:
    """The extension websocket.http.response."""

    @on_each_loop
    async def test_streamed(self) -> None:
        """Status, headers and a body in parts are sent as they come; the client has the first meanwhile."""
        went_on = asyncio.Event()

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await send({**START, "headers": [(b"x-why", b"because")]})
            await send({**BODY, "body": b"who ", "more_body": True})
            await went_on.wait()
            await send({**BODY, "body": b"are you?"})

        async with serving(application, lifespan="off") as (server, _), client(server) as peer:
            peer.send(handshake())
            head = await peer.read_until(b"who \r\n")
            assert head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
            assert b"\r\nx-why: because\r\n" in head
            went_on.set()
            assert await peer.read_all() == b"8\r\nare you?\r\n0\r\n\r\n"

    @on_each_loop
    async def test_without_a_body(self) -> None:
        """A body event without a body ends a response without one."""
        async with playing({**START, "status": 404}, BODY) as (_, server), client(server) as peer:
            peer.send(handshake())
            response = await peer.read_all()
            assert response.startswith(b"HTTP/1.1 404 Not Found\r\n")
            assert b"\r\ncontent-length: 0\r\n" in response.lower()


#: The state, by what was sent before, what is sent then, and what the error says.
OUT_OF_ORDER: list[tuple[Script, Any, str]] = [
    ([], HI, "'websocket.send' was sent, but websocket.accept, websocket.close or"),
    ([], BODY, "'websocket.http.response.body' was sent, but websocket.accept"),
    ([], {"type": "http.response.start", "status": 200}, "'http.response.start' was sent, but websocket.acc"),
    ([ACCEPT], ACCEPT, "'websocket.accept' was sent, but websocket.send or websocket.close is due"),
    ([ACCEPT], START, "'websocket.http.response.start' was sent, but websocket.send or"),
    (
        [ACCEPT],
        {"type": "websocket.receive", "text": "x"},
        "'websocket.receive' was sent, but websocket.send",
    ),
    ([ACCEPT, CLOSE], HI, "'websocket.send' was sent, but the connection is clos"),
    ([ACCEPT, CLOSE], CLOSE, "'websocket.close' was sent, but the connection is clos"),
    ([CLOSE], ACCEPT, "'websocket.accept' was sent, but the connection is clos"),
    ([CLOSE], CLOSE, "'websocket.close' was sent, but the connection is clos"),
    ([START], ACCEPT, "'websocket.accept' was sent, but websocket.http.response.body is due"),
    ([START], CLOSE, "'websocket.close' was sent, but websocket.http.response.body is due"),
    ([START], START, "'websocket.http.response.start' was sent, but websocket.http.response.body is due"),
    ([START, BODY], BODY, "'websocket.http.response.body' was sent, but the connection is clos"),
]
SEND: Message = {"type": "websocket.send"}
#: Messages that may be sent in this state, but not like that.
WRONG: list[tuple[Script, Any, str]] = [
    ([], {}, "is no ASGI message: its type is missing"),
    ([ACCEPT], {"text": "x"}, "is no ASGI message: its type is missing"),
    ([ACCEPT], None, "is no ASGI message: it must be a dict"),
    ([ACCEPT], SEND, "exactly one of text and bytes"),
    ([ACCEPT], {**SEND, "text": None}, "exactly one of text and bytes"),
    ([ACCEPT], {**SEND, "text": None, "bytes": None}, "exactly one of text and bytes"),
    ([ACCEPT], {**SEND, "text": "", "bytes": b""}, "exactly one of text and bytes"),
    ([ACCEPT], {**SEND, "text": b"x"}, "websocket.send: "),
    ([ACCEPT], {**SEND, "text": 1}, "websocket.send: "),
    ([ACCEPT], {**SEND, "text": "\ud800"}, "websocket.send: "),
    ([ACCEPT], {**SEND, "bytes": "x"}, "websocket.send: bytes must be bytes, not str"),
    ([ACCEPT], {**SEND, "bytes": [1]}, "websocket.send: bytes must be bytes, not list"),
    ([ACCEPT], {**SEND, "bytes": 1}, "websocket.send: bytes must be bytes, not int"),
    ([], {**ACCEPT, "subprotocol": "z"}, "'z' was not offered by the client (offered: a, b)"),
    ([], {**ACCEPT, "subprotocol": 1}, "websocket.accept: "),
    ([], {**ACCEPT, "headers": [("x", "y")]}, "websocket.accept: "),
    ([], {**ACCEPT, "headers": [(b"x", b"y\r\nz: z")]}, "websocket.accept: "),
    ([], {**ACCEPT, "headers": [(b"x y", b"")]}, "websocket.accept: "),
    ([], {**ACCEPT, "headers": [(b"Sec-WebSocket-Accept", b"x")]}, "belongs to the handshake"),
    ([], {**ACCEPT, "headers": [(b"sec-websocket-protocol", b"a")]}, "belongs to the handshake"),
    ([], {**ACCEPT, "headers": [(b"content-length", b"0")]}, "belongs to the handshake"),
    ([], {"type": "websocket.http.response.start"}, "websocket.http.response.start: status is missing"),
    ([], {**START, "status": "401"}, "websocket.http.response.start: response status '401' is not"),
    ([], {**START, "headers": 1}, "websocket.http.response.start: headers must be an iterable of pairs"),
    ([], {**START, "headers": [(b"x", b"y\n")]}, "websocket.http.response.start: invalid character in"),
    ([START], {**BODY, "body": "text"}, "websocket.http.response.body: body must be bytes, not 'text'"),
    ([START], {**BODY, "more_body": 1}, "websocket.http.response.body: more_body must be a bool, not 1"),
    *(
        ([ACCEPT], {**CLOSE, "code": number}, f"websocket.close: close code {number} may not be sent")
        for number in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65536, -1)
    ),
    ([ACCEPT], {**CLOSE, "code": "1000"}, "websocket.close: "),
    ([ACCEPT], {**CLOSE, "code": 1000.0}, "websocket.close: "),
    ([ACCEPT], {**CLOSE, "reason": b"why"}, "websocket.close: "),
]


class TestOrder:
    """Errors name the event and the rule, and leave everything as it was."""

    @pytest.mark.parametrize(("before", "message", "words"), [*OUT_OF_ORDER, *WRONG])
    @on_each_loop
    async def test_refused(self, version: Version, before: Script, message: Any, words: str) -> None:
        """What may not be sent now, or not like that, raises an error in the application."""
        async with playing(*before, message) as (player, server):
            with suppress(InvalidStatus):
                async with connecting(server, version, subprotocols=["a", "b"]):
                    pass
            await until(player.ended.is_set)
            (error,) = player.errors
            assert isinstance(error, ProtocolError)
            assert words in str(error)

    @on_each_loop
    async def test_mended(self, version: Version) -> None:
        """After an error the right event goes through."""
        script = [HI, {**ACCEPT, "subprotocol": "z"}, ACCEPT, ACCEPT, SEND, HI, {**CLOSE, "code": 1005}]
        async with playing(*script, {**CLOSE, "code": 4000}) as (player, server):
            async with connecting(server, version) as websocket:
                assert await websocket.recv() == "hi"
                assert await end_of(websocket) == (4000, "")
            assert len(player.errors) == 5

    @pytest.mark.parametrize(
        ("message", "expected"),
        [
            ({"text": "é", "bytes": None}, "é"),
            ({"text": None, "bytes": b"\xff"}, b"\xff"),
            ({"text": ""}, ""),
            ({"bytes": b""}, b""),
            ({"bytes": bytearray(b"x")}, b"x"),
            ({"bytes": memoryview(struct.pack("2I", 1, 2)).cast("I")}, struct.pack("2I", 1, 2)),
        ],
    )
    @on_each_loop
    async def test_send(self, version: Version, message: Message, expected: str | bytes) -> None:
        """One of text and bytes is sent; the other may be None."""
        async with (
            playing(ACCEPT, {**SEND, **message}) as (_, server),
            connecting(server, version) as websocket,
        ):
            assert await websocket.recv() == expected


class Failed(Exception):
    """What an application raises on purpose."""


#: What an application does after it has accepted, and what its client is told.
ENDS: list[tuple[Script, tuple[int, str]]] = [
    ([], (1000, "")),
    ([Failed()], (1011, "the application failed")),
    ([SystemExit(1)], (1011, "the application failed")),
    ([CLOSE], (1000, "")),
    ([{**CLOSE, "code": None, "reason": None}], (1000, "")),
    *(
        ([{**CLOSE, "code": number, "reason": "why"}], (number, "why"))
        for number in (1001, 1008, 1013, 3000, 4999)
    ),
    ([{**CLOSE, "reason": "é" * 61 + "x"}], (1000, "é" * 61 + "x")),
    ([{**CLOSE, "reason": "é" * 62}], (1000, "é" * 61)),
]
#: How a client ends, and what the application is told.
CLIENT_ENDS: list[tuple[str, bytes, Message]] = [
    ("code and reason", masked(0x88, code(4001, b"why")), disconnect(4001, "why")),
    ("no code", masked(0x88), disconnect(1005)),
    ("going away", masked(0x88, code(1001)), disconnect(1001)),
    ("bad data", masked(0x81, b"\xff"), disconnect(1007, "text that is not valid UTF-8")),
    ("a broken rule", masked(0x83), disconnect(1002, "reserved opcode 3")),
    ("too big", masked(0x82, bytes(101)), disconnect(1009, "message longer than 100 bytes")),
    ("the end of its bytes", b"", disconnect(1006)),
]


class TestClosing:
    """Close and Disconnect: codes that tell the truth, to both sides."""

    @pytest.mark.parametrize(("script", "expected"), ENDS)
    @on_each_loop
    async def test_application_ends(
        self, version: Version, script: Script, expected: tuple[int, str]
    ) -> None:
        """The client is told how it came to the end; a reason that is too long is cut between characters."""
        async with playing(ACCEPT, *script) as (_, server), connecting(server, version) as websocket:
            assert await end_of(websocket) == expected

    @pytest.mark.parametrize(
        ("data", "expected"), [end[1:] for end in CLIENT_ENDS], ids=[e[0] for e in CLIENT_ENDS]
    )
    @on_each_loop
    async def test_client_ends(self, version: Version, data: bytes, expected: Message) -> None:
        """The application is told the code and the reason, or what stands for the want of them, and receives
        that again when it asks again.
        """
        script = (ACCEPT, receive_all, receive_one, HI, CLOSE)
        async with playing(*script, ws_max_size=100) as (player, server):
            async with asking(server, version) as peer:
                await peer.opened()
                await peer.send(data)
                if not data:
                    await peer.send_eof()
                await until(player.ended.is_set)
            assert player.received == [{"type": "websocket.connect"}, expected, expected]
            assert [type(error) for error in player.errors] == [ClientDisconnected, ClientDisconnected]
            assert issubclass(ClientDisconnected, OSError)

    @on_each_loop
    async def test_client_vanishes(self, version: Version) -> None:
        """A connection that breaks is 1006."""
        async with playing(ACCEPT, receive_all) as (player, server):
            async with connecting(server, version) as websocket:
                vanish(websocket)
                await until(player.ended.is_set)
            assert player.received[-1] == disconnect(1006)

    @on_each_loop
    async def test_client_leaves_before_accept(self, version: Version) -> None:
        """So is one that breaks before the handshake is answered, and then that cannot be."""
        async with playing(receive_one, receive_one, ACCEPT) as (player, server):
            async with asking(server, version):
                await until(lambda: player.received)
            await until(player.ended.is_set)
            assert player.received[-1] == disconnect(1006)
            assert isinstance(player.errors[0], ClientDisconnected)

    @on_each_loop
    async def test_server_stops(self, version: Version) -> None:
        """A server that stops is 1012, to both."""
        async with playing(ACCEPT, receive_all, HI, ws_close_spread=0) as (player, server):
            async with connecting(server, version) as websocket:
                server.should_exit = True
                assert await end_of(websocket) == (1012, "the server is stopping")
            assert player.received[-1] == disconnect(1012, "the server is stopping")
            assert isinstance(player.errors[0], ClientDisconnected)

    @on_each_loop
    async def test_too_many(self, version: Version) -> None:
        """One more than the server is to have is 1013, and the application does not hear of it."""
        async with (
            playing(ACCEPT, receive_all, ws_limit_connections=1) as (player, server),
            connecting(server, version),
        ):
            async with connecting(server, version) as second:
                assert (await end_of(second))[0] == 1013
            assert len(player.received) <= 1

    @on_each_loop
    async def test_close_is_answered(self, version: Version) -> None:
        """After its own close the application receives the code of the client's answer."""
        async with playing(ACCEPT, {**CLOSE, "code": 4000}, receive_all) as (player, server):
            async with asking(server, version) as peer:
                await peer.opened()
                assert await peer.read_until(plain(0x88, code(4000))) == plain(0x88, code(4000))
                await peer.send(masked(0x81, b"late") + masked(0x88, code(3000)))
                await until(player.ended.is_set)
                assert await peer.read_all() == b""
            assert player.received == [{"type": "websocket.connect"}, disconnect(3000)]

    @pytest.mark.parametrize("script", [[], [Failed()], [START]])
    @on_each_loop
    async def test_unanswered(self, version: Version, script: Script) -> None:
        """An application that ends without an answer to the handshake is a 500."""
        async with playing(receive_one, *script) as (_, server):
            with pytest.raises(InvalidStatus) as caught:
                async with connecting(server, version):
                    pass
            assert caught.value.response.status_code == 500


@pytest.mark.usefixtures("ticks")
class TestHandshakeTimeout:
    """An application that does not answer the handshake at all."""

    @pytest.mark.parametrize("before", [[], [START]])
    @on_each_loop
    async def test_answered_in_its_place(
        self, version: Version, before: Script, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The client gets 504, the application the end, and the log names the path."""
        script = [receive_one, *before, receive_one, ACCEPT]
        async with playing(*script, ws_handshake_timeout=0.05) as (player, server):
            with pytest.raises(InvalidStatus) as caught:
                async with connecting(server, version):
                    pass
            assert caught.value.response.status_code == 504
            await until(player.ended.is_set)
            assert player.received[1] == disconnect(1006)
            assert isinstance(player.errors[0], ClientDisconnected)
            assert server.limits_hit == {"ws_handshake_timeout": 1}
        assert "websocket /a b: the application has not answered the handshake within 0.05 s" in caplog.text

    @on_each_loop
    async def test_answered_in_time(self, version: Version, ticks: Ticks) -> None:
        """One that has been answered is not looked at again: open, or refused with a long response."""
        soon = {"ws_handshake_timeout": 0.05}
        async with (
            playing(ACCEPT, receive_all, **soon) as (_, server),
            connecting(server, version) as websocket,
        ):
            await ticks.passed(20)
            await check(websocket)
        part = {**BODY, "body": b"part", "more_body": True}
        async with playing(START, part, receive_all, **soon) as (_, server), asking(server, version) as peer:
            await peer.read_until(b"part")
            await ticks.passed(20)
            assert len(ticks.context.connections) == 1

    @on_each_loop
    async def test_never(self, version: Version, ticks: Ticks) -> None:
        """0 is never."""
        async with playing(receive_one, receive_one, ws_handshake_timeout=0) as (player, server):
            async with asking(server, version):
                await until(lambda: player.received)
                await ticks.passed(20)
            await until(player.ended.is_set)
            assert not server.limits_hit


def test_application_that_only_sends(tmp_path: Path) -> None:
    """One that only sends, to a client that has left, ends, and lets others have their turn."""
    with start_server("websocket_flood:app", cwd=tmp_path, access_log=False, lifespan="off") as process:
        with socket.create_connection(("127.0.0.1", process.port), 20) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.sendall(handshake())
            received = b""
            while b"flood" not in received:
                received += peer.recv(65536)
        with socket.create_connection(("127.0.0.1", process.port), 20) as peer:
            peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert peer.recv(65536).startswith(b"HTTP/1.1 200 ")
