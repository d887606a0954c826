"""What one process asks another to do with a channel of that one: join a group, leave it, watch it."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from hybrid.bridge.layers.codec import decode, encode

logger = logging.getLogger("hybrid.layers")

#: Seconds that the one who asks waits for the other, who may be gone.
_PATIENCE: Final = 5.0
_DONE: Final = "done"


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be done.

    Attributes:
        verb: the name of the layer's method that does it.
        group: with which group.
        channel: with which channel.
        metadata: for a member, encoded.
    """

    verb: str
    group: str
    channel: str
    metadata: bytes | None = None


class Errands:
    """The errands of a process, those that it runs and those that it sent somebody on; all on one loop.

    An errand is a list where a message is a dict, and travels like a message to the channel in question.

    Args:
        home: a channel name of this process, for the answers.
        carry: sends to a channel of another process; False when that is gone.
        run: does what was asked.
    """

    def __init__(
        self,
        home: str,
        carry: Callable[[str, bytes], Awaitable[bool]],
        run: Callable[[Errand], Awaitable[object]],
    ) -> None:
        self._home = home
        self._carry = carry
        self._run = run
        self._numbers = itertools.count(1)
        self._sent: dict[int, asyncio.Future[None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Errands: {len(self._sent)} sent, {len(self._running)} running>"

    @staticmethod
    def are_in(body: bytes) -> bool:
        """Return whether this is no message but an errand: a short list, in MessagePack."""
        return b"\x90" <= body[:1] < b"\xa0"

    async def send(self, errand: Errand) -> None:
        """Have the process of a channel do something; returns when it is done, or will not be."""
        number = next(self._numbers)
        done = self._sent[number] = asyncio.get_running_loop().create_future()
        asked = [errand.verb, errand.group, errand.metadata, self._home, number]
        try:
            if await self._carry(errand.channel, encode(asked)):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_PATIENCE):
                        await done
        finally:
            self._sent.pop(number, None)

    def receive(self, channel: str, body: bytes) -> None:
        """Run an errand that has arrived for a channel, or note that one of ours is done."""
        asked: Any = decode(body)
        if asked[0] == _DONE:
            done = self._sent.get(asked[1])
            if done is not None and not done.done():
                done.set_result(None)
            return
        verb, group, metadata, home, number = asked
        task = asyncio.ensure_future(self._do(Errand(verb, group, channel, metadata), home, number))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _do(self, errand: Errand, home: str, number: int) -> None:
        try:
            await self._run(errand)
        except Exception:
            logger.exception("%r for another process", errand)
        else:
            await self._carry(home, encode([_DONE, number]))

    def cancel(self) -> None:
        """Run none any more."""
        for task in self._running:
            task.cancel()
