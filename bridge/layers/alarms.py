"""Who is told that a channel was full, so that a reader that is too slow can be let go."""

import asyncio
import contextlib
from collections.abc import Callable


class Alarms:
    """Functions to call when a channel was full, each on the loop of the channel's reader.

    One overflow is one call: there is another one only after something was read. The caller holds a lock,
    but for :meth:`sound`.
    """

    def __init__(self) -> None:
        self._listeners: dict[str, tuple[asyncio.AbstractEventLoop, Callable[[], object]]] = {}
        self._overflowing: set[str] = set()
        self.pending: list[str] = []

    def listen(self, channel: str, callback: Callable[[], object] | None) -> None:
        """Have a function called on the loop that runs here; None has none called."""
        if callback is None:
            self._listeners.pop(channel, None)
            self._overflowing.discard(channel)
        else:
            self._listeners[channel] = asyncio.get_running_loop(), callback

    def overflow(self, channel: str) -> None:
        """Note that a channel had no room; :meth:`sound` is to be called when the lock has been let go."""
        if channel in self._listeners and channel not in self._overflowing:
            self._overflowing.add(channel)
            self.pending.append(channel)

    def read(self, channel: str) -> None:
        """Note that there is room again."""
        if self._overflowing:
            self._overflowing.discard(channel)

    def sound(self) -> None:
        """Have the functions called whose channels had no room. Any thread, without the lock."""
        while self.pending:
            with contextlib.suppress(IndexError):  # another thread has taken it
                channel = self.pending.pop()
                listener = self._listeners.get(channel)
                if listener is not None:
                    loop, callback = listener
                    with contextlib.suppress(RuntimeError):  # the loop has been closed
                        loop.call_soon_threadsafe(self._call, channel, callback)

    def _call(self, channel: str, callback: Callable[[], object]) -> None:
        """Call a function, unless it has been forgotten meanwhile (on its loop)."""
        listener = self._listeners.get(channel)
        if listener is not None and listener[1] is callback:
            callback()
