"""The handshake on a connection, where a real process would not show what happens inside."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import ClassVar

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.http11 import Http11
from hybrid.server.tls import Certificates
from hybrid.server.tls_handshake import TlsHandshake, secure
from tests.support.certificates import Authority, authority
from tests.support.embedded import on_each_loop, until

__all__ = ["authority"]

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})


class Prologue(Handler):
    """Takes three bytes in clear, as a protocol ahead of TLS does, and gives the rest to the handshake."""

    def __init__(self, connection: Connection, certificates: Certificates) -> None:
        super().__init__(connection)
        self._certificates = certificates

    def data_received(self, data: bytes) -> None:
        """Take them: they come in one piece."""
        assert data.startswith(b"xyz")
        secure(self._connection, self._certificates, Http11, data[3:])


async def connected(
    authority: Authority, first: Callable[[Connection, Certificates], Handler]
) -> tuple[ServerContext, Connection, socket.socket]:
    """Open a connection whose first handler is made by `first`; return the client's end."""
    loop = asyncio.get_running_loop()
    config = Config(app=hello, access_log=False, ssl_certfile=authority.folder / "server.pem")
    context = ServerContext(config, hello, loop)
    certificates = Certificates(config)
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    connection = Connection(context)
    await loop.connect_accepted_socket(lambda: first(connection, certificates), ours)
    return context, connection, theirs


def start(connection: Connection, certificates: Certificates) -> Handler:
    """Speak TLS from the start."""
    return TlsHandshake(connection, certificates, Http11)


async def ask(
    client: socket.socket, authority: Authority, send: Callable[[bytes], Awaitable[object]]
) -> bytes:
    """Make the handshake and a request, everything sent with `send`; return what the server says."""
    loop = asyncio.get_running_loop()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    layer = authority.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    received, part = b"", b" "
    asked = False
    while part:
        try:
            if not asked:
                layer.do_handshake()
                layer.write(REQUEST)
                asked = True
            part = layer.read()
            received += part
        except ssl.SSLWantReadError:
            await send(outgoing.read())
            data = await loop.sock_recv(client, 65536)
            if data:
                incoming.write(data)
            else:
                incoming.write_eof()
    return received


@on_each_loop
async def test_after_something_in_clear(authority: Authority) -> None:
    """Bytes of the handshake that came with what was said before it are not lost."""
    context, connection, client = await connected(authority, Prologue)
    assert context.connections == {connection}
    before = [b"xyz"]

    async def send(data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(client, b"".join(before) + data)
        before.clear()

    with client:
        assert (await ask(client, authority, send)).endswith(b"hello")
    await until(lambda: not context.connections)
    assert (connection.scheme, connection.tls is not None) == ("https", True)


@on_each_loop
async def test_abort_during_the_handshake(authority: Authority) -> None:
    """A connection that is cut off in its handshake is over, and asks for nothing more."""
    context, connection, client = await connected(authority, start)
    with client:
        await asyncio.sleep(0)
        await asyncio.get_running_loop().sock_sendall(client, b"\x16\x03\x01")
        await asyncio.sleep(0)
        connection.abort()
        await until(lambda: connection.closed)
        assert not context.connections
        await until(lambda: not pending())


def pending() -> list[asyncio.Task[object]]:
    """Return the handshakes that still run."""
    return [each for each in asyncio.all_tasks() if "_secure" in repr(each)]


@on_each_loop
async def test_client_that_is_gone_at_once(authority: Authority) -> None:
    """A client that has left before the handshake could begin leaves nothing behind."""
    context, connection, client = await connected(authority, start)
    client.close()
    await until(lambda: connection.closed and not pending())
    assert not context.connections


@on_each_loop
async def test_stop_during_the_handshake(authority: Authority) -> None:
    """A request that follows a handshake at once is answered though the server stops meanwhile."""
    context, connection, client = await connected(authority, start)
    context.draining = True
    connection.drain()
    with client:
        received = await ask(
            client, authority, lambda data: asyncio.get_running_loop().sock_sendall(client, data)
        )
    assert received == b"" or received.endswith(b"hello")
    await until(lambda: not context.connections)


@on_each_loop
async def test_handler_that_cannot_be_made(authority: Authority, caplog: pytest.LogCaptureFixture) -> None:
    """A failure on the way from one handler to the next is logged, and ends this connection alone."""
    caplog.set_level(logging.ERROR, "hybrid.server")

    def fail(connection: Connection) -> Handler:
        raise ValueError("no handler")

    context, connection, client = await connected(
        authority, lambda connection, certificates: TlsHandshake(connection, certificates, fail)
    )
    with client, suppress(OSError):  # which the errors of TLS are, too
        await ask(client, authority, lambda data: asyncio.get_running_loop().sock_sendall(client, data))
    await until(lambda: connection.closed)
    assert not context.connections
    assert [each.message for each in caplog.records] == ["unix: the connection failed"]


class Filling(Handler):
    """Sends to a client that does not read, until it would have to wait."""

    held: ClassVar[list[int]] = []

    def data_received(self, data: bytes) -> None:
        """Fill the buffers, note how much that is in that of the layer, and go."""
        connection = self._connection
        while connection.writable:
            connection.write(bytes(16 * 1024))
        self.held.append(connection.transport.get_write_buffer_size())
        connection.abort()


@on_each_loop
async def test_what_a_slow_client_costs(authority: Authority) -> None:
    """As much as in clear waits for a client that does not read, and not the half megabyte of the loops."""
    Filling.held.clear()
    _, connection, client = await connected(
        authority, lambda connection, certificates: TlsHandshake(connection, certificates, Filling)
    )

    async def send(data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(client, data)

    with client, suppress(ssl.SSLError, OSError):
        await ask(client, authority, send)
    await until(lambda: connection.closed)
    (held,) = Filling.held
    assert held <= 96 * 1024
