"""The queues of a broker: channels that no process owns, so that any process may take what waits in them.

Knows no event loop and no clock: methods take the time as a number.
"""

from collections import deque
from typing import NamedTuple

from hybrid.bridge.layers.hub import Sending


class Taker(NamedTuple):
    """Who waits for a message: a process, and the number of its question."""

    node: str
    ticket: int


class Letter(NamedTuple):
    """A message, and when it expires."""

    until: float
    body: bytes


class _Queue:
    __slots__ = ("letters", "takers")

    def __init__(self) -> None:
        self.letters: deque[Letter] = deque()
        self.takers: deque[Taker] = deque()


class Queues:
    """What waits in queues, and who waits for it.

    Attributes:
        dropped: messages that were dropped for newer ones, or for want of room, and of which nobody was told.
        expired: messages that nobody has taken in time, likewise.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self.expired = 0
        self._queues: dict[str, _Queue] = {}

    def __repr__(self) -> str:
        return f"<Queues: {len(self._queues)}, {self.dropped} dropped, {self.expired} expired>"

    def __len__(self) -> int:
        return len(self._queues)

    def put(self, name: str, letter: Letter, sending: Sending, now: float) -> Taker | bool:
        """Let a message wait, or return who is to have it; False when there is no room."""
        queue = self._queues.setdefault(name, _Queue())
        if queue.takers:
            return self._next_taker(name, queue)
        if len(queue.letters) >= sending.length:
            self._forget_expired(queue, now)
        if len(queue.letters) >= sending.length:
            if not sending.drop_oldest or not queue.letters:
                return False
            queue.letters.popleft()
            self.dropped += 1
        queue.letters.append(letter)
        return True

    def put_back(self, name: str, letter: Letter) -> Taker | None:
        """Let a message that was taken be the next, or return who is to have it; there is always room."""
        queue = self._queues.setdefault(name, _Queue())
        if queue.takers:
            return self._next_taker(name, queue)
        queue.letters.appendleft(letter)
        return None

    def take(self, name: str, taker: Taker, now: float) -> Letter | None:
        """Return the next message; None when there is none yet, and the taker is one who waits."""
        queue = self._queues.setdefault(name, _Queue())
        self._forget_expired(queue, now)
        if not queue.letters:
            queue.takers.append(taker)
            return None
        letter = queue.letters.popleft()
        self._forget_empty(name, queue)
        return letter

    def untake(self, name: str, taker: Taker) -> None:
        """Let somebody wait no more."""
        queue = self._queues.get(name)
        if queue is not None and taker in queue.takers:
            queue.takers.remove(taker)
            self._forget_empty(name, queue)

    def sweep(self, now: float) -> None:
        """Forget what has expired."""
        for name, queue in tuple(self._queues.items()):
            self._forget_expired(queue, now)
            self._forget_empty(name, queue)

    def clear(self) -> None:
        """Forget every message; who waits goes on waiting."""
        for name, queue in tuple(self._queues.items()):
            queue.letters.clear()
            self._forget_empty(name, queue)

    def dump(self) -> list[tuple[str, float, bytes]]:
        """Return what waits: the queue, when it expires, and the message."""
        return [(name, until, body) for name, queue in self._queues.items() for until, body in queue.letters]

    def load(self, name: str, until: float, body: bytes) -> None:
        """Let wait what was dumped, in that order."""
        self._queues.setdefault(name, _Queue()).letters.append(Letter(until, body))

    def _next_taker(self, name: str, queue: _Queue) -> Taker:
        taker = queue.takers.popleft()
        self._forget_empty(name, queue)
        return taker

    def _forget_expired(self, queue: _Queue, now: float) -> None:
        # One that has come back may expire later than those behind it, which then go later, too.
        while queue.letters and queue.letters[0].until <= now:
            queue.letters.popleft()
            self.expired += 1

    def _forget_empty(self, name: str, queue: _Queue) -> None:
        if not queue.letters and not queue.takers:
            self._queues.pop(name, None)
