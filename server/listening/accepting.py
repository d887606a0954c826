"""Accepts connections, and leaves clients in the system's queue while there is no room for them."""

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from enum import Enum
from functools import partial

from hybrid.server.listening.binding import BoundSocket
from hybrid.server.listening.descriptors import descriptor_mark, has_free_descriptor
from hybrid.server.wording import reason_of

logger = logging.getLogger("hybrid.server")

ProtocolFactory = Callable[[], asyncio.BaseProtocol]

#: Connections accepted in one turn of the loop from one socket: enough for a turn that takes long, and little
#: enough that another process which listens on the same socket gets its share.
_BURST = 32
#: Seconds between two looks at whether there are descriptors again.
_RETRY_SECONDS = 0.25
#: Seconds without a pause after which the log says that clients do not wait any more.
_CALM_SECONDS = 5.0

_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
#: What accept(2) reports of a connection that failed before it was accepted; the next one may be fine.
_CLIENT_FAILED = {
    errno.ECONNABORTED, errno.EPROTO, errno.EPERM, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN,
    errno.EHOSTUNREACH, errno.ENOPROTOOPT, errno.EOPNOTSUPP, getattr(errno, "ENONET", errno.EPROTO),
}  # fmt: skip


class _State(Enum):
    """Whether clients are let in."""

    OPEN = "accepting"
    FULL = "limit_connections is reached"
    NO_DESCRIPTORS = "out of file descriptors"
    CLOSED = "closed"


