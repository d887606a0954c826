"""The WebSocket handler, without a network, as the client sees it."""

import asyncio

import pytest
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State as ClientState

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Message, Receive, Scope, Send
from hybrid.server.upgrade import upgrade
from hybrid.server.websocket.websocket import CLOSE_TIMEOUT, State
from hybrid.server.wire.http11 import Request, wants_websocket
from tests.support.http_peer import on_loop, settle
from tests.support.websocket_peer import Peer, Recorder, answering, echo, idle

START: Message = {"type": "websocket.http.response.start", "status": 401}
BODY: Message = {"type": "websocket.http.response.body", "body": b"no"}


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
        ids=["reserved bit", "not masked", "not UTF-8", "too long"],
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
