"""How a server is asked and told things: its socket, its applications, and its place among the others."""

import asyncio
import atexit
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from hybrid.bridge.control import Controllable
from hybrid.bridge.errors import ConfigError
from hybrid.server.ops.control.commands import Commands
from hybrid.server.ops.control.fleet import Processes
from hybrid.server.ops.control.places import (
    listen,
    prepare_control,
    prepare_directory,
    remove_dead,
    remove_directory,
    socket_of,
)
from hybrid.server.ops.control.service import Service
from hybrid.server.wording import reason_of

logger = logging.getLogger("hybrid.control")

#: Seconds that an application may take to join, and to leave.
_SECONDS: Final = 5.0


class Control:
    """Lets those who operate a server reach one of its processes. On its loop; the folders are read and made
    there, before it serves and at its end.

    Args:
        folder: where the directories of servers are; None for one of this user's own.
        main: the id of the server's main process.
        applications: what can be asked and told things.
        urls: says where the server listens.
        level: of the line in the log that says that it cannot be reached.

    Raises:
        ConfigError: the folder that was given cannot be used.
    """

    def __init__(
        self,
        folder: str | None,
        main: int,
        applications: Sequence[Controllable],
        urls: Callable[[], Sequence[str]],
        *,
        level: int = logging.WARNING,
    ) -> None:
        if not hasattr(socket, "AF_UNIX"):
            raise ConfigError("control: this system has no Unix sockets for it")
        if folder is not None:
            prepare_control(folder)
        self._folder = folder
        self._main = main
        self._applications = applications
        self._urls = urls
        self._level = level
        self._commands = Commands({"about": self._about})
        self._joined: list[Controllable] = []
        self._directory: Path | None = None
        self._service: Service | None = None
        self._inode = (0, 0)  # of the socket's file
        self._pid = os.getpid()

    def __repr__(self) -> str:
        return f"<Control in {self._directory}: {self._service}>"

    def offer(self, each: Controllable) -> None:
        """Let something more be asked and told things; before :meth:`open`."""
        self._applications = [*self._applications, each]

    async def open(self) -> None:
        """Listen, let the applications join the other processes, and answer. What cannot be done is logged:
        a server that nobody can reach still serves.
        """
        try:
            self._directory = prepare_directory(self._folder, self._main)
            remove_dead(self._directory)
            service = self._listen(self._directory)
        except (ConfigError, OSError) as error:
            self._directory = None
            problem = "nobody will reach this process by a control socket: %s"
            logger.log(self._level, problem, reason_of(error))
            return
        # A program that watches files may end this process in the middle of anything.
        atexit.register(self._forget)
        fleet = Processes(self._directory, self._commands)
        for each in self._applications:
            if await self._tell(each.join(fleet), "cannot join the other processes"):
                self._joined.append(each)
                self._commands.add(each.commands())
        service.start()

    def look(self) -> None:
        """Make the socket again if somebody has removed it, as systems do with a user's folder when the user
        logs out; called about once a second.
        """
        if self._service is None or self._directory is None or self._is_there(self._directory):
            return
        try:
            prepare_directory(self._folder, self._main)
            before, service = self._service, self._listen(self._directory)
        except (ConfigError, OSError) as error:
            logger.debug("the control socket was removed, and cannot be made again: %s", reason_of(error))
            return
        before.give_up()
        service.start()
        logger.warning("%s was removed by somebody, and is made again", self._directory)

    def hide(self) -> None:
        """Be out of reach: the process stops, and others lead."""
        if self._service is not None and self._directory is not None:
            self._unlink(self._directory)
            self._service.give_up()

    async def close(self) -> None:
        """Let the applications leave. The last process removes the directory, unless there is another one
        over it, which does that.
        """
        self.hide()
        service, self._service = self._service, None
        if service is None:
            return
        await service.close()
        for each in self._joined:
            await self._tell(each.leave(), "does not leave the other processes")
        atexit.unregister(self._forget)
        self._forget()

    def _listen(self, directory: Path) -> Service:
        listening = listen(directory)
        found = socket_of(directory, self._pid).lstat()
        self._inode = found.st_dev, found.st_ino
        self._service = Service(listening, self._commands)
        return self._service

    def _is_there(self, directory: Path) -> bool:
        try:
            found = socket_of(directory, self._pid).lstat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def _unlink(self, directory: Path) -> None:
        if self._is_there(directory):
            with contextlib.suppress(OSError):
                socket_of(directory, self._pid).unlink()

    def _forget(self) -> None:
        """Remove what this process has, and all when nobody is left. Not in a child of it."""
        if self._directory is not None and self._pid == os.getpid():
            self._unlink(self._directory)
            if os.getppid() != self._main:  # which removes it: other workers may come
                remove_directory(self._directory)

    async def _tell(self, doing: Any, problem: str) -> bool:
        """Have an application do something; what goes wrong is its matter, and logged."""
        try:
            async with asyncio.timeout(_SECONDS):
                await doing
        except Exception as error:
            logger.error("an application %s: %r", problem, error, exc_info=error)
            return False
        return True

    async def _about(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Say which process this is, for whoever has to choose among several servers."""
        return {
            "process": self._pid,
            "main": self._main,
            "urls": [*self._urls()],
            "commands": self._commands.names,
        }
