"""Choosing an application by protocol, by path, by host, or by channel.

Routers are ASGI callables that work under any server, and :class:`~hybrid.bridge.types.Resolver`, which
spares a coroutine per layer under one that knows it. They take ASGI applications: a WSGI application is
wrapped before (:class:`~hybrid.bridge.wsgi.adapter.WSGIToASGI`).
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.hosts import clean_host
from hybrid.bridge.lifespan import lifespan_app
from hybrid.bridge.prefixes import clean_prefix
from hybrid.bridge.types import ROUTE, ASGIApp, Headers, Receive, Resolver, Scope, Send

_STATUSES = frozenset(HTTPStatus)


def refusing(status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> ASGIApp:
    """Make an application that answers with a status: to HTTP, and to a WebSocket's handshake.

    A server turns ``websocket.close`` before acceptance into 403; with the ``websocket.http.response``
    extension the refusal has the status as well, and the further fields that are given.

    Raises:
        ConfigError: no response can have this status.
    """
    if not 200 <= status <= 599:
        raise ConfigError(f"{status} is no status of a response: those are 200 to 599")

    fields = list(headers)

    async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the status."""
        await _refuse(status, scope, send, fields)

    return refuse


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what no application was given for: 404 to HTTP, a refused handshake to WebSocket."""
    await _refuse(HTTPStatus.NOT_FOUND, scope, send)


async def _refuse(status: int, scope: Scope, send: Send, fields: Iterable[tuple[bytes, bytes]] = ()) -> None:
    response = "http.response"
    if scope["type"] == "websocket":
        response = "websocket.http.response"
        if response not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close"})
            return
    phrase = HTTPStatus(status).phrase if status in _STATUSES else "Refused"
    body = f"{phrase}\n".encode()
    headers: Headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        *fields,
    ]
    await send({"type": f"{response}.start", "status": int(status), "headers": headers})
    await send({"type": f"{response}.body", "body": body})


class ProtocolTypeRouter(Resolver):
    """Choose an application by the scope's type: ``{"http": …, "websocket": …, "lifespan": …}``.

    Named and called as in Channels. What has no entry is refused as :func:`not_found` does, and a lifespan
    without an entry completes quietly, where Channels raises: a server that asks for lifespan is not a
    mistake of the application's. Any other type raises :class:`ValueError`, as the ASGI specification asks.

    Below a :class:`~hybrid.bridge.url_router.URLRouter` it goes on with what a pattern leaves of the path, if
    all that it chooses from do.
    """

    def __init__(self, application_mapping: Mapping[str, ASGIApp]) -> None:
        unmapped = {"http": not_found, "websocket": not_found, "lifespan": lifespan_app(())}
        self._applications: dict[str, ASGIApp] = {**unmapped, **application_mapping}
        self.application_mapping = dict(application_mapping)

    def __repr__(self) -> str:
        return f"<ProtocolTypeRouter {' '.join(self.application_mapping)}>"

    @property
    def _path_routing(self) -> bool:
        return all_route_paths(self.application_mapping.values())

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application for this type of scope, and the scope itself."""
        try:
            return self._applications[scope["type"]], scope
        except KeyError:
            raise ValueError(f"no application is configured for scopes of type {scope['type']!r}") from None


def application_for(scope_type: str, application: ASGIApp) -> ASGIApp:
    """Follow routers that choose by the scope's type alone, once for all scopes of a type."""
    while isinstance(application, ProtocolTypeRouter) and type(application).resolve is _RESOLVE:
        application, _ = application.resolve({"type": scope_type})
    return application


_RESOLVE = ProtocolTypeRouter.resolve


