"""Who has signed in, by a session of Django's: finding out, signing in and signing out. Plain functions."""

from importlib import import_module
from typing import Any, Final

_auth: Final[Any] = import_module("django.contrib.auth")
_crypto: Final[Any] = import_module("django.utils.crypto")
_settings: Final[Any] = import_module("django.conf").settings


def user_of(session: Any) -> tuple[Any, bool]:
    """Return the user who has signed in with a session, or None, and whether the session is out of date.

    It is where its authentication hash does not fit, as after a change of the password. One that an old
    secret key vouches for is good, and is left as it is: Django's own ``get_user`` gives it a new key, which
    nobody could tell the browser here.
    """
    path = session.get(_auth.BACKEND_SESSION_KEY)
    if path not in _settings.AUTHENTICATION_BACKENDS or _auth.SESSION_KEY not in session:
        return None, False
    user = _auth.load_backend(path).get_user(_id_in(session))
    if user is None or not user.is_authenticated:
        return None, False
    if hasattr(user, "get_session_auth_hash") and not _fits(session.get(_auth.HASH_SESSION_KEY), user):
        return None, True
    return user, False


def sign_in(session: Any, user: Any, backend: str | None) -> None:
    """Let a session be a user's: with a new key, and empty if it was somebody else's.

    Raises:
        ValueError: there are several authentication backends, and nothing says which one it is.
    """
    backend = backend or getattr(user, "backend", None) or _only_backend()
    known = user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""
    if _auth.SESSION_KEY not in session:
        session.cycle_key()
    elif _id_in(session) != user.pk or (
        known and not _crypto.constant_time_compare(session.get(_auth.HASH_SESSION_KEY, ""), known)
    ):
        session.flush()
    session[_auth.SESSION_KEY] = user._meta.pk.value_to_string(user)  # noqa: SLF001 - documented
    session[_auth.BACKEND_SESSION_KEY] = backend
    session[_auth.HASH_SESSION_KEY] = known
    _auth.user_logged_in.send(sender=type(user), request=None, user=user)


def sign_out(session: Any, user: Any) -> None:
    """Empty a session and end it, and let receivers of the signal know whose it was."""
    if user is not None and getattr(user, "is_authenticated", True):
        _auth.user_logged_out.send(sender=type(user), request=None, user=user)
    session.flush()


def _id_in(session: Any) -> Any:
    return _auth.get_user_model()._meta.pk.to_python(session[_auth.SESSION_KEY])  # noqa: SLF001 - documented


def _only_backend() -> str:
    backends: list[str] = list(_settings.AUTHENTICATION_BACKENDS)
    if len(backends) != 1:
        raise ValueError(
            "there are several AUTHENTICATION_BACKENDS: give login() the backend, or the user its attribute"
        )
    return backends[0]


def _fits(found: str | None, user: Any) -> bool:
    known = [user.get_session_auth_hash()]
    if hasattr(user, "get_session_auth_fallback_hash"):
        known += user.get_session_auth_fallback_hash()
    return bool(found) and any(_crypto.constant_time_compare(found, each) for each in known)
