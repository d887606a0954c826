"""`URLRouter`: which route answers, and what the application below it finds in its scope."""

import asyncio
import re
from typing import Any, cast
from uuid import UUID

import pytest
from django import urls  # type: ignore[import-untyped]
from django.urls.converters import register_converter  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.routing import HostRouter, PathRouter, ProtocolTypeRouter
from hybrid.bridge.types import ASGIApp, Message, Receive, Resolver, Scope, Send
from hybrid.bridge.url_patterns import URLRoute, path, re_path
from hybrid.bridge.url_router import URLRouter

#: Django's functions, whose types know views and no applications.
django_path: Any = urls.path
django_re_path: Any = urls.re_path
#: What is given to ours by mistake.
WRONG: Any = None


class App:
    """An application that has a name, and does nothing."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<App {self.name}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do nothing."""


CHAT, NEWS = App("chat"), App("news")
ID = UUID("01234567-89ab-cdef-0123-456789abcdef")


def scope_of(text: str, **more: Any) -> dict[str, Any]:
    """Return the parts of a scope that routing looks at."""
    return {"type": "websocket", "path": text, "root_path": "", **more}


def find(router: Resolver, text: str, **more: Any) -> tuple[ASGIApp, Scope]:
    """Follow routers to the application for a path."""
    application: ASGIApp = router
    scope: Scope = scope_of(text, **more)
    while isinstance(application, Resolver):
        application, scope = application.resolve(scope)
    return application, scope


def kwargs_of(router: Resolver, text: str, **more: Any) -> dict[str, Any] | None:
    """Return the arguments by name that the application finds, or None where no route of ours matches."""
    application, scope = find(router, text, **more)
    if not isinstance(application, App):
        return None
    kwargs: dict[str, Any] = scope["url_route"]["kwargs"]
    return kwargs


def answers(application: ASGIApp, scope: Scope) -> list[Message]:
    """Run an application and return what it has sent."""
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("there is nothing to receive")

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(application(scope, receive, send))  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize(
    ("pattern", "text", "kwargs"),
    [
        ("", "/", {}),
        ("/", "/", {}),
        ("", "/x", None),
        ("/ws/chat", "/ws/chat", {}),
        ("ws/chat", "/ws/chat", {}),
        ("ws/chat", "/ws/chat/", None),
        ("ws/chat/", "/ws/chat", None),
        ("ws/chat", "/ws/chats", None),
        ("ws/chat", "//ws/chat", None),
        ("ws/chat/<int:room>", "/ws/chat/42", {"room": 42}),
        ("ws/chat/<int:room>", "/ws/chat/4x", None),
        ("ws/chat/<int:room>", "/ws/chat/-4", None),
        ("ws/chat/<int:room>", "/ws/chat/\u0664", None),
        ("ws/chat/<int:room>", "/ws/chat/42\n", None),
        ("ws/chat/<int:room>", "/ws/chat/" + "9" * 5000, None),
        ("<room>", "/a b", {"room": "a b"}),
        ("<str:room>/x", "/a/x", {"room": "a"}),
        ("<string:room>", "/a", {"room": "a"}),
        ("<room>", "/a/b", None),
        ("<room>", "/", None),
        ("<float:at>", "/1.5", {"at": 1.5}),
        ("<float:at>", "/1", None),
        ("<slug:name>", "/a-b_c", {"name": "a-b_c"}),
        ("<slug:name>", "/a.b", None),
        ("<uuid:id>", f"/{ID}", {"id": ID}),
        ("<path:rest>/end", "/a/b/c/end", {"rest": "a/b/c"}),
        ("at<int:x>,<int:y>", "/at1,2", {"x": 1, "y": 2}),
        ("a.c/<x>", "/abc/1", None),
        ("über/<x>", "/über/é", {"x": "é"}),
    ],
)
def test_path(pattern: str, text: str, kwargs: dict[str, Any] | None) -> None:
    """A pattern matches a whole path, without regard to a slash in front of the pattern; arguments are
    converted. Django's patterns that have these converters find the same.
    """
    assert kwargs_of(URLRouter([path(pattern, CHAT)]), text) == kwargs
    if not {"<float:", "<string:"} & set(re.findall("<[a-z]*:", pattern)) and not pattern.startswith("/"):
        assert kwargs_of(URLRouter([django_path(pattern, CHAT)]), text) == kwargs


