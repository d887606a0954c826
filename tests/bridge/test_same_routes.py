"""Django's routes in Channels' `URLRouter` and in this project's: the same application, the same scope."""

import asyncio
from typing import Any

import pytest
from django import urls  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.bridge.url_router import URLRouter
from tests.support.needs import require_module

SEGMENTS = st.sampled_from(["a", "b", "ab", "1", "", "<int:n>", "<s>", "x<slug:t>", "<path:p>"])
PATTERNS = st.lists(SEGMENTS, max_size=3).map("/".join)
EXPRESSIONS = st.sampled_from(
    ["^a/", "^a/b/$", "b", "^a/(b/)?", r"^(?P<w>\w)/1", "^a/b|^b/", "^(?!a)", "^a/*b", r"^(\d+)/(\w*)"]
)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "1", "12", "", "x1", "a\n", "é"]), max_size=5).map("/".join)
KWARGS = st.sampled_from([None, {"n": "default"}, {"mode": "fast"}])

#: A route: its pattern, its further arguments, and the routes below it, or None for an application.
Route = tuple[str, dict[str, Any] | None, "list[Any] | None"]


def routes(depth: int) -> st.SearchStrategy[list[Route]]:
    """Draw routes, with routers below some of them."""
    below = st.none() | routes(depth - 1) if depth else st.none()
    return st.lists(st.tuples(PATTERNS | EXPRESSIONS, KWARGS, below), max_size=4)


class App:
    """An application that keeps what it was called with."""

    def __init__(self, name: str, seen: list[tuple[str, Any, Any]]) -> None:
        self.name = name
        self.seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep it."""
        self.seen.append((self.name, scope["url_route"], scope["path_remaining"]))


def tree(kind: Any, given_routes: list[Route], seen: list[Any], name: str = "") -> Any:
    """Make a router of either project; None if Django refuses a pattern."""
    made: list[Any] = []
    for number, (pattern, kwargs, below) in enumerate(given_routes):
        own = f"{name}{number}."
        inner = App(own, seen) if below is None else tree(kind, below, seen, own)
        make = urls.re_path if pattern[:1] == "^" or pattern == "b" else urls.path
        made.append(make(pattern, inner, kwargs))
    return kind(made)


def found_by(router: Any, scope: Scope, seen: list[Any]) -> list[Any]:
    """Return what is called for a path, or nothing where there is no route."""
    seen.clear()

    async def receive() -> Any:
        raise AssertionError("there is nothing to receive")

    async def send(message: Any) -> None:
        assert message == {"type": "websocket.close"}

    raised: list[str] = []
    try:
        asyncio.run(router(scope, receive, send))
    except ValueError as error:
        raised.append(str(error))
    assert all(text.startswith("No route found for path") for text in raised)  # Channels' word for it
    return list(seen)


def has_duplicates(given_routes: list[Route]) -> bool:
    """Whether a pattern has two arguments of one name, which Django refuses."""
    return any(
        max(map(pattern.count, ("<int:n>", "<s>", "<slug:t>", "<path:p>"))) > 1 or has_duplicates(below or [])
        for pattern, _, below in given_routes
    )


@given(routes(2), PATHS)
def test_routes(given_routes: list[Route], path: str) -> None:
    """For any routes and any path both call the same application, with the same arguments; where Channels
    raises, nobody is called here.
    """
    require_module("channels")
    from channels.routing import URLRouter as ChannelsURLRouter

    if has_duplicates(given_routes) or path.startswith("/"):
        return
    seen: list[Any] = []
    scope: Scope = {"type": "websocket", "path": "/" + path, "root_path": "", "headers": []}
    theirs = found_by(tree(ChannelsURLRouter, given_routes, seen), scope, seen)
    ours = found_by(tree(URLRouter, given_routes, seen), scope, seen)
    assert ours == theirs


def test_what_differs() -> None:
    """Of several slashes in front only the first is dropped; a path that is not below root_path counts as if
    it were without it; and an include works.
    """
    require_module("channels")
    from channels.routing import URLRouter as ChannelsURLRouter

    seen: list[Any] = []
    route: list[Route] = [("a", None, None)]
    for scope, theirs, ours in (
        ({"path": "//a"}, 1, 0),
        ({"path": "/a", "root_path": "/app"}, 0, 1),
    ):
        whole: Scope = {"type": "websocket", "headers": [], "root_path": "", **scope}
        assert len(found_by(tree(ChannelsURLRouter, route, seen), whole, seen)) == theirs
        assert len(found_by(tree(URLRouter, route, seen), whole, seen)) == ours
    include: Any = urls.path("a/", urls.include([urls.path("b", App("b", seen))]))
    with pytest.raises(Exception, match=r"include\(\) is not supported"):
        ChannelsURLRouter([include])
    assert len(found_by(URLRouter([include]), {**whole, "path": "/a/b"}, seen)) == 1
