"""A WebSocket's connection: what handlers, on the loop or on threads, do with it. All here is on the loop."""

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from hybrid.adapters.flask.inbox import Inbox
from hybrid.adapters.flask.membership import Membership
from hybrid.adapters.flask.visit import Refusal
from hybrid.bridge.auth.fields import name_of
from hybrid.bridge.auth.roster import Roster, roster_of
from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.layers.presence import Replay
from hybrid.bridge.types import Headers, Message, Receive, Scope, Send
from hybrid.bridge.waking import Waits, its_task

logger = logging.getLogger("hybrid.flask")

#: Internal error; the client is too slow: try again later (RFC 6455 section 7.4.1, IANA).
INTERNAL_ERROR: Final = 1011
TRY_AGAIN_LATER: Final = 1013


class State(enum.Enum):
    """Where a connection is."""

    CONNECTING = "the handshake is not answered yet"
    OPEN = "open"
    CLOSED = "closed by the application"
    LEFT = "the client has left"


class Connection:
    """One WebSocket. Messages are sent one after the other, whoever sends them.

    Args:
        scope: of the ASGI call, as are ``receive`` and ``send``.
        layer_alias: of the channel layer for its groups.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, layer_alias: str) -> None:
        self.state = State.CONNECTING
        self.scope = scope
        self.subprotocol: str | None = None
        self.inbox = Inbox(receive, self._left)
        self.groups = Membership(layer_alias, self._deliver, self._is_too_slow)
        self._send = send
        self._sending = asyncio.Lock()
        self._waits = Waits()  # of who sends
        self._opening = asyncio.Lock()
        self._closing: asyncio.Task[None] | None = None
        self._layer_alias = layer_alias
        self._claim: tuple[Roster, str] | None = None

    def __repr__(self) -> str:
        return f"<Connection {self.state.name} {self.scope['path']!r}>"

    async def claim(self, user_id: str) -> None:
        """Let ``disconnect_user()`` close this connection."""
        roster = roster_of(self._layer_alias)
        if roster is not None:
            self._claim = roster, user_id
            await roster.join(user_id, self)

    # Opening.

    async def accept(
        self,
        grant: Callable[[], Awaitable[Headers]],
        subprotocol: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Accept the handshake, unless that is done.

        Args:
            grant: gives fields of the response, and is called if there is to be one.
            subprotocol: one of those that the client offers.
            headers: further fields.

        Raises:
            ClientDisconnected: the client has left, or the handshake was refused.
            ProtocolError: it is accepted, and without what is to be said now; or this cannot be said.
        """
        async with self._opening:
            if self.state is State.OPEN and subprotocol is None and not headers:
                return
            self._require(State.CONNECTING)
            fields = await grant()
            for name, value in (headers or {}).items():
                fields.append((name.lower().encode("latin-1"), value.encode("latin-1")))
            self._require(State.CONNECTING)
            await self._pass({"type": "websocket.accept", "subprotocol": subprotocol, "headers": fields})
            self._require(State.CONNECTING)  # the client may have left meanwhile
            self.subprotocol = subprotocol
            self.state = State.OPEN

    # Open.

    async def send(self, payload: Mapping[str, Any]) -> None:
        """Send ``{"text": …}`` or ``{"bytes": …}``.

        Raises:
            ClientDisconnected: the client has left, or the connection is closed.
        """
        async with self._sending:
            await self._send_now(payload)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, unless that is done; a handshake is refused: 403.

        It does not wait for its turn: who is sending may wait for a client that does not read.
        """
        if self.state in (State.CONNECTING, State.OPEN):
            before, self.state = self.state, State.CLOSED
            try:
                with suppress(OSError):
                    await self._send({"type": "websocket.close", "code": code, "reason": reason})
            except Exception:  # such a code, or reason, there cannot be
                self.state = before
                raise
            self._waits.wake()
            self.inbox.close()
            self.groups.stop()

    async def refuse(self, refusal: Refusal) -> None:
        """Answer a handshake with a response; with 403 under a server that has no other answer."""
        if self.state is not State.CONNECTING:
            return
        self.state = State.CLOSED
        with suppress(OSError):
            for message in _denial(self.scope, refusal):
                await self._send(message)

    async def resume(
        self, group: str, after: int | None, metadata: Mapping[str, Any] | None, *, watch: bool
    ) -> Replay:
        """Join a group and send what was sent to it after a message; what comes later is sent later."""
        async with self._sending:
            replay = await self.groups.resume(group, after, metadata, watch=watch)
            for message in replay.messages:
                await self._send_now(self.groups.payload(message))
        return replay

    async def end(self) -> None:
        """Close what is still open, and leave all groups: the handler has come to its end."""
        await self.close()
        if self._closing is not None:
            await self._closing
        self.inbox.finish()
        await self.groups.end()

    async def abandon(self) -> None:
        """Let go: the call is over, perhaps because the server has cancelled it."""
        self.inbox.finish()
        if self._claim is not None:
            roster, user_id = self._claim
            await roster.leave(user_id, self)

    async def _send_now(self, payload: Mapping[str, Any]) -> None:
        self._require(State.OPEN)
        task = its_task()
        cancellations = self._waits.begin(task)
        try:
            await self._pass({"type": "websocket.send", **payload})
        except asyncio.CancelledError:
            if not self._waits.is_woken(task, cancellations):
                raise
            raise ClientDisconnected("the WebSocket has been closed meanwhile") from None
        finally:
            self._waits.end(task)

    async def _pass(self, message: Message) -> None:
        try:
            await self._send(message)
        except OSError as error:  # what servers raise then (ASGI HTTP spec 2.4)
            # Receiving says so too, but only when the handler has read what the client said before.
            self._left()
            if isinstance(error, ClientDisconnected):
                raise
            raise ClientDisconnected("the client has left") from error

    def _require(self, state: State) -> None:
        if self.state is state:
            return
        if self.state is State.CONNECTING or self.state is State.OPEN:
            raise ProtocolError(f"this cannot be done now: the WebSocket is {self.state.value}")
        raise ClientDisconnected(f"the WebSocket is not open any more: {self.state.value}")

    # Called by its parts.

    def _left(self) -> None:
        if self.state in (State.CONNECTING, State.OPEN):
            self.state = State.LEFT
        self.groups.stop()

    async def _deliver(self, payload: Mapping[str, Any]) -> None:
        with suppress(ClientDisconnected):
            await self.send(payload)

    def _is_too_slow(self) -> None:
        """More waits in the channel than may: close."""
        self.expel(TRY_AGAIN_LATER, "too slow for what is sent here")

    def expel(self, code: int, reason: str) -> None:
        """Close, soon, in the handler's place."""
        if self._closing is None and self.state in (State.CONNECTING, State.OPEN):
            logger.info("%s: closed with %d: %s", name_of(self.scope), code, reason or "no reason given")
            self._closing = asyncio.get_running_loop().create_task(self.close(code, reason))


def _denial(scope: Scope, refusal: Refusal) -> list[Message]:
    """Write a refusal (ASGI WebSocket specification, "Denial Response")."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        return [{"type": "websocket.close"}]
    status, headers, body = refusal
    return [
        {"type": "websocket.http.response.start", "status": status, "headers": headers},
        {"type": "websocket.http.response.body", "body": body},
    ]
