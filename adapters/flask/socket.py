"""What a handler that is a coroutine function gets: a WebSocket whose methods are awaited."""

from collections.abc import Mapping
from typing import Any, Self

from flask import json

from hybrid.adapters.flask.connection import Connection, State
from hybrid.adapters.flask.messages import encode, for_group
from hybrid.adapters.flask.threads import on_a_thread
from hybrid.adapters.flask.visit import Visit
from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.layers.presence import Member, Replay


class SocketFacts:
    """What both kinds of sockets can say of themselves."""

    def __init__(self, connection: Connection, visit: Visit) -> None:
        self._connection = connection
        self._visit = visit

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._connection.state.value}>"

    @property
    def connected(self) -> bool:
        """Whether the WebSocket is accepted, and open as far as is known."""
        return self._connection.state is State.OPEN

    @property
    def subprotocols(self) -> list[str]:
        """The subprotocols that the client offers."""
        return list(self._connection.scope.get("subprotocols") or ())

    @property
    def subprotocol(self) -> str | None:
        """The one that was chosen."""
        return self._connection.subprotocol

    @property
    def close_code(self) -> int | None:
        """The code with which the client has left, None while it has not: 1006 when the connection broke."""
        end = self._connection.inbox.end
        return None if end is None else end.get("code", 1005)

    @property
    def close_reason(self) -> str:
        """The reason that the client has given."""
        end = self._connection.inbox.end
        return "" if end is None else end.get("reason") or ""

    @property
    def answered(self) -> bool:
        """Whether the handshake is answered, or will not be."""
        return self._connection.state is not State.CONNECTING


class Socket(SocketFacts):
    """A WebSocket on the event loop.

    It is accepted by the first of these methods that needs it to be, or by :meth:`accept`. All methods may be
    called by several tasks at once; messages go out one after the other. When the client has left, iteration
    ends, and methods raise :class:`~hybrid.bridge.errors.ClientDisconnected`; a handler that lets that pass
    has ended well. Groups are left as soon as the client leaves.
    """

    async def accept(self, subprotocol: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        """Accept the handshake; not needed unless there is something to say with it, or to be soon.

        This is when ``after_request`` functions run, and the session's cookie is set: later changes to the
        session are lost.

        Args:
            subprotocol: one of :attr:`subprotocols`.
            headers: further fields for the response.
        """
        await self._connection.accept(self._grant, subprotocol, headers)

    async def receive(self, timeout: float | None = None) -> str | bytes | None:  # noqa: ASYNC109 - flask-sock's
        """Return the next message; None when there is none within so many seconds."""
        if not self.answered:
            await self.accept()
        return await self._connection.inbox.take(timeout)

    async def receive_json(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - as above
        """Return what the next message means as JSON; None when there is none within so many seconds.

        Raises:
            ValueError: the message is not JSON.
        """
        message = await self.receive(timeout)
        return None if message is None else json.loads(message)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            message = await self.receive()
        except ClientDisconnected:
            raise StopAsyncIteration from None
        assert message is not None  # there is no time-out
        return message

    async def send(self, data: str | bytes | dict[str, Any] | list[Any]) -> None:
        """Send a message: text for a str, binary for bytes, JSON text for a dict or a list; waits while the
        client reads too slowly.
        """
        payload = encode(data)
        if not self.answered:
            await self.accept()
        await self._connection.send(payload)

    async def send_json(self, data: Any) -> None:
        """Send a value as JSON text."""
        await self.send(json.dumps(data))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the WebSocket; a handshake that is not accepted is refused: 403."""
        await self._connection.close(code, reason)

    async def join(
        self, group: str, metadata: Mapping[str, Any] | None = None, *, watch: bool = False
    ) -> None:
        """Have what is sent to a group sent to the client, until it leaves.

        Args:
            group: its name: ASCII letters, digits, ``-``, ``_`` and ``.``, fewer than 100.
            metadata: what :meth:`members` is to say of this socket.
            watch: whether the client is told who joins and leaves, as ``{"type": "group.join", "group": …,
                "channel": …, "metadata": {…}}`` and the same with ``group.leave``.
        """
        await self.accept()
        await self._connection.groups.join(group, metadata, watch=watch)

    async def leave(self, group: str) -> None:
        """Have it sent no more."""
        await self._connection.groups.leave(group)

    async def resume(
        self,
        group: str,
        after: int | None,
        metadata: Mapping[str, Any] | None = None,
        *,
        watch: bool = False,
    ) -> Replay:
        """Join a group that has a history, and send the client what it has missed.

        Args:
            group: its name.
            after: the ``sequence`` of the last message that the client has; None sends all that is kept.
            metadata: as for :meth:`join`.
            watch: as for :meth:`join`.

        Returns:
            What was sent, the number of the last message, and whether some are missing.
        """
        await self.accept()
        return await self._connection.resume(group, after, metadata, watch=watch)

    async def emit(self, group: str, data: str | bytes | dict[str, Any] | list[Any]) -> None:
        """Send a message to all members of a group, as :meth:`send` does; to this socket too, if it is
        one.
        """
        await self._connection.groups.layer.group_send(group, for_group(data))

    async def members(self, group: str) -> list[Member]:
        """Return who is in a group, in all processes, those that came first first."""
        return await self._connection.groups.layer.group_members(group)

    async def _grant(self) -> list[tuple[bytes, bytes]]:
        return await on_a_thread(self._visit.grant)
