"""WebSockets without a network: a client in memory, the real handler, and small applications."""

import asyncio
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from hybrid.bridge.types import ASGIApp, Headers, Message, Receive, Scope, Send
from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.logged.websocket import LoggedWebSocket
from hybrid.server.upgrade import upgrade
from hybrid.server.websocket.websocket import WebSocket
from hybrid.server.wire.http11 import Request
from tests.support.http_peer import settle
from tests.support.transports import FakeTransport


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
