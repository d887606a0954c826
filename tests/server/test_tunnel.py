"""The tunnel between a client, which is a fake transport here, and an application's end of a real pair."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from hybrid.bridge.routing import not_found
from hybrid.server.config import Config
from hybrid.server.connection import Connection, Handler
from hybrid.server.context import ServerContext
from hybrid.server.tunnel import Tunnel
from hybrid.server.wire.websocket.frames import encode_close, encode_text
from tests.support.embedded import on_each_loop, until
from tests.support.transports import FakeTransport

#: How an application opens a WebSocket.
HEAD = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
#: What the client hears of a server that stops.
STOPPING = encode_close(1012, "the server is stopping")
#: More than the kernel keeps for one direction.
LARGE = bytes(range(256)) * 8000


class Ends:
    """A tunnel, the client before it and the application behind it.

    Attributes:
        client: the client's transport.
        application: the application's end, which never blocks here.
        opened: how often the application was said to have begun to write.
    """

    def __init__(self) -> None:
        self.context = ServerContext(Config(app=not_found), not_found, asyncio.get_running_loop())
        self.connection = Connection(self.context)
        self.client = FakeTransport()
        self.client.connect(Handler(self.connection))
        end, self.application = socket.socketpair()
        self.application.setblocking(False)
        self.opened = 0
        self.end = end
        self.tunnel = Tunnel(self.connection, end, self._open)
        self.connection.switch(self.tunnel)

    def _open(self) -> None:
        self.opened += 1

    async def read(self, size: int) -> bytes:
        """Read so much as the application; less at the end."""
        received = bytearray()
        while len(received) < size:
            try:
                data = self.application.recv(size - len(received))
            except BlockingIOError:
                await asyncio.sleep(0)
                continue
            if not data:
                break
            received += data
        return bytes(received)

    def fill(self) -> int:
        """Write as the application until there is no room, and return the size of what of `LARGE` it was."""
        sent = 0
        with suppress(BlockingIOError):
            while True:
                sent += self.application.send(LARGE[sent:])
        return sent

    async def write(self, data: bytes) -> None:
        """Write as the application, and let it reach the client."""
        self.client.take()
        self.application.sendall(data)
        await until(lambda: self.client.written == data)

    def tick(self, seconds: float = 0.0) -> None:
        """Let the server's clock tick, so many seconds later."""
        for connection in tuple(self.context.connections):
            connection.tick(self.context.now + seconds)

    def client_ended(self) -> bool:
        """Tell whether the client sees the end."""
        return self.client.eof_written

    @property
    def closed(self) -> bool:
        """Whether our end is closed, and nobody keeps the tunnel."""
        return self.end.fileno() == -1 and not self.context.connections - {self.connection}


@contextmanager
def ends() -> Iterator[Ends]:
    """Make a tunnel; whatever the test leaves of it is closed."""
    made = Ends()
    yield made
    made.application.close()
    made.tunnel.abort()
    made.connection.abort()
    with suppress(ValueError):
        asyncio.get_running_loop().remove_reader(made.end)


# Bytes


@on_each_loop
async def test_both_directions() -> None:
    """Bytes arrive as they are, and the first ones of the application are announced."""
    with ends() as made:
        made.client.receive(b"from the client")
        assert await made.read(15) == b"from the client"
        assert made.opened == 0
        await made.write(b"one")
        await made.write(b"two")
        assert made.opened == 1
        assert not made.client.closing


@on_each_loop
async def test_application_that_does_not_read() -> None:
    """The client is not read from until it does; nothing is lost, and what is kept is bounded."""
    with ends() as made:
        sent = 0
        while made.client.is_reading():
            made.client.receive(LARGE[sent : sent + 65536])
            sent += 65536
        assert sent < len(LARGE)
        made.client.receive(LARGE[sent:])  # what the transport had read already
        assert await made.read(len(LARGE)) == LARGE
        await until(made.client.is_reading)


@on_each_loop
async def test_client_that_does_not_read() -> None:
    """The application's writes fill up the kernel's buffer and wait, until the client reads again."""
    with ends() as made:
        await made.write(b"open")
        made.client.take()
        made.tunnel.pause_writing()
        sent = made.fill()
        await asyncio.sleep(0.01)
        with pytest.raises(BlockingIOError):
            made.application.send(b"x")
        assert not made.client.written
        made.tunnel.resume_writing()
        await until(lambda: made.client.written == LARGE[:sent])


@on_each_loop
async def test_repr() -> None:
    """It tells who is heard, and how much waits."""
    with ends() as made:
        made.client.receive(b"x")
        assert repr(made.tunnel) == "<Tunnel PENDING unsent=0>"


# The client ends


@on_each_loop
async def test_client_closes_its_direction() -> None:
    """The application sees the end after what came before it, and may still answer; then all is over."""
    with ends() as made:
        made.client.receive(LARGE)
        made.client.receive_eof()
        assert await made.read(len(LARGE) + 1) == LARGE
        await made.write(b"bye")
        made.application.close()
        await until(lambda: made.client.closing)
        assert not made.client.aborted
        assert made.closed


