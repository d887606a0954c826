"""Hearing that a client has left while a handler is still busy with what it said before."""

import asyncio
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final

from hybrid.bridge.types import Message, Receive

#: Messages, and bytes of them, that are received while handlers are busy; with so many, receiving waits.
MESSAGES: Final = 32
BYTES: Final = 256 * 1024

#: What is received when the client has left.
LEAVING: Final = frozenset({"websocket.disconnect", "http.disconnect"})


class ReadAhead:
    """The client's messages in order, and word of its leaving ahead of them.

    At first :attr:`next` is the server's own ``receive``, so that a message costs nothing here. Once a
    handler has had to wait (:meth:`watch`), a task receives, and messages wait in a bounded queue.

    Args:
        receive: of the ASGI call.
        left: called with the client's last message as soon as that is known while a handler waits. What is in
            the queue then is dropped. It is returned by :attr:`next` when no handler has to wait.

    Attributes:
        next: waits for the next message and returns it.
        watching: whether a task receives.
        dropped: messages that were dropped.
    """

    __slots__ = (
        "_bytes", "_end", "_error", "_left", "_messages", "_receive", "_room", "_task", "_waiter", "_waits",
        "dropped", "next", "watching",
    )  # fmt: skip

    def __init__(self, receive: Receive, left: Callable[[Message], None]) -> None:
        self.next = receive
        self.watching = False
        self.dropped = 0
        self._receive = receive
        self._left = left
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._waits = False  # a handler, for anything
        self._end: Message | None = None
        self._error: Exception | None = None
        self._room: asyncio.Future[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<ReadAhead {'watching' if self.watching else 'direct'}, {len(self._messages)} messages wait>"

    def watch(self) -> None:
        """Note that a handler waits; receive in a task from now on."""
        self._waits = True
        if self._end is not None:
            self._report(self._end)
        elif not self.watching:
            self.watching = True
            self.next = self._next
            self._task = asyncio.get_running_loop().create_task(self._read())

    def cancel(self) -> None:
        """Receive no more."""
        if self._task is not None:
            self._task.cancel()

    async def _read(self) -> None:
        try:
            while True:
                if len(self._messages) >= MESSAGES or self._bytes >= BYTES:
                    self._room = asyncio.get_running_loop().create_future()
                    await self._room
                message = await self._receive()
                if message["type"] in LEAVING:
                    self._end = message
                    if self._waits:
                        self._report(message)
                    return
                self._messages.append(message)
                self._bytes += _size(message)
                _wake(self._waiter)
        except Exception as error:  # noqa: BLE001 - raised where the message would have been
            self._error = error
        finally:
            _wake(self._waiter)

    def _report(self, message: Message) -> None:
        self.dropped += len(self._messages)
        self._messages.clear()
        self._left(message)

    async def _next(self) -> Message:
        self._waits = False
        while not self._messages:
            if self._end is not None:
                return self._end
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        message = self._messages.popleft()
        self._bytes -= _size(message)
        _wake(self._room)
        return message


def _size(message: Message) -> int:
    return len(message.get("text") or message.get("bytes") or message.get("body") or "")


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


@types.coroutine
def watched(coroutine: Coroutine[Any, Any, None], waits: Callable[[], None]) -> Generator[Any, Any, None]:
    """Await a coroutine, and call a function if it has to wait for anything.

    One that does not, such as a handler that answers at once, costs no task and no turn of the loop.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return
    waits()
    while True:
        error: BaseException | None = None
        try:
            yield awaited
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as raised:  # noqa: BLE001 - a cancellation: it is for the coroutine
            error = raised
        try:
            awaited = coroutine.send(None) if error is None else coroutine.throw(error)
        except StopIteration:
            return
