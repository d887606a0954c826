"""Making one application of several: WSGI and ASGI, by protocol and by path."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, cast

from hybrid.bridge.errors import InterfaceError, LoadError
from hybrid.bridge.interface import Interface, detect, name_of
from hybrid.bridge.lifespan import Lifespan, lifespan_app
from hybrid.bridge.prefixes import clean_prefix
from hybrid.bridge.routing import PathRouter, ProtocolTypeRouter, not_found
from hybrid.bridge.targets import TargetSpec, load_target, parse_target
from hybrid.bridge.types import ASGIApp, BodyPolicy, LifespanMode
from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from hybrid.bridge.wsgi.sockets import WSGISockets
from hybrid.bridge.wsgi.threadpool import ThreadPool

_ON_LOOP = "event loop"
_ON_THREADS = "thread pool"

#: What a target is to each protocol that it takes, in the order in which they are shown.
_Leaves = dict[str, ASGIApp]

_HEADINGS = ("PATH", "PROTOCOLS", "APPLICATION", "INTERFACE", "RUNS ON")


@dataclass(frozen=True)
class Target:
    """An application and where it is to be mounted.

    ``prefix`` is ``""`` for none, which lets the gateway choose by interface, ``"/"`` for the whole of the
    root, or a path. ``name`` is what messages and the route table call the application; without one, its
    module and qualified name. For WSGI applications ``pool`` names the threads, ``""`` being the gateway's
    own, and ``stream`` says whether the application is called before the request's body is complete.
    """

    application: object
    prefix: str = ""
    name: str = ""
    pool: str = ""
    stream: bool = False


@dataclass(frozen=True)
class Route:
    """A row of the route table: an application and what it answers.

    ``path`` is a mount's prefix; ``protocols`` are the scope types taken there, of ``"http"`` and
    ``"websocket"``; ``interface`` is a value of :class:`~hybrid.bridge.interface.Interface`; ``runs_on`` is
    ``"event loop"``, ``"thread pool"``, or ``"thread pool NAME"``, the latter two with ``", streaming"``.
    """

    path: str
    protocols: tuple[str, ...]
    application: str
    interface: str
    runs_on: str


def load_targets(texts: Iterable[str]) -> list[Target]:
    """Load what a user typed, ``[PREFIX=]MODULE[:ATTR][@POOL][+stream]`` each.

    Raises:
        LoadError: a target is malformed or cannot be loaded; the message names it.
    """
    specs = [parse_target(text) for text in texts]  # all of them first: importing can take long
    return [_load(spec) for spec in specs]


def format_routes(routes: Iterable[Route]) -> str:
    """Write a route table as aligned text: a line of headings, then a line for each route."""
    rows = [_HEADINGS, *map(_cells, routes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _load(spec: TargetSpec) -> Target:
    application, name = load_target(spec)
    return Target(application, spec.prefix, name, spec.pool, spec.stream)


def _cells(route: Route) -> tuple[str, ...]:
    return (route.path, ", ".join(route.protocols), route.application, route.interface, route.runs_on)


class Gateway(ProtocolTypeRouter):
    """One ASGI application made of several targets.

    - A WSGI target without a prefix takes HTTP at ``/``.
    - An ASGI target without a prefix takes WebSocket at ``/``, and HTTP too when no WSGI target does.
    - A WSGI target takes WebSocket too wherever no ASGI target does, if there are ``sockets`` for it: the
      threads that it runs on then. Its application finds the socket in its environ, as flask-sock and
      Flask-SocketIO expect: see :class:`~hybrid.bridge.wsgi.sockets.WSGISockets`. It works on this project's
      server alone; under any other, and without ``sockets``, such a WebSocket is refused.
    - With a prefix, a target takes everything under it, on segment boundaries, the longest prefix first, with
      ``root_path`` (SCRIPT_NAME) set: see :class:`~hybrid.bridge.routing.PathRouter`.

    A prefix gives the whole subtree away. A WebSocket below a WSGI target's prefix is therefore that target's
    to answer or to refuse, and does not fall through to the ASGI application at ``/``: that one knows nothing
    of the login, the cookies and the access rules of the application whose URL it is, and a client with a
    wrong path is better told so than connected to something else. A longer prefix puts an ASGI application
    there: ``/shop=shop.wsgi`` with ``/shop/ws=shop.asgi``.

    WSGI applications run on ``pool``, or on the one of ``pools`` that their target names; the caller closes
    them. ``body_policy`` is for all of them; which ones read request bodies as they come their targets say.
    An application given twice, for two paths, is wrapped once and has one lifespan. As an ASGI callable the
    gateway answers a lifespan scope for all its ASGI applications; a server that runs lifespans itself
    asks for :meth:`lifespan`, or for the :meth:`leaves`.

    Raises:
        InterfaceError: a target is no application.
        LoadError: no target was given, a prefix is malformed, a pool is unknown or not for this application,
            or two targets want the same path and protocol.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        pool: ThreadPool,
        pools: Mapping[str, ThreadPool] | None = None,
        sockets: SocketThreads | None = None,
        body_policy: BodyPolicy | None = None,
    ) -> None:
        if not targets:
            raise LoadError("no target was given")
        means = _Means({**(pools or {}), "": pool}, sockets, body_policy or BodyPolicy())
        mounts = _mount(targets, means)
        self._routes = sorted((route for route, _ in mounts), key=lambda route: (route.path, route.protocols))
        on_loop = {
            id(leaf): (leaf, route.application)
            for route, leaves in mounts
            for leaf in leaves.values()
            if route.runs_on == _ON_LOOP
        }
        self._leaves = [leaf for leaf, _ in on_loop.values()]
        self._names = [name for _, name in on_loop.values()]
        super().__init__({**_routers(mounts), "lifespan": lifespan_app(self._leaves, names=self._names)})

    def __repr__(self) -> str:
        return f"<Gateway of {len(self._routes)} targets>"

    def __str__(self) -> str:
        return format_routes(self._routes)

    def routes(self) -> list[Route]:
        """Return the route table: a row for each target, ordered by path."""
        return list(self._routes)

    def leaves(self) -> list[ASGIApp]:
        """Return the ASGI applications, which get a lifespan, in the order of their targets and each once."""
        return list(self._leaves)

    def lifespan(self, mode: LifespanMode = "auto") -> Lifespan:
        """Make a lifespan for the :meth:`leaves`, whose messages call them by the names of their targets."""
        return Lifespan(self._leaves, mode, names=self._names)


