"""The processes of one server, as one of them sees them: a :class:`~hybrid.bridge.control.Fleet`."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hybrid.bridge.control import Answers
from hybrid.bridge.unix.sockets import is_trusted
from hybrid.server.ops.control.commands import Commands
from hybrid.server.ops.control.lines import MAX_ANSWER, LineReader, Refused, read_answer, write_request
from hybrid.server.ops.control.places import directories_in, pids_in, socket_of
from hybrid.server.pidfile import is_running

logger = logging.getLogger("hybrid.control")

#: Seconds in which a process answers, or is missing.
ASK_SECONDS: Final = 2.0
#: Processes that are asked at a time: each takes a descriptor.
_AT_A_TIME: Final = 32
_PIECE: Final = 256 * 1024


class Processes:
    """Finds the processes by their sockets, and asks them over these; its own it asks directly. Loop thread
    only; the directory is read on it, which is one of a few names in memory.

    Args:
        directory: that of the server.
        commands: what this process can be asked.
    """

    def __init__(self, directory: Path, commands: Commands) -> None:
        self.directory = directory
        self._commands = commands
        self._room = asyncio.Semaphore(_AT_A_TIME)

    def __repr__(self) -> str:
        return f"<Processes in {self.directory}>"

    @property
    def leads(self) -> bool:
        """Whether no process with a lower id is there, and this one is not about to end."""
        own = os.getpid()
        pids = self._pids()
        return own in pids and not any(is_running(pid) for pid in pids if pid < own)

    async def ask(self, command: str, arguments: Mapping[str, Any]) -> Answers:
        """Have each process do what a command says; see :class:`~hybrid.bridge.control.Fleet`."""
        own = os.getpid()
        pids = sorted({*self._pids(), own})
        line = write_request(command, arguments)
        asked = [self._call(command, arguments) if pid == own else self._ask(pid, line) for pid in pids]
        results = zip(pids, await asyncio.gather(*asked, return_exceptions=True), strict=True)
        answers = Answers()
        for pid, result in results:
            if isinstance(result, (FileNotFoundError, ConnectionRefusedError)):
                continue  # it has ended
            if isinstance(result, BaseException):
                logger.warning("process %d gives no answer to %s: %s", pid, command, _said(result))
                answers.missing.append(pid)
            else:
                answers.append(result)
        return answers

    def _pids(self) -> list[int]:
        try:
            return pids_in(self.directory)
        except OSError:  # somebody has removed the directory
            return []

    async def _call(self, command: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        async with asyncio.timeout(ASK_SECONDS):
            return await self._commands.call(command, arguments)

    async def _ask(self, pid: int, line: bytes) -> Mapping[str, Any]:
        async with self._room:
            return await _ask_at(socket_of(self.directory, pid), line)


async def ask_neighbours(directory: Path, command: str) -> list[Mapping[str, Any]]:
    """Ask the processes of all other servers that have their directories beside this one's, such as the one
    that replaces it (SIGUSR2). Who does not answer is passed over.
    """
    line = write_request(command, {})
    with contextlib.suppress(OSError):
        others = [each for each in directories_in(directory.parent) if each.name != directory.name]
        places = [socket_of(each, pid) for each in others for pid in pids_in(each)][:_AT_A_TIME]
        answers = await asyncio.gather(*(_ask_at(each, line) for each in places), return_exceptions=True)
        return [each for each in answers if not isinstance(each, BaseException)]
    return []


async def _ask_at(path: Path, line: bytes) -> Mapping[str, Any]:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(ASK_SECONDS):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.setblocking(False)
            # Done at once or not at all; the loop takes one that has to wait for one that is connected.
            connection.connect(str(path))
            if not is_trusted(connection):
                raise Refused("another user listens on its socket")
            await loop.sock_sendall(connection, line)
            reader = LineReader(MAX_ANSWER)
            while (answer := reader.feed(await loop.sock_recv(connection, _PIECE))) is None:
                pass
            return read_answer(answer)


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"it has taken longer than {ASK_SECONDS:g} s"
    if isinstance(error, BlockingIOError):
        return "too many wait already to be accepted"
    return str(error) or type(error).__name__
