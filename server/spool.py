"""What a worker has written and a client has not read yet: a ring in a temporary file."""

import asyncio
import os
import tempfile
from io import FileIO
from typing import Final

from hybrid.bridge.errors import ClientDisconnected

#: Bytes of one response that wait on disk for a client that reads slowly, at most.
SPOOL_SIZE: Final = 16 * 1024 * 1024


class Spool:
    """A bounded queue of bytes from one worker to the loop, on disk.

    The worker appends at one end and the loop sends from the other. Each side has a descriptor and a counter
    of its own, and of the other side only reads the counter: neither waits for the other one's disk, and none
    closes what the other still uses. As the file is a ring, an endless response takes no more of the disk
    than others.

    To the loop it is a :class:`hybrid.server.sendfile.Source`.

    Raises:
        OSError: a temporary file cannot be had.
    """

    __slots__ = ("_end", "_reader", "_sent", "_waiter", "_watched", "_writer")

    settled = False  # the ring is written over

    def __init__(self) -> None:
        if not hasattr(os, "pwrite"):
            raise OSError("this system cannot write at an offset")
        self._writer = tempfile.TemporaryFile(prefix="hybrid-response-", buffering=0)  # noqa: SIM115 - release()
        try:
            self._reader = FileIO(os.dup(self._writer.fileno()))
        except BaseException:
            self._writer.close()
            raise
        self._end = 0  # bytes appended, in all; written by the worker
        self._sent = 0  # bytes sent, in all; written by the loop
        self._watched = False  # whether the loop looks for more by itself
        self._waiter: asyncio.Future[None] | None = None  # loop only

    def __repr__(self) -> str:
        return f"<Spool {self.pending} bytes wait>"

    @property
    def pending(self) -> int:
        """Bytes that have not been sent. Any thread."""
        return self._end - self._sent

    # The worker's half.

    def append(self, data: memoryview) -> int:
        """Take some of these bytes, and return how many; none when there is no room (worker).

        Raises:
            OSError: the disk is full or broken. Nothing was taken.
        """
        at = self._end % SPOOL_SIZE
        room = min(SPOOL_SIZE - self.pending, SPOOL_SIZE - at)
        if not room:
            return 0
        taken = os.pwrite(self._writer.fileno(), data[:room], at)
        self._end += taken
        return taken

    def claim(self) -> bool:
        """Whether the loop has to be told that there is more; the caller does so (worker).

        The worker appends and then looks at the flag; the loop lowers the flag and then looks for bytes.
        """
        if self._watched:
            return False
        self._watched = True
        return True

    def release(self) -> None:
        """Append nothing more; may be called repeatedly (worker)."""
        self._writer.close()

    # The loop's half.

    def region(self) -> tuple[int, int, int]:
        """Return where the next bytes are (loop)."""
        if not self.pending:
            self._watched = False
        at = self._sent % SPOOL_SIZE
        return self._reader.fileno(), at, min(self.pending, SPOOL_SIZE - at)

    def advance(self, count: int) -> None:
        """So many bytes have been sent: there is room for others (loop)."""
        self._sent += count
        self._wake()

    def close(self) -> None:
        """Send nothing more (loop)."""
        self._reader.close()
        self._wake()

    async def wait_for_room(self) -> None:
        """Wait until half of the room is free: to wake a worker for less costs more than it gives (loop).

        Raises:
            ClientDisconnected: what waits will not be sent.
        """
        await self._wait(SPOOL_SIZE // 2)

    async def wait_until_empty(self) -> None:
        """Wait until everything has been sent (loop). Raises the same."""
        await self._wait(0)

    async def _wait(self, most: int) -> None:
        while self.pending > most:
            if self._reader.closed:
                raise ClientDisconnected("the client has left")
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
