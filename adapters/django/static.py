"""Django's static files, by this server instead of a middleware or a view (Django, ``STATIC_URL``)."""

from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.gateway import Target
from hybrid.bridge.interface import Interface
from hybrid.bridge.prefixes import clean_prefix
from hybrid.bridge.static.files import StaticFiles

_APP: Final = "django.contrib.staticfiles"


def static_target(*, root_path: str = "", **options: Any) -> Target:
    """Make a target of Django's static files, for a :class:`~hybrid.bridge.gateway.Gateway`.

    With ``DEBUG`` they are found where they are written, by ``STATICFILES_FINDERS`` and as they are at that
    moment, as ``runserver`` does; otherwise where ``collectstatic`` has put them.

    Args:
        root_path: the server's own, which ``STATIC_URL`` may begin with.
        options: of :class:`~hybrid.bridge.static.files.StaticFiles`.

    Raises:
        ConfigError: the settings name no files that could be served; the message names the setting.
        django.core.exceptions.ImproperlyConfigured: Django has no settings yet.
    """
    settings: Any = import_module("django.conf").settings
    prefix = static_prefix(root_path=root_path)
    if settings.DEBUG:
        options["fresh"] = True
        application = StaticFiles(FinderSource(), **options)
        name = "static files, found"
    else:
        prefix, directory = static_mount(root_path=root_path)
        application = StaticFiles(directory, **options)
        name = f"files in {directory}"
    return Target(application, prefix, name, protocols=("http",), interface=Interface.ASGI3)


def static_mount(*, root_path: str = "") -> tuple[str, str]:
    """Return the path and the directory of the files that ``collectstatic`` has gathered: what ``--static``
    takes. Raises as :func:`static_target`.
    """
    settings: Any = import_module("django.conf").settings
    prefix = static_prefix(root_path=root_path)
    if not settings.STATIC_ROOT:
        raise ConfigError("STATIC_ROOT is not set: it names the directory that collectstatic fills")
    directory = str(settings.STATIC_ROOT)
    if not Path(directory).is_dir():
        raise ConfigError(f"STATIC_ROOT: there is no directory {directory}: manage.py collectstatic makes it")
    return prefix, directory


def static_prefix(*, root_path: str = "") -> str:
    """Return the path of ``STATIC_URL``, below ``root_path``. Raises as :func:`static_target`."""
    settings: Any = import_module("django.conf").settings
    url: str | None = settings.STATIC_URL
    if not url:
        raise ConfigError("STATIC_URL is not set: static files have no path")
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        raise ConfigError(
            f"STATIC_URL is {url}, on another host: this server does not send what is there, so leave serving"
            " static files off"
        )
    try:
        prefix = clean_prefix(parts.path)
    except ValueError as error:
        raise ConfigError(f"STATIC_URL: {error}") from None
    if root_path and f"{prefix}/".startswith(f"{root_path.rstrip('/')}/"):
        prefix = prefix[len(root_path.rstrip("/")) :] or "/"
    if prefix == "/":
        raise ConfigError(f"STATIC_URL is {url}: all paths would be those of files")
    return prefix


class FinderSource:
    """The files that Django's finders find: a :class:`~hybrid.bridge.static.sources.Source`. For development:
    each search goes through the directories of all apps.

    Raises:
        ConfigError: ``django.contrib.staticfiles`` is not installed in the project.
    """

    #: Who develops an app may well have linked its files.
    follows_links = True

    def __init__(self) -> None:
        settings: Any = import_module("django.conf").settings
        if _APP not in settings.INSTALLED_APPS:
            raise ConfigError(f"INSTALLED_APPS has no {_APP}, which finds the static files of apps")
        self._finders: Any = import_module(f"{_APP}.finders")

    def __repr__(self) -> str:
        return "<FinderSource>"

    def find(self, name: str) -> str | None:
        """Return the path of a file, None when no finder has it."""
        found: str | None = self._finders.find(name) or None
        return found
