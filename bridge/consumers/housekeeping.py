"""What a framework wants done around the handlers of consumers: Django closes database connections there."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

#: The key of a scope whose synchronous consumer is to run its handlers with this, for tests: a coroutine
#: function of a function and its argument.
RUN_IN_THREAD: Final = "hybrid.run_in_thread"


class Housekeeping:
    """What is done in this process; nothing unless somebody sets it, before serving.

    Attributes:
        on_thread: called before and after each call on the threads of synchronous consumers (worker).
        on_loop: called before and after each handler of asynchronous consumers; returns what is to be
            awaited, or None where there is nothing to do.
    """

    __slots__ = ("on_loop", "on_thread")

    def __init__(self) -> None:
        self.on_thread: Callable[[], object] | None = None
        self.on_loop: Callable[[], Awaitable[object] | None] | None = None

    def __repr__(self) -> str:
        return f"<Housekeeping on_thread={self.on_thread!r} on_loop={self.on_loop!r}>"


#: That of this process.
HOUSEKEEPING: Final = Housekeeping()


async def keep_house(
    tidy: Callable[[], Awaitable[object] | None], handler: Callable[[Any], Awaitable[object]], argument: Any
) -> None:
    """Await a handler, and do what is to be done before and after it."""
    before = tidy()
    if before is not None:
        await before
    try:
        await handler(argument)
    finally:
        after = tidy()
        if after is not None:
            await after
