"""The WebSocket handler, without a network: first what the client sees, then what the application sees."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State as ClientState
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import ASGIApp, Headers, Message, Receive, Resolver, Scope, Send
from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.logged.websocket import LoggedWebSocket
from hybrid.server.upgrade import upgrade
from hybrid.server.websocket.inbox import BACKLOG_BYTES
from hybrid.server.websocket.websocket import CLOSE_TIMEOUT, State, WebSocket
from hybrid.server.wire.http11 import Request, wants_websocket
from tests.support.transports import FakeTransport

Test = Callable[..., Coroutine[Any, Any, None]]


def on_loop(test: Test) -> Callable[..., None]:
    """Run an asynchronous test on an event loop of its own."""

    def run(self: object) -> None:
        asyncio.run(test(self))

    run.__doc__ = test.__doc__
    run.__name__ = test.__name__
    return run


async def settle() -> None:
    """Let everything happen that can happen without the client."""
    for _ in range(10):
        await asyncio.sleep(0)


class Peer:
    """A client in memory: the client side of `websockets`, and a fake transport to a WebSocket handler."""

    def __init__(
        self, application: ASGIApp, *, subprotocols: list[str] | None = None, **settings: Any
    ) -> None:
        settings.setdefault("access_log", False)
        self.context = ServerContext(
            Config(app=application, **settings), application, asyncio.get_running_loop()
        )
        self.connection = Connection(self.context)
        self.transport = FakeTransport(peername=("192.0.2.1", 50000), sockname=("192.0.2.2", 80))
        self.transport.connect(Handler(self.connection))
        offer = [Subprotocol(name) for name in subprotocols or ()] or None
        self.client = ClientProtocol(parse_uri("ws://x/chat"), subprotocols=offer)
        self.events: list[object] = []

    @property
    def websocket(self) -> WebSocket:
        """The handler."""
        assert isinstance(self.transport.protocol, WebSocket)
        return self.transport.protocol

    def handshake(self) -> Request:
        """The client's opening request, as HTTP has read it."""
        fields = self.client.connect()
        self.client.send_request(fields)
        self.client.data_to_send()
        headers: Headers = [(k.lower().encode(), v.encode()) for k, v in fields.headers.raw_items()]
        return Request("GET", b"/chat?a=1", "1.1", headers)

    async def open(self, leftover: bytes = b"") -> None:
        """Send the handshake and let the application answer it."""
        kind = LoggedWebSocket if self.context.access_log else WebSocket
        upgrade(self.connection, self.handshake(), leftover, kind)
        await self.exchange()

    async def exchange(self) -> None:
        """Move bytes both ways until neither side has anything to say."""
        await settle()
        for data in self.client.data_to_send():
            self.transport.receive(data) if data else self.transport.receive_eof()
        await settle()
        received = self.transport.take()
        if received:
            self.client.receive_data(received)
        self.events += self.client.events_received()

    async def send(self, message: str | bytes) -> None:
        """Send one message and let it have its effect."""
        if isinstance(message, str):
            self.client.send_text(message.encode())
        else:
            self.client.send_binary(message)
        await self.exchange()

    @property
    def response(self) -> Response:
        """The answer to the handshake."""
        first = self.events[0]
        assert isinstance(first, Response)
        return first

    @property
    def messages(self) -> list[str | bytes]:
        """The data messages that came."""
        frames = [event for event in self.events if isinstance(event, Frame)]
        return [
            bytes(frame.data).decode() if frame.opcode is Opcode.TEXT else bytes(frame.data)
            for frame in frames
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY)
        ]

    @property
    def pongs(self) -> list[bytes]:
        """The payloads of the pongs that came."""
        return [bytes(e.data) for e in self.events if isinstance(e, Frame) and e.opcode is Opcode.PONG]

    @property
    def close(self) -> Close | None:
        """The close frame that came."""
        return self.client.close_rcvd


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send every message back."""
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


class Recorder:
    """An application that accepts and keeps what it receives; `step` goes on to the next event when told."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.receive: Receive
        self.send: Send
        self.scope: Scope
        self.done = asyncio.Event()
        self.greedy = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Be the application."""
        self.scope, self.receive, self.send = scope, receive, send
        self.received.append(await receive())
        await send({"type": "websocket.accept"})
        while self.greedy and self.received[-1]["type"] != "websocket.disconnect":
            self.received.append(await receive())
        await self.done.wait()

    @property
    def last(self) -> Message:
        """The newest event."""
        return self.received[-1]


def idle() -> Recorder:
    """An application that accepts and does not read."""
    application = Recorder()
    application.greedy = False
    return application


def answering(*messages: Message) -> ASGIApp:
    """An application that sends these messages and returns."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)

    return application


