"""What a history has kept of what was sent to groups while a process had no connection."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hybrid.bridge.layers.hub import Delivery, History, Hub
from hybrid.bridge.layers.losses import Losses
from hybrid.bridge.layers.roster import Roster


class CatchingUp:
    """The questions for what was missed, one for each group. All on the layer's loop.

    What arrives for a group before its answer is part of the answer, which has it in its order. So until then
    the answer alone counts.

    Args:
        hub: which is asked.
        roster: which message of each group was the newest here.
        losses: where what is not kept any more is counted.
        deliver: hands messages to the members.
    """

    def __init__(
        self,
        hub: Hub,
        roster: Roster,
        losses: Losses,
        deliver: Callable[[Sequence[Delivery]], Awaitable[object]],
    ) -> None:
        self._hub: Final = hub
        self._roster: Final = roster
        self._losses: Final = losses
        self._deliver: Final = deliver
        self._questions: dict[str, object] = {}  # the last of each group

    def __repr__(self) -> str:
        return f"<CatchingUp with {len(self._questions)} groups>"

    def covers(self, delivery: Delivery) -> bool:
        """Return whether an answer that is to come has this, too."""
        return bool(delivery.sequence) and delivery.group in self._questions

    def forget(self) -> None:
        """Expect no answers, as there is a new connection."""
        self._questions.clear()

    def ask(self, group: str) -> None:
        """Have the members get what was kept of a group while nothing arrived here, and count the rest.

        Raises:
            ConnectionError: there is no connection.
        """
        seen = self._roster.seen.get(group)
        if seen is None:
            return
        question = self._questions[group] = object()

        async def at(history: History) -> None:
            if self._questions.get(group) is question:  # and not a later one, whose answer has it all
                del self._questions[group]
                await self._take(group, seen, history)

        def answered(done: asyncio.Future[None]) -> None:
            failed = done.cancelled() or done.exception() is not None
            if failed and self._questions.get(group) is question:
                del self._questions[group]  # nothing will come

        self._hub.history(group, seen, at).add_done_callback(answered)

    async def _take(self, group: str, seen: int, history: History) -> None:
        first = history.messages[0].sequence if history.messages else history.last + 1
        missed = first - max(seen + 1, history.start)
        self._losses.count("disconnected", missed * self._roster.count(group), example=group)
        # Not what has a number that was here already: a replica that took over may know less than this.
        await self._deliver([each for each in history.messages if each.sequence > seen])
        if self._roster.count(group):
            self._roster.seen[group] = history.last
