"""Finding the parts of a Django project: for ``hybrid serve --django``, and where both of its handlers are
targets.
"""

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hybrid.adapters.django.lanes.application import DjangoApplication, ProjectParts
from hybrid.adapters.django.lanes.budget import parse_budget
from hybrid.adapters.django.lanes.naming import VARIABLE, settings_module
from hybrid.adapters.django.lanes.parts import ASGIHandler, WSGIHandler, apps, django, import_string, settings
from hybrid.bridge.errors import LoadError
from hybrid.bridge.gateway import Target
from hybrid.bridge.interface import Interface, detect, name_of
from hybrid.bridge.routing import ProtocolTypeRouter
from hybrid.bridge.targets import in_one_line
from hybrid.bridge.types import ASGIApp, BodyPolicy
from hybrid.server.config import Config

_PATTERNS: Final = "websocket_urlpatterns"
#: Settings that name what is imported at the start.
_IMPORTED: Final = ("INSTALLED_APPS", "MIDDLEWARE", "ROOT_URLCONF", "WSGI_APPLICATION", "ASGI_APPLICATION")


def load(config: Config, targets: Sequence[Target] = ()) -> list[Target]:
    """Set up the project that a configuration names, and return it as a target before others, of which those
    that are its own applications, at its place, are left out.

    Raises:
        LoadError: there is no such project, or its settings, its URLconf or its applications cannot be
            imported; an application has set Django up otherwise, or wants the place of this one.
        ConfigError: the lanes that are configured are none of this project, or their budget is none.
    """
    module = settings_module(str(config.django), Path(config.app_dir))
    if settings.configured and module != settings.SETTINGS_MODULE:
        raise LoadError(
            f'django "{module}": an application has set Django up with "{settings.SETTINGS_MODULE}" before: '
            f"let {VARIABLE} name the same settings"
        )
    os.environ[VARIABLE] = module
    with in_one_line(f'django "{module}"', "setting up the project"):
        with _settings_named():
            loaded = Target(project(config), name=module)
        others = [each for each in targets if not _is_part(each)]
    for each in others:
        _check_beside(each, module)
    return [loaded, *others]


@contextmanager
def _settings_named() -> Generator[None, None, None]:
    """Let an error of importing say which setting has the name that leads nowhere: Django's own does not."""
    try:
        yield
    except ImportError as error:
        if settings.configured and (said := next(filter(partial(_is_of, error), _names()), None)):
            error.msg = f'{error.msg}, which "{said[1]}" in {said[0]} needs'
        raise


def _names() -> Iterator[tuple[str, str]]:
    """Give each name that is imported at the start, behind its setting."""
    for setting in _IMPORTED:
        value: Any = getattr(settings, setting, None) or ()
        yield from ((setting, str(name)) for name in ((value,) if isinstance(value, str) else value))


def _is_of(error: ImportError, named: tuple[str, str]) -> bool:
    """Tell whether an error is for want of a name: its module, one above that, or what it should have."""
    module, _, attribute = named[1].rpartition(".")
    if error.name is not None:
        return isinstance(error, ModuleNotFoundError) and f"{named[1]}.".startswith(f"{error.name}.")
    return f'Module "{module}" does not define a "{attribute}"' in str(error)


def adapt(targets: Sequence[Target], config: Config) -> list[Target]:
    """Make one target of a WSGI and an ASGI application of the same project, mounted at the same place.

    Those are Django's handlers themselves; an ASGI application may also be a ``ProtocolTypeRouter`` that has
    Django's for HTTP. What has anything around it stays what it is.
    """
    adapted = list(targets)
    for wsgi in targets:
        for asgi in targets:
            if _are_a_pair(wsgi, asgi):
                place = adapted.index(wsgi)
                adapted.remove(asgi)
                adapted[place] = _pair(wsgi, asgi, config)
    return adapted