@pytest.mark.parametrize(
    ("pattern", "text", "args", "kwargs"),
    [
        (r"^ws/(?P<room>\w+)/$", "/ws/red/", (), {"room": "red"}),
        (r"ws/(?P<room>\w+)/$", "/ws/red/", (), {"room": "red"}),
        (r"^ws/(\w+)/(\d+)$", "/ws/red/5", ("red", "5"), {}),
        (r"^ws/(\w+)/(?P<number>\d+)$", "/ws/red/5", (), {"number": "5"}),
        (r"^ws/(?P<a>a)?(?P<b>b)?$", "/ws/b", (), {"b": "b"}),
        (r"^ws/?$", "/ws", (), {}),
        (r"^a/|^b/", "/b/c", (), {}),
        (r"(?i)^WS/", "/ws/x", (), {}),
    ],
)
def test_re_path(pattern: str, text: str, args: tuple[str, ...], kwargs: dict[str, str]) -> None:
    """A regular expression means what it means in Django's `re_path`."""
    for router in (
        URLRouter([re_path(pattern, CHAT)]),
        URLRouter([re_path(re.compile(pattern), CHAT)]),
        URLRouter({re.compile(pattern): CHAT}),
        URLRouter([django_re_path(pattern, CHAT)]),
    ):
        application, scope = find(router, text)
        assert application is CHAT
        assert scope["url_route"] == {"args": args, "kwargs": kwargs}


@pytest.mark.parametrize("pattern", ["^/ws/$", "/ws/$", re.compile("^/ws/$")])
def test_slash_in_front_of_an_expression(pattern: str | re.Pattern[str]) -> None:
    """Whoever writes the path as it is in a URL means the same."""
    assert kwargs_of(URLRouter([re_path(pattern, CHAT)]), "/ws/") == {}


def test_forms() -> None:
    """Routes may be made by `path`, be pairs, or come as a mapping."""
    for routes in ([path("/a", CHAT)], [("/a", CHAT)], {"/a": CHAT}):
        assert find(URLRouter(routes), "/a")[0] is CHAT


def test_first_match() -> None:
    """Of several routes that match the first answers, also where a later one is more exact."""
    router = URLRouter([path("<room>", CHAT), path("news", NEWS)])
    assert find(router, "/news")[0] is CHAT
    router = URLRouter([path("news", NEWS), path("<room>", CHAT)])
    assert [find(router, text)[0] for text in ("/news", "/new")] == [NEWS, CHAT]


def test_scope() -> None:
    """The application has the rest of the scope as it was, and the one that came is not changed."""
    before = scope_of("/a/5", user="ada")
    copy = dict(before)
    _, scope = URLRouter([path("a/<int:n>", CHAT, {"mode": "fast"})]).resolve(before)
    route = {"args": (), "kwargs": {"n": 5, "mode": "fast"}}
    assert scope == {**before, "path_remaining": "", "url_route": route, "hybrid.route": "/a/<int:n>"}
    assert before == copy


def test_the_pattern_is_in_the_scope() -> None:
    """From the beginning of the path, with those of the routers above; figures are kept for it."""
    inner = URLRouter([path("rooms/<int:room>", CHAT), re_path(r"^log/$", NEWS)])
    router = PathRouter({"/app": URLRouter([path("<slug:org>/", inner)]), "/": NEWS})
    found = {route: router.resolve(scope_of(f"/app/acme/{route}")) for route in ("rooms/5", "log/")}
    patterns = {}
    for route, (application, scope) in found.items():
        assert isinstance(application, URLRouter)
        patterns[route] = application.resolve(scope)[1]["hybrid.route"]
    assert patterns == {"rooms/5": "/app/<slug:org>/rooms/<int:room>", "log/": "/app/<slug:org>/^log/$"}
    assert "hybrid.route" not in router.resolve(scope_of("/news"))[1]


def test_root_path() -> None:
    """What the application is mounted at is no part of what is matched."""
    router = URLRouter([path("chat", CHAT)])
    assert kwargs_of(router, "/app/chat", root_path="/app") == {}
    assert kwargs_of(router, "/chat", root_path="/app") == {}
    assert kwargs_of(router, "/application/chat", root_path="/app") is None


