"""Deciding which target answers what, and wrapping its application for it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, NamedTuple, cast

from hybrid.bridge.errors import InterfaceError, LoadError
from hybrid.bridge.hosts import clean_host
from hybrid.bridge.interface import Interface, detect, name_of
from hybrid.bridge.lanes import Lanes, TwoLanes
from hybrid.bridge.prefixes import clean_prefix
from hybrid.bridge.routes import PROTOCOLS, Route, Target
from hybrid.bridge.routing import HostRouter, PathRouter, not_found
from hybrid.bridge.types import ASGIApp, BodyPolicy
from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.own_sockets import WEBSOCKET_ATTRIBUTE, own_sockets, parts_of, shared
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from hybrid.bridge.wsgi.sockets import WSGISockets
from hybrid.bridge.wsgi.threadpool import ThreadPool

ON_LOOP = "event loop"
_ON_THREADS = "thread pool"

#: What a target is to each protocol that it takes, in the order in which they are shown.
Leaves = dict[str, ASGIApp]


class Means(NamedTuple):
    """What WSGI applications run on, and how they are given request bodies."""

    pools: Mapping[str, ThreadPool]
    sockets: SocketThreads | None
    body_policy: BodyPolicy


class _Placed(NamedTuple):
    """A target, with what has been found out about it."""

    target: Target
    interface: Interface
    host: str
    path: str

    @property
    def is_wsgi(self) -> bool:
        """Whether it has threads, and leaves WebSockets to an ASGI application beside it."""
        return self.interface is Interface.WSGI or self.interface is Interface.BOTH

    @property
    def own_sockets(self) -> ASGIApp | None:
        """The ASGI application that a WSGI application, or one with two lanes, has for its WebSockets."""
        application = self.target.application
        if isinstance(application, TwoLanes):
            return application.sockets
        return own_sockets(application) if self.is_wsgi else None


def mount(targets: Sequence[Target], means: Means) -> list[tuple[Route, Leaves]]:
    """Find out what each target answers, and wrap its application.

    Raises:
        InterfaceError: a target is no application.
        LoadError: a target asks for what it cannot have.
    """
    placed = [_place(target) for target in targets]
    wrapped: dict[tuple[int, Interface, str, bool], Leaves] = {}
    mounts: list[tuple[Route, Leaves]] = []
    for one in placed:
        target = one.target
        runs_on = _runs_on(one, means.pools)
        key = id(target.application), one.interface, target.pool, target.stream
        if key not in wrapped:
            wrapped[key] = _wrap(one, means)
        beside = [each for each in placed if (each.host, each.path) == (one.host, one.path)]
        taken = _protocols(one, beside, wrapped[key])
        leaves = {protocol: wrapped[key][protocol] for protocol in taken}
        if one.own_sockets is not None and (sockets := leaves.pop("websocket", None)) is not None:
            mounts.append((_own_route(one, sockets), {"websocket": sockets}))
        if leaves:
            http = leaves.get("http")
            if isinstance(http, Lanes):
                runs_on = http.runs_on
            route = Route(one.path, tuple(leaves), name(target), one.interface.value, runs_on, one.host)
            mounts.append((route, leaves))
    return mounts


def name(target: Target) -> str:
    """Give the name by which messages call a target."""
    return target.name or name_of(target.application)


def routers(mounts: Iterable[tuple[Route, Leaves]]) -> dict[str, ASGIApp]:
    """Make what answers each protocol: routers, or just the application where all there is is the root.

    Raises:
        LoadError: two targets want the same path and protocol.
    """
    tables: dict[str, dict[str, dict[str, ASGIApp]]] = {protocol: {} for protocol in PROTOCOLS}
    owners: dict[tuple[str, str, str], Route] = {}
    for route, leaves in mounts:
        for table in tables.values():  # a host that is named has routes of its own, for all protocols
            table.setdefault(route.host, {})
        for protocol, leaf in leaves.items():
            owner = owners.setdefault((protocol, route.host, route.path), route)
            if owner is not route:
                raise LoadError(_conflict(owner, route, protocol))
            tables[protocol][route.host][route.path] = leaf
    for host, paths in tables["http"].items():
        for path in paths:
            tables["websocket"][host].setdefault(path, not_found)
    return {protocol: _host_router(table) for protocol, table in tables.items()}


def _own_route(one: _Placed, sockets: ASGIApp) -> Route:
    """Make the row of a WSGI application's WebSockets that are not its own to answer."""
    application = one.target.application
    named = f"{name(one.target)}.{WEBSOCKET_ATTRIBUTE}"
    if isinstance(application, TwoLanes):
        named = application.sockets_name
    interface = detect(parts_of(sockets)[0])
    return Route(one.path, ("websocket",), named, interface.value, ON_LOOP, one.host)