def project(config: Config, wsgi: Any = None, asgi_path: str = "") -> DjangoApplication:
    """Make the application of the project whose settings the environment names.

    Args:
        config: the settings of the server.
        wsgi: the WSGI application, where somebody has put something around it.
        asgi_path: the dotted path of the ASGI application, where it is not that of the settings.
    """
    wsgi_path, said = (getattr(settings, f"{name}_APPLICATION", None) for name in ("WSGI", "ASGI"))
    if wsgi is None and wsgi_path:
        wsgi = import_string(wsgi_path)  # which sets Django up
    elif not apps.ready:
        django.setup()
    if asgi_path := asgi_path or said or "":
        asgi = import_string(asgi_path)
        return _application(config, ProjectParts(wsgi, *_taken_apart(asgi), sockets_name=asgi_path))
    package, dot, _ = settings.ROOT_URLCONF.rpartition(".")
    routing = f"{package}{dot}routing"
    parts = ProjectParts(wsgi, None, _routed(routing), f"{routing}:{_PATTERNS}")
    return _application(config, parts)


def _application(config: Config, parts: ProjectParts) -> DjangoApplication:
    policy = BodyPolicy(buffer=config.wsgi_buffer, limit=0)  # larger ones the server refuses
    kind = DjangoApplication
    if config.observe:
        from hybrid.adapters.django.lanes.observed.application import ObservedApplication

        kind = ObservedApplication
    application = kind(
        parts,
        lanes=config.lanes,
        budget=parse_budget(config.lane_budget),
        threads=config.django_threads,
        body_policy=policy,
    )
    application.try_again(config.shadow)
    return application


def _taken_apart(application: Any) -> tuple[ASGIApp | None, ASGIApp | None]:
    """Return what an ASGI application, a ``ProtocolTypeRouter`` perhaps, has for HTTP and for WebSockets."""
    parts: dict[str, Any] | None = getattr(application, "application_mapping", None)
    if isinstance(parts, dict):
        names = [name for name in ("websocket", "lifespan") if name in parts]
        sockets: dict[str, ASGIApp] = {str(name): parts[name] for name in names}
        return parts.get("http"), ProtocolTypeRouter(sockets) if sockets else None
    return application, None if isinstance(application, ASGIHandler) else application


def _routed(name: str) -> ASGIApp | None:
    """Return what serves the WebSockets of a module with routes: to pages of the project's own hosts."""
    if find_spec(name) is None:
        return None
    patterns: Any = getattr(import_module(name), _PATTERNS, None)
    if patterns is None:
        return None
    from hybrid.bridge.auth.origins import AllowedHostsOriginValidator
    from hybrid.bridge.url_router import URLRouter

    hosts = settings.ALLOWED_HOSTS or (["localhost", "127.0.0.1", "[::1]"] if settings.DEBUG else [])
    # Not asked for a lifespan: Django and Channels know none.
    return ProtocolTypeRouter({"websocket": AllowedHostsOriginValidator(URLRouter(patterns), hosts)})


def _is_part(target: Target) -> bool:
    """Tell whether a target is an application of the project that has been set up, and no more is said of
    it.
    """
    application: Any = target.application
    paths = (getattr(settings, f"{kind}_APPLICATION", None) for kind in ("WSGI", "ASGI"))
    is_own = type(application) in (WSGIHandler, ASGIHandler) or any(
        application is import_string(path) for path in paths if path
    )
    return is_own and _is_at_root(target) and not (target.pool or target.stream or target.interface)


def _check_beside(target: Target, module: str) -> None:
    """Refuse a WSGI application where the project is."""
    if _is_at_root(target) and (target.interface or detect(target.application)) is Interface.WSGI:
        name = target.name or name_of(target.application)
        raise LoadError(
            f'target "{name}" and django "{module}" both want HTTP at /: '
            "only what WSGI_APPLICATION names may stand there too, as it is"
        )


def _is_at_root(target: Target) -> bool:
    return not (target.host or target.protocols) and target.prefix in ("", "/")


def _are_a_pair(wsgi: Target, asgi: Target) -> bool:
    places = [(each.host, each.prefix or "/") for each in (wsgi, asgi)]
    return (
        isinstance(wsgi.application, WSGIHandler)
        and isinstance(_taken_apart(asgi.application)[0], ASGIHandler)
        and places[0] == places[1]
        and not (wsgi.protocols or asgi.protocols or wsgi.stream)
    )


def _pair(wsgi: Target, asgi: Target, config: Config) -> Target:
    name = f"{wsgi.name} {asgi.name}".strip()
    application: Any = wsgi.application
    parts = ProjectParts(application, *_taken_apart(asgi.application), sockets_name=asgi.name)
    with in_one_line(f'target "{name}"', "putting both lanes together"):
        return Target(_application(config, parts), wsgi.prefix, name, wsgi.pool, host=wsgi.host)
