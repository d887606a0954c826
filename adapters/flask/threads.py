"""Running a part of a handshake on a thread: Flask's hooks may wait for a database, and the loop may not."""

from collections.abc import Callable
from typing import TypeVar

from hybrid.bridge.consumers.threads import run_in_thread

T = TypeVar("T")


async def on_a_thread(function: Callable[[], T], *, in_any_case: bool = False) -> T:
    """Call a function on a thread of the consumers' pool, in a copy of the current context, and return what
    it returns.

    Args:
        function: what is called.
        in_any_case: whether it must run, however long the pool is full.

    Raises:
        PoolFull: there has been no room in the pool's queue for five seconds.
    """

    def call(_: None) -> T:
        return function()

    return await run_in_thread(None, call, None, in_any_case=in_any_case)
