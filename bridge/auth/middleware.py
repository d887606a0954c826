"""Letting clients in who say who they are, and closing their WebSockets when that ends."""

import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hybrid.bridge.auth.authenticators import Authenticator
from hybrid.bridge.auth.disconnect import check_close_code
from hybrid.bridge.auth.fields import name_of
from hybrid.bridge.auth.first_message import AcceptedSocket, FirstMessageToken
from hybrid.bridge.auth.guard import Guard, Terms
from hybrid.bridge.auth.identity import Identity, Refused
from hybrid.bridge.auth.roster import roster_of
from hybrid.bridge.errors import ClientDisconnected, ConfigError, PoolFull
from hybrid.bridge.layers import DEFAULT_CHANNEL_LAYER
from hybrid.bridge.routing import refusing
from hybrid.bridge.types import ASGIApp, Headers, Message, Receive, Scope, Send

logger = logging.getLogger("hybrid.auth")

#: Close codes for an accepted WebSocket, by the status that its handshake would have got.
_CODES: Final = {500: 1011, 503: 1013}


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody who was let in.

    Attributes:
        identity: who it is.
        authenticator: which has said so.
        secret: what it was asked about, to ask again.
    """

    identity: Identity
    authenticator: Authenticator
    secret: str


class Authentication:
    """Lets in whom one of the authenticators knows, over WebSocket and HTTP; an ASGI application around one.

    They are asked in order, and the first that finds something in the request decides. The application's
    scope then has ``"identity"``, an :class:`~hybrid.bridge.auth.Identity`, and ``"user"``, its user. Other
    types of scopes, such as lifespan, are passed on as they are.

    Who is not let in gets 401 where there is a :class:`~hybrid.bridge.auth.BearerToken` among the
    authenticators, and otherwise 403; a WebSocket's handshake gets 403 from servers that know no other.

    A WebSocket is closed in the application's place when the identity expires, when asking again says so, and
    by :func:`~hybrid.bridge.auth.disconnect_user`: the application gets ``websocket.disconnect`` with that
    code, and what it still sends raises :class:`~hybrid.bridge.errors.ClientDisconnected`.

    Args:
        application: for those who are let in.
        authenticators: at least one; a :class:`~hybrid.bridge.auth.FirstMessageToken` comes last.
        required: whether a client that has nothing to say who it is is refused. Otherwise it is let in, with
            None for its identity. What is nobody's is refused in any case, except in a cookie.
        anonymous: ``scope["user"]`` of clients without an identity.
        expired_code: the close code when an identity expires, or asking again says so.
        recheck: seconds after which it is asked again whose a WebSocket's credentials are, over and over;
            None for never. The scope keeps what it had.
        layer: alias of the channel layer for :func:`~hybrid.bridge.auth.disconnect_user`.

    Raises:
        ConfigError: there is no authenticator, one is in the wrong place, or an option cannot be.
    """

    def __init__(  # noqa: PLR0913 - by keyword only, all but the application
        self,
        application: ASGIApp,
        *authenticators: Authenticator,
        required: bool = True,
        anonymous: Any = None,
        expired_code: int = 4401,
        recheck: float | None = None,
        layer: str = DEFAULT_CHANNEL_LAYER,
    ) -> None:
        self.application = application
        self.required = required
        self.anonymous = anonymous
        self._first, self._authenticators = _divided(authenticators)
        self._all = authenticators
        self._challenges = tuple({each.challenge for each in authenticators if each.challenge})
        self._terms = _terms(expired_code, recheck)
        self._layer = layer

    def __repr__(self) -> str:
        return f"<Authentication by {' '.join(type(each).__name__ for each in self._all)}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("websocket", "http"):
            await self.application(scope, receive, send)
            return
        try:
            admission = await self._admit(scope)
            if scope["type"] == "http":
                self._demand(admission)
                await self.application(self._scope_for(scope, admission), receive, send)
                return
            if self._first is None:
                self._demand(admission)
        except Refused as refused:
            await self._refuse(refused, scope, receive, send)
            return
        if admission is not None:
            await self._serve(admission, scope, receive, send)
        elif self._first is not None:
            await self._serve_by_first_message(self._first, scope, receive, send)
        else:
            await self.application(self._scope_for(scope, None), receive, self._sending(scope, send))

    # Who it is.

    async def _admit(self, scope: Scope) -> Admission | None:
        """Return who it is; None for a client that has nothing to say so.

        Raises:
            Refused: it is not to be let in.
        """
        for authenticator in self._authenticators:
            secret = authenticator.find(scope)
            if secret is None:
                continue
            identity = await _identified(authenticator, secret, scope)
            if identity is not None:
                return Admission(identity, authenticator, secret)
            if authenticator.decides:
                raise Refused(401, f"nobody's, says {authenticator!r}", "invalid_token")
        return None

    def _demand(self, admission: Admission | None) -> None:
        if admission is None and self.required:
            raise Refused(401, "it does not say who it is")

    async def _refuse(self, refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer instead of the application."""
        status = refused.status
        fields: Headers = []
        if status == 401:
            error = f' error="{refused.error}"' if refused.error else ""
            fields = [(b"www-authenticate", f"{scheme}{error}".encode()) for scheme in self._challenges]
            status = 401 if fields else 403  # RFC 9110 section 15.5.2: never a 401 without a challenge
        level = logging.WARNING if refused.status == 403 else logging.INFO
        logger.log(level, "%s: refused with %d: %s", name_of(scope), status, refused)
        await refusing(status, fields)(scope, receive, send)

    # The application.

    def _scope_for(self, scope: Scope, admission: Admission | None) -> Scope:
        identity = None if admission is None else admission.identity
        user = self.anonymous if identity is None else identity.user
        own: Scope = {**scope, "user": user, "identity": identity}
        for authenticator in self._all:
            authenticator.clean(own)
        return own

    def _sending(self, scope: Scope, send: Send) -> Send:
        """Return a send that answers the handshake as the authenticators want it."""
        if not any(type(each).answer is not Authenticator.answer for each in self._all):
            return send

        def answer(message: Message) -> Awaitable[None]:
            return send(
                self._answer(scope, message) if message.get("type") == "websocket.accept" else message
            )

        return answer

    def _answer(self, scope: Scope, message: Message) -> Message:
        for authenticator in self._all:
            message = authenticator.answer(scope, message)
        return message

    async def _serve(self, admission: Admission, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket for as long as its user may stay."""
        authenticator, secret = admission.authenticator, admission.secret
        guard = Guard(
            name_of(scope),
            (receive, self._sending(scope, send)),
            admission.identity,
            self._terms,
            lambda: authenticator.identify(secret),
        )
        roster = roster_of(self._layer)
        user_id = admission.identity.user_id
        try:
            if roster is not None:
                await roster.join(user_id, guard)
            await self.application(self._scope_for(scope, admission), guard.receive, guard.send)
        except ClientDisconnected:
            if not guard.expelled:
                raise
        finally:
            try:
                await guard.end()
            finally:
                if roster is not None:
                    await roster.leave(user_id, guard)

    async def _serve_by_first_message(
        self, first: FirstMessageToken, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Accept, and serve a WebSocket whose first message says whose it is."""
        if (await receive())["type"] != "websocket.connect":
            return
        accept = self._answer(scope, {"type": "websocket.accept", "subprotocol": first.choose(scope)})
        await send(accept)
        try:
            secret = await first.first(receive)
            identity = await _identified(first, secret, scope)
            if identity is None:
                raise Refused(401, f"nobody's, says {first!r}")
        except ClientDisconnected:
            return
        except Refused as refused:
            code = _CODES.get(refused.status, 4000 + refused.status)
            logger.info("%s: closed with %d: %s", name_of(scope), code, refused)
            await send({"type": "websocket.close", "code": code, "reason": ""})
            return
        socket = AcceptedSocket(scope, receive, send, accept["subprotocol"])
        await self._serve(
            Admission(identity, first, secret), socket.application_scope(), socket.receive, socket.send
        )


async def _identified(authenticator: Authenticator, secret: str, scope: Scope) -> Identity | None:
    """Ask the application whose it is.

    Raises:
        Refused: it has no thread to answer with, or fails.
    """
    try:
        return await authenticator.identify(secret)
    except PoolFull as error:
        raise Refused(503, str(error)) from None
    except Exception as error:
        logger.exception("%s: %r failed", name_of(scope), authenticator)
        raise Refused(500, f"{authenticator!r} failed") from error


def _divided(
    authenticators: Sequence[Authenticator],
) -> tuple[FirstMessageToken | None, Sequence[Authenticator]]:
    """Return what waits for a message, and those that look at the request."""
    if not authenticators:
        raise ConfigError("Authentication needs an authenticator, such as BearerToken(verify)")
    for each in authenticators:
        if not isinstance(each, Authenticator):
            raise ConfigError(f"{each!r} is no authenticator")
    if any(isinstance(each, FirstMessageToken) for each in authenticators[:-1]):
        raise ConfigError("FirstMessageToken must be the last authenticator: those after it are not asked")
    last = authenticators[-1]
    if isinstance(last, FirstMessageToken):
        return last, authenticators[:-1]
    return None, authenticators


def _terms(expired_code: int, recheck: float | None) -> Terms:
    try:
        check_close_code(expired_code)
    except ValueError as error:
        raise ConfigError(f"expired_code: {error}") from None
    if recheck is not None and recheck <= 0:
        raise ConfigError(f"recheck must be greater than 0, not {recheck!r}: None is never")
    return Terms(expired_code, recheck)
