"""A token in the first message of a WebSocket, as scripts in browsers can send it to any server."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from typing import Any

from hybrid.bridge.auth.authenticators import Authenticator
from hybrid.bridge.auth.fields import name_of, shown
from hybrid.bridge.auth.identity import MAX_LENGTH, Refused, Verify
from hybrid.bridge.errors import ClientDisconnected, ConfigError, ProtocolError
from hybrid.bridge.types import Message, Receive, Scope, Send

logger = logging.getLogger("hybrid.auth")

#: What the application's refusal of a handshake becomes where it gives no code.
_REFUSED = 4403


class FirstMessageToken(Authenticator):
    """The first message, a text that is the token.

    The handshake is accepted before the application is called, as no message can come earlier. The
    application's own ``websocket.accept`` is then dropped, and what it asks for besides is logged as
    impossible; its ``websocket.close`` before that closes with 4403, unless it gives a code. A client that
    sends no token in time gets 4408, one whose token is nobody's gets 4401.

    It must be the last authenticator, and is asked where no other one has found anything. HTTP is not its
    concern.

    Args:
        verify: says whose a token is. A text with more in it, such as JSON, is for ``verify`` to take apart.
        timeout: seconds from the handshake within which the message must have come.
        subprotocols: those that the application speaks. The first that the client offers of them is accepted.
        max_length: the longest token that is looked at; a longer one is refused.
    """

    def __init__(
        self,
        verify: Verify,
        *,
        timeout: float = 10.0,
        subprotocols: Iterable[str] = (),
        max_length: int = MAX_LENGTH,
    ) -> None:
        super().__init__(verify, max_length=max_length)
        if timeout <= 0:
            raise ConfigError(f"timeout must be greater than 0, not {timeout!r}")
        if isinstance(subprotocols, str):
            raise ConfigError(f"subprotocols are a list, not one text: [{subprotocols!r}]")
        self.timeout = timeout
        self.subprotocols = tuple(subprotocols)

    def find(self, scope: Scope) -> None:
        """Find nothing: a request has no message."""

    def choose(self, scope: Scope) -> str | None:
        """Return the subprotocol to accept."""
        ours = self.subprotocols
        return next((offer for offer in scope.get("subprotocols") or () if offer in ours), None)

    async def first(self, receive: Receive) -> str:
        """Wait for the token.

        Raises:
            ClientDisconnected: the client has left.
            Refused: no token has come in time, or what came is none.
        """
        try:
            async with asyncio.timeout(self.timeout):
                message = await receive()
        except TimeoutError:
            raise Refused(408, f"no token came within {self.timeout:g} s") from None
        if message["type"] == "websocket.disconnect":
            raise ClientDisconnected("the client has left before it sent a token")
        token: str | None = message.get("text")
        if not token or self.too_long(token):
            raise Refused(401, "the first message is not a token")
        return token


class AcceptedSocket:
    """A WebSocket that was accepted before its application is called, which need not know; all on the loop.

    Args:
        scope: of the connection.
        receive: of the ASGI call, after the handshake; as is ``send``.
        subprotocol: that was accepted.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, subprotocol: str | None) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._subprotocol = subprotocol
        self._told = False
        self._answered = False

    def application_scope(self) -> Scope:
        """Return the scope for the application: a response that denies the handshake is not possible."""
        extensions: dict[str, Any] = dict(self._scope.get("extensions") or {})
        extensions.pop("websocket.http.response", None)
        return {**self._scope, "extensions": extensions}

    async def receive(self) -> Message:
        """Return ``websocket.connect``, and then what comes."""
        if not self._told:
            self._told = True
            return {"type": "websocket.connect"}
        return await self._receive()

    def send(self, message: Message) -> Awaitable[None]:
        """Send a message."""
        return self._send(message) if self._answered else self._answer(message)

    async def _answer(self, message: Message) -> None:
        kind = message.get("type")
        if kind == "websocket.accept":
            self._answered = True
            self._note_impossible(message)
        elif kind == "websocket.close":
            self._answered = True
            await self._send({**message, "code": message.get("code") or _REFUSED})
        else:
            raise ProtocolError(
                f"{kind!r} was sent, but websocket.accept or websocket.close is due (the client is "
                "connected already: its token was in its first message)"
            )

    def _note_impossible(self, message: Message) -> None:
        name = name_of(self._scope)
        if (asked := message.get("subprotocol") or None) != self._subprotocol and asked is not None:
            logger.warning(
                "%s: the application accepts the subprotocol %s, which is too late: the handshake was "
                "answered before the token came; FirstMessageToken(subprotocols=…) says which to accept",
                name,
                shown(str(asked)),
            )
        if message.get("headers"):
            logger.warning("%s: the application adds fields to a handshake that was answered before", name)
