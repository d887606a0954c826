"""The middleware of programs that come from Channels: scopes are copied, cookies read and set."""

import asyncio
from datetime import UTC, datetime, timedelta
from http.cookies import CookieError, SimpleCookie
from typing import Any

import pytest

from hybrid.bridge import BaseMiddleware, CookieMiddleware
from hybrid.bridge.types import Message, Receive, Scope, Send


class Inner:
    """An application that keeps its scope and changes it."""

    scope: Scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep it."""
        self.scope = scope
        scope["mine"] = True


def seen_below(make: Any, scope: Scope) -> Scope:
    """Call a middleware with a scope, and return that of the application below."""
    inner = Inner()
    asyncio.run(make(inner)(scope, None, None))
    return inner.scope


def cookies(*fields: bytes) -> dict[str, str]:
    """Return what is made of these Cookie fields."""
    scope: Scope = {"type": "http", "headers": [(b"host", b"x"), *((b"cookie", field) for field in fields)]}
    found: dict[str, str] = seen_below(CookieMiddleware, scope)["cookies"]
    assert "cookies" not in scope
    return found


def test_what_is_below_has_a_scope_of_its_own() -> None:
    """What the application writes into its scope is not seen above."""
    scope: Scope = {"type": "http", "path": "/"}
    assert seen_below(BaseMiddleware, scope) == {"type": "http", "path": "/", "mine": True}
    assert scope == {"type": "http", "path": "/"}


def test_a_middleware_to_inherit_from() -> None:
    """A class may add to the scope, and go on as the base does."""

    class Adds(BaseMiddleware):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await super().__call__({**scope, "user": "ada"}, receive, send)

    assert seen_below(Adds, {"type": "http"})["user"] == "ada"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ((), {}),
        ((b"a=1",), {"a": "1"}),
        ((b"a=1; b=2;c = 3 ",), {"a": "1", "b": "2", "c": "3"}),
        ((b"a=1", b"b=2"), {"a": "1", "b": "2"}),
        ((b"a=1; a=2",), {"a": "2"}),
        ((b"a=x=y",), {"a": "x=y"}),
        ((b'a="x y\\073\\"z"',), {"a": 'x y;"z'}),
        ((b"alone; ; =",), {"": "alone"}),
        ((b"a=\xe9",), {"a": "\u00e9"}),
    ],
)
def test_cookies_are_read(fields: tuple[bytes, ...], found: dict[str, str]) -> None:
    """Names and values are as Django reads them; HTTP/2 may spread them over several fields."""
    assert cookies(*fields) == found


def test_cookies_of_what_has_no_headers() -> None:
    """Another type of scope is a mistake of the program's, and the message says so."""
    with pytest.raises(ValueError, match="is for http and websocket"):
        seen_below(CookieMiddleware, {"type": "channel"})


def set_by(**more: Any) -> Any:
    """Set a cookie, and return it as a browser reads it."""
    message: Message = {"type": "http.response.start", "headers": [(b"a", b"b")]}
    CookieMiddleware.set_cookie(message, "key", **more)
    first, (name, value) = message["headers"]
    assert (first, name) == ((b"a", b"b"), b"set-cookie")
    return SimpleCookie(value.decode())["key"]


def test_a_cookie_is_set() -> None:
    """Value and attributes go into a field of the message; what is in it already stays."""
    plain = set_by(value='x; "y"')
    assert plain.value == 'x; "y"'
    assert (plain["path"], plain["samesite"], plain["expires"], plain["max-age"]) == ("/", "lax", "", "")
    full = set_by(max_age=60, path="/x", domain="d.example", secure=True, httponly=True, samesite="Strict")
    assert (full["max-age"], full["path"], full["domain"], full["samesite"]) == (
        "60",
        "/x",
        "d.example",
        "Strict",
    )
    assert full["secure"]
    assert full["httponly"]
    assert full["expires"].endswith("GMT")


def test_a_cookie_ends_at_a_time() -> None:
    """A time with or without a zone becomes so many seconds; one that is over, none."""
    hour = timedelta(hours=1)
    now = datetime.now(UTC)
    for when in (now + hour, (now + hour).replace(tzinfo=None), (now + hour).astimezone()):
        assert 3500 < int(set_by(expires=when)["max-age"]) <= 3601
    assert set_by(expires=now - hour)["max-age"] == "0"
    assert set_by(expires="Thu, 01 Jan 2099 00:00:00 GMT")["expires"] == "Thu, 01 Jan 2099 00:00:00 GMT"


def test_a_cookie_is_deleted() -> None:
    """It is over at once, in a message that had no fields, too."""
    message: Message = {"type": "http.response.start"}
    CookieMiddleware.delete_cookie(message, "key", path="/x")
    ((_, value),) = message["headers"]
    cookie = SimpleCookie(value.decode())["key"]
    assert (cookie.value, cookie["max-age"], cookie["path"]) == ("", "0", "/x")
    assert cookie["expires"] == "Thu, 01-Jan-1970 00:00:00 GMT"


def test_what_no_cookie_can_be() -> None:
    """A name that would be two, or a rule that no browser knows, is refused."""
    with pytest.raises(ValueError, match="samesite must be one of strict, lax, none, not 'some'"):
        set_by(samesite="some")
    with pytest.raises(CookieError):
        CookieMiddleware.set_cookie({}, "a=b; c")