@dataclass(frozen=True)
class _Means:
    """What WSGI applications run on, and how they are given request bodies."""

    pools: Mapping[str, ThreadPool]
    sockets: SocketThreads | None
    body_policy: BodyPolicy


def _mount(targets: Sequence[Target], means: _Means) -> list[tuple[Route, _Leaves]]:
    """Find out what each target answers, and wrap its application."""
    placed = [(target, _interface(target), _path(target)) for target in targets]
    wsgi_at_root = any(interface is Interface.WSGI and path == "/" for _, interface, path in placed)
    asgi_at_root = any(interface is not Interface.WSGI and path == "/" for _, interface, path in placed)
    wrapped: dict[tuple[int, str, bool], _Leaves] = {}
    mounts: list[tuple[Route, _Leaves]] = []
    for target, interface, path in placed:
        runs_on = _runs_on(target, interface, means.pools)
        key = id(target.application), target.pool, target.stream
        if key not in wrapped:
            wrapped[key] = _wrap(target, interface, means)
        leaves = wrapped[key].copy()
        if interface is Interface.WSGI and path == "/" and asgi_at_root:
            leaves.pop("websocket", None)
        elif interface is not Interface.WSGI and wsgi_at_root and not target.prefix:
            del leaves["http"]
        mounts.append((Route(path, tuple(leaves), _name(target), interface.value, runs_on), leaves))
    return mounts


def _name(target: Target) -> str:
    return target.name or name_of(target.application)


def _interface(target: Target) -> Interface:
    try:
        return detect(target.application)
    except InterfaceError as error:
        raise InterfaceError(f'target "{_name(target)}": {error}') from None


def _path(target: Target) -> str:
    try:
        return clean_prefix(target.prefix or "/")
    except ValueError as error:
        raise LoadError(f'target "{_name(target)}": {error}') from None


def _runs_on(target: Target, interface: Interface, pools: Mapping[str, ThreadPool]) -> str:
    """Say where a target runs, or why it cannot run where it says."""
    if interface is Interface.WSGI:
        if target.pool not in pools:
            known = ", ".join(filter(None, pools)) or "none"
            raise LoadError(f'target "{_name(target)}": there is no pool "{target.pool}" (pools: {known})')
        return f"{_ON_THREADS} {target.pool}".rstrip() + (", streaming" if target.stream else "")
    if target.pool or target.stream:
        option = f"@{target.pool}" if target.pool else "+stream"
        raise LoadError(
            f'target "{_name(target)}": "{option}" is for WSGI applications; this one runs on the event loop'
        )
    return _ON_LOOP


def _wrap(target: Target, interface: Interface, means: _Means) -> _Leaves:
    """Make an ASGI 3 application of any, for each of the protocols that it could take."""
    application: Any = target.application
    if interface is Interface.WSGI:
        policy = replace(means.body_policy, stream=target.stream)
        http = WSGIToASGI(application, pool=means.pools[target.pool], body_policy=policy)
        leaves: _Leaves = {"http": http}
        if means.sockets is not None:
            leaves["websocket"] = WSGISockets(application, means.sockets)
        return leaves
    if interface is Interface.ASGI2:
        # Imported here because it is seldom needed and takes a while, and by name because it is not typed.
        application = import_module("asgiref.compatibility").guarantee_single_callable(application)
    return {"http": cast("ASGIApp", application), "websocket": cast("ASGIApp", application)}


def _routers(mounts: Iterable[tuple[Route, _Leaves]]) -> dict[str, ASGIApp]:
    """Make what answers each protocol: a router, or just the application where all there is is the root."""
    tables: dict[str, dict[str, ASGIApp]] = {"http": {}, "websocket": {}}
    owners: dict[tuple[str, str], Route] = {}
    for route, leaves in mounts:
        for protocol, leaf in leaves.items():
            owner = owners.setdefault((protocol, route.path), route)
            if owner is not route:
                raise LoadError(_conflict(owner, route, protocol))
            tables[protocol][route.path] = leaf
    for path in tables["http"]:
        tables["websocket"].setdefault(path, not_found)
    return {protocol: _router(table) for protocol, table in tables.items()}


def _router(table: dict[str, ASGIApp]) -> ASGIApp:
    return table["/"] if table.keys() == {"/"} else PathRouter(table)


def _conflict(one: Route, other: Route, protocol: str) -> str:
    label = {"http": "HTTP", "websocket": "WebSocket"}[protocol]
    return (
        f'targets "{one.application}" and "{other.application}" both want {label} at {one.path}: '
        "give one of them another prefix (PREFIX=MODULE:ATTR)"
    )
