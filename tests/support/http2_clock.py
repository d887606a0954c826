"""Time that passes for a server of this process when a test says so: its deadlines meet whom they should, and
nobody has to be slow for that.
"""

import threading

import pytest

from hybrid.server.context import ServerContext
from tests.support.sockets import DEADLINE


class Clock:
    """The time of the server that is started next, in this process and this test. It stands still until the
    server stops, but for :meth:`passes`.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._context: ServerContext | None = None
        tick = ServerContext.tick

        def stopped(context: ServerContext) -> None:
            if self._context is None or context.draining:
                tick(context)
            self._context = context

        monkeypatch.setattr(ServerContext, "tick", stopped)

    @property
    def context(self) -> ServerContext:
        """What the connections of the server share."""
        assert self._context is not None
        return self._context

    def passes(self, seconds: float = 1.0) -> None:
        """Let so much time pass, and return when every connection has looked at its deadlines."""
        context, looked = self.context, threading.Event()

        def look() -> None:
            context.now += seconds
            context.idle_deadline += seconds
            for connection in tuple(context.connections):
                connection.tick(context.now)
            looked.set()

        context.loop.call_soon_threadsafe(look)
        assert looked.wait(DEADLINE)
