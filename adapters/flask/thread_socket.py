"""What a handler that is a plain function gets: a WebSocket whose methods wait, on a thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, TypeVar, TypeVarTuple

from flask import json

from hybrid.adapters.flask.connection import Connection
from hybrid.adapters.flask.messages import encode, for_group
from hybrid.adapters.flask.socket import SocketFacts
from hybrid.adapters.flask.visit import Visit
from hybrid.bridge import portal
from hybrid.bridge.errors import ClientDisconnected, PortalError
from hybrid.bridge.layers.presence import Member, Replay
from hybrid.bridge.types import Headers

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class ThreadSocket(SocketFacts):
    """A WebSocket on a thread: the methods of :class:`~hybrid.adapters.flask.socket.Socket`, which see, but
    to be called and not awaited. Any thread that runs no event loop may call them, several at once too.
    """

    def __init__(self, connection: Connection, visit: Visit, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(connection, visit)
        self._loop = loop
        self._accepting = threading.Lock()  # guards the acceptance, which runs the application's hooks once

    def accept(self, subprotocol: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Accept the handshake; not needed unless there is something to say with it, or to be soon."""
        with self._accepting:
            fields = None if self.answered else self._visit.grant()

            async def granted() -> Headers:
                return fields or []

            self._run(self._connection.accept, granted, subprotocol, headers)

    def receive(self, timeout: float | None = None) -> str | bytes | None:
        """Return the next message; None when there is none within so many seconds."""
        if not self.answered:
            self.accept()
        return self._run(self._connection.inbox.take, timeout)

    def receive_json(self, timeout: float | None = None) -> Any:
        """Return what the next message means as JSON; None when there is none within so many seconds.

        Raises:
            ValueError: the message is not JSON.
        """
        message = self.receive(timeout)
        return None if message is None else json.loads(message)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str | bytes:
        try:
            message = self.receive()
        except ClientDisconnected:
            raise StopIteration from None
        assert message is not None  # there is no time-out
        return message

    def send(self, data: str | bytes | dict[str, Any] | list[Any]) -> None:
        """Send a message: text for a str, binary for bytes, JSON text for a dict or a list; waits while the
        client reads too slowly.
        """
        payload = encode(data)
        if not self.answered:
            self.accept()
        self._run(self._connection.send, payload)

    def send_json(self, data: Any) -> None:
        """Send a value as JSON text."""
        self.send(json.dumps(data))

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket; a handshake that is not accepted is refused: 403."""
        self._run(self._connection.close, code, reason)

    def join(self, group: str, metadata: Mapping[str, Any] | None = None, *, watch: bool = False) -> None:
        """Have what is sent to a group sent to the client, until it leaves."""
        self.accept()

        async def join() -> None:
            await self._connection.groups.join(group, metadata, watch=watch)

        self._run(join)

    def leave(self, group: str) -> None:
        """Have it sent no more."""
        self._run(self._connection.groups.leave, group)

    def resume(
        self,
        group: str,
        after: int | None,
        metadata: Mapping[str, Any] | None = None,
        *,
        watch: bool = False,
    ) -> Replay:
        """Join a group that has a history, and send the client what it has missed."""
        self.accept()

        async def resume() -> Replay:
            return await self._connection.resume(group, after, metadata, watch=watch)

        return self._run(resume)

    def emit(self, group: str, data: str | bytes | dict[str, Any] | list[Any]) -> None:
        """Send a message to all members of a group; to this socket too, if it is one."""
        self._run(self._connection.groups.layer.group_send, group, for_group(data))

    def members(self, group: str) -> list[Member]:
        """Return who is in a group, in all processes, those that came first first."""
        return self._run(self._connection.groups.layer.group_members, group)

    def claim(self, user_id: str) -> None:
        """Let ``disconnect_user()`` close it; the handler has no need for this."""
        self._run(self._connection.claim, user_id)

    def _run(self, function: Callable[[*Ts], Awaitable[T]], *args: *Ts) -> T:
        """Do something on the loop, and wait for it; a loop that ends ends the WebSocket too."""
        try:
            return portal.run_on(self._loop, function, *args)
        except PortalError as error:
            if asyncio._get_running_loop() is not None:  # noqa: SLF001 - documented; the public one raises
                raise  # called where it must not be
            raise ClientDisconnected("the server stops") from error
