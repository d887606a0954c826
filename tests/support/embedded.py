"""Runs tests on event loops, and servers inside them, the way a program that embeds a server does."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from hybrid.server.config import Config
from hybrid.server.loops import loop_factory
from hybrid.server.server import Server

#: Seconds after which what is waited for will not come any more; generous, because machines are busy.
DEADLINE = 20.0

AsyncTest = Callable[..., Coroutine[Any, Any, None]]


def on_each_loop(test: AsyncTest) -> Callable[..., None]:
    """Run a test that is a coroutine function on asyncio's event loop and on uvloop, within the deadline."""

    @functools.wraps(test)
    def run(*args: Any, loop_name: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=loop_factory(loop_name)) as runner:
            runner.run(asyncio.wait_for(test(*args, **kwargs), DEADLINE))

    # pytest reads the parameters here: the loop's name, and what the test itself takes.
    own = inspect.signature(test)
    name = inspect.Parameter("loop_name", inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), name])  # type: ignore[attr-defined]
    parametrized: Callable[..., None] = pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])(run)
    return parametrized


async def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds; fail after the deadline."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def serving(app: object, **settings: Any) -> AsyncIterator[tuple[Server, "asyncio.Task[None]"]]:
    """Serve an application in a task of the running loop until the end; give the server and the task.

    Sockets to serve on are given as `sockets`; everything else goes to the configuration.
    """
    sockets = settings.pop("sockets", None)
    if "bind" not in settings:
        settings.setdefault("port", 0)
    server = Server(Config(app=app, **{"access_log": False, **settings}))
    task = asyncio.create_task(server.serve(sockets))
    try:
        await until(lambda: server.started or task.done())
        yield server, task
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=DEADLINE)
    assert task.done(), "the server did not stop"
    if not task.cancelled():
        task.result()


async def until_drained(server: Server) -> None:
    """Return when a server that has been told to stop has told its connections.

    That is some turns of the loop after it has stopped to listen: those who had connected come first.
    """
    await until(lambda: not server.started)
    for _ in range(8):
        await asyncio.sleep(0)


def port_of(server: Server) -> int:
    """Give the TCP port that a server listens on."""
    assert server.listeners is not None
    return int(server.listeners.urls[0].rpartition(":")[2])


class Client:
    """A connection to a server in the same loop, to say and hear exactly what a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._writer.write(data)

    def send_eof(self) -> None:
        """Close our direction."""
        self._writer.write_eof()

    async def read_until(self, mark: bytes) -> bytes:
        """Return what comes up to and including a mark."""
        async with asyncio.timeout(DEADLINE):
            return await self._reader.readuntil(mark)

    async def read_all(self) -> bytes:
        """Return what comes before the server closes the connection, politely or not."""
        async with asyncio.timeout(DEADLINE):
            received = bytearray()
            try:
                while data := await self._reader.read(65536):
                    received += data
            except ConnectionResetError:
                pass
            return bytes(received)

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with suppress(ConnectionResetError):
            await self._writer.wait_closed()


@asynccontextmanager
async def client(server: Server) -> AsyncIterator[Client]:
    """Connect to a server of :func:`serving`."""
    assert server.listeners is not None
    url = server.listeners.urls[0]
    if url.startswith("unix:"):
        streams = await asyncio.open_unix_connection(url.removeprefix("unix:"))
    else:
        host, _, port = url.removeprefix("http://").rpartition(":")
        streams = await asyncio.open_connection(host.strip("[]"), int(port))
    connection = Client(*streams)
    try:
        yield connection
    finally:
        await connection.close()


async def get(server: Server, path: str = "/") -> bytes:
    """Ask for a path on a connection of its own, and return the whole response."""
    async with client(server) as connection:
        connection.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return await connection.read_all()
