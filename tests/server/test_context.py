"""What the connections of a server share: its clock, its headers, its deadlines."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from hybrid.bridge.routing import not_found
from hybrid.server.config import Config
from hybrid.server.connection import Connection
from hybrid.server.context import ServerContext
from hybrid.server.http11 import Http11
from tests.support.embedded import on_each_loop
from tests.support.transports import FakeTransport


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose time a test sets."""

    seconds = 1000.0

    def time(self) -> float:
        """Give the time that the test has set."""
        return self.seconds


class Recorder:
    """A connection that notes when it is asked to look at its deadlines, and may then close."""

    def __init__(self, context: ServerContext, *, closes: bool = False) -> None:
        self.ticks: list[float] = []
        self._closes = closes
        self._context = context
        self.lasting = ()
        context.connections.add(self)

    def tick(self, now: float) -> None:
        """Note the time."""
        self.ticks.append(now)
        if self._closes:
            self._context.connections.discard(self)

    def drain(self) -> None:
        """Do nothing."""

    def end_response(self) -> bool:
        """Do nothing."""
        return False

    def abort(self) -> None:
        """Do nothing."""


@pytest.fixture
def clock() -> Clock:
    """Give an event loop whose time a test sets."""
    loop = Clock()
    loop.close()  # only its time is asked for
    return loop


def make(clock: Clock, **settings: float) -> ServerContext:
    """Make a context of an application that is never called."""
    return ServerContext(Config(app=not_found, **settings), not_found, clock)  # type: ignore[arg-type]


def test_tick_reaches_every_connection(clock: Clock) -> None:
    """Every connection gets the loop's time at a tick; one may leave meanwhile."""
    context = make(clock)
    stays, leaves = Recorder(context), Recorder(context, closes=True)
    for clock.seconds in (1001.0, 1002.5):
        context.tick()
    assert stays.ticks == [1001.0, 1002.5]
    assert leaves.ticks == [1001.0]
    assert context.now == 1002.5


def test_deadline_is_never_early(clock: Clock) -> None:
    """A deadline lies at least the given time ahead, although the context's time may be one tick old."""
    context = make(clock)
    clock.seconds += context.TICK
    assert context.deadline(5.0) >= clock.time() + 5.0


def test_idle_deadline(clock: Clock) -> None:
    """The deadline for idle connections follows the keep-alive timeout and moves with every tick."""
    context = make(clock, timeout_keep_alive=7.0)
    before = context.idle_deadline
    assert before == context.deadline(7.0)
    clock.seconds += 10
    context.tick()
    assert context.idle_deadline == before + 10


def test_default_fields(clock: Clock) -> None:
    """Responses get the date, as an HTTP date in UTC, and the server's name."""
    date, server = make(clock).default_fields
    assert server == b"server: hybrid\r\n"
    name, value = date.decode("ascii").rstrip("\r\n").split(": ")
    assert name == "date"
    assert value.endswith(" GMT")
    assert abs(parsedate_to_datetime(value) - datetime.now(UTC)) < timedelta(minutes=1)


def test_default_fields_are_replaced_as_a_whole(clock: Clock) -> None:
    """Worker threads read the fields at any time, and so a tick never changes the object that they have."""
    context = make(clock)
    before = context.default_fields
    context.tick()
    assert context.default_fields is not before


def test_repr(clock: Clock) -> None:
    """In a debugger a context shows what is open and whether the server is stopping."""
    context = make(clock)
    Recorder(context)
    assert repr(context) == "<ServerContext serving: 1 connections, 0 calls>"


@on_each_loop
async def test_connection_that_comes_too_late() -> None:
    """A connection that was accepted while the server was told to stop is closed, not kept for ever."""
    context = ServerContext(Config(app=not_found), not_found, asyncio.get_running_loop())
    context.draining = True
    transport = FakeTransport()
    transport.connect(Http11(Connection(context)))
    assert transport.closing
    await asyncio.sleep(0)
    assert not context.connections