class TestHandshake:
    """RFC 6455 section 4, as the client sees it."""

    @on_loop
    async def test_accept(self) -> None:
        """An accepted handshake opens the connection."""
        peer = Peer(echo)
        await peer.open()
        assert peer.client.state is ClientState.OPEN
        assert peer.websocket.state is State.OPEN

    @on_loop
    async def test_subprotocol_and_headers(self) -> None:
        """The response has the subprotocol and the headers of the application, and Date and Server."""
        headers = [(b"set-cookie", b"a=1"), [b"x-y", b"z"]]
        accept = {"type": "websocket.accept", "subprotocol": "b", "headers": headers}
        peer = Peer(answering(accept), subprotocols=["a", "b"])
        await peer.open()
        assert peer.client.subprotocol == "b"
        assert peer.response.headers["Set-Cookie"] == "a=1"
        assert peer.response.headers["X-Y"] == "z"
        assert peer.response.headers["Server"] == "hybrid"
        assert "Date" in peer.response.headers

    @on_loop
    async def test_close_before_accept(self) -> None:
        """A handshake that the application closes is answered with 403."""
        peer = Peer(answering({"type": "websocket.close"}))
        await peer.open()
        assert (peer.response.status_code, peer.response.headers["Connection"]) == (403, "close")
        assert peer.transport.eof_written

    @on_loop
    async def test_return_before_accept(self) -> None:
        """An application that returns without an answer gives 500."""
        peer = Peer(answering())
        await peer.open()
        assert peer.response.status_code == 500

    @on_loop
    async def test_raise_before_accept(self) -> None:
        """An application that fails before its answer gives 500."""

        async def broken(scope: Scope, receive: Receive, send: Send) -> None:
            raise RuntimeError("on purpose")

        peer = Peer(broken)
        await peer.open()
        assert peer.response.status_code == 500

    @on_loop
    async def test_denial_response(self) -> None:
        """An application can refuse with a response of its own, status, headers and body in parts."""
        peer = Peer(
            answering(
                {"type": "websocket.http.response.start", "status": 401, "headers": [(b"x-why", b"because")]},
                {"type": "websocket.http.response.body", "body": b"who ", "more_body": True},
                {"type": "websocket.http.response.body", "body": b"are you?"},
            )
        )
        await peer.open()
        assert peer.response.status_code == 401
        assert peer.response.headers["X-Why"] == "because"
        assert peer.response.body == b"who are you?"
        assert peer.transport.eof_written

    @on_loop
    async def test_denial_without_body(self) -> None:
        """A response that was started and not completed becomes a 500 while nothing has been sent."""
        peer = Peer(answering({"type": "websocket.http.response.start", "status": 401}))
        await peer.open()
        assert peer.response.status_code == 500

    @on_loop
    async def test_denial_cut_short(self) -> None:
        """A response that ends in the middle is cut off, so that the client can tell."""
        peer = Peer(
            answering(
                {"type": "websocket.http.response.start", "status": 401},
                {"type": "websocket.http.response.body", "body": b"who ", "more_body": True},
            )
        )
        upgrade(peer.connection, peer.handshake(), b"")
        await settle()
        assert peer.transport.aborted

    @on_loop
    async def test_bytes_during_a_denial(self) -> None:
        """What the client says while it is being refused is dropped."""
        release = asyncio.Event()

        async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            await release.wait()
            await send(BODY)

        peer = Peer(refusing)
        upgrade(peer.connection, peer.handshake(), b"")
        await settle()
        peer.transport.receive(b"\xff\xff")
        release.set()
        await peer.exchange()
        assert peer.response.status_code == 401

    @on_loop
    async def test_invalid_handshake(self) -> None:
        """A request that is no valid handshake never reaches the application."""

        async def unreachable(scope: Scope, receive: Receive, send: Send) -> None:
            raise AssertionError("called")

        peer = Peer(unreachable)
        request = peer.handshake()
        request.headers = [(k, b"8" if k == b"sec-websocket-version" else v) for k, v in request.headers]
        upgrade(peer.connection, request, b"")
        await peer.exchange()
        assert peer.response.status_code == 426
        assert peer.response.headers["Sec-WebSocket-Version"] == "13"
        assert peer.transport.eof_written
        assert not peer.context.calls

    @on_loop
    async def test_bytes_after_the_handshake(self) -> None:
        """Frames that come with the handshake, or before it is answered, are read once it is accepted."""
        application = Recorder()
        peer = Peer(application)
        frames = [Frame(Opcode.TEXT, text).serialize(mask=True) for text in (b"one", b"two", b"three")]
        upgrade(peer.connection, peer.handshake(), frames[0] + frames[1][:3])
        assert not peer.transport.is_reading()
        peer.transport.receive(frames[1][3:])
        await settle()
        assert peer.transport.is_reading()
        peer.transport.receive(frames[2])
        await settle()
        assert [message.get("text") for message in application.received] == [None, "one", "two", "three"]

    def test_http_1_0_cannot_upgrade(self) -> None:
        """An Upgrade in HTTP/1.0 is ignored (RFC 9110 section 7.8)."""
        headers = [(b"connection", b"upgrade"), (b"upgrade", b"websocket")]
        assert wants_websocket(Request("GET", b"/", "1.1", headers))
        assert not wants_websocket(Request("GET", b"/", "1.0", headers))
        assert not wants_websocket(Request("GET", b"/", "1.1", [(b"upgrade", b"h2c")]))


