"""The server's side of a consumer's connection: says what a test wants, and hears what is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import ASGIApp, Message
from tests.support.embedded import DEADLINE, until


class Line:
    """One ASGI call of a consumer.

    Attributes:
        sent: what the consumer has sent.
        heard: messages that it has received.
        task: the call.
    """

    def __init__(self, app: ASGIApp, **scope: Any) -> None:
        self.sent: list[Message] = []
        self.heard = 0
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._gone = False
        given = {"type": "websocket", "path": "/live", "subprotocols": [], "headers": [], **scope}
        self.task = asyncio.create_task(self._call(app, given))

    async def _call(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        await app(scope, self._receive, self._send)

    async def _receive(self) -> Message:
        message = await self._inbox.get()
        self.heard += 1
        return message

    async def _send(self, message: Message) -> None:
        if self._gone:
            raise ClientDisconnected("gone")
        self.sent.append(message)

    def say(self, *texts: str) -> None:
        """Send messages of the client."""
        for text in texts:
            self.put({"type": "websocket.receive", "text": text})

    def put(self, message: Message) -> None:
        """Give the consumer a message to receive."""
        self._inbox.put_nowait(message)

    async def connect(self) -> None:
        """Connect, and wait for the answer."""
        self.put({"type": "websocket.connect"})
        await until(lambda: self.sent or self.task.done())

    def leave(self, code: int = 1001) -> None:
        """Let the client leave."""
        self._gone = True
        self.put({"type": "websocket.disconnect", "code": code, "reason": ""})

    async def end(self) -> None:
        """Wait for the end of the call; raise what it raises."""
        async with asyncio.timeout(DEADLINE):
            await self.task

    @property
    def texts(self) -> list[str]:
        """The texts that were sent."""
        return [message["text"] for message in self.sent if message["type"] == "websocket.send"]

    @property
    def kinds(self) -> list[str]:
        """The types of what was sent, without `websocket.`."""
        return [message["type"].removeprefix("websocket.") for message in self.sent]


@asynccontextmanager
async def connected(app: ASGIApp, **scope: Any) -> AsyncIterator[Line]:
    """Connect to a consumer; at the end the client leaves, and the call must return."""
    line = Line(app, **scope)
    try:
        await line.connect()
        yield line
        if not line.task.done():
            line.leave()
        await line.end()
    finally:
        line.task.cancel()
