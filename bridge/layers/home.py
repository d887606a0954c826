"""The event loop on which a layer of several processes is at work, and how other threads find it."""

import asyncio
import atexit
import contextlib
import enum
import os
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

Result = TypeVar("Result")

#: Seconds that the end of the program waits for the layer's own thread to say goodbye.
_GOODBYE_SECONDS: Final = 1.0


class Kind(enum.Enum):
    """How a loop became the layer's home."""

    NONE = enum.auto()
    ADOPTED = enum.auto()  #: it was the first running loop that used the layer; it may end at any moment
    OPENED = enum.auto()  #: a server opened the layer on it, and will close it
    THREAD = enum.auto()  #: the layer runs it on a thread of its own, for programs without one


class Guest(Protocol):
    """What is at work on a home."""

    def arrive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin, on the loop; what was at work elsewhere is told to stop."""
        ...

    async def depart(self) -> None:
        """End, on the loop."""
        ...


class Home:
    """Which loop it is. Any thread.

    The loop of the server that has opened the layer last, as one does that takes over; before that, or
    without one, the first running loop that uses it; and where no loop runs, one on a thread that is started
    for it. When a loop has ended, the next one takes over.

    Args:
        guest: the layer's part that is at work there.
    """

    def __init__(self, guest: Guest) -> None:
        self.kind = Kind.NONE
        self.loop: asyncio.AbstractEventLoop | None = None
        self._guest = guest
        # Guards all here while a loop moves in; re-entrant, as a signal handler may publish at that moment.
        self._lock = threading.RLock()
        self._thread: _Thread | None = None

    def __repr__(self) -> str:
        return f"<Home {self.kind.name}>"

    @property
    def is_running(self) -> bool:
        """Whether there is one, and its loop runs."""
        loop = self.loop
        return loop is not None and loop.is_running()

    def enter(self, *, opening: bool = False) -> asyncio.AbstractEventLoop:
        """Return the home, which becomes the running loop when there is none, or a server opens it."""
        loop = self.loop
        if not opening and loop is not None and loop.is_running():
            return loop
        here = asyncio.get_running_loop()
        with self._lock:
            if opening and self.loop is here and self.is_running:
                self.kind = Kind.OPENED
            elif opening or not self.is_running:
                self._move(here, Kind.OPENED if opening else Kind.ADOPTED)
            return self.loop or here

    def start_thread(self) -> asyncio.AbstractEventLoop:
        """Return the home, which is a thread of its own when there is none. Not on a loop's thread.

        Raises:
            ConnectionError: the interpreter has come so far with its end that no thread runs any more.
        """
        with self._lock:
            if sys.is_finalizing():
                raise ConnectionError("the interpreter is at its end")
            if self.loop is None or not self.is_running:
                thread = _Thread(self._guest)
                self._move(thread.start(), Kind.THREAD)
                self._thread = thread
                self.run(_arrive, self._guest).result()
            assert self.loop is not None
            return self.loop

    def run(self, function: Callable[..., Coroutine[Any, Any, Result]], *args: Any) -> Any:
        """Begin ``await function(*args)`` on the home and return its future (any thread but the home's).

        Raises:
            RuntimeError: there is no home any more.
        """
        if self.loop is None:
            raise RuntimeError("the channel layer is at work nowhere")
        coroutine = function(*args)
        try:
            return asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        except RuntimeError:
            coroutine.close()
            raise

    def leave(self) -> None:
        """Have no home any more; on its loop, when the guest has departed."""
        with self._lock:
            self.loop = None
            self.kind = Kind.NONE
            if self._thread is not None:
                self._thread.stop(goodbye=False)
                self._thread = None

    def _move(self, loop: asyncio.AbstractEventLoop, kind: Kind) -> None:
        if self._thread is not None:
            self._thread.stop(goodbye=False)
            self._thread = None
        self.loop = loop
        self.kind = kind
        if kind is not Kind.THREAD:
            self._guest.arrive(loop)


async def _arrive(guest: Guest) -> None:
    guest.arrive(asyncio.get_running_loop())


class _Thread:
    """A loop on a thread that does not keep the program from ending, and says goodbye when it does."""

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._stopped: asyncio.Event
        self._goodbye = True
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name="hybrid channel layer", daemon=True
        )

    def start(self) -> asyncio.AbstractEventLoop:
        """Start, and return the loop that runs."""
        self._thread.start()
        self._ready.wait()
        _running.add(self)
        return self._loop

    def stop(self, *, goodbye: bool) -> None:
        """Have it end, with or without the guest's departure. Any thread."""
        self._goodbye = goodbye
        _running.discard(self)
        with contextlib.suppress(RuntimeError):  # it has ended already
            self._loop.call_soon_threadsafe(self._stopped.set)

    def end(self) -> None:
        """End with the program, and give the hub a moment to hear of it."""
        self.stop(goodbye=True)
        self._thread.join(_GOODBYE_SECONDS)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._ready.set()
        await self._stopped.wait()
        if self._goodbye:
            await self._guest.depart()


#: The threads of this process.
_running: Final[set[_Thread]] = set()


def _end_all() -> None:
    for thread in tuple(_running):
        thread.end()


# Said with the import, and so done after all that a program says later, which may still publish: no thread
# can be started any more then (Python 3.12).
atexit.register(_end_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_running.clear)
