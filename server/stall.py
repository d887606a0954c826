"""Whether a client takes what is sent to it, as far as the system knows."""

import asyncio
import struct
from typing import Final

_INT: Final = struct.Struct("i")


class StallWatch:
    """Notices that a client takes nothing, while bytes wait for it in the transport. Loop thread only.

    It compares what waits in the transport and in the system's buffer for the socket. The system takes from
    the transport only when the client has taken much, a third of megabytes perhaps, so the first figure alone
    would say nothing of a slow client for minutes. As long as bytes are left in the transport the buffer is
    full, so that both stay the same if the client takes nothing, and only then.
    """

    __slots__ = ("_deadline", "_waiting")

    def __init__(self) -> None:
        self._waiting: tuple[int, ...] | None = None
        self._deadline = 0.0

    def __repr__(self) -> str:
        return f"<StallWatch {self._waiting} until {self._deadline:.0f}>"

    def has_stalled(self, transport: asyncio.Transport, now: float, deadline: float) -> bool:
        """Look again, at the time ``now``. True when the client has taken nothing since a look whose
        ``deadline`` has passed.
        """
        return self.is_same((transport.get_write_buffer_size(), system_queue(transport)), now, deadline)

    def is_same(self, waiting: tuple[int, ...], now: float, deadline: float) -> bool:
        """Tell the same of whatever changes when the client takes something."""
        if waiting != self._waiting:
            self._waiting, self._deadline = waiting, deadline
        return now >= self._deadline


def system_queue(transport: asyncio.Transport) -> int:
    """Ask for the bytes that the peer has not acknowledged; 0 where that cannot be asked."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return 0
    try:
        import fcntl
        import termios

        answer = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(_INT.size))
    except (ImportError, OSError):  # Windows; a system that does not tell
        return 0
    return int(_INT.unpack(answer)[0])
