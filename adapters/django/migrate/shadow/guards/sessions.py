"""Sessions: one of a user, which is there for one run, and those in files, which are not written."""

from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.guards import replaced
from hybrid.adapters.django.migrate.shadow.runs import current
from hybrid.bridge.errors import LoadError

_settings: Final[Any] = import_module("django.conf").settings
_files: Final[Any] = import_module("django.contrib.sessions.backends.file").SessionStore

_IN_FILES: Final = "django.contrib.sessions.backends.file"


@contextmanager
def guard() -> Generator[None]:
    """Let sessions that are kept in files stay what they are."""

    def save(self: Any, must_create: bool = False) -> None:
        if self.session_key is None:
            self._session_key = self._get_new_session_key()
        _say("saved")

    def delete(self: Any, session_key: Any = None) -> None:
        _say("deleted")

    with replaced(_files, save=save, delete=delete):
        yield


def _say(what: str) -> None:
    run = current()
    if run is not None:
        run.note(f"a session in a file was not {what}")


def user_named(name: str) -> Any:
    """Return a user of the project.

    Raises:
        LoadError: there is none of that name, or sessions for users cannot be made here.
    """
    if _settings.SESSION_ENGINE == _IN_FILES:
        raise LoadError(
            "SESSION_ENGINE keeps sessions in files: one for a user would have to be written there"
        )
    model: Any = import_module("django.contrib.auth").get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)  # noqa: SLF001 - documented
    except model.DoesNotExist:
        raise LoadError(f"there is no user {name!r} (by {model.USERNAME_FIELD})") from None


def cookie_of(name: str) -> str:
    """Make a session for a user, on the database connection of this thread, and return its cookie.

    Nobody has signed in with it: the receivers of that signal are not called.
    """
    user = user_named(name)
    auth: Any = import_module("django.contrib.auth")
    session: Any = import_module(_settings.SESSION_ENGINE).SessionStore()
    session[auth.SESSION_KEY] = user._meta.pk.value_to_string(user)  # noqa: SLF001 - documented
    session[auth.BACKEND_SESSION_KEY] = _backend()
    session[auth.HASH_SESSION_KEY] = (
        user.get_session_auth_hash() if hasattr(user, "get_session_auth_hash") else ""
    )
    session.save()
    return f"{_settings.SESSION_COOKIE_NAME}={session.session_key}"


def _backend() -> str:
    """Return the first authentication backend that knows users, as ``Client.force_login`` does."""
    auth: Any = import_module("django.contrib.auth")
    for path in _settings.AUTHENTICATION_BACKENDS:
        if hasattr(auth.load_backend(path), "get_user"):
            return str(path)
    raise LoadError("none of AUTHENTICATION_BACKENDS can tell who the user of a session is")
