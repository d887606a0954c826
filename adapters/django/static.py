"""Django's static files, by this server instead of a middleware or a view."""

import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.gateway import Target
from hybrid.bridge.lanes import TwoLanes
from hybrid.bridge.prefixes import clean_prefix
from hybrid.server.config.static import StaticMount


def static_mounts(targets: Sequence[Target], *, root_path: str = "") -> list[StaticMount]:
    """Return where the files that ``collectstatic`` has gathered are served beside a project: once for each
    host that it is served for.

    Args:
        targets: what is served. Where the project is not seen among them, as something stands around it, it
            is taken to be at the root, for every host.
        root_path: what a proxy in front has taken off the paths.

    Raises:
        ConfigError: see :func:`static_mount`.
    """
    places = list(_places(targets)) or [("", "")]
    mount = static_mount(root_path=root_path, prefix=places[0][1])
    return [mount._replace(host=host) for host in dict.fromkeys(host for host, _ in places)]


def static_mount(*, root_path: str = "", prefix: str = "") -> StaticMount:
    """Return the path and the directory of the files that ``collectstatic`` has gathered: what ``--static``
    takes.

    Args:
        root_path: what a proxy in front has taken off the paths.
        prefix: the path below which the project is mounted here.

    Raises:
        ConfigError: the settings name no files that could be served; the message names the setting.
        django.core.exceptions.ImproperlyConfigured: Django has no settings yet.
    """
    path = _static_path(root_path.rstrip("/"), prefix.rstrip("/"))
    settings: Any = import_module("django.conf").settings
    if not settings.STATIC_ROOT:
        raise ConfigError("STATIC_ROOT is not set: it names the directory that manage.py collectstatic fills")
    directory = str(settings.STATIC_ROOT)
    if not Path(directory).is_dir():
        raise ConfigError(f"STATIC_ROOT: there is no directory {directory}: manage.py collectstatic makes it")
    media = settings.MEDIA_ROOT
    if media and Path(media).resolve().is_relative_to(Path(directory).resolve()):
        raise ConfigError(
            f"MEDIA_ROOT, {media}, is in STATIC_ROOT: what users have uploaded would be served with the "
            "static files"
        )
    _refuse_sources(settings, directory)
    return StaticMount(path, directory)


def _refuse_sources(settings: Any, directory: str) -> None:
    """Refuse a directory that has more in it than what collectstatic puts there: anybody would read it."""
    served = Path(directory).resolve()
    for own in _own_files(settings):
        if own.resolve().is_relative_to(served):
            raise ConfigError(
                f"STATIC_ROOT, {directory}, has files of the project in it, such as {own}, which anybody "
                "could read: give collectstatic a directory of its own"
            )


def _own_files(settings: Any) -> Iterator[Path]:
    """Give what makes a project, and nobody but its owners should see: settings, applications, databases."""
    module = sys.modules.get(settings.SETTINGS_MODULE or "")
    if file := getattr(module, "__file__", None):
        yield Path(file)
    yield from (Path(app.path) for app in import_module("django.apps").apps.get_app_configs())
    for database in settings.DATABASES.values():
        name = database.get("NAME")
        if name and str(database.get("ENGINE")).endswith("sqlite3") and Path(name).is_file():
            yield Path(name)


def _places(targets: Sequence[Target]) -> Iterator[tuple[str, str]]:
    """Find hosts and prefixes of what is Django's."""
    wsgi: Any = import_module("django.core.handlers.wsgi").WSGIHandler
    asgi: Any = import_module("django.core.handlers.asgi").ASGIHandler
    for target in targets:
        if isinstance(target.application, (TwoLanes, wsgi, asgi)):
            yield target.host, target.prefix.rstrip("/")


def _static_path(root_path: str, prefix: str) -> str:
    """Return the path at which this server is asked for static files."""
    settings: Any = import_module("django.conf").settings
    forced: str | None = settings.FORCE_SCRIPT_NAME
    script = root_path + prefix if forced is None else forced.rstrip("/")
    url = _static_url(settings, script)
    if not url:
        raise ConfigError("STATIC_URL is not set: static files have no path")
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        raise ConfigError(f"STATIC_URL is {url}, on another host, which has to serve what is there")
    path = _path_here(parts.path, script, root_path, prefix)
    try:
        path = clean_prefix(path)
    except ValueError as error:
        raise ConfigError(f"STATIC_URL: {error}") from None
    if path == (prefix or "/"):
        raise ConfigError(f"STATIC_URL is {url}: all paths of the project would be those of files")
    return path


def _static_url(settings: Any, script: str) -> str | None:
    """Return ``STATIC_URL`` as views see it.

    Django puts the script name before a relative one when it is first asked for, and keeps the result: it
    must not be asked before a request without it.
    """
    urls: Any = import_module("django.urls")
    before = urls.get_script_prefix()
    urls.set_script_prefix(f"{script}/")
    try:
        url: str | None = settings.STATIC_URL
    finally:
        urls.set_script_prefix(before)
    return url


def _path_here(path: str, script: str, root_path: str, prefix: str) -> str:
    """Return what becomes of a path of a page on its way here: what leads to the project for Django leads to
    its prefix for this server, and anything else has lost what a proxy takes off.
    """
    for gone, instead in ((script, prefix), (root_path, "")):
        if gone and f"{path}/".startswith(f"{gone}/"):
            return instead + path[len(gone) :]
    return path
