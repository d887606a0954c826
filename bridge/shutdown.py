"""The notice that the server is stopping, for what would not end by itself: event streams, consumers, loops.

ASGI has no such notice. A second message on the lifespan channel would be taken for ``lifespan.shutdown``
by frameworks that only wait for the next one, and ``http.disconnect`` says that the client has left, on
which they cancel work that could still be finished. So it is an object to look at or to wait for, and nothing
has to know of it: ``docs/shutdown.md`` has examples.
"""

import asyncio
import threading
from contextvars import ContextVar
from typing import Final, Literal

#: Its name in ``scope["extensions"]``, and in the environ.
KEY: Final = "hybrid.shutdown"


class ThreadNotice:
    """The notice as threads wait for it: what WSGI applications find in their environ. Any thread."""

    __slots__ = ("_event",)

    def __init__(self, event: threading.Event) -> None:
        self._event = event

    def __repr__(self) -> str:
        return f"<ThreadNotice {'given' if self.is_set() else 'not given'}>"

    def is_set(self) -> bool:
        """Tell whether the server is stopping."""
        return self._event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the server is stopping, at most so many seconds, and tell whether it is."""
        return self._event.wait(timeout)


class ShutdownNotice:
    """Whether the server is stopping: what ASGI applications find in their scopes.

    It has the two methods by which one reads an :class:`asyncio.Event`.

    Attributes:
        threads: the same for threads.
    """

    __slots__ = ("_event", "_thread_event", "threads")

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._thread_event = threading.Event()
        self.threads = ThreadNotice(self._thread_event)

    def __repr__(self) -> str:
        return f"<ShutdownNotice {'given' if self.is_set() else 'not given'}>"

    def is_set(self) -> bool:
        """Tell whether the server is stopping. Any thread."""
        return self._event.is_set()

    async def wait(self) -> Literal[True]:
        """Return as soon as the server is stopping. On the server's event loop."""
        return await self._event.wait()

    def give(self) -> None:
        """Tell everybody; for the server, on its event loop."""
        self._event.set()
        self._thread_event.set()


#: The notice of the server that the current task, or the worker with its job, belongs to.
CURRENT: ContextVar[ShutdownNotice | None] = ContextVar("hybrid.shutdown", default=None)


def shutdown_notice() -> ShutdownNotice | None:
    """Return the notice of the server that the caller runs under, where no scope is at hand.

    It is there in a lifespan, in every request, in tasks that these start, and on worker threads; None under
    another server.
    """
    return CURRENT.get()
