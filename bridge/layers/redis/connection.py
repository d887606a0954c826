"""One connection to Redis: what was asked is answered in order, and what is pushed comes in between.

redis-py makes the connection, packs commands and reads answers. Its clients send one command and wait for the
answer; here many are on their way at once, on a connection that is subscribed as well, which RESP3 allows.
"""

import asyncio
import contextlib
import logging
import os
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from redis.exceptions import (
    MasterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from hybrid.bridge.layers.redis.scripts import ALL, Script

logger = logging.getLogger("hybrid.layers")

Result = TypeVar("Result")

#: Bytes that may wait to be written before messages should wait elsewhere.
_CROWDED: Final = 1024 * 1024

#: Errors after which this connection is of no use: the scripts are gone; this is no primary any more, or
#: takes nothing, for want of memory, of disk or of replicas. What is sent waits as if there were none.
_FATAL: Final = (NoScriptError, ReadOnlyError, MasterDownError, OutOfMemoryError)
_FATAL_TEXTS: Final = ("MISCONF", "NOREPLICAS")

#: An answer: bytes, a number, None, an error, or a list of these. A list never begins with bytes, which is
#: how it differs from what is pushed.
Reply = Any
Argument = bytes | str | int

#: Gets the answer to one command.
Handler = Callable[[Reply], Awaitable[object]]


class Lost(ConnectionError):
    """There is no connection, or not any more."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who hears of what.

    Attributes:
        pushed: awaited with what Redis pushes, in order with the handlers of answers: the channel, the body.
        lost: called with the answer to a message that nobody waits for, when it is not 0: an error, or how
            many messages queues lost by it, those that had expired and those that were too many.
        room: called when :attr:`Connection.has_room` is true again.
        dropped: called with the reason when the connection is of no use any more.
    """

    pushed: Callable[[bytes, bytes], Awaitable[object]]
    lost: Callable[[Reply], object]
    room: Callable[[], object]
    dropped: Callable[[str], object]


class Connection:
    """A connection that redis-py has made.

    Args:
        made: redis-py's, connected.
        base: with which all keys begin.
        told: who hears of what arrives.
    """

    def __init__(self, made: Any, base: bytes, told: Told) -> None:
        self._made = made
        self._loop = asyncio.get_running_loop()
        self._base = base
        self._told = told
        self._waiting: list[bytes] = []  # what has been said since the last time that something was written
        self._size = 0  # of that
        self._spoken = asyncio.Event()  # that there is something to write
        self._is_crowded = False
        self._expected: deque[Handler | None] = deque()  # None: whoever asked does not wait
        self._unanswered = 0  # of those
        self._reason = ""  # why it is lost
        self._reading: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Connection: {len(self._expected)} answers to come{', lost' if self._reason else ''}>"

    @property
    def has_room(self) -> bool:
        """Whether what is written goes out."""
        return not self._is_crowded and not self._reason

    # What is asked.

    def load(self) -> None:
        """Let Redis know all scripts."""
        for script in ALL:
            self._ask(_nothing, "SCRIPT", "LOAD", script.text)

    def say(self, *command: Argument) -> None:
        """Send a command that has no answer, but is followed by what is pushed, such as SUBSCRIBE."""
        if self._reason:
            raise Lost(self._reason)
        packed = cast("list[bytes]", self._made.pack_command(*command))
        self._waiting += packed
        self._size += sum(map(len, packed))
        self._is_crowded = self._is_crowded or self._size > _CROWDED
        self._spoken.set()

    def run(self, script: Script, *arguments: Argument) -> None:
        """Run a script that carries a message, and hear only of what was lost."""
        self._ask(None, "EVALSHA", script.name, 0, self._base, *arguments)
        self._unanswered += 1

    def ask(
        self, script: Script, *arguments: Argument, read: Callable[[Reply], Awaitable[Result]]
    ) -> asyncio.Future[Result]:
        """Run a script; the future has what ``read``, awaited in the order of what arrives, makes of it."""
        answer = _Answer(self._loop.create_future(), read)
        self._ask(answer, "EVALSHA", script.name, 0, self._base, *arguments)
        return answer.future

    def tell(self, channel: bytes, body: bytes) -> asyncio.Future[bool]:
        """Publish to a channel; the future says whether anybody got it."""
        answer = _Answer(self._loop.create_future(), _is_positive)
        self._ask(answer, "PUBLISH", channel, body)
        return answer.future

    def ping(self) -> asyncio.Future[None]:
        """Have a future that is done when all is done that was asked before."""
        answer = _Answer(self._loop.create_future(), _nothing)
        self._ask(answer, "PING")
        return answer.future

    def _ask(self, handler: Handler | None, *command: Argument) -> None:
        self.say(*command)
        self._expected.append(handler)

    # What arrives.

    async def serve(self) -> None:
        """Read and write until the connection is lost.

        Raises:
            Lost: always, with the reason.
        """
        self._reading = self._loop.create_task(self._read())
        writing = self._loop.create_task(self._write())
        try:
            await asyncio.wait((self._reading, writing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._reason = self._reason or "closed"
            self._reading.cancel()
            writing.cancel()
            await asyncio.wait((self._reading, writing))
        raise Lost(self._reason)

    async def _read(self) -> None:
        read = self._made.read_response
        try:
            while True:
                try:
                    reply = await read(disable_decoding=True, disconnect_on_error=False, push_request=True)
                except ResponseError as error:
                    reply = error
                if type(reply) is int:
                    await self._answer(reply)
                elif isinstance(reply, list) and reply and isinstance(reply[0], bytes):
                    await self._push(cast("list[Any]", reply))  # type: ignore[redundant-cast]
                else:
                    await self._answer(reply)
        except (RedisError, OSError) as error:
            self.drop(str(error) or type(error).__name__)
        except Exception as error:
            logger.exception("what came from Redis could not be handled")
            self.drop(repr(error))

    async def _push(self, pushed: list[Any]) -> None:
        if pushed[0] == b"message":
            await self._told.pushed(pushed[1], pushed[2])

    async def _answer(self, reply: Reply) -> None:
        if isinstance(reply, RedisError) and _is_fatal(reply):
            self.drop(str(reply))
        handler = self._expected.popleft()
        if handler is not None:
            await handler(reply)
            return
        self._unanswered -= 1
        if reply != 0:
            self._told.lost(reply)

    async def _write(self) -> None:
        """Write what has been said, all that one turn of the loop had to say at once."""
        try:
            while not self._reason:
                await self._spoken.wait()
                self._spoken.clear()
                waiting, self._waiting, self._size = self._waiting, [], 0
                await self._made.send_packed_command(waiting, check_health=False)
                if self._is_crowded and self._size <= _CROWDED:
                    self._is_crowded = False
                    self._told.room()
        except (RedisError, OSError) as error:
            self.drop(str(error) or type(error).__name__)

    # Its end.

    def drop(self, reason: str) -> None:
        """Be of no use any more; :meth:`serve` ends."""
        if not self._reason:
            self._reason = reason
            self._told.dropped(reason)
            if self._reading is not None:
                self._reading.cancel()

    def lose(self) -> int:
        """Tell all who wait for answers that there will be none; return how many messages are unanswered."""
        error = Lost(self._reason)
        while self._expected:
            handler = self._expected.popleft()
            if isinstance(handler, _Answer):
                handler.fail(error)
        lost, self._unanswered = self._unanswered, 0
        return lost

    async def close(self) -> None:
        """Let go of the socket."""
        self._reason = self._reason or "closed"
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._made.disconnect()

    def abandon(self) -> None:
        """Close the file descriptor, and touch nothing that a parent process has a part in.

        The event loop's selector is shared with the parent: to close the transport would make it deaf.
        """
        self._reason = self._reason or "abandoned"
        writer = getattr(self._made, "_writer", None)  # redis-py has no public way to the socket
        if writer is not None:
            with contextlib.suppress(OSError):
                os.close(writer.get_extra_info("socket").fileno())


def _is_fatal(error: RedisError) -> bool:
    return isinstance(error, _FATAL) or str(error).startswith(_FATAL_TEXTS)


class _Answer:
    """Makes a future of an answer.

    Args:
        future: what is waited for.
        read: makes a result of the answer.
    """

    def __init__(self, future: asyncio.Future[Any], read: Callable[[Reply], Awaitable[Any]]) -> None:
        self.future = future
        self._read = read

    async def __call__(self, reply: Reply) -> None:
        if isinstance(reply, RedisError):
            self.fail(Lost(str(reply)))
            return
        try:
            result = await self._read(reply)
        except Exception as error:  # noqa: BLE001 - it is whoever asks who made the mistake
            self.fail(error)
        else:
            if not self.future.done():
                self.future.set_result(result)

    def fail(self, error: Exception) -> None:
        """Let the future fail."""
        if not self.future.done():
            self.future.set_exception(error)


async def _nothing(reply: Reply) -> None:
    if isinstance(reply, RedisError):
        logger.error("Redis: %s", reply)


async def _is_positive(reply: Reply) -> bool:
    return bool(reply > 0)
