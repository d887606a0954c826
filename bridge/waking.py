"""Waking tasks that wait for a server, when a WebSocket has been closed in their application's place."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

#: Returns the task that calls a coroutine, which every coroutine has that awaits.
its_task: Final = cast("Callable[[], asyncio.Task[Any]]", asyncio.current_task)


class Waits:
    """The tasks that wait, each for one thing; all on the loop. It costs half a microsecond, and no task.

    A task is woken as :func:`asyncio.timeout` wakes one: by a cancellation that comes no further::

        task = its_task()
        cancellations = waits.begin(task)
        try:
            await something
        except asyncio.CancelledError:
            if not waits.is_woken(task, cancellations):
                raise
        finally:
            waits.end(task)
    """

    __slots__ = ("_tasks",)

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __repr__(self) -> str:
        return f"<Waits: {len(self._tasks)} tasks>"

    def begin(self, task: asyncio.Task[Any]) -> int:
        """Note that a task waits; return what :meth:`is_woken` is to be told."""
        self._tasks.add(task)
        return task.cancelling()

    def is_woken(self, task: asyncio.Task[Any], cancellations: int) -> bool:
        """Return whether a task that is cancelled is only woken, and nobody else has cancelled it."""
        return task not in self._tasks and task.cancelling() <= cancellations + 1

    def end(self, task: asyncio.Task[Any]) -> None:
        """Note that a task waits no more."""
        if task in self._tasks:
            self._tasks.discard(task)
        else:
            task.uncancel()

    def wake(self) -> None:
        """Wake all."""
        while self._tasks:
            self._tasks.pop().cancel()