class TestMessages:
    """RFC 6455 sections 5.4 to 5.6, as the client sees them."""

    @on_loop
    async def test_echo(self) -> None:
        """Text and binary come back as what they were, empty ones too."""
        peer = Peer(echo)
        await peer.open()
        for message in ("hello ☃", b"\xff\x00", "", b"", "x" * 70000):
            await peer.send(message)
        assert peer.messages == ["hello ☃", b"\xff\x00", "", b"", "x" * 70000]

    @on_loop
    async def test_fragments(self) -> None:
        """A fragmented message reaches the application as one."""
        peer = Peer(echo)
        await peer.open()
        peer.client.send_text(b"one ", fin=False)
        peer.client.send_ping(b"between")
        peer.client.send_continuation(b"two", fin=True)
        await peer.exchange()
        assert (peer.messages, peer.pongs) == (["one two"], [b"between"])

    @on_loop
    async def test_every_ping_is_answered(self) -> None:
        """Each ping gets its pong, in order, though the application does nothing."""
        peer = Peer(idle())
        await peer.open()
        for number in range(10):
            peer.client.send_ping(b"%d" % number)
        await peer.exchange()
        assert peer.pongs == [b"%d" % number for number in range(10)]

    @on_loop
    async def test_pongs_for_a_client_that_does_not_read(self) -> None:
        """While the client does not read, only the last ping is answered, once it does (section 5.5.3)."""
        peer = Peer(idle())
        await peer.open()
        peer.transport.protocol.pause_writing()
        for number in range(10):
            peer.transport.receive(Frame(Opcode.PING, b"%d" % number).serialize(mask=True))
        peer.connection.tick(0)
        assert peer.transport.take() == b""
        peer.transport.protocol.resume_writing()
        peer.connection.tick(0)
        peer.connection.tick(0)
        assert peer.transport.take() == Frame(Opcode.PONG, b"9").serialize(mask=False)

    @on_loop
    async def test_pongs_are_ignored(self) -> None:
        """A pong that nobody asked for has no effect."""
        peer = Peer(echo)
        await peer.open()
        peer.client.send_pong(b"x")
        await peer.send("still here")
        assert peer.messages == ["still here"]


