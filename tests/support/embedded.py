"""Runs tests on event loops, and servers inside them, the way a program that embeds a server does."""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar, copy_context
from typing import Any, Literal

import pytest

from hybrid.server.config import Config
from hybrid.server.loops import loop_factory
from hybrid.server.server import Server
from tests.support.http2_relay import relaying

#: Seconds after which what is waited for will not come any more; generous, because machines are busy.
DEADLINE = 60.0

AsyncTest = Callable[..., Coroutine[Any, Any, None]]

#: The event loops, by the names that tests have for them.
LOOPS: dict[str, Literal["asyncio", "uvloop"]] = {"asyncio": "asyncio", "uvloop": "uvloop"}

#: Whether servers are to be reached through a relay that speaks HTTP/2 with them, and which port that has.
_RELAYED: ContextVar[bool] = ContextVar("_RELAYED", default=False)
_ENTRANCE: ContextVar[dict[Server, int]] = ContextVar("_ENTRANCE")


def on_each_loop(test: AsyncTest) -> Callable[..., None]:
    """Run a test that is a coroutine function on asyncio's event loop and on uvloop, within the deadline."""
    return _on(test, "asyncio", "uvloop")


def on_each_way(test: AsyncTest) -> Callable[..., None]:
    """Do the same, and once more with a relay before each server: the test's WebSockets, which are of
    HTTP/1.1, are streams of HTTP/2 to the server.
    """
    return _on(test, "asyncio", "uvloop", "uvloop-http2")


def relayed() -> bool:
    """Tell whether the servers of the running test are behind a relay."""
    return _RELAYED.get()


def run_on(way: str, test: Coroutine[Any, Any, None], deadline: float) -> None:
    """Run a test on an event loop, and perhaps with a relay, by the name of the way."""
    name, _, version = way.partition("-")
    context = copy_context()
    context.run(_RELAYED.set, bool(version))
    context.run(_ENTRANCE.set, {})
    with asyncio.Runner(loop_factory=loop_factory(LOOPS[name])) as runner:
        runner.run(asyncio.wait_for(test, deadline), context=context)


def _on(test: AsyncTest, *ways: str) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, loop_name: Any, **kwargs: Any) -> None:
        run_on(loop_name, test(*args, **kwargs), DEADLINE)

    # pytest reads the parameters here: the loop's name, and what the test itself takes.
    own = inspect.signature(test)
    name = inspect.Parameter("loop_name", inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = own.replace(parameters=[*own.parameters.values(), name])  # type: ignore[attr-defined]
    parametrized: Callable[..., None] = pytest.mark.parametrize("loop_name", ways)(run)
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
    if relayed():
        settings["http2_cleartext"] = True
    server = Server(Config(app=app, **{"access_log": False, **settings}))
    task = asyncio.create_task(server.serve(sockets))
    try:
        await until(lambda: server.started or task.done())
        if relayed():
            async with relaying(port_of(server)) as entrance:
                _ENTRANCE.get()[server] = entrance
                yield server, task
        else:
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
    """Give the TCP port to connect to: of a server, or of the relay before it."""
    if relayed() and (entrance := _ENTRANCE.get().get(server)):
        return entrance
    return listening_port_of(server)


def listening_port_of(server: Server) -> int:
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
    if relayed():
        streams = await asyncio.open_connection("127.0.0.1", port_of(server))
    elif url.startswith("unix:"):
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