@pytest.mark.parametrize("make", [path, django_path])
def test_nested(make: Any) -> None:
    """A router below another one has what is left of the path; the application finds both's arguments."""
    inner = URLRouter([path("rooms/<int:room>", CHAT), path("", NEWS)])
    router = URLRouter([make("<slug:org>/", inner, {"outer": True}), path("acme/last", NEWS)])
    assert kwargs_of(router, "/acme/rooms/7") == {"org": "acme", "outer": True, "room": 7}
    assert find(router, "/acme/")[0] is NEWS
    assert find(router, "/acme/last")[0] is NEWS, "where the inner router has no route the outer one goes on"
    assert kwargs_of(router, "/acme/nothing") is None


def test_nested_expressions() -> None:
    """The same with expressions, whose positional arguments add up."""
    inner = URLRouter([re_path(r"^(\d+)$", CHAT)])
    for router in (URLRouter([re_path(r"^(\w+)/", inner)]), URLRouter([django_re_path(r"^(\w+)/", inner)])):
        assert find(router, "/a/5")[1]["url_route"] == {"args": ("a", "5"), "kwargs": {}}


@pytest.mark.parametrize("make", [path, django_path])
def test_routers_that_choose_by_something_else(make: Any) -> None:
    """Below a pattern they go on with the path, where all that they choose from do; else it is the whole."""
    chat, news = URLRouter([path("<int:room>", CHAT)]), URLRouter([path("<int:room>", NEWS)])
    by_host = HostRouter({"a.example": ProtocolTypeRouter({"websocket": chat}), "*": news})
    router = URLRouter([make("<slug:org>/", by_host), path("acme/last", CHAT)])
    for host, application in ((b"a.example", CHAT), (b"b.example", NEWS)):
        found, scope = find(router, "/acme/7", headers=[(b"host", host)])
        assert found is application
        assert scope["url_route"]["kwargs"] == {"org": "acme", "room": 7}
    assert find(router, "/acme/last", headers=[])[0] is CHAT
    mixed = HostRouter({"a.example": chat, "*": NEWS})
    router = URLRouter([make("<slug:org>/", mixed)])
    assert find(router, "/acme/", headers=[])[0] is NEWS
    assert kwargs_of(router, "/acme/7", headers=[]) is None


def test_include() -> None:
    """Django's `include()` does what a router there does, and so does one within another."""
    deep = urls.include([django_path("rooms/<int:room>", CHAT, {"deep": True})])
    router = URLRouter(
        [
            django_path("<slug:org>/", urls.include([django_re_path(r"^v(\d)/", deep)]), {"outer": 1}),
            django_path("<slug:org>/", urls.include(([django_path("news", NEWS)], "app"), namespace="n")),
        ]
    )
    application, scope = find(router, "/acme/v2/rooms/7")
    assert application is CHAT
    assert scope["url_route"] == {
        "args": ("2",),
        "kwargs": {"org": "acme", "outer": 1, "room": 7, "deep": True},
    }
    assert find(router, "/acme/news")[0] is NEWS
    assert [route.name for route in router.routes] == ["", "n"]
    assert kwargs_of(router, "/acme/v2/") is None


def test_below_other_routers() -> None:
    """It is resolved as every router is, wherever it stands."""
    router = ProtocolTypeRouter({"websocket": URLRouter([path("a", CHAT)])})
    assert find(router, "/a")[0] is CHAT


def test_no_route() -> None:
    """Without a route the client gets a status, 404 unless told otherwise, or what an application answers."""
    extensions: dict[str, Any] = {"websocket.http.response": {}}
    for router, status in (
        (URLRouter([]), 404),
        (URLRouter([], no_route=410), 410),
        (URLRouter([], no_route=499), 499),
    ):
        for kind in ("http", "websocket"):
            application, scope = find(router, "/x", type=kind, extensions=extensions)
            assert answers(application, scope)[0]["status"] == status
    assert find(URLRouter([], no_route=CHAT), "/x")[0] is CHAT


def test_no_route_in_an_inner_router() -> None:
    """One that has been told what to answer does; one that has not leaves it to the outer one."""
    told = URLRouter([path("a", CHAT)], no_route=NEWS)
    silent = URLRouter([path("a", CHAT)])
    router = URLRouter([path("told/", told), path("silent/", silent)], no_route=410)
    assert [find(router, text)[0] for text in ("/told/a", "/told/b", "/silent/a")] == [CHAT, NEWS, CHAT]
    for text in ("/silent/b", "/other"):
        application, scope = find(router, text, type="http")
        assert answers(application, scope)[0]["status"] == 410


