"""What a server listens on: from the first client to the last."""

import asyncio
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest

from hybrid.server.errors import BindError
from hybrid.server.listening.listeners import Listeners
from tests.support.embedded import on_each_loop
from tests.support.listening import backlog_of, bind

# Accepting.


class Greeter(asyncio.Protocol):
    """Says something to whoever connects, and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        writable = cast("asyncio.Transport", transport)  # uvloop's is one in all but name
        writable.write(b"hello")
        writable.close()


@on_each_loop
async def test_accepting(opened: ExitStack, tmp_path: Path) -> None:
    """Connections are accepted on every socket until the listeners are closed, which may happen twice."""
    path = tmp_path / "app.sock"
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(path))
    tcp = socket.create_server(("127.0.0.1", 0))
    listeners = Listeners.given([tcp, unix], 10)
    address = tcp.getsockname()
    await listeners.start(Greeter)
    for reader, writer in (
        await asyncio.open_connection(*address),
        await asyncio.open_unix_connection(str(path)),
    ):
        assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()
    listeners.close()
    listeners.close()
    await asyncio.sleep(0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_unix_connection(str(path))
    assert path.is_socket()


@on_each_loop
async def test_backlog(opened: ExitStack) -> None:
    """As many connections may wait to be accepted as the configuration says, not asyncio's 100."""
    listeners = bind(opened, backlog=777)
    await listeners.start(Greeter)
    assert backlog_of(listeners.sockets[0]) == 777
    listeners.close()


@on_each_loop
async def test_socket_whose_port_is_taken(opened: ExitStack) -> None:
    """A socket that somebody has bound for us, but too late, is refused like a port in use."""
    first, second = (opened.enter_context(socket.socket()) for _ in range(2))
    for each in (first, second):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        each.bind(("127.0.0.1", first.getsockname()[1] if each is second else 0))
    first.listen()
    listeners = Listeners.given([second], 10)
    with pytest.raises(BindError, match=rf"^cannot listen on {listeners.urls[0]}: Address already in use$"):
        await listeners.start(Greeter)
    listeners.close()


@on_each_loop
async def test_socket_that_cannot_listen(opened: ExitStack) -> None:
    """A socket of the wrong kind is refused, by its address."""
    datagrams = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    datagrams.bind(("127.0.0.1", 0))
    listeners = Listeners.given([datagrams], 10)
    problem = rf"^cannot listen on http://127\.0\.0\.1:{datagrams.getsockname()[1]}: "
    with pytest.raises(BindError, match=problem):
        await listeners.start(Greeter)
    listeners.close()
