"""Streaming responses whose iterator is of the other lane's kind: part by part; Django collects them."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final

from asgiref.sync import sync_to_async

from hybrid.bridge import portal
from hybrid.bridge.errors import PortalError

_END: Final = object()
#: Seconds between two looks at whether the loop still runs. One that has ended calls nothing back.
_LOOK_SECONDS: Final = 1.0


async def stepped(iterator: Iterator[bytes]) -> AsyncGenerator[bytes]:
    """Give the parts of a synchronous iterator, each taken on the thread of the request (asgi lane)."""
    step: Any = sync_to_async(partial(next, iterator, _END), thread_sensitive=True)
    while (part := await step()) is not _END:
        yield part


async def parts_of(response: Any) -> AsyncGenerator[bytes]:
    """Give the parts of an asynchronous response, and end what makes them when this is closed.

    Django closes what it has put around that, and leaves the rest to the garbage collector.
    """
    try:
        async with aclosing(aiter(response)) as parts:
            async for part in parts:
                yield part
    finally:
        close: Any = getattr(getattr(response, "_iterator", None), "aclose", None)
        if close is not None:
            await close()


class FromLoop:
    """The parts of an asynchronous response, for the thread that sends it (wsgi lane).

    One task of the server's loop runs the iterator from its beginning to its end, as under ASGI, one part
    ahead of the thread at most.

    Args:
        response: a ``StreamingHttpResponse``, closed at the end.
    """

    def __init__(self, response: Any) -> None:
        self._response = response
        self._parts: SimpleQueue[object] = SimpleQueue()
        self._task: asyncio.Task[None] | None = None
        self._wanted: asyncio.Event | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Give each part when it is there (worker)."""
        loop = portal.loop()
        portal.run(self._start, parts_of(self._response))
        while True:
            part = self._next(loop)
            if part is _END:
                return
            if isinstance(part, BaseException):
                raise part
            assert isinstance(part, bytes)
            yield part
            loop.call_soon_threadsafe(self._want)

    def _next(self, loop: asyncio.AbstractEventLoop) -> object:
        """Wait for a part, as long as there is a loop that can make one (worker)."""
        while True:
            try:
                return self._parts.get(timeout=_LOOK_SECONDS)
            except Empty:
                if not loop.is_running():
                    raise PortalError("the event loop has ended") from None

    def close(self) -> None:
        """End the iterator, and then the response (worker)."""
        try:
            if self._task is not None:
                with suppress(PortalError):  # the server has stopped
                    portal.run(self._end)
        finally:
            self._response.close()

    # The loop's half.

    async def _start(self, parts: AsyncGenerator[bytes]) -> None:
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._task = asyncio.get_running_loop().create_task(self._run(parts, self._wanted))

    def _want(self) -> None:
        assert self._wanted is not None
        self._wanted.set()

    async def _run(self, parts: AsyncGenerator[bytes], wanted: asyncio.Event) -> None:
        outcome: object = _END
        try:
            async with aclosing(parts):
                async for part in parts:
                    await wanted.wait()
                    wanted.clear()
                    self._parts.put(part)
        except BaseException as error:
            outcome = error
            if isinstance(error, asyncio.CancelledError):
                outcome = RuntimeError("the stream was cancelled: the server stops")
                raise
        finally:
            self._parts.put(outcome)

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