@on_each_loop
async def test_client_vanishes() -> None:
    """The application reads the end; what it writes is dropped for a moment, and then an error."""
    with ends() as made:
        await made.write(b"open")
        made.client.lose()
        assert await made.read(1) == b""
        for _ in range(20):  # more than the kernel keeps
            made.application.send(bytes(65536))
            await asyncio.sleep(0.002)
        assert made.client.written == b"open"
        made.tick()
        made.application.send(b"x")
        made.tick(10.0)
        with pytest.raises(BrokenPipeError):
            made.application.send(b"x")
        assert made.closed


@on_each_loop
async def test_client_vanishes_while_the_application_does_not_read() -> None:
    """What waits for the application is dropped, and the loop does not look for room any more."""
    with ends() as made:
        made.client.receive(LARGE)
        made.client.lose()
        kept = await made.read(len(LARGE))
        assert len(kept) < len(LARGE)
        assert LARGE.startswith(kept)


@on_each_loop
async def test_application_lets_go_after_the_client() -> None:
    """Nothing is kept once the application has closed its end too."""
    with ends() as made:
        made.client.lose()
        assert made.tunnel in made.context.connections
        made.application.close()
        await until(lambda: made.closed)


@pytest.mark.parametrize("when", ["before", "after"])
@on_each_loop
async def test_client_vanishes_while_the_server_stops(when: str) -> None:
    """Nobody is given a moment then."""
    with ends() as made:
        if when == "before":
            made.context.draining = True
        made.client.lose()
        if when == "after":
            made.tunnel.drain()
        assert made.closed


@on_each_loop
async def test_call_ends_after_the_client() -> None:
    """When the call returns, what was left for its sake is closed."""
    with ends() as made:
        made.client.lose()
        made.tunnel.release()
        assert made.closed


# The application ends


@on_each_loop
async def test_application_closes_its_direction() -> None:
    """The client sees the end and is still heard; when it ends too, the connection is over."""
    with ends() as made:
        await made.write(b"that was all")
        made.application.shutdown(socket.SHUT_WR)
        await until(lambda: made.client.eof_written)
        made.client.receive(b"go on")
        assert await made.read(5) == b"go on"
        made.client.receive_eof()
        assert made.client.closing


@on_each_loop
async def test_application_closes() -> None:
    """What it wrote arrives though it had something unread; what the client says to that is dropped."""
    with ends() as made:
        made.client.receive(b"unread")
        made.application.sendall(b"last words")
        made.application.close()
        await until(lambda: made.client.eof_written)
        assert made.client.take() == b"last words"
        made.client.receive(b"what?")
        made.client.receive(b"what?")
        made.tunnel.release()
        assert made.closed
        made.client.receive_eof()
        assert made.client.closing


@on_each_loop
async def test_application_closes_where_no_direction_closes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over TLS the end of one direction is the end of both."""
    with ends() as made:
        monkeypatch.setattr(made.client, "can_write_eof", lambda: False)
        await made.write(b"that was all")
        made.application.shutdown(socket.SHUT_WR)
        await until(lambda: made.client.closing)


@on_each_loop
async def test_client_has_reset_when_the_application_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transport that finds that out then is closed."""

    def fail() -> None:
        raise OSError

    with ends() as made:
        monkeypatch.setattr(made.client, "write_eof", fail)
        await made.write(b"that was all")
        made.application.close()
        await until(lambda: made.client.closing)


@on_each_loop
async def test_call_ends_with_bytes_on_their_way() -> None:
    """The client gets all of them, and the application's threads the end; closing their end ends it."""
    with ends() as made:
        await made.write(b"open")
        made.client.take()
        sent = made.fill()
        made.tunnel.release()
        assert await made.read(1) == b""
        await until(lambda: len(made.client.written) == sent)
        made.application.sendall(b"a late answer")
        made.application.close()
        await until(lambda: made.client.eof_written)
        assert made.client.take() == LARGE[:sent] + b"a late answer"


@on_each_loop
async def test_end_that_is_never_closed() -> None:
    """After the call it is given a moment, and as long as the client needs to read."""
    with ends() as made:
        await made.write(b"open")
        made.client.take()
        made.tunnel.pause_writing()
        sent = made.fill()
        made.tunnel.release()
        made.tick()
        made.tick(10.0)
        assert not made.client_ended()
        made.tunnel.resume_writing()
        await until(lambda: len(made.client.written) == sent)
        made.tick()
        assert not made.client_ended()
        made.tick(10.0)
        assert made.client_ended()
        assert made.closed


@on_each_loop
async def test_call_ends_without_a_word() -> None:
    """A client that would never hear anything is cut off."""
    with ends() as made:
        made.tunnel.release()
        assert made.client.aborted


# A response instead