def test_no_route_without_the_extension() -> None:
    """A server that cannot send a status refuses the handshake."""
    assert answers(*find(URLRouter([]), "/x")) == [{"type": "websocket.close"}]


def test_lifespan() -> None:
    """Each application below has its lifespan."""
    started: list[str] = []

    def starting(name: str) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            started.append(name)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

        return app

    one, two = starting("one"), starting("two")
    router = URLRouter([path("1", one), path("2/", URLRouter([path("a", two), path("b", one)]))])
    events = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Message:
        return {"type": next(events)}

    async def send(message: Message) -> None:
        assert message["type"].endswith("complete")

    asyncio.run(router({"type": "lifespan", "state": {}}, receive, send))
    assert set(started) == {"one", "two"}


class _Even:
    regex = "[02468]/[02468]"

    def to_python(self, value: str) -> int:
        return int(value.replace("/", ""))

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(_Even, "even")


def test_converter_of_django() -> None:
    """One that was registered with Django may match what it likes."""
    router = URLRouter([django_path("a/<even:number>/end", CHAT)])
    assert kwargs_of(router, "/a/4/2/end") == {"number": 42}


class Consumer:
    """Stands for a class of consumers."""

    @classmethod
    def as_asgi(cls) -> ASGIApp:
        """Return an application."""
        return CHAT


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: path("<int:>", CHAT), "'<int:>': <int:> has no name of its own"),
        (lambda: path("<a>/<a>", CHAT), "'<a>/<a>': <a> has no name of its own"),
        (lambda: path("<a", CHAT), "'<a': an argument is <name> or <converter:name>"),
        (lambda: path("a>", CHAT), None),
        (lambda: path("<a>b>", CHAT), "an argument is <name> or <converter:name>"),
        (lambda: path("<hex:a>", CHAT), "'<hex:a>': there is no converter 'hex', only float, int, path"),
        (lambda: re_path("(", CHAT), "'(' is no regular expression: missing )"),
        (
            lambda: path("a", cast("Any", Consumer)),
            "no ASGI application; Consumer.as_asgi() is one",
        ),
        (lambda: path("a", cast("Any", int)), "the class int is no ASGI application"),
        (lambda: re_path("a", WRONG), "'a': None is no ASGI application"),
        (lambda: URLRouter([], no_route=999), "999 is no status of a response"),
        (lambda: URLRouter([cast("Any", "a")]), "'a' is no route: make one with path() or re_path()"),
    ],
)
def test_mistakes(make: Any, words: str | None) -> None:
    """A route that cannot work is found when it is made, and the message names its pattern."""
    if words is None:
        make()
        return
    with pytest.raises(ConfigError) as raised:
        make()
    assert words in str(raised.value)


SEGMENTS = st.sampled_from(["a", "b", "ab", "1", "", "<int:n>", "<s>", "x<s>", "<path:p>"])
PATTERNS = st.lists(SEGMENTS, max_size=4).map("/".join)
EXPRESSIONS = st.sampled_from(["^a/", "^a/b/$", "b", "^a/(b/)?", r"^\w/1", "^a/b|^b/", "^(?!a)", "^a/*b"])
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "1", "12", "", "x1"]), max_size=5).map("/".join)


def route_of(text: str) -> URLRoute | None:
    """Return a route for a pattern; None if it has two arguments of one name."""
    try:
        return re_path(text, CHAT) if text[:1] == "^" or "(" in text else path(text, CHAT)
    except ConfigError:
        return None


@given(st.lists(PATTERNS | EXPRESSIONS, max_size=8), PATHS)
def test_index(texts: list[str], text: str) -> None:
    """Looking only at the routes that can match finds what looking at all of them finds."""
    routes = [route for route in map(route_of, texts) if isinstance(route, URLRoute)]
    first = next((found for route in routes if (found := route.match(text)) is not None), None)
    chosen = URLRouter(routes).find(scope_of("/" + text))
    kwargs = None if chosen is None else chosen[1]["url_route"]["kwargs"]
    assert kwargs == (None if first is None else first[2])
