"""What lets people operate a server: its control socket, its console (``ops``), and the figures of both.

Nothing of that is loaded for a server that is not asked.
"""

import logging
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from time import time
from typing import TYPE_CHECKING, Protocol

from hybrid.server.application import LoadedApplication
from hybrid.server.config import Config
from hybrid.server.context import ServerContext
from hybrid.server.listening.accepting import Entrance
from hybrid.server.listening.listeners import Listeners
from hybrid.server.ops.metrics.lag import LoopSight
from hybrid.server.systemd import PassedSocket

if TYPE_CHECKING:
    from hybrid.server.console.serving import ConsoleServer
    from hybrid.server.ops.control.serving import Control
    from hybrid.server.ops.metrics.snapshot import Workers
    from hybrid.server.status.commands import Status


class Operated(Protocol):
    """What a server is to those who operate it; its attributes are those of
    :class:`~hybrid.server.server.Server`.
    """

    config: Config
    workers: "Callable[[], Workers | None]"
    ops_sockets: Sequence[socket.socket] | None
    main_process: int | None

    @property
    def urls(self) -> list[str]:
        """Where it listens."""
        ...

    @property
    def ready(self) -> bool:
        """Whether it takes new requests."""
        ...


class Operations:
    """Lets people ask a server how it is, and tell it things. Loop thread only.

    It is made before the applications start. Then come :meth:`open`, before anybody can connect, and
    :meth:`start`, once they can; :meth:`settle` and :meth:`look` while it serves; and at the end
    :meth:`hide`, :meth:`leave` and :meth:`close`, whatever has gone before.

    Args:
        server: the server.
        loaded: what it serves.
        passed: what systemd has passed to it, where ``ops`` may be too.

    Raises:
        ConfigError: the folder for control sockets cannot be used.
    """

    def __init__(
        self, server: Operated, loaded: LoadedApplication, passed: Sequence[PassedSocket] = ()
    ) -> None:
        self._server = server
        self._loaded = loaded
        self._passed = passed
        self._sight = LoopSight(server.config.loop_watch, counts=server.config.metrics)
        self._new_status: Callable[[], Status] | None = None  # once that can be told
        self._status: Status | None = None  # once somebody can ask
        self._console: ConsoleServer | None = None
        self._control = self._make_control()

    def __repr__(self) -> str:
        return f"<Operations {self._control!r} {self._console!r}>"

    @property
    def urls(self) -> list[str]:
        """Where the console is; nothing where there is none, or not yet."""
        return [] if self._console is None else self._console.urls

    @property
    def lines(self) -> list[str]:
        """What to say about that at the start."""
        return [] if self._console is None else self._console.lines

    async def open(self, context: ServerContext, entrance: Entrance) -> None:
        """Have the sockets, and let the applications join the other processes, which must come before
        requests are served otherwise than others do.

        Raises:
            BindError: the console's address cannot be had.
            ConfigError: the console cannot tell what it would have to.
        """
        self._new_status = partial(self._make_status, context, entrance)
        ops = self._ops_listeners()
        if self._control is None and ops is None:
            return
        self._status = status = self._new_status()
        if ops is not None:
            self._console = _make_console(self._server.config, ops, status)
        if self._control is not None:
            self._control.offer(status)
            await self._control.open()

    async def start(self) -> None:
        """Have the console answer, and look at the loop.

        Raises:
            BindError: a socket of the console cannot be listened on.
        """
        if self._console is not None:
            await self._console.open()
        self._sight.start()

    async def settle(self) -> None:
        """Open what no start has to wait for: the control socket of a server that can only be asked how it
        is.
        """
        main = self._server.main_process
        if self._control is not None or not self._server.config.controlled or not _is_reachable(main):
            return
        from hybrid.server.ops.control.serving import Control

        assert main is not None
        assert self._new_status is not None
        self._status = self._new_status()
        control = Control(None, main, (), lambda: self._server.urls, level=logging.DEBUG)
        control.offer(self._status)
        await control.open()
        self._control = control

    def look(self) -> None:
        """See that the control socket is still there; about once a second."""
        if self._control is not None:
            self._control.look()

    def hide(self) -> None:
        """Leave the figures to the other processes, and take no more orders: the server stops."""
        if self._status is not None:
            self._status.hand_over()
        if self._control is not None:
            self._control.hide()

    async def leave(self) -> None:
        """Look no more, and let the applications leave the other processes."""
        self._sight.stop()
        if self._control is not None:
            await self._control.close()

    async def close(self) -> None:
        """Close the console, which is the last that answers."""
        if self._console is not None:
            await self._console.close()

    def _make_control(self) -> "Control | None":
        """Make the control socket at once where it was asked for, or where there is anything to control."""
        config, main = self._server.config, self._server.main_process
        by_default = bool(self._loaded.controllables or config.ops) and _is_reachable(main)
        if not config.controlled or (config.control_folder is None and not by_default):
            return None
        from hybrid.server.ops.control.serving import Control

        controllables = self._loaded.controllables
        return Control(config.control_folder, main or os.getpid(), controllables, lambda: self._server.urls)

    def _ops_listeners(self) -> Listeners | None:
        """Open the console's sockets, or take what was opened for it."""
        config = self._server.config
        if config.ops is None:
            return None
        if self._server.ops_sockets is not None:
            return Listeners.given(self._server.ops_sockets, config.backlog)
        return Listeners.bind_ops(config, self._passed)

    def _make_status(self, context: ServerContext, entrance: Entrance) -> "Status":
        """Make what says how this process, and the server, is."""
        from hybrid.server.status.commands import Status
        from hybrid.server.status.sources import Sources

        server, loaded = self._server, self._loaded
        sources = Sources(
            context,
            loaded.pools,
            loaded.sockets,
            entrance,
            self._sight,
            lambda: server.ready,
            lambda: server.urls,
            server.workers,
            time(),
        )
        return Status(sources)


def _is_reachable(main_process: int | None) -> bool:
    """Whether those who operate a server know it by its main process, and the system has sockets for that."""
    return main_process is not None and hasattr(socket, "AF_UNIX")


def _make_console(config: Config, listeners: Listeners, status: "Status") -> "ConsoleServer":
    """Make what tells those who operate the server how it is; the sockets are closed if that cannot be."""
    from hybrid.server.console.serving import ConsoleServer

    try:
        return ConsoleServer(config, listeners, status)
    except BaseException:
        listeners.close()
        raise
