"""The broker at work: its socket, the connections of the processes, and its end, all on one event loop."""

import asyncio
import contextlib
import enum
import logging
import os
import socket
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

from hybrid.bridge.errors import HybridError
from hybrid.bridge.layers.workers import legacy
from hybrid.bridge.layers.workers.broker import Broker
from hybrid.bridge.layers.workers.connection import Connection
from hybrid.bridge.layers.workers.framing import FramingError
from hybrid.bridge.layers.workers.places import Seat, state_of
from hybrid.bridge.unix.folders import prepare_folder
from hybrid.bridge.unix.forks import close_in_children, forget, silence

logger = logging.getLogger("hybrid.layers")

#: Seconds between two looks at what has expired.
_SWEEP_SECONDS: Final = 1.0
#: Seconds that processes get to say what they have begun to say, before another one is the broker.
_MOVE_SECONDS: Final = 1.0
_BACKLOG: Final = 128


class Phase(enum.Enum):
    """How far the life of a service has come."""

    NEW = enum.auto()
    SERVING = enum.auto()
    MOVING = enum.auto()  #: nobody new is let in, and who is there has been told to go
    OVER = enum.auto()


class Service:
    """Runs the broker on the running loop, for the process that has the seat.

    Args:
        place: the path of the socket.
        seat: which this process has claimed.

    Attributes:
        broker: what it runs.
        phase: how far it has come.
        is_willing: whether it goes on although another process would be fit for it.
    """

    def __init__(self, place: Path, seat: Seat, *, is_willing: bool) -> None:
        self.phase = Phase.NEW
        self.is_willing = is_willing
        self._place = place
        self._state = state_of(place)
        self._seat = seat
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()
        self.broker = Broker(time.time() - time.monotonic())
        self._connections: set[Connection] = set()
        self._dirty: list[Connection] = []
        self._socket: socket.socket | None = None
        self._inode = (0, 0)  # of the socket's file
        self._accepting: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._moving: asyncio.Task[None] | None = None
        self._complaint = ""
        self._quiet = asyncio.Event()  # when nobody is left who may say something

    def __repr__(self) -> str:
        return f"<Service {self.phase.name}, {len(self._connections)} connections, {self.broker!r}>"

    @property
    def now(self) -> float:
        """The time, as the broker takes it: of a clock that all processes of the machine share."""
        return time.monotonic()

    def start(self) -> None:
        """Take over what the broker before has left, and listen.

        Raises:
            OSError: the socket cannot be had.
        """
        self._inherit()
        self._bind()
        self._timer = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        self.phase = Phase.SERVING
        logger.debug("process %d is the broker of %s", self._pid, self._place)

    def _bind(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._place.unlink()  # of a broker that was killed: this process has the seat
        self._socket = listening = socket.socket(socket.AF_UNIX)
        close_in_children(listening.fileno())
        listening.setblocking(False)
        listening.bind(str(self._place))
        self._place.chmod(0o600)
        listening.listen(_BACKLOG)
        found = self._place.lstat()
        self._inode = found.st_dev, found.st_ino
        # Not create_unix_server(): who is accepted when that is closed may stay connected to nobody.
        self._listen()

    def _listen(self) -> None:
        if self._socket is not None:
            self._loop.add_reader(self._socket, self._accept)

    def _accept(self) -> None:
        """Somebody wants to connect."""
        assert self._socket is not None
        try:
            accepted, _ = self._socket.accept()
        except BlockingIOError:  # not any more
            return
        except OSError as error:  # no descriptor is left
            logger.error("the broker of the channel layer cannot accept a process: %s", error)
            self._loop.remove_reader(self._socket)
            self._loop.call_later(_SWEEP_SECONDS, self._listen)
            return
        accepted.setblocking(False)
        making = self._loop.connect_accepted_socket(lambda: Connection(self), accepted)
        task: asyncio.Task[object] = self._loop.create_task(making)
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    def _inherit(self) -> None:
        try:
            if frames := list(legacy.read(self._state)):
                legacy.load(self.broker, frames, self.now)
        except (FramingError, OSError) as error:
            logger.warning("the state of the broker before cannot be taken over: %s", error)
            self.broker = Broker(self.broker.epoch)

    # What connections call.

    def consider(self) -> None:
        """Let another process be the broker, if that is better."""
        if self.phase is Phase.SERVING and not self.is_willing and self._moving is None:
            if any(node.is_fit for node in self.broker.nodes.values()):
                self._moving = self._loop.create_task(self.hand_over())

    def entered(self, connection: Connection) -> None:
        """Somebody has connected."""
        self._connections.add(connection)
        if self.phase is not Phase.SERVING:
            connection.abort()

    def left(self, connection: Connection) -> None:
        """Somebody is gone."""
        self._connections.discard(connection)
        with self.telling():
            connection.end(self.now)
        self.look_whether_quiet()

    def look_whether_quiet(self) -> None:
        """See whether anybody may still say something before this is over."""
        if all(connection.has_moved for connection in self._connections):
            self._quiet.set()

    def is_dirty(self, connection: Connection) -> None:
        """Something is to be sent."""
        self._dirty.append(connection)

    @contextlib.contextmanager
    def telling(self) -> Generator[None]:
        """Send at the end of the block what came to be said in it, in one piece to each process."""
        try:
            yield
        finally:
            dirty, self._dirty = self._dirty, []
            for connection in dirty:
                connection.send()

    def _sweep(self) -> None:
        self._timer = self._loop.call_later(_SWEEP_SECONDS, self._sweep)
        with self.telling():
            self.broker.sweep(self.now)
        if not (self._seat.is_kept and self._is_bound):
            self._come_back()

    @property
    def _is_bound(self) -> bool:
        """Whether others who look for the socket would find this one."""
        try:
            found = self._place.lstat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def _come_back(self) -> None:
        """Make the socket and the lock anew: somebody has removed them, as systems do when a user logs out.

        Until then whoever comes new would find nobody, and be a second broker. If there is one already,
        everybody here goes there.
        """
        try:
            prepare_folder(self._place.parent)
            seat = self._seat
            if not seat.is_kept:
                seat = Seat(self._place)
                if not seat.claim():
                    logger.warning("%s was removed, and another process is the broker now", self._place)
                    self._moving = self._loop.create_task(self.hand_over())
                    return
                self._seat.give_up()
                self._seat = seat
            self._stop_listening()
            self._bind()
        except (HybridError, OSError) as error:
            if str(error) != self._complaint:
                self._complaint = str(error)
                logger.error("%s was removed, and cannot be made again: %s", self._place, error)
        else:
            logger.warning("%s was removed by somebody, and is made again", self._place)

    # The end.

    async def close(self) -> None:
        """Hand over to whoever comes next, and be over."""
        if self._moving is None:
            self._moving = self._loop.create_task(self.hand_over())
        await asyncio.shield(self._moving)

    async def hand_over(self) -> None:
        """Stop letting anybody in, let those who are there finish, and leave the books to the next."""
        if self.phase is not Phase.SERVING:
            return
        self.phase = Phase.MOVING
        self._stop_timer()
        self._stop_listening()
        with self.telling():
            self.broker.sweep(self.now)  # what was lost is told by who knows it
            for connection in tuple(self._connections):
                connection.move()
        self.look_whether_quiet()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MOVE_SECONDS):
                await self._quiet.wait()
        if frames := self._prepared():
            await asyncio.to_thread(self._write, frames)
        self._finish()
        for connection in tuple(self._connections):
            connection.close()

    def _prepared(self) -> Iterator[bytes] | None:
        """Return what is to be written for the next broker, if that is anything."""
        for node in self.broker.nodes.values():
            self.broker.release_takers(node)
        return legacy.dump(self.broker, self.now) if self.broker.is_worth_keeping else None

    def _write(self, frames: Iterator[bytes]) -> None:
        """Leave that to it (any thread)."""
        if not self._seat.is_kept:
            return  # the next one is at work already, and knows nothing of such a file
        try:
            legacy.write(self._state, frames)
        except OSError as error:
            logger.warning("the state of the broker cannot be left to the next one: %s", error)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _stop_listening(self) -> None:
        listening, self._socket = self._socket, None
        if listening is not None:
            if self._is_bound:
                with contextlib.suppress(OSError):
                    self._place.unlink()
            self._loop.remove_reader(listening)
            forget(listening.fileno())
            listening.close()  # who has connected, and was not accepted, sees the end of the connection

    def _finish(self) -> None:
        self.phase = Phase.OVER
        self._seat.give_up()

    def stop(self) -> None:
        """Be over at once: the next one gets the books, and the processes notice by themselves."""
        if self.phase is Phase.OVER:
            return
        self._stop_timer()
        self._stop_listening()
        for connection in tuple(self._connections):
            connection.abort()
        if frames := self._prepared():
            self._write(frames)
        self._finish()

    def give_up(self) -> None:
        """Be over at once, with nothing handed over: it could not start."""
        self._stop_timer()
        self._stop_listening()
        self._finish()

    def abandon(self) -> None:
        """Close all descriptors, in a child process, and touch no file."""
        self.phase = Phase.OVER
        for connection in self._connections:
            connection.silence()
        if self._socket is not None:
            silence(self._socket.fileno())
        self._seat.abandon()
