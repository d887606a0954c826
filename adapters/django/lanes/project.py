"""Finding the parts of a Django project: for ``hybrid serve --django``, and where both of its handlers are
targets.
"""

import ast
import os
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hybrid.adapters.django.lanes.application import DjangoApplication, ProjectParts
from hybrid.adapters.django.lanes.parts import ASGIHandler, WSGIHandler, apps, django, import_string, settings
from hybrid.bridge.errors import LoadError
from hybrid.bridge.gateway import Target
from hybrid.bridge.routing import ProtocolTypeRouter
from hybrid.bridge.targets import in_one_line
from hybrid.bridge.types import ASGIApp, BodyPolicy
from hybrid.server.config import Config

_VARIABLE: Final = "DJANGO_SETTINGS_MODULE"
_PATTERNS: Final = "websocket_urlpatterns"


def load(config: Config) -> Target:
    """Set up the project that a configuration names, and return it as a target.

    Raises:
        LoadError: there is no such project, or its settings, its URLconf or its applications cannot be
            imported.
        ConfigError: the lanes that are configured are none of this project.
    """
    module = settings_module(str(config.django), Path(config.app_dir))
    os.environ[_VARIABLE] = module
    with in_one_line(f'django "{module}"', "setting up the project"):
        return Target(project(config), name=module)


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


def settings_module(said: str, directory: Path) -> str:
    """Return the settings module: what is said, or what the environment or a ``manage.py`` says.

    Raises:
        LoadError: there is no ``manage.py``, or it does not say which.
    """
    if not said.endswith("manage.py"):
        return said
    if module := os.environ.get(_VARIABLE):
        return module
    path = directory / said
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (OSError, SyntaxError, ValueError) as error:
        raise LoadError(f"django: {path} cannot be read ({error}): name the settings module") from None
    if module := _setting_in(tree):
        return module
    raise LoadError(f"django: {path} does not set {_VARIABLE}: name the settings module")


def _setting_in(tree: ast.AST) -> str:
    """Find what a script sets the variable to: a text that stands after its name."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(args=[ast.Constant(value=name), ast.Constant(value=str(module))]) if (
                name == _VARIABLE
            ):
                return module
            case ast.Assign(
                targets=[ast.Subscript(slice=ast.Constant(value=name))], value=ast.Constant(value=str(module))
            ) if name == _VARIABLE:
                return module
            case _:
                pass
    return ""


def project(config: Config, wsgi: Any = None) -> DjangoApplication:
    """Make the application of the project whose settings the environment names.

    Args:
        config: the settings of the server.
        wsgi: the WSGI application, where somebody has put something around it.
    """
    wsgi_path, asgi_path = (getattr(settings, f"{name}_APPLICATION", None) for name in ("WSGI", "ASGI"))
    if wsgi is None and wsgi_path:
        wsgi = import_string(wsgi_path)  # which sets Django up
    elif not apps.ready:
        django.setup()
    if asgi_path:
        asgi = import_string(asgi_path)
        return _application(config, ProjectParts(wsgi, *_taken_apart(asgi), sockets_name=asgi_path))
    package, dot, _ = settings.ROOT_URLCONF.rpartition(".")
    routing = f"{package}{dot}routing"
    parts = ProjectParts(wsgi, None, _routed(routing), f"{routing}:{_PATTERNS}")
    return _application(config, parts)


def _application(config: Config, parts: ProjectParts) -> DjangoApplication:
    policy = BodyPolicy(buffer=config.wsgi_buffer, limit=0)  # larger ones the server refuses
    threads = config.django_threads
    return DjangoApplication(parts, lanes=config.lanes, threads=threads, body_policy=policy)


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
