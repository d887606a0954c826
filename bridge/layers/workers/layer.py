"""The channel layer that the processes of one machine share without Redis."""

import asyncio
import os
from typing import Any

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.shared import SharedChannelLayer
from hybrid.bridge.layers.workers.framing import MAX_BODY
from hybrid.bridge.layers.workers.hub import WorkersHub
from hybrid.bridge.layers.workers.places import VARIABLE, offer_place, remove_private_place
from hybrid.bridge.shutdown import ShutdownNotice, shutdown_notice
from hybrid.bridge.unix.sockets import require_place


class WorkersChannelLayer(SharedChannelLayer):
    """A layer for the worker processes of a server, and for scripts beside them, over a Unix socket.

    One of the processes is the *broker*, through which the others talk. The processes elect it: whoever gets
    the lock beside the socket. When it stops, it leaves its books to the next one, and nothing is lost; when
    it is killed, the others elect another one at once, histories begin anew, and :meth:`resume` says so.

    Args:
        path: of the socket; by default that of the server which this process belongs to.
        options: those of :class:`~hybrid.bridge.layers.shared.SharedChannelLayer`.

    Raises:
        ConfigError: the path is too long for a socket, or an option has a value that cannot work.
    """

    def __init__(self, path: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        if self.max_message_size > MAX_BODY:
            raise ConfigError(f"max_message_size must be at most {MAX_BODY}, not {self.max_message_size}")
        self.path = str(require_place(path or self.default_path()))
        self._hub: WorkersHub | None = None
        self._serves = False  # whether a server has opened the layer, and does not stop
        self._watcher: asyncio.Task[None] | None = None

    @classmethod
    def default_path(cls) -> str:
        """Return the path of the socket of the server that this process belongs to, as a worker or as what a
        worker has started; otherwise that of a socket which this process, and what it starts, has for itself.
        """
        path = os.environ.get(VARIABLE)
        if not path:
            path = offer_place()
            _own_places.add((os.getpid(), path))
        return path

    @property
    def is_broker(self) -> bool:
        """Whether this process is the broker."""
        return self._hub is not None and self._hub.is_broker

    def make_hub(self) -> WorkersHub:
        """Return a new hub."""
        self._hub = WorkersHub(self.path, is_fit=self._serves)
        return self._hub

    async def open(self) -> None:
        """Be at work on the running event loop: a server calls this before it serves.

        When that server stops, another process becomes the broker, before the last request is finished.
        """
        self._serves = True
        await super().open()
        await self._at_home(self._set_serving, True)
        notice = shutdown_notice()
        if notice is not None:
            self._watcher = asyncio.get_running_loop().create_task(self._leave_with(notice))

    async def _leave_with(self, notice: ShutdownNotice) -> None:
        await notice.wait()
        await self._at_home(self._set_serving, False)

    async def _set_serving(self, serves: bool) -> None:
        self._serves = serves
        if self._hub is not None:
            self._hub.set_fit(serves)

    async def close(self) -> None:
        """Let go of the connection, after a goodbye that ends the memberships of this process."""
        self._serves = False
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None
        await super().close()
        if (os.getpid(), self.path) in _own_places:
            remove_private_place(self.path)


#: Places that this process has thought of: nobody else removes them.
_own_places: set[tuple[int, str]] = set()
