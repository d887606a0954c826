"""The WebSocket handler, without a network, as the application sees it."""

import asyncio
import logging

import pytest
from websockets.frames import Close, Frame, Opcode

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import ASGIApp, Message, Receive, Resolver, Scope, Send
from hybrid.server.upgrade import upgrade
from hybrid.server.websocket.inbox import BACKLOG_BYTES
from tests.support.http_peer import on_loop, settle
from tests.support.websocket_peer import Peer, Recorder, answering, idle


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

    @on_loop
    async def test_disconnect_of_another_client(self, caplog: pytest.LogCaptureFixture) -> None:
        """An application that fails as the client of another WebSocket has left has failed: 1011."""
        left = idle()
        gone = Peer(left)
        await gone.open()
        gone.transport.lose()

        async def passing_on(scope: Scope, receive: Receive, send: Send) -> None:
            await send(ACCEPT)
            await left.send(TEXT)

        peer = Peer(passing_on)
        await peer.open()
        assert peer.close == Close(1011, "the application failed")
        assert caplog.messages == ["websocket /chat: the application failed"]


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
    async def test_given_up_sends(self) -> None:
        """A message whose send() is given up while the client does not read is not kept for it: an
        application that goes on to the next one each time would fill the memory.
        """
        application = idle()
        peer = Peer(application)
        await peer.open()
        peer.transport.protocol.pause_writing()
        for _ in range(100):
            sending = asyncio.ensure_future(application.send(TEXT))
            await settle()
            sending.cancel()
            await asyncio.wait({sending})
        assert peer.transport.take() == b""
        last = asyncio.ensure_future(application.send({**TEXT, "text": "last"}))
        await settle()
        peer.transport.protocol.resume_writing()
        await last
        assert peer.transport.take() == b"\x81\x04last"

    @on_loop
    async def test_given_up_parts_of_a_denial(self) -> None:
        """So it is with the parts of a response that refuses the handshake."""
        answered = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send(START)
            peer.transport.protocol.pause_writing()
            for _ in range(100):
                sending = asyncio.ensure_future(send({**BODY, "more_body": True}))
                await settle()
                sending.cancel()
                await asyncio.wait({sending})
            answered.set()
            await asyncio.Event().wait()

        peer = Peer(app)
        await peer.open()
        await answered.wait()
        assert peer.transport.take() == b""

    @on_loop
    async def test_stop_while_a_send_waits(self) -> None:
        """A send() that waits raises when the server has closed the WebSocket in the meantime."""
        application = idle()
        peer = Peer(application)
        await peer.open()
        peer.transport.protocol.pause_writing()
        sending = asyncio.ensure_future(application.send(TEXT))
        await settle()
        peer.websocket.drain()
        peer.transport.protocol.resume_writing()
        with pytest.raises(ClientDisconnected):
            await sending
        assert peer.transport.take()[:1] == b"\x88"

    @on_loop
    async def test_close_while_a_send_waits(self) -> None:
        """The application may close while a send() of its waits: the close frame is on its way at once, and
        the send, which was in order when it began, raises ClientDisconnected.
        """
        application = idle()
        peer = Peer(application)
        await peer.open()
        peer.transport.protocol.pause_writing()
        sending = asyncio.ensure_future(application.send(TEXT))
        await settle()
        await application.send({"type": "websocket.close", "code": 1013})
        assert peer.transport.take() == b"\x88\x02\x03\xf5"
        peer.transport.protocol.resume_writing()
        with pytest.raises(ClientDisconnected):
            await sending
        assert peer.transport.take() == b""

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
