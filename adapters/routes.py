"""Which of its own routes an application has taken for a request, by what its framework leaves behind.

Servers ask for the figures that they keep, see :data:`hybrid.ROUTERS`. What is told is a rule and never a
path: there are as many as the application has. Nothing of a framework is imported, as its applications bring
it.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from hybrid.server.ops.metrics.route_tally import RouteFinder

#: A parameter in a path of Starlette's: ``{name}`` or ``{name:convertor}``.
_PARAMETER: Final = re.compile(r"{[^}:]+(?P<rest>:path)?[^}]*}")


def finder(framework: str, application: object) -> RouteFinder:
    """Return what finds the routes of an application of Flask, Starlette or FastAPI."""
    return flask_rule if framework == "flask" else StarletteRoutes(application).rule


def flask_rule(environ: Mapping[str, Any]) -> str | None:
    """Return the rule of a request to a Flask application, blueprints' prefixes included.

    Werkzeug's request is in the environ until the application returns, and no longer.
    """
    try:
        rule: str = environ["werkzeug.request"].url_rule.rule
    except (AttributeError, KeyError):  # no rule has matched, or what is around the application has answered
        return None
    return rule


class _Mount(NamedTuple):
    pattern: str  # with those that it is below
    has_routes: bool  # or is somebody else's application, which knows what it does


class StarletteRoutes:
    """Finds the rules of a Starlette or FastAPI application.

    The scope has the innermost route, and as ``root_path`` what the mounts around that have taken of the
    path, which a client may have chosen: their patterns are looked up among those of the application.
    """

    def __init__(self, application: object) -> None:
        self._mount_type: type[Any] = sys.modules["starlette.routing"].Mount
        mounts = list(_mounts(application, ""))
        self._fixed = {each.pattern: each for each in mounts if "{" not in each.pattern}
        self._others = [(_matcher(each.pattern), each) for each in mounts if "{" in each.pattern]

    def rule(self, scope: Mapping[str, Any]) -> str | None:
        """Return the rule; None also where a mount's routes do not have the path."""
        mount = self._mount(scope) if "app_root_path" in scope else None
        route = scope.get("route")
        if route is None or isinstance(route, self._mount_type):  # a mount alone, unsaid by FastAPI
            return None if mount is None or mount.has_routes else mount.pattern
        if "fastapi" in scope:  # there the path of a router that is included is another one
            included: Any = scope["fastapi"].get("effective_route_context")
            if included is not None and getattr(included, "original_route", None) is route:
                route = included
        path: str | None = getattr(route, "path", None)
        return path if mount is None or path is None else mount.pattern + path

    def _mount(self, scope: Mapping[str, Any]) -> _Mount | None:
        """Return the mount that a request has come to."""
        taken: str = scope["root_path"][len(scope["app_root_path"]) :]
        found = self._fixed.get(taken)
        return found or next((mount for match, mount in self._others if match(taken)), None)


def _mounts(application: Any, before: str, above: tuple[int, ...] = ()) -> Iterator[_Mount]:
    """Find all mounts, however deep, of all hosts, also through middleware; what is mounted in itself once.

    Args:
        application: what has them.
        before: the pattern of those that it is below.
        above: their ids.
    """
    while not hasattr(application, "routes") and hasattr(application, "app"):
        application = application.app
    for each in getattr(application, "routes", None) or ():
        if not (hasattr(each, "app") and hasattr(each, "routes")) or id(each) in above:
            continue
        path = getattr(each, "path", "")  # a host has none
        if path and isinstance(path, str):
            yield _Mount(before + path, bool(each.routes))
        if isinstance(path, str):
            yield from _mounts(each, before + path, (*above, id(each)))


def _matcher(pattern: str) -> Callable[[str], object]:
    """Return what matches the paths of a pattern."""
    parts: list[str] = []
    end = 0
    for each in _PARAMETER.finditer(pattern):
        parts += re.escape(pattern[end : each.start()]), ".*" if each["rest"] else "[^/]+"
        end = each.end()
    return re.compile("".join(parts) + re.escape(pattern[end:])).fullmatch
