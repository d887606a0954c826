"""Running the handlers of synchronous consumers on the bridge's thread pool."""

import asyncio
import functools
import logging
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, Final, TypeVar

from hybrid.bridge.consumers.housekeeping import HOUSEKEEPING
from hybrid.bridge.errors import ClientDisconnected, PoolFull
from hybrid.bridge.portal import adopt
from hybrid.bridge.wsgi.threadpool import ThreadPool

logger = logging.getLogger("hybrid.consumers")

Argument = TypeVar("Argument")
Result = TypeVar("Result")

#: Threads that all consumers share which have no pool of their own.
THREADS: Final = 16
#: Seconds between two looks at whether a full pool has room, at first and at most; and after which it is not
#: waited for any longer.
_STEP: Final = 0.05
_LONGEST_STEP: Final = 1.0
_ROOM_SECONDS: Final = 5.0


@functools.cache
def shared_pool() -> ThreadPool:
    """Return the threads of consumers that have none of their own; they start when they are needed."""
    return ThreadPool(THREADS, name="consumer")


class _Call:
    """A call on a thread, and the future that the loop waits with."""

    __slots__ = ("_argument", "_error", "_function", "_result", "context", "done", "loop")

    def __init__(self, function: Callable[[Any], Any], argument: Any) -> None:
        self._function = function
        self._argument = argument
        self._result: Any = None
        self._error: BaseException | None = None
        self.context: Context | None = None
        self.loop = asyncio.get_running_loop()
        self.done: asyncio.Future[Any] = self.loop.create_future()

    def run(self) -> None:
        """Call the function (worker)."""
        tidy = HOUSEKEEPING.on_thread
        try:
            if tidy is None:
                self._result = self._function(self._argument)
            else:
                self._result = _keep_house(tidy, self._function, self._argument)
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self._error = error
        self.context = copy_context()
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            self.loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        """Tell who waits, or the log (loop)."""
        error, self._error = self._error, None
        if not self.done.done():
            if error is None:
                self.done.set_result(self._result)
            else:
                self.done.set_exception(_as_future_takes(error))
        elif error is not None and not isinstance(error, ClientDisconnected):
            logger.error("a handler that nobody waited for any longer failed", exc_info=error)


def _keep_house(
    tidy: Callable[[], object], function: Callable[[Argument], Result], argument: Argument
) -> Result:
    """Call a function, and do what is to be done before and after it (worker)."""
    tidy()
    try:
        return function(argument)
    finally:
        tidy()


def _as_future_takes(error: BaseException) -> BaseException:
    """Return the error; a future takes no StopIteration."""
    return RuntimeError("a handler raised StopIteration") if isinstance(error, StopIteration) else error


async def run_in_thread(
    pool: ThreadPool | None,
    function: Callable[[Argument], Result],
    argument: Argument,
    *,
    in_any_case: bool = False,
) -> Result:
    """Return ``function(argument)``, called on a thread. Context variables flow there and back.

    If this is cancelled, the thread goes on to the end of the function all the same.

    Args:
        pool: of the thread; None for the one that all consumers share.
        function: what is called.
        argument: with this.
        in_any_case: whether room in the pool's queue is waited for without end, as what cleans up must run.

    Raises:
        PoolFull: there has been no room in the pool's queue for five seconds; or the pool is closed.
    """
    pool = pool or shared_pool()
    call = _Call(function, argument)
    await _submit(pool, call, in_any_case=in_any_case)
    result: Result = await call.done
    assert call.context is not None
    adopt(call.context)
    return result


async def _submit(pool: ThreadPool, call: _Call, *, in_any_case: bool) -> None:
    patience, step = _ROOM_SECONDS, _STEP
    while True:
        try:
            pool.submit(_Call.run, call)
        except PoolFull:
            patience -= step
            if pool.closing or (patience < 0 and not in_any_case):
                raise
            await asyncio.sleep(step)
            if patience < 0:
                step = min(2 * step, _LONGEST_STEP)
        else:
            return
