"""What a client has said and nobody has read yet: bounded, and read ahead, so that its leaving is noticed."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from hybrid.bridge.consumers.read_ahead import BYTES, MESSAGES
from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Message, Receive

logger = logging.getLogger("hybrid.flask")

#: The end of a connection that broke (RFC 6455 section 7.1.5).
_BROKEN: Final[Message] = {"type": "websocket.disconnect", "code": 1006, "reason": ""}


class Inbox:
    """The client's messages in order, and then its end. All on the loop.

    With 32 messages, or 256 KiB of them, receiving waits until some are read, and so, in the end, does the
    client. What came before the client left can still be read.

    Args:
        receive: of the ASGI call.
        left: called when the client has left.

    Attributes:
        end: the last message, ``websocket.disconnect``; None before it.
        shut: whether nothing is to be read any more, as the application has closed the connection.
    """

    def __init__(self, receive: Receive, left: Callable[[], object]) -> None:
        self.end: Message | None = None
        self.shut = False
        self._receive = receive
        self._left = left
        self._messages: deque[str | bytes] = deque()
        self._size = 0
        self._readers: set[asyncio.Future[None]] = set()
        self._room: asyncio.Future[None] | None = None
        self._task = asyncio.get_running_loop().create_task(self._fill())

    def __repr__(self) -> str:
        return f"<Inbox: {len(self._messages)} messages{', ended' if self.end else ''}>"

    async def take(self, timeout: float | None = None) -> str | bytes | None:  # noqa: ASYNC109 - simple-websocket's
        """Return the next message; None when there is none within so many seconds.

        Raises:
            ClientDisconnected: the client has left, and everything is read; or the inbox is shut.
        """
        if self._messages:
            pass
        elif timeout is None:
            await self._wait()
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wait()
        if self.shut:
            raise ClientDisconnected("the WebSocket is closed")
        if not self._messages:
            if self.end is not None:
                raise ClientDisconnected("the client has left")
            return None
        message = self._messages.popleft()
        self._size -= len(message)
        if self._room is not None and not self._is_full() and not self._room.done():
            self._room.set_result(None)
        return message

    def close(self) -> None:
        """Let nobody read any more."""
        self.shut = True
        self._wake()

    def finish(self) -> None:
        """Receive no more: for those who read, the client has left."""
        self._task.cancel()
        self._end(_BROKEN)

    async def _wait(self) -> None:
        while not self._messages and self.end is None and not self.shut:
            reader = asyncio.get_running_loop().create_future()
            self._readers.add(reader)
            try:
                await reader
            finally:
                self._readers.discard(reader)

    async def _fill(self) -> None:
        try:
            while True:
                if self._is_full():
                    self._room = asyncio.get_running_loop().create_future()
                    await self._room
                message = await self._receive()
                if message["type"] == "websocket.disconnect":
                    break
                text = message.get("text")
                data: str | bytes = text if text is not None else message.get("bytes") or b""
                self._messages.append(data)
                self._size += len(data)
                self._wake()
        except OSError:  # of some servers, when the client has left
            message = _BROKEN
        except Exception:
            logger.exception("receiving from a WebSocket failed: to its handler, the client has left")
            message = _BROKEN
        self._end(message)

    def _is_full(self) -> bool:
        return len(self._messages) >= MESSAGES or self._size >= BYTES

    def _end(self, message: Message) -> None:
        if self.end is None:
            self.end = message
            self._wake()
            self._left()

    def _wake(self) -> None:
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)
