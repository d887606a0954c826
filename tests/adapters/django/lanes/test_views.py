"""What is found out about middleware and views without calling them."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import hybrid
from hybrid.adapters.django.lanes.views import Verdict, sets_urlconf, verdict_of, views_of
from hybrid.bridge.errors import ConfigError


class SetsInMethod:
    """Middleware that sets the URLconf in one of its methods."""

    def process_request(self, request: Any) -> None:
        """Set it."""
        request.urlconf = "other.urls"


def sets_in_closure(get_response: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Be middleware that sets it in a function."""

    def middleware(request: Any) -> Any:
        request.urlconf = "other.urls"
        return get_response(request)

    return middleware


class OnlyReads:
    """Middleware that looks at the URLconf, and sets something else."""

    def process_request(self, request: Any) -> None:
        """Look."""
        request.known = request.urlconf


@pytest.mark.parametrize(
    ("middleware", "sets"),
    [(SetsInMethod, True), (sets_in_closure, True), (OnlyReads, False), (object, False)],
)
def test_middleware_that_sets_the_urlconf_is_found(middleware: Any, sets: bool) -> None:
    """By what its code stores, in whichever of its functions."""
    assert sets_urlconf(middleware) is sets


def sync(request: object) -> None:
    """Be a view."""


async def asynchronous(request: object) -> None:
    """Be a view."""


def test_the_kind_of_a_view_is_its_lane() -> None:
    """A coroutine function is for the loop, anything else for a thread."""
    assert verdict_of(sync) == Verdict("wsgi", "sync-view")
    assert verdict_of(asynchronous) == Verdict("asgi", "async-view")
    assert verdict_of(SimpleNamespace(view_class=SimpleNamespace(view_is_async=True))) == Verdict(
        "asgi", "async-view"
    )


def test_the_decorator_goes_before_the_kind() -> None:
    """On functions and on classes."""
    marked = hybrid.lane("wsgi")(asynchronous)
    try:
        assert marked is asynchronous
        assert verdict_of(marked) == Verdict("wsgi", "decorator")
    finally:
        del asynchronous.__hybrid_lane__  # type: ignore[attr-defined]

    @hybrid.lane("asgi")
    class View:
        """The class of a view."""

    assert verdict_of(SimpleNamespace(view_class=View)) == Verdict("asgi", "decorator")


def test_there_are_two_lanes() -> None:
    """Another one is refused where it is named."""
    with pytest.raises(ConfigError, match="there is no lane 'fast'"):
        hybrid.lane("fast")  # type: ignore[arg-type]


def test_how_the_paths_of_views_begin() -> None:
    """As far as no converter, no regular expression and no language is in them."""
    urls = pytest.importorskip("django.urls")
    below = [
        urls.path("", sync, name="all"),
        urls.path("<int:number>/edit/", sync, name="edit"),
        urls.re_path("^x$", sync, name="x"),
    ]
    resolver = SimpleNamespace(
        url_patterns=[
            urls.path("", sync, name="root"),
            urls.path("shop/", urls.include((below, "shop"), namespace="shop")),
            urls.path("<slug:slug>/", urls.include((below, "any"))),
        ]
    )
    assert [(view.name, view.path, view.is_whole) for view in views_of(resolver)] == [
        ("root", "/", True),
        ("shop:all", "/shop/", True),
        ("shop:edit", "/shop/", False),
        ("shop:x", "/shop/", False),
        ("any:all", "/", False),
        ("any:edit", "/", False),
        ("any:x", "/", False),
    ]
