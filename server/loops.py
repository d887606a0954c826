"""Which event loop the server runs on, and how it ends."""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Literal

from hybrid.bridge.errors import ConfigError

#: Seconds that tasks which are left at the end may take to clean up.
_END_SECONDS = 1.0
#: Seconds between two looks at whether work is to be given up.
_STEP = 0.05


def loop_factory(name: Literal["auto", "uvloop", "asyncio"]) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the loop: uvloop for ``auto`` where it is installed, about twice as fast; asyncio's
    otherwise.

    Raises:
        ConfigError: uvloop was asked for and is not installed.
    """
    if name == "asyncio":
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError:
        if name == "uvloop":
            raise ConfigError("loop: uvloop is not installed") from None
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def run_loop(factory: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a loop of its own, and leave the loop within a bounded time.

    Unlike :func:`asyncio.run` it does not wait for ever for tasks that resist cancellation, as one does that
    waits for a thread, nor for the threads of the loop's executor.
    """
    try:
        loop = factory()
    except BaseException:
        main.close()
        raise
    try:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(main)
    finally:
        try:
            loop.run_until_complete(_end(loop))
        finally:
            asyncio.set_event_loop(None)
            loop.close()


async def cancel_tasks(tasks: Collection[asyncio.Task[None]], seconds: float) -> None:
    """Cancel tasks and wait a moment for them to clean up; what they raise then interests nobody."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        done, _ = await asyncio.wait(running, timeout=seconds)
        for task in done:
            if not task.cancelled():
                task.exception()  # asyncio logs what nobody has asked for


async def complete(work: Coroutine[Any, Any, None], give_up: Callable[[], bool], seconds: float) -> bool:
    """Wait for work of somebody else's and return True; once it is to be given up, cancel it.

    Args:
        work: what is awaited; what it raises is raised.
        give_up: asked again and again.
        seconds: what it may take to clean up when it is cancelled.
    """
    task = asyncio.create_task(work)
    try:
        while not task.done() and not give_up():
            await asyncio.wait({task}, timeout=_STEP)
        if task.done():
            task.result()
            return True
        return False
    finally:
        await cancel_tasks([task], seconds)


async def _end(loop: asyncio.AbstractEventLoop) -> None:
    await cancel_tasks(asyncio.all_tasks(loop) - {asyncio.current_task()}, _END_SECONDS)
    await asyncio.wait({loop.create_task(loop.shutdown_asyncgens())}, timeout=_END_SECONDS)
