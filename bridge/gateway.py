"""Making one application of several: WSGI and ASGI, by protocol and by path."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hybrid.bridge.errors import LoadError
from hybrid.bridge.lanes import Lanes
from hybrid.bridge.lifespan import Lifespan, OwnState, lifespan_app
from hybrid.bridge.mounts import ON_LOOP, Means, mount, routers
from hybrid.bridge.routes import Route, Target, format_routes
from hybrid.bridge.routing import ProtocolTypeRouter
from hybrid.bridge.targets import TargetSpec, load_target, parse_target
from hybrid.bridge.types import ASGIApp, BodyPolicy, LifespanMode, Resolver
from hybrid.bridge.wsgi.adapter import WSGIToASGI
from hybrid.bridge.wsgi.own_sockets import parts_of
from hybrid.bridge.wsgi.socket_threads import SocketThreads
from hybrid.bridge.wsgi.sockets import WSGISockets
from hybrid.bridge.wsgi.threadpool import ThreadPool

if TYPE_CHECKING:  # most gateways have nothing to control
    from hybrid.bridge.control import Controllable

__all__ = ["Gateway", "Route", "Target", "format_routes", "load_targets"]


def load_targets(texts: Iterable[str | TargetSpec]) -> list[Target]:
    """Load what a user typed, ``[PREFIX=]MODULE[:ATTR][@POOL][+stream]`` each, or what was made of it.

    A factory that several of them name is called once.

    Raises:
        LoadError: a target is malformed or cannot be loaded; the message names it.
    """
    specs = [parse_target(text) if isinstance(text, str) else text for text in texts]
    loaded: dict[tuple[str, str | None, bool], tuple[object, str]] = {}
    for spec in specs:  # read all of them first: importing can take long
        found_by = spec.module, spec.attribute, spec.factory
        if found_by not in loaded:
            loaded[found_by] = load_target(spec)
    return [_target(spec, *loaded[spec.module, spec.attribute, spec.factory]) for spec in specs]


def _target(spec: TargetSpec, application: object, name: str) -> Target:
    how = (spec.pool, spec.stream, spec.host, spec.protocols, spec.interface)
    return Target(application, spec.prefix, name, *how)


class Gateway(ProtocolTypeRouter):
    """One ASGI application made of several targets.

    - A WSGI target without a prefix takes HTTP at ``/``.
    - An ASGI target without a prefix takes WebSocket at ``/``, and HTTP too when no WSGI target does.
    - A WSGI target takes WebSocket too wherever no ASGI target does, if there are ``sockets`` for it: the
      threads that it runs on then. Its application finds the socket in its environ, as flask-sock and
      Flask-SocketIO expect: see :class:`~hybrid.bridge.wsgi.sockets.WSGISockets`. It works on this project's
      server alone; under any other, and without ``sockets``, such a WebSocket is refused.
    - A WSGI target that brings an ASGI application for its WebSockets along has a row for that one too: see
      :mod:`hybrid.bridge.wsgi.own_sockets`.
    - A target with two lanes takes HTTP at ``/`` too, and decides for each request whether it is served on
      threads or on the loop: see :class:`~hybrid.bridge.lanes.TwoLanes`.
    - With a prefix, a target takes everything under it, on segment boundaries, the longest prefix first, with
      ``root_path`` (SCRIPT_NAME) set: see :class:`~hybrid.bridge.routing.PathRouter`.
    - With ``protocols``, a target takes those, and the others at its place what is left.
    - With a host, all this is said for that host alone. A host that any target names has nothing but its own
      targets: what they do not take is answered 404, and not by those without a host.

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
        means = Means({**(pools or {}), "": pool}, sockets, body_policy or BodyPolicy())
        mounts = mount(targets, means)
        routes = (route for route, _ in mounts)
        self._routes = sorted(routes, key=lambda route: (route.host, route.path, route.protocols))
        on_loop = {
            id(leaf): (leaf, route.application)
            for route, leaves in mounts
            for leaf in leaves.values()
            if route.runs_on == ON_LOOP or isinstance(leaf, Lanes)
        }
        parts = [
            (part, route.application)
            for route, leaves in mounts
            for leaf in leaves.values()
            for part in parts_of(leaf)
        ]
        below = [(end, name) for part, name in parts for end in _ends_below(part)]
        self._labels = {id(end): (name, _threads_of(end)) for end, name in (*below, *parts)}
        self._leaves = [leaf for leaf, _ in on_loop.values()]
        self._names = [name for _, name in on_loop.values()]
        self._mounts = mounts
        lifespan = lifespan_app(self._leaves, names=self._names, separate=self._keep_states_apart)
        super().__init__({**routers(mounts), "lifespan": lifespan})

    def __repr__(self) -> str:
        return f"<Gateway of {len(self._routes)} targets>"

    def __str__(self) -> str:
        return format_routes(self._routes)

    def routes(self) -> list[Route]:
        """Return the route table: a row for each target, ordered by path."""
        return list(self._routes)

    def labels(self) -> dict[int, tuple[str, str]]:
        """Return how what requests end at is called: the target's name in the route table, below routers by
        type and checks of origins too, and the name of its threads, ``""`` on the event loop. By ``id()``,
        for as long as the gateway lives.
        """
        return dict(self._labels)

    def leaves(self) -> list[ASGIApp]:
        """Return the ASGI applications, which get a lifespan, in the order of their targets and each once."""
        return list(self._leaves)

    def controllables(self) -> "list[Controllable]":
        """Return those with lanes that can be asked and told things, see :mod:`hybrid.bridge.control`; those
        of a gateway among the targets too.
        """
        found = [each for leaf in self._leaves if isinstance(leaf, Gateway) for each in leaf.controllables()]
        lanes = [leaf for leaf in self._leaves if isinstance(leaf, Lanes)]
        if lanes:
            from hybrid.bridge.control import Controllable

            found += [each for each in lanes if isinstance(each, Controllable)]
        return found

    def lifespan(self, mode: LifespanMode = "auto") -> Lifespan:
        """Make a lifespan for the :meth:`leaves`, whose messages call them by the names of their targets."""
        return Lifespan(self._leaves, mode, names=self._names, separate=self._keep_states_apart)

    def _keep_states_apart(self, own: Mapping[int, Mapping[str, Any]]) -> None:
        """Route to applications with values of their own in the lifespan's state, before the first
        request.
        """

        def separated(leaf: ASGIApp) -> ASGIApp:
            return OwnState(leaf, own[id(leaf)]) if id(leaf) in own else leaf

        mounts = [
            (route, {protocol: separated(leaf) for protocol, leaf in leaves.items()})
            for route, leaves in self._mounts
        ]
        self._applications.update(routers(mounts))


def _ends_below(part: ASGIApp) -> Iterator[ASGIApp]:
    """Yield what an application leads to whatever the path: below routers by type, and checks of origins."""
    if isinstance(part, ProtocolTypeRouter):
        below: Iterable[ASGIApp] = part.application_mapping.values()
    elif isinstance(part, Resolver):
        application: ASGIApp | None = getattr(part, "application", None)
        below = () if application is None else (application,)
    else:
        yield part
        return
    for each in below:
        yield from _ends_below(each)


def _threads_of(leaf: ASGIApp) -> str:
    if isinstance(leaf, WSGIToASGI):
        return leaf.pool.name
    return leaf.threads.name if isinstance(leaf, WSGISockets) else ""