class ChannelNameRouter(Resolver):
    """Choose an application by the channel of a scope of type ``channel``: ``{"thumbnails": …}``.

    Named and called as in Channels, for the applications of workers that take messages from a channel layer.
    A name that is not there raises :class:`ValueError`.
    """

    def __init__(self, application_mapping: Mapping[str, ASGIApp]) -> None:
        self.application_mapping = dict(application_mapping)

    def __repr__(self) -> str:
        return f"<ChannelNameRouter {' '.join(self.application_mapping)}>"

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application for this channel, and the scope itself."""
        if "channel" not in scope:
            raise ValueError(
                "ChannelNameRouter got a scope without a channel: put it below the type 'channel'"
            )
        try:
            return self.application_mapping[scope["channel"]], scope
        except KeyError:
            raise ValueError(f"no application is configured for the channel {scope['channel']!r}") from None


class PathRouter(Resolver):
    """Mount applications below path prefixes: ``{"/": …, "/api": …, "/api/v2": …}``; the longest answers.

    A prefix matches whole segments: ``/api`` takes ``/api``, ``/api/`` and ``/api/x``, not ``/apis``. The
    application below gets a scope whose ``root_path`` has the prefix added, and the same ``path``, which
    includes it (ASGI HTTP spec, and what Starlette's ``Mount`` does); a WSGI application sees SCRIPT_NAME and
    PATH_INFO split there. Where no prefix matches, and there is no ``/``, :func:`not_found` answers.

    The decoded ``path`` decides, not ``raw_path``: it is what the applications below route by, so that router
    and application never disagree about where a request belongs. ``/api%2Fx`` therefore goes where ``/api/x``
    goes. Nothing is normalised: ``//api`` is not below ``/api``, and ``/api/../admin`` is.

    A lookup costs one dictionary probe per segment, and never more than the deepest prefix has, however many
    mounts there are and however long a path a client sends.

    A lifespan is run for every application mounted, see :class:`~hybrid.bridge.lifespan.Lifespan`.

    Raises:
        ValueError: a prefix is malformed, or given twice.
    """

    def __init__(self, mapping: Mapping[str, ASGIApp]) -> None:
        mounts = {clean_prefix(prefix): application for prefix, application in mapping.items()}
        if len(mounts) < len(mapping):
            raise ValueError(f"two prefixes mean the same path: {', '.join(sorted(mapping))}")
        self._lifespan = lifespan_app(each_once(mounts.values()))
        self._root = mounts.pop("/", not_found)
        self._mounts = mounts
        self._depth = max((prefix.count("/") for prefix in mounts), default=0)

    def __repr__(self) -> str:
        return f"<PathRouter of {len(self._mounts)} prefixes>"

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application at the longest matching prefix, and a new scope where ``root_path`` grew."""
        if scope["type"] == "lifespan":
            return self._lifespan, scope
        if not self._mounts:
            return self._root, scope
        root_path = scope.get("root_path", "").rstrip("/")
        below = path_below(root_path, scope["path"])
        prefix = self._longest_prefix(below)
        if not prefix:
            return self._root, scope
        # The path is the one that came, unless the server left root_path out of it, against the ASGI spec.
        found: Scope = {**scope, "path": root_path + below, "root_path": root_path + prefix}
        found[ROUTE] = scope.get(ROUTE, "") + prefix
        return self._mounts[prefix], found

    def _longest_prefix(self, path: str) -> str:
        """Return the longest mounted prefix of a path, or nothing."""
        longest, end = "", 0
        for _ in range(self._depth):
            end = path.find("/", end + 1)
            prefix = path if end < 0 else path[:end]
            if prefix in self._mounts:
                longest = prefix
            if end < 0:
                break
        return longest


def path_below(root_path: str, path: str) -> str:
    """Take ``root_path`` off a path; one that does not begin with it is below it already."""
    if path == root_path or path.startswith(f"{root_path}/"):
        return path[len(root_path) :]
    return path


def is_path_router(application: object) -> bool:
    """Tell whether an application goes on with what a pattern leaves of the path; Channels' mark for it."""
    return getattr(application, "_path_routing", False) is True


def all_route_paths(applications: Iterable[ASGIApp]) -> bool:
    """Tell whether there are applications, and all of them go on with a path."""
    each = list(applications)
    return bool(each) and all(map(is_path_router, each))


def each_once(applications: Iterable[ASGIApp]) -> list[ASGIApp]:
    """Drop repeats by identity: an application mounted twice has one lifespan."""
    return list({id(application): application for application in applications}.values())


class HostRouter(Resolver):
    """Choose an application by the request's host: ``{"example.org": …, "*.example.org": …, "*": …}``.

    A name takes the requests for exactly that host. ``*.example.org`` takes those for every host below it, at
    any depth, but not for ``example.org`` itself; of several the longest answers. ``*`` takes all others, and
    those without a Host field; where it is missing, :func:`not_found` answers.

    The Host field decides (RFC 9110 section 7.2), without its port and without regard to case; a dot at the
    end, which makes a name absolute, counts as if it were not there. Addresses are written as in a URL:
    ``[::1]``. What a client writes into Host is its own choice: this tells sites apart, and protects none.

    A lookup costs one dictionary probe, and one more for each level that a wildcard has, however long a name
    a client sends. The scope is passed on as it is, also below a
    :class:`~hybrid.bridge.url_router.URLRouter` if all applications go on with its path. A lifespan is run
    for every application.

    Raises:
        ValueError: a host is malformed, or given twice.
    """

    def __init__(self, mapping: Mapping[str, ASGIApp]) -> None:
        hosts = {clean_host(host): application for host, application in mapping.items()}
        if len(hosts) < len(mapping):
            raise ValueError(f"two names mean the same host: {', '.join(sorted(mapping))}")
        self._lifespan = lifespan_app(each_once(hosts.values()))
        self._other = hosts.pop("*", not_found)
        self._below = {host[1:]: application for host, application in hosts.items() if host[0] == "*"}
        self._exact = {host: application for host, application in hosts.items() if host[0] != "*"}
        self._depth = max((suffix.count(".") for suffix in self._below), default=0)
        self._path_routing = all_route_paths(mapping.values())

    def __repr__(self) -> str:
        return f"<HostRouter of {len(self._exact) + len(self._below)} hosts>"

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return the application for the host that the request names, and the scope itself."""
        if scope["type"] == "lifespan":
            return self._lifespan, scope
        host = _host_of(scope)
        found = self._exact.get(host)
        return (self._longest_suffix(host) if found is None else found), scope

    def _longest_suffix(self, host: str) -> ASGIApp:
        """Return the application of the longest wildcard that a host is below, or the one for all others."""
        longest, start = self._other, len(host)
        for _ in range(self._depth):
            start = host.rfind(".", 0, start)
            if start <= 0:  # a name that begins with a dot is below nothing
                break
            longest = self._below.get(host[start:], longest)
        return longest


def _host_of(scope: Scope) -> str:
    """Return what the Host field names, without the port, in lower case; nothing when there is none."""
    for name, value in scope["headers"]:
        if name == b"host":
            host: str = value.decode("latin-1").strip().lower()
            colon = host.rfind(":")
            if colon > host.rfind("]"):  # the colons of an address are within brackets
                host = host[:colon]
            return host.removesuffix(".")
    return ""
