"""The control socket of a process: who connects says one line, and is answered with one. All on the loop."""

import asyncio
import contextlib
import logging
import socket
from typing import Final

from hybrid.bridge.unix.forks import close_in_children, forget
from hybrid.bridge.unix.sockets import is_trusted
from hybrid.server.loops import cancel_tasks
from hybrid.server.ops.control.commands import Commands
from hybrid.server.ops.control.lines import MAX_REQUEST, LineReader, Refused, read_request, write_error

logger = logging.getLogger("hybrid.control")

#: Clients that are spoken with at a time; more of them wait to be accepted.
MAX_CLIENTS: Final = 32
#: Seconds in which a client says its line, and in which it takes the answer.
_LINE_SECONDS: Final = 5.0
#: Seconds that commands which run may take when the server stops, and then to clean up.
_END_SECONDS: Final = 1.0
#: Seconds without accepting anybody, when no descriptor is left.
_PAUSE: Final = 1.0
_PIECE: Final = 64 * 1024


class Service:
    """Answers on a socket that listens.

    Args:
        listening: the socket, which does not block.
        commands: what can be asked.
    """

    def __init__(self, listening: socket.socket, commands: Commands) -> None:
        self._socket = listening
        self._commands = commands
        self._loop = asyncio.get_running_loop()
        self._silent: set[asyncio.Task[None]] = set()  # of clients that have not said their line yet
        self._tasks: set[asyncio.Task[None]] = set()
        self._accepts = False
        self._is_over = False
        close_in_children(listening.fileno())  # which would seem to listen when this process is gone

    def __repr__(self) -> str:
        return f"<Service {'over' if self._is_over else f'{len(self._tasks)} clients'}>"

    def start(self) -> None:
        """Accept clients, those that wait already first; also once more, after there was no room for them."""
        if not self._accepts and not self._is_over:
            self._accepts = True
            self._loop.add_reader(self._socket, self._accept)

    async def close(self) -> None:
        """Accept nobody any more, let commands that run end, and cut off those that take long."""
        self.give_up()
        for task in self._silent:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_END_SECONDS)
        await cancel_tasks(self._tasks, _END_SECONDS)

    def give_up(self) -> None:
        """Accept nobody any more; those who are there are still answered."""
        self._pause()
        self._is_over = True
        forget(self._socket.fileno())
        self._socket.close()

    def _pause(self) -> None:
        if self._accepts:
            self._accepts = False
            self._loop.remove_reader(self._socket)

    def _accept(self) -> None:
        try:
            client, _ = self._socket.accept()
        except BlockingIOError:  # whoever it was has left
            return
        except OSError as error:  # no descriptor is left
            logger.error("the control socket cannot accept anybody: %s", error)
            self._pause()
            self._loop.call_later(_PAUSE, self.start)
            return
        if not is_trusted(client):
            logger.warning("a process of another user has connected to the control socket, and is refused")
            client.close()
            return
        client.setblocking(False)
        task = self._loop.create_task(self._serve(client))
        self._tasks.add(task)
        self._silent.add(task)
        task.add_done_callback(self._left)
        if len(self._tasks) >= MAX_CLIENTS:
            self._pause()

    def _left(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._silent.discard(task)
        self.start()

    async def _serve(self, client: socket.socket) -> None:
        with (
            client,
            contextlib.suppress(OSError, EOFError),
        ):  # it has left, or only wanted to see who is there
            answer = await self._answer(client)
            async with asyncio.timeout(_LINE_SECONDS):
                await self._loop.sock_sendall(client, answer)

    async def _answer(self, client: socket.socket) -> bytes:
        try:
            async with asyncio.timeout(_LINE_SECONDS):
                line = await self._read(client)
            self._silent -= {task for task in [asyncio.current_task()] if task is not None}
            return await self._commands.line(read_request(line))
        except Refused as error:
            return write_error(error)

    async def _read(self, client: socket.socket) -> bytes:
        reader = LineReader(MAX_REQUEST)
        while (line := reader.feed(await self._loop.sock_recv(client, _PIECE))) is None:
            pass
        return line
