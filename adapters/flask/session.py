"""Whose a session of Flask's is, for WebSockets: the signed cookie, read as Flask reads it."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, cast

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadData

from hybrid.bridge.auth import CookieSession, Identity
from hybrid.bridge.auth.threads import on_thread
from hybrid.bridge.errors import ConfigError

#: Where Flask-Login, and Flask's own tutorial, keep the id of the user.
_USER_KEYS: Final = ("_user_id", "user_id")

#: Returns the user with an id, or None; a plain function runs on a thread, within the application's context.
LoadUser = Callable[[str], Any]


def flask_session(
    secret_key_or_app: Flask | str | bytes,
    *,
    user_id: str | Callable[[Mapping[str, Any]], object] | None = None,
    load_user: LoadUser | None = None,
    allowed_origins: Iterable[str] | None = None,
) -> CookieSession:
    """Make an authenticator of Flask's signed session cookie.

    The identity's ``claims`` are the session, and it expires when Flask believes the cookie no longer:
    ``PERMANENT_SESSION_LIFETIME`` after it was set. Whoever has a cookie can use it until then, as Flask
    keeps no list of sessions that have ended; ``load_user`` can say that a user may not come in any more.

    Args:
        secret_key_or_app: the application, whose ``SECRET_KEY``, ``SECRET_KEY_FALLBACKS``,
            ``SESSION_COOKIE_NAME`` and ``PERMANENT_SESSION_LIFETIME`` count, each time; or a secret key, with
            Flask's defaults for all else.
        user_id: the key of the session under which the user's id is, or a function that takes it out of the
            session. Without it, Flask-Login's ``_user_id``, or ``user_id``.
        load_user: gives the user with an id, such as the function that ``login_manager.user_loader`` was
            given; None for a user that is not there. Without it, the user is the id.
        allowed_origins: as for :class:`~hybrid.bridge.auth.CookieSession`.

    Raises:
        ConfigError: the application has no secret key, or keeps its sessions in another way.
    """
    app = secret_key_or_app if isinstance(secret_key_or_app, Flask) else _app_with(secret_key_or_app)
    interface = app.session_interface
    if not isinstance(interface, SecureCookieSessionInterface):
        raise ConfigError(
            f"sessions of {type(interface).__name__} are not in the cookie: CookieSession takes a function"
        )
    if interface.get_signing_serializer(app) is None:
        raise ConfigError("the Flask application has no secret key, and so no sessions")
    load = _Loader(app, interface, user_id, load_user)
    return CookieSession(interface.get_cookie_name(app), load, allowed_origins=allowed_origins)


def _app_with(secret_key: str | bytes) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.secret_key = secret_key
    return app


class _Loader:
    """Takes a cookie apart; see :func:`flask_session`."""

    def __init__(
        self,
        app: Flask,
        interface: SecureCookieSessionInterface,
        user_id: str | Callable[[Mapping[str, Any]], object] | None,
        load_user: LoadUser | None,
    ) -> None:
        self._app = app
        self._interface = interface
        self._user_id = user_id
        self._load_user = load_user

    async def __call__(self, cookie: str) -> Identity | None:
        """Return whose session it is."""
        serializer = self._interface.get_signing_serializer(self._app)
        if serializer is None:
            return None
        lifetime = self._app.permanent_session_lifetime.total_seconds()
        try:
            session, signed = serializer.loads(cookie, max_age=int(lifetime), return_timestamp=True)
        except BadData:
            return None
        user_id = self._id_in(session)
        if user_id is None:
            return None
        user = await self._user_with(user_id)
        if user is None:
            return None
        return Identity(user_id, user, signed.timestamp() + lifetime, session)

    def _id_in(self, session: Mapping[str, Any]) -> str | None:
        if callable(self._user_id):
            found = self._user_id(session)
        else:
            keys = _USER_KEYS if self._user_id is None else (self._user_id,)
            found = next((session[key] for key in keys if session.get(key) is not None), None)
        return None if found is None or found == "" else str(found)

    async def _user_with(self, user_id: str) -> object:
        if self._load_user is None:
            return user_id
        if inspect.iscoroutinefunction(self._load_user):
            return await cast("Awaitable[object]", self._load_user(user_id))
        return await on_thread(self._load_within_context, user_id)

    def _load_within_context(self, user_id: str) -> object:
        """Ask the application for the user (worker)."""
        assert self._load_user is not None
        with self._app.app_context():
            return self._load_user(user_id)
