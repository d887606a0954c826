"""Whose a session of Django's is, for WebSockets (Django, ``django.contrib.auth`` and ``.sessions``)."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any, Final

from hybrid.bridge.auth import CookieSession, Identity

#: A session key is short; what is longer is none (Django has 32 characters, signed cookies up to 4096).
_MAX_LENGTH: Final = 4096


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
    settings: Any = import_module("django.conf").settings
    return CookieSession(
        name or settings.SESSION_COOKIE_NAME,
        _load,
        allowed_origins=allowed_origins,
        max_length=_MAX_LENGTH,
    )


def _load(key: str) -> Identity | None:
    """Return whose a session is (worker)."""
    close_old_connections: Any = import_module("django.db").close_old_connections
    close_old_connections()
    try:
        settings: Any = import_module("django.conf").settings
        session: Any = import_module(settings.SESSION_ENGINE).SessionStore(key)
        user = _user_of(session, settings)
        if user is None:
            return None
        expires: float = session.get_expiry_date().timestamp()
        return Identity(str(user.pk), user, expires, dict(session.items()))
    finally:
        close_old_connections()


def _user_of(session: Any, settings: Any) -> Any:
    """Return the user who has signed in, or None.

    Django's own ``get_user`` changes the session where its hash is one of an old secret key, and gives it a
    new key, which nobody could tell the browser here.
    """
    auth: Any = import_module("django.contrib.auth")
    backend_path = session.get(auth.BACKEND_SESSION_KEY)
    if backend_path not in settings.AUTHENTICATION_BACKENDS or auth.SESSION_KEY not in session:
        return None
    user_id = auth.get_user_model()._meta.pk.to_python(session[auth.SESSION_KEY])  # noqa: SLF001 - documented
    user = auth.load_backend(backend_path).get_user(user_id)
    if user is None or not user.is_authenticated:
        return None
    if hasattr(user, "get_session_auth_hash") and not _hash_fits(session.get(auth.HASH_SESSION_KEY), user):
        return None
    return user


def _hash_fits(found: str | None, user: Any) -> bool:
    compare: Any = import_module("django.utils.crypto").constant_time_compare
    known = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return bool(found) and any(compare(found, each) for each in known)
