"""Calling a plain function of the application from the event loop."""

from collections.abc import Callable
from typing import TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")


async def on_thread(function: Callable[[Argument], Result], argument: Argument) -> Result:
    """Call a function on a thread of those that consumers share, and return its result.

    Raises:
        PoolFull: there has been no thread for five seconds.
    """
    from hybrid.bridge.consumers.threads import run_in_thread

    return await run_in_thread(None, function, argument)
