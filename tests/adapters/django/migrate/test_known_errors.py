"""Which rule an exception at run time is of."""

import pytest

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.known_errors import rule_of

KNOWN = {
    "AttributeError: 'ASGIRequest' object has no attribute 'environ'": "HM101",
    "KeyError: 'wsgi.input'": "HM102",
    "KeyError: 'SERVER_PROTOCOL'": "HM102",
    "TypeError: hear() missing 1 required positional argument: 'environ'": "HM103",
    "KeyError: 'environ'": "HM103",
    "TypeError: 'coroutine' object does not support item assignment": "HM104",
    "AttributeError: 'coroutine' object has no attribute 'headers'": "HM104",
    "TypeError: object HttpResponse can't be used in 'await' expression": "HM104",
    "ValueError: The view shop.views.cart didn't return an HttpResponse object. It returned an unawaited "
    "coroutine instead.": "HM105",
    "RuntimeError: You cannot use ATOMIC_REQUESTS with async views.": "HM106",
    "django.core.exceptions.SynchronousOnlyOperation: You cannot call this from an async context": "HM107",
    "django.core.exceptions.ImproperlyConfigured: Cart HTTP handlers must either be all sync or all "
    "async.": "HM108",
    "ValueError: signal only works in main thread of the main interpreter": "HM111",
    "RuntimeError: There is no current event loop in thread 'MainThread'.": "HM113",
    "RuntimeError: Event loop is closed": "HM308",
    "ValueError: <Token> was created in a different Context": "HM413",
    "KeyError: 'REMOTE_USER'": "HM201",
    "AttributeError: 'LaneRequest' object has no attribute 'environ'": "HM101",
    "AssertionError: Expected a `Response` to be returned, but received a `<class 'coroutine'>`": "HM110",
    "RuntimeWarning: coroutine 'cart' was never awaited": "HM105",
    "Warning: StreamingHttpResponse must consume synchronous iterators in order to serve them": "HM305",
}


@pytest.mark.parametrize(
    ("error", "rule"), KNOWN.items(), ids=[f"{n} {r}" for n, r in enumerate(KNOWN.values())]
)
def test_known(error: str, rule: str) -> None:
    """What Django and Python say for a fault of the catalogue has its rule."""
    assert rule_of([error]) == rule
    assert rule in RULES


@pytest.mark.parametrize(
    "error",
    [
        "AttributeError: 'Cart' object has no attribute 'environ'",
        "KeyError: 'HTTP_HOST'",
        "AssertionError: 500 != 200",
        "TypeError: hear() missing 1 required positional argument: 'order'",
    ],
)
def test_unknown(error: str) -> None:
    """Errors that any project has are of no rule."""
    assert not rule_of([error])


def test_what_it_came_of() -> None:
    """What an exception came of tells the rule where it does not itself."""
    assert rule_of(["shop.Sold: no", "KeyError: 'RAW_URI'"]) == "HM102"
