"""A WebSocket of somebody known, which is closed when that person is to be there no longer."""

import asyncio
import enum
import logging
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from hybrid.bridge.auth.identity import Identity
from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Message, Receive, Send
from hybrid.bridge.waking import Waits, its_task

logger = logging.getLogger("hybrid.auth")

#: The longest that a timer runs before the clock is looked at again, which may have been set meanwhile.
_LONGEST: Final = 3600.0
#: Times in a row that asking again may fail before the socket is closed: try again later (RFC 6455, IANA).
_FAILURES: Final = 3
_TRY_AGAIN_LATER: Final = 1013


class State(enum.Enum):
    """Where a guarded WebSocket is."""

    CONNECTING = "the application has not answered the handshake"
    OPEN = "the application talks with the client"
    OVER = "the application or the client has ended it"
    EXPELLED = "closed in the application's place"


# Looked up for every message; a member of an Enum is slow to find in its class.
_OPEN: Final = State.OPEN
_EXPELLED: Final = State.EXPELLED

_GONE: Final = "the WebSocket has been closed: its user may not stay"


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long somebody who was let in may stay.

    Attributes:
        expired_code: the close code for those who may not any longer.
        recheck: seconds after which it is asked again whose the credentials are; None for never. It is a
            tenth more or less, so that those who came together are not asked for together.
    """

    expired_code: int
    recheck: float | None


class Guard:
    """Stands between an application and one WebSocket; all on the loop.

    Costs a timer where something can expire, and no task until there is something to do.

    Args:
        name: of the connection, for the log.
        channel: ``receive`` and ``send`` of the ASGI call.
        identity: whose the WebSocket is.
        terms: for how long.
        ask_again: says whose it is now.

    Attributes:
        state: where it is.
    """

    def __init__(
        self,
        name: str,
        channel: tuple[Receive, Send],
        identity: Identity,
        terms: Terms,
        ask_again: Callable[[], Awaitable[Identity | None]],
    ) -> None:
        self.state = State.CONNECTING
        self._name = name
        self._receive, self._send = channel
        self._identity = identity
        self._terms = terms
        self._ask_again = ask_again
        self._failures = 0
        self._loop = asyncio.get_running_loop()
        self._farewell: Message = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
        self._timer: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._waits = Waits()  # of the application, for the server
        self._ask_at = self._next_question()
        self._arm()

    def __repr__(self) -> str:
        return f"<Guard of {self._name}: {self.state.value}>"

    # What the application calls.

    async def receive(self) -> Message:
        """Wait for the next message; when the WebSocket is closed here, that is the last one, at once: the
        server waits until the client has answered.
        """
        if self.state is not _EXPELLED:
            task = its_task()
            cancellations = self._waits.begin(task)
            try:
                message = await self._receive()
                if not self.expelled:  # meanwhile
                    if message["type"] == "websocket.disconnect":
                        self._finish(State.OVER)
                    return message
            except asyncio.CancelledError:
                if not self._waits.is_woken(task, cancellations):
                    raise
            finally:
                self._waits.end(task)
        return dict(self._farewell)

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message.

        Raises (when awaited):
            ClientDisconnected: the WebSocket has been closed here, perhaps meanwhile.
        """
        if self.state is _OPEN and message.get("type") == "websocket.send":
            return self._send_openly(message)
        return self._send_rarely(message)

    async def _send_openly(self, message: Message) -> None:
        task = its_task()
        cancellations = self._waits.begin(task)
        try:
            await self._send(message)
        except asyncio.CancelledError:
            if not self._waits.is_woken(task, cancellations):
                raise
            raise ClientDisconnected(_GONE) from None
        finally:
            self._waits.end(task)

    async def _send_rarely(self, message: Message) -> None:
        kind = message.get("type")
        if self.expelled:
            if kind == "websocket.close":
                return  # it is
            raise ClientDisconnected(_GONE)
        if kind == "websocket.accept" and self.state is State.CONNECTING:
            self.state = State.OPEN
        elif kind in ("websocket.close", "websocket.http.response.start"):
            self._finish(State.OVER)
        await self._send(message)

    # What the middleware calls.

    @property
    def expelled(self) -> bool:
        """Whether the WebSocket has been closed here."""
        return self.state is _EXPELLED

    def expel(self, code: int, reason: str) -> None:
        """Close the WebSocket; a handshake that is not answered yet is refused."""
        if self.state in (State.OVER, State.EXPELLED):
            return
        self._finish(State.EXPELLED)
        self._farewell = {"type": "websocket.disconnect", "code": code, "reason": reason}
        logger.info("%s: closed with %d: %s", self._name, code, reason or "no reason given")
        self._closing = self._loop.create_task(self._close(code, reason))
        self._waits.wake()

    async def end(self) -> None:
        """Let go: the application's call is over. A close that is being sent is waited for."""
        if not self.expelled:
            self._finish(State.OVER)
        elif self._closing is not None:
            await self._closing

    async def _close(self, code: int, reason: str) -> None:
        # The client may have left, or the application be closing it at this moment, in its own way.
        with suppress(Exception):
            await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def _finish(self, state: State) -> None:
        self.state = state
        if self._timer is not None:
            self._timer.cancel()
        if self._asking is not None and self._asking is not asyncio.current_task():
            self._asking.cancel()

    # Time.

    def _next_question(self) -> float | None:
        if self._terms.recheck is None:
            return None
        return self._loop.time() + self._terms.recheck * random.uniform(0.9, 1.1)  # noqa: S311 - no secret

    def _arm(self) -> None:
        """Have the timer ring for what comes first."""
        delays: list[float] = []
        if self._identity.expires is not None:
            delays.append(self._identity.expires - time.time())
        if self._ask_at is not None:
            delays.append(self._ask_at - self._loop.time())
        if delays:
            delay = min(max(0.0, min(delays)), _LONGEST)
            self._timer = self._loop.call_later(delay, self._ring)

    def _ring(self) -> None:
        if self._identity.expired():
            self.expel(self._terms.expired_code, "the sign-in has expired")
            return
        if self._ask_at is not None and self._ask_at <= self._loop.time():
            self._ask_at = self._next_question()
            if self._asking is None:
                self._asking = self._loop.create_task(self._ask())
        self._arm()

    async def _ask(self) -> None:
        """Ask whose the credentials are now."""
        try:
            async with asyncio.timeout(self._terms.recheck):
                identity = await self._ask_again()
        except Exception as error:  # noqa: BLE001 - a database that is away for a moment closes nobody's
            self._failures += 1
            logger.error("%s: could not ask again whose it is: %r", self._name, error)
            if self._failures >= _FAILURES:
                self.expel(_TRY_AGAIN_LATER, "who signs in cannot be asked for")
            return
        finally:
            self._asking = None
        self._failures = 0
        if identity is None or identity.user_id != self._identity.user_id:
            self.expel(self._terms.expired_code, "the sign-in has ended")
        elif self.state in (State.CONNECTING, State.OPEN):
            self._identity = identity
            if self._timer is not None:
                self._timer.cancel()
            self._arm()