class TestClosing:
    """RFC 6455 section 7, as the client sees it."""

    @on_loop
    async def test_client_closes(self) -> None:
        """A close frame is answered with its code, and the server closes the connection."""
        peer = Peer(echo)
        await peer.open()
        peer.client.send_close(3001, "bye")
        await peer.exchange()
        assert peer.close == Close(3001, "")
        assert peer.transport.closing
        assert not peer.transport.aborted

    @on_loop
    async def test_client_closes_without_code(self) -> None:
        """A close frame without a code is answered with one without a code."""
        peer = Peer(echo)
        await peer.open()
        peer.client.send_close()
        await peer.exchange()
        assert peer.close == Close(1005, "")

    @on_loop
    async def test_ping_before_close(self) -> None:
        """A ping in the same read as the close frame is answered before it."""
        peer = Peer(echo)
        await peer.open()
        peer.client.send_ping(b"last")
        peer.client.send_close(1000)
        peer.transport.receive(b"".join(peer.client.data_to_send()))
        await peer.exchange()
        assert peer.pongs == [b"last"]
        assert peer.close == Close(1000, "")

    @pytest.mark.parametrize(
        ("message", "expected"),
        [
            ({}, Close(1000, "")),
            ({"code": None, "reason": None}, Close(1000, "")),
            ({"code": 4321, "reason": "enough"}, Close(4321, "enough")),
            ({"code": 1001, "reason": "é" * 100}, Close(1001, "é" * 61)),
        ],
    )
    def test_application_closes(self, message: Message, expected: Close) -> None:
        """The application's code and reason are sent; the connection ends when the client has answered."""

        async def run() -> None:
            peer = Peer(answering({"type": "websocket.accept"}, {"type": "websocket.close", **message}))
            await peer.open()
            assert peer.close == expected
            assert not peer.transport.closing
            await peer.exchange()  # the client's answer
            assert peer.transport.closing

        asyncio.run(run())

    @on_loop
    async def test_application_returns(self) -> None:
        """An application that returns closes with 1000."""
        peer = Peer(answering({"type": "websocket.accept"}))
        await peer.open()
        assert peer.close == Close(1000, "")

    @on_loop
    async def test_application_fails(self) -> None:
        """An application that fails closes with 1011, which does not say why."""

        async def broken(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            raise RuntimeError("secret")

        peer = Peer(broken)
        await peer.open()
        assert peer.close == Close(1011, "the application failed")

    @on_loop
    async def test_server_stops(self) -> None:
        """A server that stops closes with 1012."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        peer.connection.drain()
        await peer.exchange()
        assert peer.close == Close(1012, "the server is stopping")
        assert application.last["code"] == 1012
        with pytest.raises(ClientDisconnected):
            await application.send({"type": "websocket.send", "text": "late"})
        peer.connection.drain()
        await peer.exchange()
        assert peer.transport.closing

    @on_loop
    async def test_server_stops_during_the_handshake(self) -> None:
        """A handshake that is not answered when the server stops is refused with 503."""
        received: list[Message] = []

        async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
            received.extend([await receive(), await receive()])

        peer = Peer(waiting)
        upgrade(peer.connection, peer.handshake(), b"")
        await settle()
        peer.connection.drain()
        await peer.exchange()
        assert peer.response.status_code == 503
        assert received[1]["type"] == "websocket.disconnect"

    @on_loop
    async def test_client_does_not_answer(self) -> None:
        """A client that does not answer a close frame is cut off after the timeout, not before."""
        peer = Peer(answering({"type": "websocket.accept"}, {"type": "websocket.close"}))
        upgrade(peer.connection, peer.handshake(), b"")
        await settle()
        peer.connection.tick(peer.context.now + CLOSE_TIMEOUT)
        assert not peer.transport.closing
        peer.connection.tick(peer.context.deadline(CLOSE_TIMEOUT))
        assert peer.transport.aborted

    @on_loop
    async def test_client_keeps_talking(self) -> None:
        """Between our close frame and the client's answer, messages and pings are dropped."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        await application.send({"type": "websocket.close"})
        peer.transport.take()
        for frame in (Frame(Opcode.TEXT, b"late"), Frame(Opcode.PING, b""), Frame(Opcode.CLOSE, b"\x03\xe8")):
            peer.transport.receive(frame.serialize(mask=True))
        await settle()
        assert peer.transport.take() == b""
        assert [message["type"] for message in application.received] == [
            "websocket.connect",
            "websocket.disconnect",
        ]

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            (b"\xc1\x80\x00\x00\x00\x00", 1002),
            (b"\x81\x01x", 1002),
            (Frame(Opcode.TEXT, b"\xff").serialize(mask=True), 1007),
            (Frame(Opcode.BINARY, b"x" * 101).serialize(mask=True), 1009),
        ],
    )
    def test_client_breaks_the_protocol(self, data: bytes, code: int) -> None:
        """The close code says what was wrong; what came before counts, what comes after does not."""

        async def run() -> None:
            application = Recorder()
            peer = Peer(application, ws_max_size=100)
            await peer.open()
            good = Frame(Opcode.TEXT, b"good").serialize(mask=True)
            peer.transport.receive(good + data + good)
            peer.transport.receive(good)
            await peer.exchange()
            assert peer.close is not None
            assert peer.close.code == code
            assert peer.transport.eof_written
            assert [message.get("text") for message in application.received] == [None, "good", None]
            assert application.last == {
                "type": "websocket.disconnect",
                "code": code,
                "reason": peer.close.reason,
            }

        asyncio.run(run())

    @on_loop
    async def test_answer_to_what_came_before_a_failure(self) -> None:
        """An application that need not wait still answers what was complete before the protocol broke."""
        peer = Peer(echo)
        await peer.open()
        good = Frame(Opcode.TEXT, b"good").serialize(mask=True)
        peer.transport.receive(good + good + b"\xc1\x80\x00\x00\x00\x00" + good)
        await peer.exchange()
        assert peer.messages == ["good", "good"]
        assert peer.close is not None
        assert peer.close.code == 1002

    @on_loop
    async def test_client_leaves_right_after_a_failure(self) -> None:
        """A client that breaks the protocol and goes at once is told nothing; it has left with 1006."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        peer.transport.take()
        peer.transport.receive(Frame(Opcode.TEXT, b"good").serialize(mask=True) + b"\xff\xff")
        peer.websocket.eof_received()
        await settle()
        assert peer.transport.take() == b""
        assert application.last == {"type": "websocket.disconnect", "code": 1006, "reason": ""}

    @on_loop
    async def test_protocol_broken_while_closing(self) -> None:
        """A client that answers a close frame with nonsense gets no second one."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        await application.send({"type": "websocket.close", "code": 1001})
        await settle()
        peer.transport.take()
        peer.transport.receive(b"\xff\xff")
        await settle()
        assert peer.transport.take() == b""
        assert peer.transport.eof_written

    @on_loop
    async def test_unread_close_is_cut_off(self) -> None:
        """A connection whose last bytes the client does not read is cut off after the timeout."""
        peer = Peer(echo)
        await peer.open()
        peer.transport.protocol.pause_writing()
        peer.client.send_close(1000)
        peer.transport.receive(b"".join(peer.client.data_to_send()))
        assert not peer.transport.aborted
        peer.connection.tick(peer.context.deadline(CLOSE_TIMEOUT))
        assert peer.transport.aborted


