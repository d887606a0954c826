"""What the process over the workers has done, where each of them can read it."""

import mmap
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # loaded when somebody asks
    from hybrid.server.ops.metrics.snapshot import Workers

_NUMBERS: Final = struct.Struct("=QQQ")


class Ledger:
    """Three numbers in memory that the workers, which are forked, share with the process over them.

    That one writes them all; a worker reads them whenever somebody asks it.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _NUMBERS.size)

    def __repr__(self) -> str:
        return f"<Ledger {self._numbers()}>"

    def add(self, *, started: int = 0, failed: int = 0, reloads: int = 0) -> None:
        """Count more of each (arbiter)."""
        more = zip(self._numbers(), (started, failed, reloads), strict=True)
        self._memory[:] = _NUMBERS.pack(*map(sum, more))

    def read(self) -> "Workers":
        """Return what there has been."""
        from hybrid.server.ops.metrics.snapshot import Workers

        return Workers(*self._numbers())

    def _numbers(self) -> tuple[int, int, int]:
        started, failed, reloads = _NUMBERS.unpack(self._memory[:])
        return started, failed, reloads
