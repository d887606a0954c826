"""From a worker thread back to the event loop: how a synchronous view runs a coroutine where it belongs.

Which loop a thread belongs to is noted where asgiref notes it for threads of its own. So ``async_to_sync``
in a view finds the server's loop too, and :func:`run` works in asgiref's threads, where Django's synchronous
views run under ASGI. Importing asgiref takes milliseconds: the first worker imports this module, the bridge
does not.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context, copy_context
from time import monotonic
from typing import Any, Final, Generic, TypeVar, TypeVarTuple

from asgiref.sync import SyncToAsync

from hybrid.bridge.errors import PortalError

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

#: Seconds between two looks at whether the loop still runs. One that has ended calls nothing back.
_LOOK_SECONDS: Final = 1.0
#: asgiref's ``Local`` objects keep their values in variables of this name, and tag them with a thread.
_LOCAL_NAME: Final = "asgiref.local"
_UNSET: Final = object()

#: The note: ``main_event_loop``, and the process in which it is true. A forked one has it, and no loop.
here: Final[Any] = SyncToAsync.threadlocal


def enter(loop: asyncio.AbstractEventLoop | None) -> None:
    """Note that this thread works for a loop, until another call; None for no loop.

    To be called by whatever runs application code on a thread, as the workers of a ``ThreadPool`` do. An
    application that starts a thread of its own can take :func:`loop` to it.
    """
    here.main_event_loop = loop
    here.main_event_loop_pid = os.getpid()


def loop() -> asyncio.AbstractEventLoop:
    """Return the loop that this thread works for; on a loop's own thread, that loop.

    Raises:
        PortalError: nobody has said which it is.
    """
    running = asyncio._get_running_loop()  # noqa: SLF001 - documented; the public one raises where there is none
    if running is not None:
        return running
    known: asyncio.AbstractEventLoop | None = getattr(here, "main_event_loop", None)
    if known is None or here.main_event_loop_pid != os.getpid():
        name = threading.current_thread().name
        raise PortalError(f"no event loop is known to thread {name!r}: it is no worker, see portal.enter()")
    return known


def run(function: Callable[[*Ts], Awaitable[T]], /, *args: *Ts, timeout: float | None = None) -> T:
    """Run ``await function(*args)`` on the loop that this thread works for, and wait for its result.

    What it raises is raised here. It sees the context variables of this thread, and this thread sees what it
    has set, as if it had been awaited in place. asgiref's ``Local`` objects stay on their side, and what it
    gives to a thread-sensitive ``sync_to_async`` runs on another thread than this: for Django code there is
    ``async_to_sync``.

    Args:
        function: a coroutine function, or anything that returns an awaitable. It is called on the loop.
        args: its arguments; for keywords there is :func:`functools.partial`.
        timeout: seconds after which it is cancelled, and not waited for any longer.

    Raises:
        PortalError: this thread runs an event loop, and would wait for itself; no loop is known to it; or the
            loop has ended, or has cancelled the coroutine, as a server does that stops.
        TimeoutError: ``timeout`` seconds have passed.
    """
    return run_on(loop(), function, *args, timeout=timeout)


def run_on(
    target: asyncio.AbstractEventLoop,
    function: Callable[[*Ts], Awaitable[T]],
    /,
    *args: *Ts,
    timeout: float | None = None,
) -> T:
    """Do as :func:`run` on a loop that the caller knows, from any thread that runs none."""
    if asyncio._get_running_loop() is not None:  # noqa: SLF001 - as above
        raise PortalError("this thread runs an event loop, which would wait for itself: await the coroutine")
    crossing = _Crossing(function, args, copy_context())
    try:
        target.call_soon_threadsafe(crossing.start)
    except RuntimeError as error:
        raise PortalError("the event loop has ended") from error
    return crossing.wait(target, timeout)


def adopt(context: Context) -> None:
    """Let the caller see what has been set in another context, as if it had been set in place.

    asgiref's ``Local`` objects, which are bound to their thread, are left alone.
    """
    for variable, value in context.items():
        if variable.get(_UNSET) is not value and variable.name != _LOCAL_NAME:
            variable.set(value)


class _Crossing(Generic[T]):
    """One coroutine on the loop, and the thread that waits for it."""

    __slots__ = ("_args", "_context", "_done", "_error", "_function", "_result", "_task")

    _result: T  # once done, unless there is an error

    def __init__(
        self, function: Callable[..., Awaitable[T]], args: tuple[Any, ...], context: Context
    ) -> None:
        self._function = function
        self._args = args
        self._context = context
        self._done = threading.Event()
        self._error: BaseException | None = None
        self._task: asyncio.Task[None] | None = None

    # The loop's half.

    def start(self) -> None:
        """Run the coroutine in a task of its own (loop)."""
        try:
            self._task = asyncio.get_running_loop().create_task(self._live(), context=self._context)
            self._task.add_done_callback(self._finish)
        except BaseException as error:  # noqa: BLE001 - raised on the thread, which must not wait for ever
            self._error = error
            self._done.set()

    def cancel(self) -> None:
        """Cancel the coroutine: nobody waits for it any more (loop)."""
        if self._task is not None:
            self._task.cancel()

    async def _live(self) -> None:
        try:
            self._result = await self._function(*self._args)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised on the thread; SystemExit would stop the loop
            self._error = error

    def _finish(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            self._error = PortalError("the coroutine was cancelled: the server stops")
        self._done.set()

    # The thread's half.

    def wait(self, target: asyncio.AbstractEventLoop, timeout: float | None) -> T:
        """Return the result (worker)."""
        try:
            self._wait(target, timeout)
        except BaseException:
            with suppress(RuntimeError):  # the loop is closed
                target.call_soon_threadsafe(self.cancel)
            raise
        adopt(self._context)
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # no cycle through the traceback's frames
        return self._result

    def _wait(self, target: asyncio.AbstractEventLoop, timeout: float | None) -> None:
        """Wait, for as long as the loop is there to bring the coroutine to an end (worker)."""
        deadline = None if timeout is None else monotonic() + timeout
        left, stopped = timeout, False
        while not self._done.wait(_LOOK_SECONDS if left is None else min(_LOOK_SECONDS, left)):
            if deadline is not None:
                left = deadline - monotonic()
                if left <= 0:
                    raise TimeoutError(f"the coroutine has not ended within {timeout} seconds")
            # Between main program and cleaning up a loop stands still for a moment, hence the second look.
            if target.is_closed() or (stopped and not target.is_running()):
                raise PortalError("the event loop has ended")
            stopped = not target.is_running()
