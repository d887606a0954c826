"""An event loop on a thread of its own, for a program that has none."""

import asyncio
import logging
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from hybrid.bridge.errors import LifespanError
from hybrid.bridge.lifespan import Lifespan

logger = logging.getLogger("hybrid.wsgi")

T = TypeVar("T")

#: Seconds that tasks which are cancelled at the end may take to clean up.
_CANCEL_SECONDS: Final = 3.0


class BackgroundLoop:
    """A loop that runs on a daemon thread, with the lifespan of an application. Any thread but its own.

    Attributes:
        loop: the loop.
        state: what lifespan startup left.
        pid: the process that has the thread. One that is forked from it has only the object.
        calls: tasks of application calls that run; loop only.

    Raises:
        LifespanError: the application failed to start; the thread has ended again.
    """

    def __init__(self, lifespan: Lifespan, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.state: dict[str, Any] = {}
        self.pid = os.getpid()
        self.calls: set[asyncio.Task[None]] = set()
        self._lifespan = lifespan
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()
        try:
            self._submit(lifespan.startup(self.state)).result()
        except BaseException:
            self._end(_CANCEL_SECONDS)
            raise

    def __repr__(self) -> str:
        return f"<BackgroundLoop {self._thread.name!r} {len(self.calls)} calls>"

    def close(self, timeout: float) -> bool:
        """Run lifespan shutdown for at most so many seconds, cancel what is left, and end the thread.

        Returns:
            Whether the thread has ended; otherwise it is a daemon, and left behind.
        """
        stopping = self._submit(self._lifespan.shutdown())
        try:
            stopping.result(timeout)
        except LifespanError as error:
            logger.error("%s", error)
        except TimeoutError:
            stopping.cancel()
            logger.warning("cutting off lifespan shutdown after %s seconds", timeout)
        return self._end(timeout)

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop)

    def _end(self, timeout: float) -> bool:
        self._submit(self._cancel_all())
        self._thread.join(timeout + 2 * _CANCEL_SECONDS)
        if self._thread.is_alive():  # somebody blocks the loop
            return False
        self.loop.close()
        return True

    async def _cancel_all(self) -> None:
        """Cancel all tasks, wait a moment for them, and stop (loop)."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
        await self.loop.shutdown_asyncgens()
        self.loop.stop()
