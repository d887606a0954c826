"""The processes that a broker knows, and the ways to them."""

from typing import Final, Protocol

#: Bytes that wait for a process which has not come yet.
_ABSENCE_BYTES: Final = 8 * 1024 * 1024


class Line(Protocol):
    """The way to a process."""

    def write(self, data: bytes) -> None:
        """Send what has to arrive."""
        ...

    def offer(self, data: bytes) -> bool:
        """Send a message unless too much waits for this process already; False when it does."""
        ...


class Waiting:
    """The way to a process that has not come yet: it keeps what is said to it, up to a limit."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Keep it."""
        self.kept.append(data)
        self._size += len(data)

    def offer(self, data: bytes) -> bool:
        """Keep a message, if there is room."""
        if self._size + len(data) > _ABSENCE_BYTES:
            return False
        self.write(data)
        return True


class Node:
    """A process.

    Attributes:
        name: its own for itself, which no other has.
        line: the way to it.
        is_fit: whether it would be a good broker: it serves, and does not stop.
        lost: messages that had no room on the way to it, and of which it has not been told.
        takers: the queue of each of its questions for a message.
    """

    __slots__ = ("is_fit", "line", "lost", "name", "takers")

    def __init__(self, name: str, line: Line, *, is_fit: bool) -> None:
        self.name = name
        self.line = line
        self.is_fit = is_fit
        self.lost = 0
        self.takers: dict[int, str] = {}

    def __repr__(self) -> str:
        return f"<Node {self.name}{'' if self.is_fit else ', not fit'}>"