class TestScope:
    """ASGI WebSocket specification, "Websocket Connection Scope"."""

    @on_loop
    async def test_scope(self) -> None:
        """The scope says what the client asked for."""
        application = Recorder()
        peer = Peer(application, subprotocols=["a", "b"])
        peer.context.state["pool"] = "here"
        await peer.open()
        scope = application.scope
        assert scope["type"] == "websocket"
        assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
        assert (scope["scheme"], scope["http_version"]) == ("ws", "1.1")
        assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/chat", b"/chat", b"a=1")
        assert scope["subprotocols"] == ["a", "b"]
        assert scope["extensions"] == {
            "websocket.http.response": {},
            "hybrid.shutdown": peer.context.shutdown,
        }
        assert (scope["client"], scope["server"]) == (("192.0.2.1", 50000), ("192.0.2.2", 80))
        assert scope["state"] == {"pool": "here"}
        assert (b"host", b"x") in scope["headers"]
        assert "method" not in scope

    @on_loop
    async def test_routers_are_resolved(self) -> None:
        """A router in front is asked, not awaited, and its scope is the one that counts."""

        class Router(Resolver):
            async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
                raise AssertionError("awaited")

            def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
                return application, {**scope, "root_path": "/there"}

        application = Recorder()
        peer = Peer(Router())
        await peer.open()
        assert application.scope["root_path"] == "/there"


class TestReceive:
    """ASGI WebSocket specification, the events that an application receives."""

    @on_loop
    async def test_events(self) -> None:
        """The connection, each message and the end are events with the keys of the specification."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        await peer.send("text")
        await peer.send(b"bytes")
        peer.client.send_close(1001, "gone")
        await peer.exchange()
        assert application.received == [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": "text"},
            {"type": "websocket.receive", "bytes": b"bytes"},
            {"type": "websocket.disconnect", "code": 1001, "reason": "gone"},
        ]

    @on_loop
    async def test_close_without_code(self) -> None:
        """A close frame without a code is 1005."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        peer.client.send_close()
        await peer.exchange()
        assert application.last == {"type": "websocket.disconnect", "code": 1005, "reason": ""}
        assert type(application.last["code"]) is int

    @on_loop
    async def test_connection_breaks(self) -> None:
        """A connection that ends without a close frame is 1006."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        peer.transport.lose()
        await settle()
        assert application.last == {"type": "websocket.disconnect", "code": 1006, "reason": ""}

    @on_loop
    async def test_client_closes_its_direction(self) -> None:
        """An end of the client's bytes without a close frame is 1006, and nothing can be sent any more."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        peer.transport.receive_eof()
        await settle()
        assert application.last["code"] == 1006
        with pytest.raises(ClientDisconnected):
            await application.send({"type": "websocket.send", "text": "late"})
        assert peer.transport.closing

    @on_loop
    async def test_application_closes_first(self) -> None:
        """After its own close an application receives the end, with the code of the client's answer."""
        application = Recorder()
        peer = Peer(application)
        await peer.open()
        await application.send({"type": "websocket.close", "code": 4000})
        await peer.exchange()
        await peer.exchange()
        assert application.last == {"type": "websocket.disconnect", "code": 4000, "reason": ""}

    @on_loop
    async def test_refused_handshake_ends(self) -> None:
        """After its refusal an application receives the end, with 1006 as there was no close frame."""
        received: list[Message] = []

        async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
            received.append(await receive())
            await send({"type": "websocket.close"})
            received.append(await receive())

        peer = Peer(refusing)
        await peer.open()
        assert received[1] == {"type": "websocket.disconnect", "code": 1006, "reason": ""}

    @on_loop
    async def test_messages_before_the_end_are_not_lost(self) -> None:
        """What the client said before it left is received before its leaving."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        await peer.send("one")
        await peer.send("two")
        peer.transport.lose()
        received = [await application.receive() for _ in range(3)]
        assert [message.get("text") for message in received] == ["one", "two", None]

    @on_loop
    async def test_the_end_stays(self) -> None:
        """Who receives after the end, receives it again instead of waiting for ever."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        peer.transport.lose()
        first = await application.receive()
        first["code"] = 0
        assert await application.receive() == {"type": "websocket.disconnect", "code": 1006, "reason": ""}

    @on_loop
    async def test_several_receivers(self) -> None:
        """Several tasks may receive; each message goes to one of them, and the end to all."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        receivers = [asyncio.ensure_future(application.receive()) for _ in range(3)]
        await settle()
        await peer.send("one")
        peer.transport.lose()
        received = [await receiver for receiver in receivers]
        assert [message.get("text") for message in received] == ["one", None, None]

    @on_loop
    async def test_cancelled_receiver_loses_nothing(self) -> None:
        """A receive() that is cancelled as its message comes leaves it for the next."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        receiver = asyncio.ensure_future(application.receive())
        await settle()
        peer.transport.receive(Frame(Opcode.TEXT, b"one").serialize(mask=True))
        receiver.cancel()
        await settle()
        assert receiver.cancelled()
        assert (await application.receive())["text"] == "one"


