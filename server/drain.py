"""How a server comes to its end: step by step, each one in the log, and all within a bounded time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final, NamedTuple

from hybrid.server.application import LoadedApplication
from hybrid.server.context import OpenConnection, ServerContext
from hybrid.server.http11 import PATIENCE
from hybrid.server.loops import cancel_tasks

logger = logging.getLogger("hybrid.server")

#: Seconds that a cancelled application call may take to clean up.
_CANCEL_SECONDS = 1.0
#: Seconds between two looks at whether the last request has ended, and while WebSockets wait to be closed.
_STEP: Final = 0.05
_CLOSE_STEP: Final = 0.01
#: The last part of the time allowed, in which endless responses are told to end: a fifth, at most so many
#: seconds.
_ENDING_SHARE: Final = 0.2
_ENDING_SECONDS: Final = 5.0


class Phase(Enum):
    """How far the end of a server has come."""

    SERVING = "serving"
    NOT_READY = "not ready, and still listening"
    CLOSED = "listening no more"
    TOLD = "the applications are told"
    FINISHING = "finishing what is in flight"
    ENDING = "telling endless responses to end"
    CUTTING = "cutting off what is left"
    DRAINED = "nothing is in flight"


class InFlight(NamedTuple):
    """What has not ended; the WebSockets of WSGI applications are WSGI calls."""

    connections: int
    asgi_calls: int
    wsgi_calls: int

    def __str__(self) -> str:
        names = ("connection", "ASGI call", "WSGI call")
        counted = zip(self, names, strict=True)
        return ", ".join(f"{number} {name}{'s' * (number > 1)}" for number, name in counted if number)


class Drain:
    """Brings a server to its end: :meth:`run`, and then :meth:`cut_off`, which alone will do. Loop thread
    only.

    Args:
        context: of the server.
        loaded: what it serves.
        stop_listening: closes the listeners, and before that accepts those who have connected, if it is told
            so; is called more than once.
        wait: waits for so many seconds, or until the server has been told something.
        forced: whether it is to be over at once.

    Attributes:
        phase: how far it has come.
    """

    def __init__(
        self,
        context: ServerContext,
        loaded: LoadedApplication,
        stop_listening: Callable[[bool], None],
        wait: Callable[[float], Awaitable[None]],
        forced: Callable[[], bool],
    ) -> None:
        self.phase = Phase.SERVING
        self._context = context
        self._loaded = loaded
        self._stop_listening = stop_listening
        self._wait = wait
        self._forced = forced
        self._end = 0.0  # of the time allowed, by the loop

    def __repr__(self) -> str:
        return f"<Drain {self.phase.value}: {self.in_flight()}>"

    @property
    def left(self) -> float:
        """Seconds that are left of the time allowed."""
        return max(0.0, self._end - self._context.loop.time())

    def in_flight(self) -> InFlight:
        """Count what has not ended."""
        jobs = sum(pool.busy + pool.queued for pool in self._loaded.pools.values())
        if self._loaded.sockets is not None:
            jobs += self._loaded.sockets.busy
        return InFlight(len(self._context.connections), len(self._context.calls), jobs)

    async def run(self) -> None:
        """Take the steps to the end in order, until nothing is in flight or the time is over."""
        config, context = self._context.config, self._context
        self._end = context.loop.time() + config.timeout_graceful_shutdown
        delay = config.shutdown_delay
        self._enter(
            Phase.NOT_READY, f"not ready, and listening for another {delay:g} s" if delay else "not ready"
        )
        await self._pass(delay)
        await loop_turns()  # in which some are accepted who wait for that, whoever listens there too
        self._close_listeners(last=True)
        await loop_turns(4)  # in which those become connections, and what they have sent is read
        lasting = [each for connection in context.connections for each in connection.lasting]
        # All in one turn of the loop: a response that ended between would be followed by a close that it has
        # not told of.
        context.patient = context.draining = True
        # The connections first: who answers because he is told is to say that it is the last response.
        self._drain(context.connections.difference(lasting))
        self._tell()
        await loop_turns()
        spread = min(config.ws_close_spread, self.left / 2)
        await self._finish(_Spread(lasting, context.loop.time(), spread))
        if not any(self.in_flight()):
            self.phase = Phase.DRAINED

    async def cut_off(self) -> None:
        """End what is still in flight, as far as it can be; a thread cannot."""
        self._close_listeners(last=False)
        self._tell()
        self._context.patient, self._context.draining = False, True
        self._drain(self._context.connections.copy())
        await loop_turns()
        if any(left := self.in_flight()):
            self.phase = Phase.CUTTING
            logger.warning("cutting off %s", left)
        for connection in tuple(self._context.connections):
            connection.abort()
        await cancel_tasks(self._context.calls, _CANCEL_SECONDS)
        await loop_turns()

    # The steps.

    async def _pass(self, seconds: float) -> None:
        """Go on serving for a while, so that load balancers notice that the server is not ready."""
        loop = self._context.loop
        end = loop.time() + seconds
        while not self._forced() and (left := end - loop.time()) > 0:
            await self._wait(min(left, self._context.TICK))
            self._context.tick()

    def _close_listeners(self, *, last: bool) -> None:
        self._stop_listening(last)
        if self.phase in (Phase.SERVING, Phase.NOT_READY):
            self._enter(Phase.CLOSED, "listening no more")

    def _tell(self) -> None:
        """Tell the applications, when nobody can come any more who would have to be told again."""
        if not self._context.shutdown.is_set():
            self._context.shutdown.give()
            self._enter(Phase.TOLD, "the applications are told")

    async def _finish(self, spread: "_Spread") -> None:
        """Close each WebSocket when it is its turn, and let what is in flight finish."""
        context = self._context
        if spread.waiting:
            logger.info("stopping: closing %d WebSockets within %g s", len(spread.waiting), spread.seconds)
        timeout = context.config.timeout_graceful_shutdown
        finishing_at = context.loop.time() + PATIENCE + _STEP  # when nothing idle is left
        ending_at = self._end - min(_ENDING_SECONDS, _ENDING_SHARE * timeout)
        while any(self.in_flight()) and not self._forced() and self.left:
            self._drain(spread.take(context.loop.time()))
            if self.phase is Phase.TOLD and context.loop.time() >= finishing_at:
                self.phase = Phase.FINISHING
                logger.info("stopping, after %s", self.in_flight())
            if self.phase is not Phase.ENDING and context.loop.time() >= ending_at:
                self._end_responses()
            await self._wait(min(_CLOSE_STEP if spread.waiting else _STEP, self.left))
            if context.loop.time() >= context.now + _STEP:  # deadlines are short now
                context.tick()

    def _end_responses(self) -> None:
        """Let endless responses come to their end, as far as their applications look whether anybody is
        there.
        """
        self.phase = Phase.ENDING
        told = sum([connection.end_response() for connection in tuple(self._context.connections)])
        if told:
            logger.info("stopping: told %d responses to end, within %.1f s", told, self.left)

    def _enter(self, phase: Phase, text: str) -> None:
        self.phase = phase
        if self._end:  # of a server that has failed, or is cancelled, others tell
            logger.info("stopping: %s", text)

    def _drain(self, connections: set[OpenConnection]) -> None:
        for connection in connections:
            connection.drain()


class _Spread:
    """Lets connections close one after the other, evenly over a time.

    Clients of WebSockets come back as soon as theirs is closed, and thousands at once would find the next
    server busy with handshakes alone.
    """

    def __init__(self, connections: list[OpenConnection], start: float, seconds: float) -> None:
        self.waiting = connections
        self.seconds = seconds
        self._start = start
        self._count = len(connections)

    def take(self, now: float) -> set[OpenConnection]:
        """Return those whose turn has come."""
        share = (now - self._start) / self.seconds if self.seconds else 1.0
        left = self._count - min(self._count, 1 + int(share * self._count))
        due, self.waiting = self.waiting[left:], self.waiting[:left]
        return set(due)


async def loop_turns(count: int = 2) -> None:
    """Wait for so many turns of the loop: in the first one transports that were closed tell so."""
    for _ in range(count):
        await asyncio.sleep(0)