def _place(target: Target) -> _Placed:
    try:
        host = clean_host(target.host or "*")
        path = clean_prefix(target.prefix or "/")
        interface = target.interface or detect(target.application)
    except InterfaceError as error:
        raise InterfaceError(f'target "{name(target)}": {error}') from None
    except ValueError as error:
        raise LoadError(f'target "{name(target)}": {error}') from None
    return _Placed(target, interface, "" if host == "*" else host, path)


def _protocols(one: _Placed, beside: Iterable[_Placed], leaves: Leaves) -> tuple[str, ...]:
    """Say which protocols a target takes: those that it names, or what those at its place leave to it."""
    if named := one.target.protocols:
        for protocol in named:
            if protocol not in leaves:
                raise LoadError(f'target "{name(one.target)}": {_cannot_take(protocol)}')
        return tuple(protocol for protocol in PROTOCOLS if protocol in named)
    taken = {protocol for each in beside for protocol in each.target.protocols}
    others = [each for each in beside if not each.target.protocols and each.is_wsgi != one.is_wsgi]
    if one.is_wsgi and one.path == "/" and others:
        taken.add("websocket")
    if not one.is_wsgi and not one.target.prefix and others:
        taken.add("http")
    left = tuple(protocol for protocol in PROTOCOLS if protocol in leaves and protocol not in taken)
    if not left:
        where = f"{one.host}{one.path}"
        raise LoadError(f'target "{name(one.target)}": others take all the protocols at {where}')
    return left


def _cannot_take(protocol: str) -> str:
    if protocol in PROTOCOLS:
        return "there are no threads for the WebSockets of WSGI applications"
    return f'"{protocol}" is not a protocol that can be taken: {" and ".join(PROTOCOLS)} are'


def _runs_on(one: _Placed, pools: Mapping[str, ThreadPool]) -> str:
    """Say where a target runs, or why it cannot run where it says."""
    target = one.target
    if one.is_wsgi:
        if target.pool not in pools:
            known = ", ".join(filter(None, pools)) or "none"
            raise LoadError(f'target "{name(target)}": there is no pool "{target.pool}" (pools: {known})')
        return f"{_ON_THREADS} {target.pool}".rstrip() + (", streaming" if target.stream else "")
    if target.pool or target.stream:
        option = f"@{target.pool}" if target.pool else "+stream"
        raise LoadError(
            f'target "{name(target)}": "{option}" is for WSGI applications; this one runs on the event loop'
        )
    return ON_LOOP


def _wrap(one: _Placed, means: Means) -> Leaves:
    """Make an ASGI 3 application of any, for each of the protocols that it could take."""
    target = one.target
    application: Any = target.application
    policy = replace(means.body_policy, stream=target.stream)
    if isinstance(application, TwoLanes):
        pool = means.pools[target.pool]
        pool.at_thread_end.append(application.leave_thread)
        threaded = WSGIToASGI(application.wsgi, pool=pool, body_policy=policy)
        threaded.on_refusal = application.refused
        lanes = application.lanes(threaded, pool.threads, pool.most_stuck)
        own = {} if application.sockets is None else {"websocket": application.sockets}
        return {"http": lanes, **own}
    if one.is_wsgi:
        http = WSGIToASGI(application, pool=means.pools[target.pool], body_policy=policy)
        leaves: Leaves = {"http": http}
        sockets = None if means.sockets is None else WSGISockets(application, means.sockets)
        if one.own_sockets is not None:
            leaves["websocket"] = shared(one.own_sockets, sockets)
        elif sockets is not None:
            leaves["websocket"] = sockets
        return leaves
    if one.interface is Interface.ASGI2:
        # Imported here because it is seldom needed and takes a while, and by name because it is not typed.
        application = import_module("asgiref.compatibility").double_to_single_callable(application)
    return {"http": cast("ASGIApp", application), "websocket": cast("ASGIApp", application)}


def _host_router(table: dict[str, dict[str, ASGIApp]]) -> ASGIApp:
    by_host = {host or "*": _path_router(paths) for host, paths in table.items()}
    return by_host["*"] if by_host.keys() == {"*"} else HostRouter(by_host)


def _path_router(table: dict[str, ASGIApp]) -> ASGIApp:
    return table["/"] if table.keys() == {"/"} else PathRouter(table)


def _conflict(one: Route, other: Route, protocol: str) -> str:
    label = {"http": "HTTP", "websocket": "WebSocket"}[protocol]
    return (
        f'targets "{one.application}" and "{other.application}" both want {label} at {one.host}{one.path}: '
        "give one of them another prefix (PREFIX=MODULE:ATTR)"
    )
