"""Serving inside somebody's program: for as long as a block runs, on its event loop or on a thread."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from hybrid.server.config import Config
from hybrid.server.loops import loop_factory, run_loop
from hybrid.server.server import Server


@asynccontextmanager
async def running(config: Config) -> AsyncGenerator[Server]:
    """Serve on the running loop while the block runs.

    The block begins when connections are accepted, at the server's ``urls``; port 0 is good for whoever asks
    these. At its end the server drains, as at SIGTERM. Signals are left to the program. What ends the server
    early, such as its ``should_exit``, does not end the block.

    Raises:
        HybridError: it cannot start; the same as :meth:`Server.serve <hybrid.server.server.Server.serve>`.
    """
    server = Server(config)
    task = asyncio.create_task(server.serve(), name="hybrid server")
    try:
        await _until_started(server, task)
        yield server
    finally:
        server.should_exit = True
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:  # the program cannot wait for a drain
            server.force_exit = True
            await asyncio.wait({task})
            raise
    task.result()


@contextmanager
def running_in_thread(config: Config) -> Generator[Server]:
    """Serve on a thread of its own, with an event loop of its own, while the block runs.

    For programs without an event loop, and tests. Otherwise as :func:`running`.

    Raises:
        HybridError: it cannot start.
    """
    server = Server(config)
    outcome = _Outcome()
    thread = threading.Thread(target=_serve, args=(server, outcome), name="hybrid server", daemon=True)
    thread.start()
    outcome.known.wait()
    try:
        if outcome.error is None:
            yield server
    finally:
        server.should_exit = True
        thread.join()
    if outcome.error is not None:
        raise outcome.error


class _Outcome:
    """What a thread tells the one that waits for it: that it has started, or why it has ended."""

    def __init__(self) -> None:
        self.known = threading.Event()
        self.error: BaseException | None = None


def _serve(server: Server, outcome: _Outcome) -> None:
    """Serve until told to stop (on the thread of the server)."""
    try:
        run_loop(loop_factory(server.config.loop), _serve_and_tell(server, outcome))
    except BaseException as error:  # noqa: BLE001 - raised where somebody waits for it
        outcome.error = error
    finally:
        outcome.known.set()


async def _serve_and_tell(server: Server, outcome: _Outcome) -> None:
    task = asyncio.create_task(server.serve())
    await _until_started(server, task)
    outcome.known.set()
    await task


async def _until_started(server: Server, task: "asyncio.Task[None]") -> None:
    """Return once the server has started; raise what kept it from that."""
    started = asyncio.create_task(server.wait_started())
    try:
        await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        started.cancel()
    if task.done():
        task.result()