ACCEPT: Message = {"type": "websocket.accept"}
CLOSE: Message = {"type": "websocket.close"}
TEXT: Message = {"type": "websocket.send", "text": "x"}
START: Message = {"type": "websocket.http.response.start", "status": 401}
BODY: Message = {"type": "websocket.http.response.body", "body": b"no"}


class TestSend:
    """ASGI WebSocket specification, the events that an application sends."""

    @pytest.mark.parametrize(
        ("before", "message", "rule"),
        [
            ([], TEXT, "websocket.accept, websocket.close or websocket.http.response.start is due"),
            ([], BODY, "websocket.http.response.start is due"),
            ([], {"type": "http.response.start"}, "'http.response.start' was sent, but websocket.accept"),
            ([ACCEPT], ACCEPT, "websocket.send or websocket.close is due"),
            ([ACCEPT], START, "websocket.send or websocket.close is due"),
            ([ACCEPT], {"type": "websocket.receive"}, "websocket.send or websocket.close is due"),
            ([ACCEPT, CLOSE], TEXT, "the connection is closing"),
            ([ACCEPT, CLOSE], CLOSE, "the connection is closing"),
            ([CLOSE], ACCEPT, "the connection is closed"),
            ([START], ACCEPT, "websocket.http.response.body is due"),
            ([START], START, "websocket.http.response.body is due"),
            ([START, BODY], BODY, "the connection is closed"),
        ],
    )
    def test_wrong_state(self, before: list[Message], message: Message, rule: str) -> None:
        """A message that is not allowed now raises an error that names it and the rule."""
        assert message["type"] in self._error([*before, message])
        assert rule in self._error([*before, message])

    @pytest.mark.parametrize(
        ("before", "message", "words"),
        [
            ([ACCEPT], {"type": "websocket.send"}, "exactly one of text and bytes"),
            (
                [ACCEPT],
                {"type": "websocket.send", "text": None, "bytes": None},
                "exactly one of text and bytes",
            ),
            (
                [ACCEPT],
                {"type": "websocket.send", "text": "a", "bytes": b"b"},
                "exactly one of text and bytes",
            ),
            ([ACCEPT], {"type": "websocket.send", "text": b"a"}, "websocket.send: "),
            ([ACCEPT], {"type": "websocket.send", "text": 1}, "websocket.send: "),
            ([ACCEPT], {"type": "websocket.send", "bytes": "a"}, "websocket.send: "),
            ([ACCEPT], {"type": "websocket.send", "bytes": 1}, "websocket.send: "),
            ([ACCEPT], {"type": "websocket.send", "text": "\ud800"}, "surrogates not allowed"),
            ([ACCEPT], {"type": "websocket.close", "code": 1005}, "websocket.close: close code 1005"),
            ([ACCEPT], {"type": "websocket.close", "code": 999}, "websocket.close: close code 999"),
            ([ACCEPT], {"type": "websocket.close", "code": "1000"}, "websocket.close: "),
            ([ACCEPT], {"type": "websocket.close", "reason": b"bytes"}, "websocket.close: "),
            (
                [],
                {"type": "websocket.accept", "subprotocol": "z"},
                "websocket.accept: subprotocol 'z' was not offered",
            ),
            ([], {"type": "websocket.accept", "headers": [(b"upgrade", b"x")]}, "belongs to the handshake"),
            (
                [],
                {"type": "websocket.accept", "headers": [(b"x", b"a\r\nb: c")]},
                "websocket.accept: invalid",
            ),
            ([], {"type": "websocket.accept", "headers": [b"x"]}, "websocket.accept: "),
            ([], {"type": "websocket.accept", "headers": 1}, "websocket.accept: "),
            ([], {"type": "websocket.http.response.start"}, "websocket.http.response.start: status"),
            ([], {**START, "status": 101}, "websocket.http.response.start: response status 101"),
            ([], {**START, "headers": [(b"x", b"a\nb")]}, "websocket.http.response.start: invalid"),
            ([START], {**BODY, "body": "text"}, "websocket.http.response.body: "),
        ],
    )
    def test_wrong_content(self, before: list[Message], message: Message, words: str) -> None:
        """A message without what it must have raises an error that names it and what is wrong."""
        assert words in self._error([*before, message])

    def _error(self, messages: list[Message]) -> str:
        """Send all messages, expect that the last one is refused, and return what the error says."""
        errors: list[ProtocolError] = []

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            *before, last = messages
            for message in before:
                await send(message)
            try:
                await send(last)
            except ProtocolError as error:
                errors.append(error)

        async def run() -> None:
            await Peer(application, subprotocols=["a"]).open()

        asyncio.run(run())
        return str(errors[0])

    @on_loop
    async def test_mistakes_can_be_mended(self) -> None:
        """After a refused message the connection is as it was, and the right message goes through."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            for wrong in (TEXT, {"type": "websocket.accept", "subprotocol": "z"}):
                with pytest.raises(ProtocolError):
                    await send(wrong)
            await send(ACCEPT)
            for wrong in (ACCEPT, {"type": "websocket.close", "code": 1005}):
                with pytest.raises(ProtocolError):
                    await send(wrong)
            await send({"type": "websocket.send", "bytes": bytearray(b"ok")})

        peer = Peer(application)
        await peer.open()
        assert peer.messages == [b"ok"]
        assert peer.close == Close(1000, "")

    @pytest.mark.parametrize("message", [TEXT, CLOSE])
    def test_client_has_left(self, message: Message) -> None:
        """Sending to a client that has left raises ClientDisconnected, an OSError."""

        async def run() -> None:
            application = idle()
            peer = Peer(application)
            await peer.open()
            peer.client.send_close(1000)
            await peer.exchange()
            with pytest.raises(ClientDisconnected):
                await application.send(message)
            assert issubclass(ClientDisconnected, OSError)

        asyncio.run(run())

    @pytest.mark.parametrize("message", [ACCEPT, CLOSE, START])
    def test_client_has_left_during_the_handshake(self, message: Message) -> None:
        """Answering the handshake of a client that has left raises ClientDisconnected."""
        errors: list[ClientDisconnected] = []

        async def slow(scope: Scope, receive: Receive, send: Send) -> None:
            assert (await receive())["type"] == "websocket.connect"
            assert (await receive())["type"] == "websocket.disconnect"
            try:
                await send(message)
            except ClientDisconnected as error:
                errors.append(error)

        async def run() -> None:
            peer = Peer(slow)
            upgrade(peer.connection, peer.handshake(), b"")
            await settle()
            peer.transport.lose()
            await settle()

        asyncio.run(run())
        assert len(errors) == 1

    @on_loop
    async def test_uncaught_disconnect_is_no_failure(self) -> None:
        """An application that lets ClientDisconnected pass has done nothing wrong."""

        async def sending(scope: Scope, receive: Receive, send: Send) -> None:
            await send(ACCEPT)
            while True:
                await send(TEXT)
                await asyncio.sleep(0)

        peer = Peer(sending)
        await peer.open()
        peer.transport.lose()
        await settle()
        assert not peer.context.calls


class TestFlowControl:
    """Neither side can make the server remember without bound."""

    @on_loop
    async def test_full_queue_pauses_reading(self) -> None:
        """Reading stops when a message comes while as many wait as may, and goes on when all are taken."""
        application = idle()
        peer = Peer(application, ws_max_queue=3)
        await peer.open()
        for number in range(4):
            assert peer.transport.is_reading()
            await peer.send(str(number))
        assert not peer.transport.is_reading()
        for number in range(4):
            assert not peer.transport.is_reading()
            assert (await application.receive())["text"] == str(number)
        assert peer.transport.is_reading()

    @on_loop
    async def test_what_was_read_is_kept(self) -> None:
        """Messages of one read are all taken, though they are more than the queue is for."""
        application = idle()
        peer = Peer(application, ws_max_queue=2)
        await peer.open()
        peer.transport.receive(Frame(Opcode.TEXT, b"x").serialize(mask=True) * 5)
        assert not peer.transport.is_reading()
        for _ in range(5):
            assert not peer.transport.is_reading()
            await application.receive()
        assert peer.transport.is_reading()

    @on_loop
    async def test_large_messages_pause_sooner(self) -> None:
        """Reading stops when too many bytes come behind a message that waits, finished or not."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        await peer.send(b"first")
        large = Frame(Opcode.BINARY, bytes(2 * BACKLOG_BYTES)).serialize(mask=True)
        peer.transport.receive(large[:BACKLOG_BYTES])
        assert peer.transport.is_reading()
        peer.transport.receive(large[BACKLOG_BYTES : BACKLOG_BYTES + 1])
        assert not peer.transport.is_reading()
        await application.receive()
        assert peer.transport.is_reading()

    @on_loop
    async def test_large_message_alone(self) -> None:
        """A message that nothing waits in front of may be as large as a message may be."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        large = Frame(Opcode.BINARY, bytes(4 * BACKLOG_BYTES)).serialize(mask=True)
        for start in range(0, len(large), 65536):
            assert peer.transport.is_reading()
            peer.transport.receive(large[start : start + 65536])
        assert len((await application.receive())["bytes"]) == 4 * BACKLOG_BYTES

    @on_loop
    async def test_close_is_heard_though_the_queue_is_full(self) -> None:
        """After the application has closed, reading goes on, or the client's answer would never come."""
        application = idle()
        peer = Peer(application, ws_max_queue=1)
        await peer.open()
        await peer.send("x")
        await peer.send("y")
        assert not peer.transport.is_reading()
        await application.send(CLOSE)
        assert peer.transport.is_reading()
        await peer.exchange()
        await peer.exchange()
        assert peer.transport.closing

    @on_loop
    async def test_handshake_does_not_fill_the_queue(self) -> None:
        """The connect event is not a message: a queue of one does not stop reading before it has begun."""
        peer = Peer(Recorder(), ws_max_queue=1)
        upgrade(peer.connection, peer.handshake(), b"")
        assert peer.transport.is_reading()
        await settle()

    @on_loop
    async def test_send_does_not_wait_for_news(self) -> None:
        """An application that only sends learns of a broken connection although it gives the loop no turn."""
        told: list[Message] = []

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "websocket.accept"})
            peer.transport.closing = True  # as uvloop's is after a reset, before it says so
            with pytest.raises(ClientDisconnected):
                await send({"type": "websocket.send", "bytes": b"x"})
            await receive()
            told.append(await receive())

        peer = Peer(app)
        await peer.open()
        assert told == [{"type": "websocket.disconnect", "code": 1006, "reason": ""}]

    @on_loop
    async def test_send_waits_for_a_slow_client(self) -> None:
        """send() returns at once while the client reads, and otherwise when it has read enough."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        await application.send(TEXT)
        peer.transport.protocol.pause_writing()
        sending = asyncio.ensure_future(application.send(TEXT))
        await settle()
        assert not sending.done()
        peer.transport.protocol.resume_writing()
        await sending

    @on_loop
    async def test_slow_client_leaves(self) -> None:
        """A send() that waits for a client that leaves raises ClientDisconnected."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        peer.transport.protocol.pause_writing()
        sending = asyncio.ensure_future(application.send(TEXT))
        await settle()
        peer.transport.lose()
        with pytest.raises(ClientDisconnected):
            await sending


