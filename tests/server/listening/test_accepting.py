"""Who is let in, and who waits in the system's queue."""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest

from hybrid.server.listening import accepting as module
from hybrid.server.listening.accepting import Entrance
from hybrid.server.listening.binding import BoundSocket
from hybrid.server.listening.listeners import Listeners
from tests.support.embedded import on_each_loop, until


class Crowd:
    """Counts the connections that are open, for a entrance, and tells it when one has closed."""

    def __init__(self, limit: int = 0) -> None:
        self.open: set[Member] = set()
        self.failures = 0  # to come
        self.entrance = Entrance(asyncio.get_running_loop(), limit, lambda: len(self.open))

    def __call__(self) -> "Member":
        """Make the protocol of another connection."""
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError
        return Member(self)


class Member(asyncio.Protocol):
    """Greets, and leaves when the client does."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self.transport = cast("asyncio.Transport", transport)
        self._crowd.open.add(self)
        self.transport.write(b"hello")

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        self._crowd.open.discard(self)
        self._crowd.entrance.connection_closed()


class Reluctant(socket.socket):
    """A listening socket that fails to accept, with each of these errors in turn, before it does.

    Attributes:
        errors: those that are to come.
        tries: how often it was asked.
    """

    def __init__(self, *errors: int) -> None:
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.errors = list(errors)
        self.tries = 0

    def accept(self) -> Any:
        """Fail, or accept."""
        self.tries += 1
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    """Close what a test opens, at the latest when its loop has closed."""
    with ExitStack() as stack:
        yield stack


def close_with_test(opened: ExitStack) -> None:
    """Close it while the loop still turns: uvloop cannot close itself while somebody watches a socket."""
    task = asyncio.current_task()
    assert task is not None
    task.add_done_callback(lambda _: opened.close())


async def listen(opened: ExitStack, crowd: Crowd, listener: socket.socket | None = None) -> tuple[str, int]:
    """Let a crowd in at a socket; give its address."""
    close_with_test(opened)
    bound = listener or socket.socket()
    bound.bind(("127.0.0.1", 0))
    address: tuple[str, int] = bound.getsockname()
    listeners = Listeners.given([bound], 100)
    opened.callback(listeners.close)
    await listeners.start(crowd, crowd.entrance)
    return address


class Visitor:
    """A client that waits to be greeted."""

    def __init__(self, address: tuple[str, int], opened: ExitStack) -> None:
        self._socket = opened.enter_context(socket.create_connection(address))
        self._socket.setblocking(False)

    @property
    def greeted(self) -> bool:
        """Whether somebody has let it in."""
        try:
            return self._socket.recv(5, socket.MSG_PEEK) == b"hello"
        except BlockingIOError:
            return False

    @property
    def refused(self) -> bool:
        """Whether the other end has closed."""
        try:
            return not self._socket.recv(5, socket.MSG_PEEK)
        except BlockingIOError:
            return False

    def leave(self) -> None:
        """Close."""
        self._socket.close()


async def turns() -> None:
    """Let the loop turn long enough for everything to happen that is going to happen at once."""
    for _ in range(20):
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)


def count_of(visitors: list[Visitor]) -> int:
    """Count who has been greeted."""
    return sum(visitor.greeted for visitor in visitors)


@on_each_loop
async def test_limit(opened: ExitStack, caplog: pytest.LogCaptureFixture) -> None:
    """At the limit further clients wait; each connection that closes lets one of them in."""
    crowd = Crowd(limit=2)
    address = await listen(opened, crowd)
    visitors = [Visitor(address, opened) for _ in range(5)]
    await until(lambda: count_of(visitors) == 2)
    await turns()
    assert count_of(visitors) == 2
    assert "limit_connections is reached: 2 connections" in repr(crowd.entrance)
    for number, visitor in enumerate(visitors[:3], 3):
        visitor.leave()
        await until(lambda: visitors[number - 1].greeted)  # noqa: B023 - waited for at once
        await turns()
        assert len(crowd.open) == 2
    assert [record.message for record in caplog.records] == [
        "limit_connections is reached: new clients wait until one of 2 connections closes"
    ]


@on_each_loop
async def test_nobody_counts_twice(opened: ExitStack, caplog: pytest.LogCaptureFixture) -> None:
    """A connection that is just starting is one, so that the limit is not reached before its time."""
    crowd = Crowd(limit=31)
    address = await listen(opened, crowd)
    visitors = []
    for _ in range(30):
        visitors.append(Visitor(address, opened))
        await asyncio.sleep(0)
    await until(lambda: count_of(visitors) == 30)
    assert not caplog.records


@on_each_loop
async def test_limit_of_all_listeners(opened: ExitStack) -> None:
    """The limit is the server's: a client of one listener waits for one of another to leave."""
    close_with_test(opened)
    crowd = Crowd(limit=1)
    bound = [BoundSocket(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
    listeners = Listeners(bound, 10)
    opened.callback(listeners.close)
    await listeners.start(crowd, crowd.entrance)
    first = Visitor(bound[0].socket.getsockname(), opened)
    await until(lambda: first.greeted)
    second = Visitor(bound[1].socket.getsockname(), opened)
    await turns()
    assert not second.greeted
    first.leave()
    await until(lambda: second.greeted)


@on_each_loop
@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_no_descriptors(opened: ExitStack, caplog: pytest.LogCaptureFixture, number: int) -> None:
    """Without descriptors accepting stops, and goes on a little later; the log says so once."""
    crowd = Crowd()
    listener = Reluctant(*[number] * 2)
    visitor = Visitor(await listen(opened, crowd, listener), opened)
    await until(lambda: listener.tries == 1)
    await turns()
    assert listener.tries == 1
    assert "out of file descriptors" in repr(crowd.entrance)
    await until(lambda: visitor.greeted)
    assert [record.message for record in caplog.records] == [
        "out of file descriptors: new clients wait until one of 0 connections closes"
    ]


@on_each_loop
async def test_descriptors_again(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that closes gives its descriptor to the next client at once."""
    monkeypatch.setattr(module, "_RETRY_SECONDS", 3600.0)
    crowd = Crowd()
    listener = Reluctant()
    address = await listen(opened, crowd, listener)
    first = Visitor(address, opened)
    await until(lambda: first.greeted and not crowd.entrance.starting)  # which would look again
    listener.errors.append(errno.EMFILE)
    second = Visitor(address, opened)
    await until(lambda: "out of file descriptors" in repr(crowd.entrance))
    first.leave()
    await until(lambda: second.greeted)


@on_each_loop
async def test_reserve(opened: ExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients wait before the last descriptors are used up; one of them is let in, whatever the rest uses."""
    crowd = Crowd()
    address = await listen(opened, crowd)
    monkeypatch.setattr(module, "descriptor_mark", lambda: 0)  # all of them are reserved
    crowd.entrance._mark = 0
    visitors = [Visitor(address, opened) for _ in range(3)]
    for visitor in visitors:
        await until(lambda: visitor.greeted)  # noqa: B023 - waited for at once
        await turns()
        assert len(crowd.open) == 1
        visitor.leave()


@on_each_loop
async def test_end_of_an_episode(
    opened: ExitStack, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nobody has had to wait for a while the log says so, and the next time is news again."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(module, "_CALM_SECONDS", 0.5)
    crowd = Crowd(limit=1)
    address = await listen(opened, crowd)
    for _ in range(2):
        first, second = (Visitor(address, opened) for _ in range(2))
        await until(lambda: len(crowd.open) == 1 and "reached" in repr(crowd.entrance))
        first.leave()
        second.leave()
        await until(lambda: not crowd.open and "do not wait any more" in caplog.records[-1].message)
    assert [record.message.partition(":")[0].partition(";")[0] for record in caplog.records] == [
        "limit_connections is reached",
        "new clients do not wait any more",
    ] * 2


@on_each_loop
async def test_client_that_has_gone(opened: ExitStack, caplog: pytest.LogCaptureFixture) -> None:
    """A connection that failed before it was accepted is nobody's error, and others are accepted."""
    listener = Reluctant(errno.ECONNABORTED, errno.EPROTO, errno.EAGAIN, errno.EINTR)
    visitor = Visitor(await listen(opened, Crowd(), listener), opened)
    await until(lambda: visitor.greeted)
    assert caplog.records == []


@on_each_loop
async def test_listener_that_is_broken(opened: ExitStack, caplog: pytest.LogCaptureFixture) -> None:
    """A socket that somebody has shut down is given up with a line in the log; it does not keep the loop
    busy.
    """
    listener = Reluctant()
    address = await listen(opened, Crowd(), listener)
    listener.shutdown(socket.SHUT_RDWR)
    await until(lambda: caplog.records)
    await turns()
    assert listener.tries == 1
    complaint = f"no longer listening on 127.0.0.1:{address[1]}: Invalid argument"
    assert [record.message for record in caplog.records] == [complaint]


@on_each_loop
async def test_no_delay(opened: ExitStack) -> None:
    """What is sent on an accepted connection goes out at once (TCP_NODELAY)."""
    crowd = Crowd()
    visitor = Visitor(await listen(opened, crowd), opened)
    await until(lambda: visitor.greeted)
    (member,) = crowd.open
    accepted = member.transport.get_extra_info("socket")
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@on_each_loop
async def test_connection_that_fails_at_once(opened: ExitStack) -> None:
    """A connection that comes to nothing is closed, and its place is the next client's."""
    crowd = Crowd(limit=1)
    crowd.failures = 1
    address = await listen(opened, crowd)
    first = Visitor(address, opened)
    await until(lambda: first.refused)
    second = Visitor(address, opened)
    await until(lambda: second.greeted)


@on_each_loop
async def test_close_while_clients_wait(opened: ExitStack) -> None:
    """Nobody is let in, and nothing is left to do, once the entrance has closed."""
    crowd = Crowd(limit=1)
    address = await listen(opened, crowd)
    first = Visitor(address, opened)
    await until(lambda: first.greeted)
    second = Visitor(address, opened)
    await until(lambda: "reached" in repr(crowd.entrance))
    first.leave()
    crowd.entrance.close()
    await until(lambda: not crowd.open)
    await turns()
    assert not second.greeted
    assert "closed" in repr(crowd.entrance)


class Blind(asyncio.SelectorEventLoop):
    """A loop that lets nobody watch descriptors, as that of Windows."""

    def add_reader(self, *watched: Any) -> None:  # type: ignore[override]
        """Refuse."""
        raise NotImplementedError


def test_loop_that_watches_no_descriptors() -> None:
    """There asyncio accepts, and nobody is counted."""

    async def visit() -> None:
        with ExitStack() as opened:
            visitor = Visitor(await listen(opened, Crowd(limit=1)), opened)
            await until(lambda: visitor.greeted)
            visitor.leave()
            await turns()

    with asyncio.Runner(loop_factory=Blind) as runner:
        runner.run(visit())