@on_each_loop
async def test_response() -> None:
    """Once the client is claimed for a response, nothing that the application writes reaches it."""
    with ends() as made:
        assert not made.tunnel.used
        assert made.tunnel.claim()
        for _ in range(10):
            made.application.send(bytes(50_000))
            await asyncio.sleep(0.002)
        assert not made.client.written
        assert (made.opened, made.tunnel.used) == (0, False)
        made.tunnel.close()
        assert made.client.eof_written
        assert made.closed
        made.tunnel.release()
        assert not made.client.aborted


@on_each_loop
async def test_response_too_late() -> None:
    """What the application has written counts, though the loop had not come to it."""
    with ends() as made:
        made.application.send(b"HTTP/1.1 101 ")
        assert not made.tunnel.claim()
        assert made.tunnel.used
        assert made.client.take() == b"HTTP/1.1 101 "
        made.tunnel.cut_off()
        assert not made.client.aborted


@on_each_loop
async def test_response_that_cannot_be_completed() -> None:
    """The client can tell."""
    with ends() as made:
        assert made.tunnel.claim()
        made.tunnel.cut_off()
        assert made.client.aborted


@on_each_loop
async def test_application_closes_its_end_before_it_answers() -> None:
    """That alone says nothing to the client."""
    with ends() as made:
        made.application.close()
        await asyncio.sleep(0.01)
        assert not made.client.eof_written
        assert made.tunnel.claim()


# The server stops


@on_each_loop
async def test_drain() -> None:
    """The application's input ends; what it says to that arrives, and its end is the client's."""
    with ends() as made:
        await made.write(b"open")
        made.client.take()
        made.client.receive(LARGE)
        made.tunnel.drain()
        made.tunnel.drain()
        assert len(await made.read(len(LARGE))) < len(LARGE)
        made.client.receive(b"too late")
        made.application.sendall(b"bye")
        made.application.close()
        await until(lambda: made.client.eof_written)
        assert made.client.take() == b"bye"
        assert made.closed


@on_each_loop
async def test_drain_while_it_answers() -> None:
    """A response to the handshake is finished like any other."""
    with ends() as made:
        assert made.tunnel.claim()
        made.tunnel.drain()
        with pytest.raises(BlockingIOError):
            made.application.recv(1)


@on_each_loop
async def test_drain_between_frames() -> None:
    """A client whose application writes frames gets a close frame, after which nothing more is said to it."""
    with ends() as made:
        await made.write(HEAD + encode_text("hello"))
        made.client.take()
        made.application.sendall(encode_text("a moment before"))
        made.tunnel.drain()
        assert made.client.take() == encode_text("a moment before") + STOPPING
        assert await made.read(1) == b""
        made.application.sendall(encode_text("too late"))
        await asyncio.sleep(0.01)
        assert made.client.written == b""
        assert made.tunnel.used
        made.application.close()
        await until(lambda: made.client.eof_written)
        assert made.closed


@on_each_loop
async def test_drain_in_the_middle_of_a_frame() -> None:
    """The close frame waits for the end of a frame that has begun, and goes before the next one."""
    with ends() as made:
        await made.write(HEAD)
        await made.write(encode_text("hello")[:3])
        made.tunnel.drain()
        assert made.client.written == encode_text("hello")[:3]
        made.client.take()
        made.application.sendall(encode_text("hello")[3:] + encode_text("next")[:3])
        await until(lambda: made.client.written == encode_text("hello")[3:] + STOPPING)


@on_each_loop
async def test_drain_before_the_handshake_is_answered() -> None:
    """An application that accepts while the server stops has its client told so at once."""
    with ends() as made:
        made.tunnel.drain()
        made.application.sendall(HEAD)
        await until(lambda: made.client.written == HEAD + STOPPING)


@on_each_loop
async def test_drain_after_the_application_has_said_close() -> None:
    """Nothing follows a close frame, not even another one."""
    with ends() as made:
        await made.write(HEAD + encode_close(1000))
        made.client.take()
        made.tunnel.drain()
        await asyncio.sleep(0.01)
        assert made.client.written == b""


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "not seen yet"])
@on_each_loop
async def test_drain_after_the_application_has_closed_its_direction(seen: bool) -> None:
    """Nothing can be said after the end of the direction: the other one ends too."""
    with ends() as made:
        await made.write(HEAD)
        made.client.take()
        made.application.shutdown(socket.SHUT_WR)
        if seen:
            await until(lambda: made.client.eof_written)
        made.tunnel.drain()
        assert made.client.eof_written
        assert made.client.written == b""
        assert await made.read(1) == b""
        assert made.closed


@on_each_loop
async def test_application_stays_after_the_drain() -> None:
    """An application that does not close its end keeps neither the client nor the tunnel for long."""
    with ends() as made:
        await made.write(HEAD)
        made.tunnel.drain()
        ended = []
        for seconds in (1, 2):
            made.tick(seconds)
            ended.append(made.client_ended())
        assert ended == [False, True]
        assert made.closed