class TestOperation:
    """What the people who run the server see."""

    def test_access_log(self, caplog: pytest.LogCaptureFixture) -> None:
        """The access log has the answer to each handshake, as for any other request."""

        async def run() -> None:
            for application in (answering(ACCEPT), answering(CLOSE), answering(START, BODY)):
                await Peer(application, access_log=True).open()

        with caplog.at_level(logging.INFO, logger="hybrid.access"):
            asyncio.run(run())
        messages = [record.getMessage() for record in caplog.records if record.name == "hybrid.access"]
        lines = [line.rpartition(" ")[0] for line in messages]
        assert lines == [f'192.0.2.1:50000 - "GET /chat?a=1 HTTP/1.1" {status}' for status in (101, 403, 401)]

    def test_unanswered_handshake_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        """An application that returns without an answer is named in the log."""

        async def run() -> None:
            await Peer(answering()).open()

        with caplog.at_level(logging.ERROR, logger="hybrid.server"):
            asyncio.run(run())
        assert "websocket /chat: the application returned without answering the handshake" in caplog.text

    @on_loop
    async def test_repr(self) -> None:
        """A debugger shows the state and how much waits."""
        peer = Peer(idle())
        await peer.open()
        assert repr(peer.websocket) == "<WebSocket OPEN '/chat' <Inbox open, 0 of 32 messages>>"


class TestCancellation:
    """A server that is forced to stop cancels its calls."""

    @on_loop
    async def test_cancelled_call(self) -> None:
        """An application that is cancelled has failed; the client is told."""
        peer = Peer(Recorder())
        await peer.open()
        task = peer.websocket.task
        assert task is not None
        task.cancel()
        await peer.exchange()
        assert peer.close is not None
        assert peer.close.code == 1011