class Entrance:
    """Decides for all listeners of a server whether the next client is let in. Loop thread only.

    Accepting pauses at ``limit`` connections, and where the system has no descriptor or memory for another
    one. It pauses before that, too: some descriptors are kept for files, spools and what the application
    opens. Descriptors are given out from the lowest free number, so that the number of an accepted socket
    says how many there are. A connection that closes lets the next client in; for descriptors that something
    else has given back, it looks a few times a second. One client is always let in.

    Args:
        limit: connections at most; 0 is as many as there are descriptors.
        count: tells how many connections are open.

    Attributes:
        accepted: connections that there have been.
        pauses: how often clients had to wait, as there was no room for them.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: int, count: Callable[[], int]) -> None:
        self._loop = loop
        self._limit = limit
        self._count = count
        self.accepted = self.pauses = 0
        self._state = _State.OPEN
        self._mark = descriptor_mark()
        self._acceptors: list[Acceptor] = []
        self._starting: set[asyncio.Task[None]] = set()  # which make connections of accepted sockets
        self._coming: set[socket.socket] = set()  # accepted, and not among those counted yet
        self._looking = False  # in the next turn of the loop
        self._retry: asyncio.TimerHandle | None = None  # for descriptors that no connection gives back
        self._calm: asyncio.TimerHandle | None = None  # while there was a pause lately
        self._paused_at: float | None = None  # since the first of the pauses that follow each other

    def __repr__(self) -> str:
        return f"<Entrance {self._state.value}: {self._count()} connections, {len(self._coming)} coming>"

    def add(self, acceptor: "Acceptor") -> None:
        """Let clients of another listener in.

        Raises:
            NotImplementedError: the loop watches no descriptors.
        """
        acceptor.start(self)
        self._acceptors.append(acceptor)

    @property
    def waits(self) -> bool:
        """Whether clients wait now, as there is no room for them."""
        return self._state in (_State.FULL, _State.NO_DESCRIPTORS)

    def is_open(self) -> bool:
        """Tell whether another client may be accepted; if not, no listener accepts until there is room."""
        if self._limit and self._inside() >= self._limit:
            self._pause(_State.FULL)
        return self._state is _State.OPEN

    def let_in(self, client: socket.socket, acceptor: "Acceptor") -> None:
        """Start the protocol on an accepted connection."""
        self._coming.add(client)
        self.accepted += 1
        task = self._loop.create_task(acceptor.connect(client, partial(self._coming.discard, client)))
        self._starting.add(task)
        task.add_done_callback(partial(self._has_started, client))
        if client.fileno() >= self._mark:
            self._pause(_State.NO_DESCRIPTORS)

    def no_room(self) -> None:
        """The system could not give a descriptor."""
        self._pause(_State.NO_DESCRIPTORS)

    def connection_closed(self) -> None:
        """A connection has closed; its descriptor is free in the next turn of the loop."""
        if not self._looking and self._state is not _State.OPEN:
            self._looking = True
            self._loop.call_soon(self._look)

    def let_last_in(self, most: int) -> None:
        """Let those in who have connected by now, as far as there is room: to close a socket resets them.

        Args:
            most: how many for each listener; on a busy server somebody is always coming.
        """
        for acceptor in self._acceptors:
            acceptor.accept_last(most)

    def close(self) -> None:
        """Accept nothing more."""
        self._state = _State.CLOSED
        for acceptor in self._acceptors:
            acceptor.pause()
        self._acceptors.clear()
        for timer in (self._retry, self._calm):
            if timer is not None:
                timer.cancel()

    @property
    def starting(self) -> set["asyncio.Task[None]"]:
        """The connections whose protocol has not started; who stops cancels them."""
        return set(self._starting)

    def _has_started(self, client: socket.socket, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        self._coming.discard(client)  # if it has failed
        self.connection_closed()  # before it has begun, perhaps

    def _inside(self) -> int:
        return self._count() + len(self._coming)

    def _pause(self, why: _State) -> None:
        if self._state is not _State.OPEN:
            return
        self._state = why
        self.pauses += 1
        for acceptor in self._acceptors:
            acceptor.pause()
        if self._calm is not None:
            self._calm.cancel()
            self._calm = None
        if self._paused_at is None:  # otherwise it has been said
            self._paused_at = self._loop.time()
            count = self._inside()
            logger.warning("%s: new clients wait until one of %d connections closes", why.value, count)
        if why is _State.NO_DESCRIPTORS:
            self._retry = self._loop.call_later(_RETRY_SECONDS, self._look)

    def _look(self) -> None:
        """See whether there is room again."""
        self._looking = False
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if self._state is _State.FULL and self._inside() < self._limit:
            self._resume()
        elif self._state is _State.NO_DESCRIPTORS:
            self._mark = descriptor_mark()  # it can be changed from outside (prlimit)
            if not self._inside() or has_free_descriptor(self._mark):
                self._resume()
            else:
                self._retry = self._loop.call_later(_RETRY_SECONDS, self._look)

    def _resume(self) -> None:
        self._state = _State.OPEN
        for acceptor in self._acceptors:
            acceptor.resume()
        self._calm = self._loop.call_later(_CALM_SECONDS, self._end_episode)

    def _end_episode(self) -> None:
        self._calm = None
        if self._paused_at is not None:
            seconds = self._loop.time() - self._paused_at - _CALM_SECONDS
            logger.warning("new clients do not wait any more; they did for %.0f s", seconds)
            self._paused_at = None


class Acceptor:
    """Accepts the clients of one listening socket. Loop thread only.

    Not asyncio's own server: out of descriptors that one complains every second, and uvloop's closes the
    connections that it cannot have.

    Args:
        bound: a socket that listens.
        protocol_factory: makes the first protocol of each connection.
    """

    def __init__(self, bound: BoundSocket, protocol_factory: ProtocolFactory) -> None:
        self._bound = bound
        self._entrance: Entrance | None = None
        self._protocol_factory = protocol_factory
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<Acceptor {self._bound!r}>"

    def start(self, entrance: Entrance) -> None:
        """Accept whom an entrance lets in."""
        self._entrance = entrance
        self.resume()

    def resume(self) -> None:
        """Accept again."""
        self._loop.add_reader(self._bound.socket, self._accept)

    def pause(self) -> None:
        """Leave clients in the system's queue."""
        self._loop.remove_reader(self._bound.socket)

    def accept_last(self, most: int) -> None:
        """Accept who waits in the queue, if nobody else will."""
        if self._bound.own:
            self._accept(most)

    async def connect(self, client: socket.socket, on_made: Callable[[], object]) -> None:
        """Start the protocol on an accepted connection.

        Args:
            client: its socket.
            on_made: called right before its ``connection_made``.
        """

        def make() -> asyncio.BaseProtocol:
            self._loop.call_soon(on_made)  # the loops call for the other one next
            return self._protocol_factory()

        try:
            await self._loop.connect_accepted_socket(make, client)
        except OSError as error:  # it is gone already
            client.close()
            logger.debug("a connection failed before it began: %s", error)
        except BaseException:
            client.close()
            raise

    def _accept(self, most: int = _BURST) -> None:
        entrance = self._entrance
        assert entrance is not None
        for _ in range(most):
            if not entrance.is_open():
                return
            try:
                client, _ = self._bound.socket.accept()
            except (BlockingIOError, InterruptedError):  # nobody is left, or another process was quicker
                return
            except OSError as error:
                self._failed(error, entrance)
                return
            entrance.let_in(client, self)

    def _failed(self, error: OSError, entrance: Entrance) -> None:
        if error.errno in _NO_ROOM:
            entrance.no_room()
        elif error.errno not in _CLIENT_FAILED:  # to try again would not help, and would never end
            self.pause()
            logger.error("no longer listening on %s: %s", self._bound.name, reason_of(error))
