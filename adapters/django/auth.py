"""Whose a session of Django's is, for WebSockets (Django, ``django.contrib.auth`` and ``.sessions``).

:func:`django_session` is for :class:`hybrid.bridge.auth.Authentication`; the other names are those of
``channels.auth``.
"""

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

from hybrid.adapters.django.accounts import sign_in, sign_out, user_of
from hybrid.adapters.django.connections import close_old_connections
from hybrid.adapters.django.db import database_sync_to_async
from hybrid.adapters.django.sessions import CookieMiddleware, SessionMiddleware
from hybrid.bridge.auth import CookieSession, Identity
from hybrid.bridge.auth.fields import name_of
from hybrid.bridge.auth.guard import Guard, Terms
from hybrid.bridge.auth.threads import on_thread
from hybrid.bridge.errors import ClientDisconnected, ConfigError
from hybrid.bridge.middleware import BaseMiddleware
from hybrid.bridge.types import ASGIApp, Receive, Scope, Send

__all__ = [
    "AuthMiddleware",
    "AuthMiddlewareStack",
    "UserLazyObject",
    "django_session",
    "get_user",
    "login",
    "logout",
]

_settings: Final[Any] = import_module("django.conf").settings
_LazyObject: Final[Any] = import_module("django.utils.functional").LazyObject

#: A session key is short; what is longer is none (Django has 32 characters, signed cookies up to 4096).
_MAX_LENGTH: Final = 4096
#: Of a WebSocket whose user may not stay.
_ENDED: Final = 4401


def django_session(*, name: str | None = None, allowed_origins: Iterable[str] | None = None) -> CookieSession:
    """Make an authenticator of the cookie that Django's session middleware has set.

    The identity's ``user`` is Django's, loaded by the backend that has signed it in, if the session's
    authentication hash fits: a changed password ends the session here too. ``claims`` are the values of the
    session. It ends with the session: ``expires`` is the latest time at which that can be, as one that nobody
    uses ends earlier, which asking again finds out (``recheck`` of
    :class:`~hybrid.bridge.auth.Authentication`).

    The session is only read; Django is asked on a thread, and database connections that are too old, or
    broken, are closed before and after.

    Args:
        name: of the cookie; ``SESSION_COOKIE_NAME`` without it.
        allowed_origins: as for :class:`~hybrid.bridge.auth.CookieSession`.

    Raises:
        django.core.exceptions.ImproperlyConfigured: Django has no settings yet.
    """
    return CookieSession(
        name or _settings.SESSION_COOKIE_NAME,
        _load,
        allowed_origins=allowed_origins,
        max_length=_MAX_LENGTH,
    )


def _load(key: str) -> Identity | None:
    """Return whose a session is (worker)."""
    close_old_connections()
    try:
        session: Any = import_module(_settings.SESSION_ENGINE).SessionStore(key)
        user, _ = user_of(session)
        if user is None:
            return None
        expires: float = session.get_expiry_date().timestamp()
        return Identity(str(user.pk), user, expires, dict(session.items()))
    finally:
        close_old_connections()


# As in Channels.


async def get_user(scope: Scope) -> Any:
    """Return the user who has signed in with the session of a scope, or Django's ``AnonymousUser``.

    A session whose authentication hash does not fit any more is ended.

    Raises:
        ValueError: the scope has no session.
    """
    return await database_sync_to_async(_get_user)(_session_of(scope))


async def login(scope: Scope, user: Any, backend: str | None = None) -> None:
    """Sign a user in: into the session of a scope, and as ``scope["user"]``.

    The session is saved, and its cookie set, when the response or the handshake is answered after that. Once
    a WebSocket has been accepted no cookie can reach the browser, and saving the session is up to you.

    Args:
        scope: of the connection.
        user: who it is; None for ``scope["user"]``.
        backend: dotted path of the authentication backend; that of the user, or the only one, without it.

    Raises:
        ValueError: the scope has no session, there is no user, or nothing says which backend it is.
    """
    session = _session_of(scope)
    user = scope.get("user") if user is None else user
    if user is None:
        raise ValueError("login() needs a user: there is none in the scope either")
    await database_sync_to_async(sign_in)(session, user, backend)
    scope["user"] = user


async def logout(scope: Scope) -> None:
    """Sign out whoever has signed in: the session is emptied, and ``scope["user"]`` nobody.

    Raises:
        ValueError: the scope has no session.
    """
    await database_sync_to_async(sign_out)(_session_of(scope), scope.get("user"))
    if "user" in scope:
        scope["user"] = _anonymous()


class UserLazyObject(_LazyObject):  # type: ignore[misc]
    """Stands for a user who is not known yet."""

    def _setup(self) -> None:
        raise ValueError("the user of this scope is not known yet: AuthMiddleware has not asked")


class AuthMiddleware(BaseMiddleware):
    """Puts Django's user into ``scope["user"]``; inside of ``SessionMiddleware``.

    Args:
        inner: the application.
        recheck: seconds after which it is asked again whose the session of a WebSocket is, over and over: one
            that has ended, or is somebody else's, closes it with 4401. None for never, as in Channels.

    Raises:
        ConfigError: ``recheck`` is not greater than 0.
    """

    def __init__(self, inner: ASGIApp, *, recheck: float | None = None) -> None:
        super().__init__(inner)
        if recheck is not None and recheck <= 0:
            raise ConfigError(f"recheck must be greater than 0, not {recheck!r}: None is never")
        self._terms = Terms(_ENDED, recheck)

    def populate_scope(self, scope: Scope) -> None:
        """Put what stands for the user into the scope, unless there is one.

        Raises:
            ValueError: the scope has no session.
        """
        _session_of(scope)
        if "user" not in scope:
            scope["user"] = UserLazyObject()

    async def resolve_scope(self, scope: Scope) -> None:
        """Find out who it is."""
        user: Any = scope["user"]
        user._wrapped = await get_user(scope)  # noqa: SLF001 - what Django's class is made for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Await the inner application with the user."""
        scope = dict(scope)
        self.populate_scope(scope)
        await self.resolve_scope(scope)
        user: Any = scope["user"]
        if self._terms.recheck is None or scope["type"] != "websocket" or not user.is_authenticated:
            await super().__call__(scope, receive, send)
        else:
            await self._serve_guarded(scope, receive, send)

    async def _serve_guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        user, session = scope["user"], scope["session"]
        identity = Identity(str(user.pk), user)
        ask_again = lambda: on_thread(_load, str(session.session_key or ""))  # noqa: E731
        guard = Guard(name_of(scope), (receive, send), identity, self._terms, ask_again)
        try:
            await super().__call__(scope, guard.receive, guard.send)
        except ClientDisconnected:
            if not guard.expelled:
                raise
        finally:
            await guard.end()


def AuthMiddlewareStack(inner: ASGIApp, *, recheck: float | None = None) -> ASGIApp:  # noqa: N802 - Channels' own
    """Wrap an application in all that ``scope["user"]`` needs: cookies, session, user."""
    return CookieMiddleware(SessionMiddleware(AuthMiddleware(inner, recheck=recheck)))


def _get_user(session: Any) -> Any:
    """Return the user of a session (worker)."""
    user, is_out_of_date = user_of(session)
    if is_out_of_date:
        session.flush()
    return _anonymous() if user is None else user


def _session_of(scope: Scope) -> Any:
    if "session" not in scope:
        raise ValueError("there is no session in the scope: SessionMiddleware must be around this")
    return scope["session"]


def _anonymous() -> Any:
    return import_module("django.contrib.auth.models").AnonymousUser()  # only after django.setup()
