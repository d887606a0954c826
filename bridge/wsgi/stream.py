"""A request body that a worker reads while it comes, with a bounded buffer between loop and worker."""

import io
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

from hybrid.bridge.errors import BodyRefused, ClientDisconnected
from hybrid.bridge.types import BodyPolicy

#: Bytes that may wait for the worker before the loop is told to stop.
_HIGH_WATER: Final = 64 * 1024
#: Bytes below which it is told to go on: it should not have to stop and go for every part.
_LOW_WATER: Final = _HIGH_WATER // 2
#: What a part counts in addition: a client that sends byte by byte must not fill the memory with objects.
_PART_COST: Final = 64


class StreamOwner(Protocol):
    """Whoever receives a body, and is told what the worker that reads it does. All on the worker."""

    def body_has_room(self) -> None:
        """There is room again, after :meth:`BodyStream.feed` had said that there is none."""
        ...

    def body_waits(self) -> None:
        """The worker is about to wait for more of the body."""
        ...

    def body_goes_on(self) -> None:
        """The worker has waited long enough."""
        ...


class _Nobody:
    """Owns a stream that has been closed."""

    def body_has_room(self) -> None:
        """Do nothing."""

    body_waits = body_goes_on = body_has_room


class BodyStream(io.RawIOBase):
    """The raw binary file between a loop that receives a body and a worker that reads it.

    The loop puts parts in and never waits: it is told when there is no room, and the owner is told when there
    is again. The worker waits for parts, and cannot be left waiting: whoever drives the loop's half ends it
    with :meth:`feed_eof` or :meth:`fail`. :meth:`open` gives what an application reads from.

    Args:
        policy: how large the body may be.
        owner: who is told what the worker does.
    """

    def __init__(self, policy: BodyPolicy, owner: StreamOwner) -> None:
        super().__init__()
        self._policy = policy
        self._owner = owner
        #: What comes to the worker; b"" is the end of the body, None the end without it.
        self._parts: SimpleQueue[bytes | None] = SimpleQueue()
        self._size = 0  # loop: bytes of the body so far
        self._ended = False  # loop
        self._put = 0  # loop: what has been put into the queue, each part with its cost
        self._taken = 0  # worker: what has been taken out
        self._held_back = False  # whether the owner waits for room: set by the loop, lowered by either
        self._failure = ""  # written by the loop before the None, read by the worker after it
        self._part = memoryview(b"")  # worker: the rest of the part that is being read
        self._at_end = False  # worker: whether the last of _parts has been taken

    def __repr__(self) -> str:
        state = self._failure or ("complete" if self._ended else "coming")
        return f"<BodyStream {self._size} bytes, {state}>"

    # The loop's half.

    def feed(self, data: bytes) -> bool:
        """Add a part, and tell whether there is room for more (loop).

        Raises:
            BodyRefused: the body has become too large; the part was not added, and reading fails.
        """
        if self._ended or not data:
            return True
        self._size += len(data)
        try:
            self._policy.check_size(self._size)
        except BodyRefused as error:
            self.fail(error.reason)
            raise
        self._put += len(data) + _PART_COST
        self._parts.put(data)
        if self._put - self._taken <= _HIGH_WATER:
            return True
        # First the flag, then another look: a worker that takes parts after that look sees the flag, and one
        # that has taken them before it is seen here.
        self._held_back = True
        if self._put - self._taken > _LOW_WATER:
            return False
        self._held_back = False
        return True

    def feed_eof(self) -> None:
        """The body is complete (loop)."""
        self._end(b"")

    def fail(self, reason: str) -> None:
        """Let reading raise once the worker has read what there is, unless the body is complete (loop)."""
        if not self._ended:
            self._failure = reason
            self._end(None)

    def _end(self, mark: bytes | None) -> None:
        if not self._ended:
            self._ended = True
            self._parts.put(mark)

    # The worker's half.

    def open(self) -> io.BufferedReader:
        """Return the binary file for the application, which whoever serves the request closes.

        It reads ahead no more than its buffer, and only what is here: ``read(n)`` returns as soon as ``n``
        bytes are, ``readline()`` as soon as the line is.
        """
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Say yes; writing and seeking are not offered."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer with what is here, waiting for at least one byte; 0 is the end of the body (worker).

        Raises:
            ClientDisconnected: the body will not be complete.
        """
        part = self._part or self._next_part()
        size = min(len(part), len(buffer))
        buffer[:size] = part[:size]
        self._part = part[size:]
        return size

    def close(self) -> None:
        """Let go of whoever made this; nothing more is read (worker)."""
        self._owner = _Nobody()  # it knows this: a circle, with what was not read in it
        super().close()

    def _next_part(self) -> memoryview:
        if self._at_end:
            return self._no_part()
        try:
            part = self._parts.get_nowait()
        except Empty:
            self._owner.body_waits()
            part = self._parts.get()
            self._owner.body_goes_on()
        if not part:
            self._at_end = True
            return self._no_part()
        self._taken += len(part) + _PART_COST
        if self._held_back and self._put - self._taken <= _LOW_WATER:
            self._held_back = False
            self._owner.body_has_room()
        return memoryview(part)

    def _no_part(self) -> memoryview:
        if self._failure:
            raise ClientDisconnected(self._failure)
        return memoryview(b"")
