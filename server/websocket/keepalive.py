"""Pings, which keep a WebSocket alive on its way and find clients that are gone (RFC 6455 section 5.5.2)."""

import random
from math import inf
from time import perf_counter
from typing import Final

from hybrid.server.connection import Connection
from hybrid.server.websocket.inbox import Inbox
from hybrid.server.wire.websocket.frames import Opcode, encode_frame

_PAYLOAD_SIZE: Final = 4
#: Bytes of which the last may take longer than a time-out over a slow line.
_MANY: Final = 64 * 1024


class _Ping:
    """A ping whose pong has not come.

    Attributes:
        payload: by which its pong is known. Who guesses it deceives us about himself alone.
        sent: when it was, by a clock that is finer than the loop's.
        next: the loop's time of the next one.
        deadline: the loop's time until which a sign of life is waited for.
        measured: whether nothing has held up the pong that may take long.
        queue: bytes that the system had for the client, this ping the last of them, as they were last seen.
    """

    __slots__ = ("deadline", "measured", "next", "payload", "queue", "sent")

    def __init__(self, next_at: float, deadline: float, *, measured: bool) -> None:
        self.payload = random.randbytes(_PAYLOAD_SIZE)  # noqa: S311
        self.sent = perf_counter()
        self.next = next_at
        self.deadline = deadline
        self.measured = measured
        self.queue = 0

    def comes_closer(self, queue: int) -> bool:
        """Whether the client still reads what was sent before, and much of it is left."""
        before, self.queue = self.queue, queue
        return _MANY < queue < before


class Keepalive:
    """Pings one client every ``ws_ping_interval``, and waits ``ws_ping_timeout`` for a sign of life. Loop
    thread only.

    The server's ticks are its timer. The first ping comes at a random time in the interval's second half, so
    that those who connect together are not pinged together. It is small, as there may be many: what belongs
    to a ping is there until its pong comes.

    Attributes:
        due: the loop's time from which on a tick is to :meth:`look`.
        rtt, rtt_min: seconds between the latest ping that was answered and its pong, and the least of all;
            None before the first.
    """

    __slots__ = ("_ping", "due", "rtt", "rtt_min")

    def __init__(self, now: float, interval: float) -> None:
        self.due = now + interval * random.uniform(0.5, 1)  # noqa: S311 - nobody gains by guessing
        self._ping: _Ping | None = None
        self.rtt: float | None = None
        self.rtt_min: float | None = None

    def __repr__(self) -> str:
        return f"<Keepalive {'waits for a pong' if self._ping else 'idle'}, rtt {self.rtt}>"

    @staticmethod
    def of(connection: Connection) -> "Keepalive | None":
        """Return what pings the client of a WebSocket that opens; None where the settings say that nobody
        does.
        """
        context = connection.context
        interval = context.config.ws_ping_interval
        return Keepalive(context.now, interval) if interval else None

    def look(self, connection: Connection, inbox: Inbox, now: float) -> bool:
        """Ping, or see whether the client lives; False when there was no sign of that for too long.

        Any byte is such a sign: a pong may have to wait behind a large message. Time does not count while it
        could not be seen, as the application takes nothing, nor while the ping may not be sent, as the client
        takes nothing, which is ``timeout_write``'s matter. The system's buffer may have megabytes, too: while
        the client takes from them, the ping is on its way.
        """
        context, ping = connection.context, self._ping
        config = context.config
        if ping is not None and config.ws_ping_timeout:
            ping.measured = ping.measured and connection.hears
            if not (inbox.take_heard() or not connection.hears or connection.has_unsent):
                if now < ping.deadline:
                    return True
                if not ping.comes_closer(connection.unacknowledged):
                    return False
            ping.deadline = context.deadline(config.ws_ping_timeout)
            if now < ping.next:
                return True
        if connection.writable:
            self._send(connection, inbox, now)
        return True

    def pong(self, payload: bytes) -> bool:
        """Take a pong; one that answers no ping of ours says nothing more (section 5.5.3). Whether it was
        measured how long it took.
        """
        ping = self._ping
        if ping is None or payload != ping.payload:
            return False
        self._ping = None
        self.due = ping.next
        if ping.measured:
            rtt = self.rtt = perf_counter() - ping.sent
            if self.rtt_min is None or rtt < self.rtt_min:
                self.rtt_min = rtt
        return ping.measured

    def _send(self, connection: Connection, inbox: Inbox, now: float) -> None:
        context = connection.context
        timeout = context.config.ws_ping_timeout
        next_at, deadline = now + context.config.ws_ping_interval, context.deadline(timeout)
        ping = self._ping = _Ping(next_at, deadline, measured=connection.hears)
        inbox.take_heard()
        connection.write(encode_frame(Opcode.PING, ping.payload))
        ping.queue = connection.unacknowledged
        self.due = -inf if timeout else next_at
