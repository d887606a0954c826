"""How a process finds the broker, or becomes it."""

import asyncio
import logging
import random
from pathlib import Path
from typing import Final

from hybrid.bridge.errors import HybridError
from hybrid.bridge.layers.workers.line import Line
from hybrid.bridge.layers.workers.places import Seat
from hybrid.bridge.layers.workers.service import Phase, Service
from hybrid.bridge.unix.folders import prepare_folder
from hybrid.bridge.unix.sockets import is_trusted

logger = logging.getLogger("hybrid.layers")

#: Seconds between two attempts: the shortest, and the longest.
_SHORTEST: Final = 0.005
_LONGEST: Final = 0.25
#: Seconds without a broker after which a process becomes it that is not quite fit: a script whose loop may
#: end at any moment, or a server that stops.
_RELUCTANCE: Final = 0.5


class Finder:
    """Looks for the broker of a place, and runs it where that falls to this process.

    Args:
        place: the path of the socket.

    Attributes:
        is_fit: whether this process serves, and does not stop.
        service: the broker of this process, while it runs one.
    """

    def __init__(self, place: Path, *, is_fit: bool) -> None:
        self.is_fit = is_fit
        self.service: Service | None = None
        self._place = place
        self._complaint = ""
        self._loop = asyncio.get_running_loop()

    def __repr__(self) -> str:
        return f"<Finder of {self._place}, {self.service if self.is_broker else 'not the broker'}>"

    async def find(self, room: asyncio.Event) -> Line:
        """Return a connection to the broker, however long that takes."""
        since = self._loop.time()
        pause = _SHORTEST
        while True:
            try:
                line = await self._connect(room)
                if line is not None:
                    self._complaint = ""
                    return line
                if self._may_claim(since) and self._claim():
                    continue
            except (HybridError, OSError) as error:
                self._complain(error)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - so that not all come at once
            pause = min(2 * pause, _LONGEST)

    @property
    def is_broker(self) -> bool:
        """Whether this process runs the broker."""
        return self.service is not None and self.service.phase is Phase.SERVING

    async def _connect(self, room: asyncio.Event) -> Line | None:
        """Return a connection, if somebody listens who may be trusted."""
        try:
            transport, line = await self._loop.create_unix_connection(lambda: Line(room), str(self._place))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        if is_trusted(transport.get_extra_info("socket")):
            return line
        transport.abort()
        raise PermissionError(f"{self._place}: another user listens there")

    def _may_claim(self, since: float) -> bool:
        if self.is_fit:
            return True
        # It does not make the folder either: that is for those who serve.
        return self._loop.time() - since >= _RELUCTANCE and self._place.parent.is_dir()

    def _claim(self) -> bool:
        """Become the broker, if nobody is."""
        prepare_folder(self._place.parent)
        seat = Seat(self._place)
        if not seat.claim():
            return False
        service = Service(self._place, seat, is_willing=self.is_fit)
        try:
            service.start()
        except BaseException:
            service.give_up()
            raise
        self.service = service
        return True

    def set_fit(self, is_fit: bool) -> None:
        """Note that this process begins to serve, or to stop."""
        self.is_fit = is_fit
        if self.service is not None:
            self.service.is_willing = is_fit
            self.service.consider()

    def _complain(self, error: Exception) -> None:
        """Say what is wrong, once."""
        if self._complaint != str(error):
            self._complaint = str(error)
            logger.error("the channel layer of the workers: %s", error)

    async def close(self) -> None:
        """Hand over, if this process runs the broker."""
        if self.service is not None:
            await self.service.close()
            self.service = None

    def stop(self) -> None:
        """Hand over without a wait, if this process runs the broker."""
        if self.service is not None:
            self.service.stop()
            self.service = None

    def abandon(self) -> None:
        """Close file descriptors, in a child process."""
        if self.service is not None:
            self.service.abandon()
