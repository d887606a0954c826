"""Servers of this process that look at their deadlines much more often than once a second."""

import pytest

from hybrid.server.context import ServerContext
from tests.support.embedded import until

#: Seconds between two ticks.
FAST = 0.02


class Ticks:
    """The ticks of all servers that are started from now on, in this process and this test.

    Attributes:
        contexts: of the servers, one entry for each tick.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.contexts: list[ServerContext] = []
        tick = ServerContext.tick

        def counted(context: ServerContext) -> None:
            tick(context)
            self.contexts.append(context)

        monkeypatch.setattr(ServerContext, "TICK", FAST)
        monkeypatch.setattr(ServerContext, "tick", counted)

    @property
    def context(self) -> ServerContext:
        """The context of the server that ticked last."""
        return self.contexts[-1]

    async def passed(self, count: int) -> None:
        """Return after so many more."""
        enough = len(self.contexts) + count
        await until(lambda: len(self.contexts) >= enough)
