"""Routes of WebSockets: who may open them, who they are for, and what becomes of unknown ones."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts, SocketRouteFact
from hybrid.adapters.django.migrate.rules.knowing import last_name, text_of
from hybrid.adapters.django.migrate.rules.registry import imported, static
from hybrid.adapters.django.migrate.source.definitions import ClassAt
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources

_PROTOCOLS: Final = ("channels.routing.ProtocolTypeRouter", "hybrid.ProtocolTypeRouter")
_ROUTER: Final = "channels.routing.URLRouter"
#: What is known not to look at the origin. Anything else may do so.
_LOOK_AWAY: Final = {
    "channels.auth.AuthMiddlewareStack",
    "channels.routing.URLRouter",
    "channels.sessions.CookieMiddleware",
    "channels.sessions.SessionMiddlewareStack",
    "hybrid.URLRouter",
}
_AROUND: Final = ("channels.auth.", "channels.sessions.", "channels.routing.")
_THEIRS: Final = ("channels.", "hybrid.")
#: Patterns that every path has, or whatever is left of it.
_ALL: Final = re.compile(r"\^?(?:\.\*|\.\+|<path:\w+>/?|<re_path:\w+>)?\$?")
_FIX: Final = Fix(FixKind.SUGGEST, "put AllowedHostsOriginValidator(…) around the routes")


@imported("HM503")
def open_to_all_origins(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find an ASGI application whose WebSockets nothing asks for their origin; one finding for all routes."""
    open_ones = [each for each in facts.socket_routes if not _checks_origin(each, sources)]
    if open_ones:
        names = ", ".join(dict.fromkeys(_short(each.consumer) for each in open_ones))
        yield _origin(_place(facts, sources), f"WebSockets of {names} are", Seen.IMPORT, Confidence.CERTAIN)


@static("HM503")
def open_in_source(module: SourceModule, sources: Sources) -> Iterator[Finding]:
    """Find the same where a ``ProtocolTypeRouter`` is written, as far as what it has for them is known."""
    for key, value in _websockets(module):
        wrappers = {module.called(each) for each in _calls_around(module, value)}
        if wrappers and wrappers <= _LOOK_AWAY:
            yield _origin(module.place(key), "these WebSockets are", Seen.STATIC, Confidence.LIKELY)


@imported("HM503")
def without_users(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find consumers that read ``scope["user"]`` where nothing has put a user there."""
    for consumer, around in _by_consumer(facts.socket_routes):
        owner = sources.definitions.class_(consumer)
        if owner is not None and not any(map(_may_know_users, around)):
            for node in _users_read(owner):
                yield RULES["HM503"].finding(
                    owner.module.place(node),
                    f'{_short(consumer)} reads scope["user"], and nothing around it has put one there: '
                    "KeyError on ASGI",
                    seen=Seen.IMPORT,
                    confidence=Confidence.LIKELY,
                    fix=Fix(FixKind.SUGGEST, "put AuthMiddlewareStack(…) around the routes"),
                )


@imported("HM505")
def unknown_paths(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find routers of Channels without a last route for all other paths."""
    routes = [each.pattern for each in facts.socket_routes]
    routers = [(each, call) for each in sources.modules for call in each.calls_of([_ROUTER])]
    if not routes or not routers or any(_ALL.fullmatch(each) for each in routes):
        return
    asgi = sources.at(facts.asgi.where.file)
    module, call = next((each for each in routers if each[0] is asgi), routers[0])
    yield RULES["HM505"].finding(
        module.place(call),
        f"a WebSocket for none of the {len(routes)} {'path' if len(routes) == 1 else 'paths'} raises "
        "ValueError on an ASGI server: the client sees 500, and the log a failure",
        seen=Seen.IMPORT,
        fix=Fix(FixKind.SUGGEST, 're_path("", …) as the last route, which refuses; or URLRouter of hybrid'),
    )


@imported("HM506")
def synchronous_consumers(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Say which consumers are synchronous."""
    for consumer, routes in _routes_of(each for each in facts.socket_routes if each.kind == "sync"):
        where = routes[0].where
        paths = ", ".join(each.pattern or "all paths" for each in routes)
        yield RULES["HM506"].finding(
            sources.place(where.file, where.line, consumer),
            f"{_short(consumer)}, for {paths}, is synchronous: each of its events takes a thread of an ASGI "
            "server",
            seen=Seen.IMPORT,
        )


def _checks_origin(route: SocketRouteFact, sources: Sources) -> bool:
    """Tell whether something may look at the origin: a validator, other people's wrapper, or the consumer."""
    if any("Origin" in each or not each.startswith(_AROUND) for each in route.around):
        return True
    owner = sources.definitions.class_(route.consumer)
    if owner is None:
        return route.kind == "application"
    return any(
        isinstance(each, ast.Constant) and each.value in ("origin", b"origin")
        for part in sources.definitions.line(owner)
        for each in ast.walk(part.node)
    )


def _may_know_users(wrapper: str) -> bool:
    return "Auth" in wrapper or not wrapper.startswith(_THEIRS)


def _users_read(owner: ClassAt) -> Iterator[ast.Subscript]:
    for node in ast.walk(owner.node):
        match node:
            case ast.Subscript(value=ast.Attribute(attr="scope"), slice=key, ctx=ast.Load()):
                if text_of(key) == "user":
                    yield node
            case _:
                pass


def _websockets(module: SourceModule) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Give what protocol routers have for WebSockets, with the key."""
    for call in module.calls_of(_PROTOCOLS):
        for given in call.args[:1]:
            if isinstance(given, ast.Dict):
                for key, value in zip(given.keys, given.values, strict=True):
                    if key is not None and text_of(key) == "websocket":
                        yield key, value


def _calls_around(module: SourceModule, value: ast.expr) -> Iterator[ast.Call]:
    """Give the calls around some routes, from the outside; names of the module are followed once."""
    if isinstance(value, ast.Name):
        given = [
            node.value
            for node in module.tree.body
            if isinstance(node, ast.Assign) and any(last_name(each) == value.id for each in node.targets)
        ]
        value = given[0] if len(given) == 1 else value
    while isinstance(value, ast.Call):
        yield value
        if module.called(value) in (_ROUTER, "hybrid.URLRouter") or not value.args:
            return
        value = value.args[0]


def _place(facts: Facts, sources: Sources) -> Place:
    """Return where the ASGI application has its WebSockets."""
    module = sources.at(facts.asgi.where.file)
    if module is not None:
        for key, _ in _websockets(module):
            return module.place(key)
    return sources.place(facts.asgi.where.file, facts.asgi.where.line, facts.asgi.path)


def _by_consumer(routes: Iterable[SocketRouteFact]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for consumer, theirs in _routes_of(each for each in routes if each.kind != "application"):
        yield consumer, min((each.around for each in theirs), key=len)


def _routes_of(routes: Iterable[SocketRouteFact]) -> Iterator[tuple[str, list[SocketRouteFact]]]:
    found: dict[str, list[SocketRouteFact]] = {}
    for each in routes:
        found.setdefault(each.consumer, []).append(each)
    yield from found.items()


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _origin(place: Place, who: str, seen: Seen, sure: Confidence) -> Finding:
    return RULES["HM503"].finding(
        place,
        f"{who} open on ASGI to pages of any origin, with the cookies of whoever looks at such a page",
        seen=seen,
        confidence=sure,
        fix=_FIX,
        cause="HM503 origin",
    )
