"""Middleware as Channels has it, for applications that come from there: a base class, and cookies."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import formatdate
from http.cookies import SimpleCookie
from typing import Final

from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send

_SAME_SITE: Final = ("strict", "lax", "none")
#: What a browser takes for long ago, and forgets the cookie.
_LONG_AGO: Final = "Thu, 01-Jan-1970 00:00:00 GMT"


class BaseMiddleware:
    """An application around another one, to inherit from: ``__call__`` may change the scope, which is a copy.

    One instance serves all connections, so that what belongs to one of them belongs into its scope.
    """

    def __init__(self, inner: ASGIApp) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Await the inner application with a copy of the scope."""
        await self.inner(dict(scope), receive, send)


class CookieMiddleware(BaseMiddleware):
    """Puts the cookies of a request or a handshake into ``scope["cookies"]``, a dictionary of strings."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read them, and await the inner application.

        Raises:
            ValueError: the scope has no header fields, and is that of no request.
        """
        if "headers" not in scope:
            raise ValueError(
                "CookieMiddleware was given a scope without headers: it is for http and websocket"
            )
        await super().__call__({**scope, "cookies": _cookies(scope["headers"])}, receive, send)

    @classmethod
    def set_cookie(  # noqa: PLR0913, PLR0917 - Channels' own
        cls,
        message: Message,
        key: str,
        value: str = "",
        max_age: int | None = None,
        expires: str | datetime | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = "lax",
    ) -> None:
        """Add a cookie to a message with header fields, such as ``http.response.start``.

        Args:
            message: to be added to.
            key: the cookie's name.
            value: its value.
            max_age: seconds for which it is kept; without it, and ``expires``, until the browser ends.
            expires: the same as a date: as it is to be written, or a time, in UTC where it has no zone.
            path: below which the browser sends it.
            domain: to which it is sent, with the hosts below; None for the host that set it.
            secure: whether it is sent through TLS only.
            httponly: whether scripts cannot read it.
            samesite: ``"strict"``, ``"lax"`` or ``"none"``.

        Raises:
            ValueError: ``samesite`` is something else.
            http.cookies.CookieError: no cookie can have this name.
        """
        if samesite is not None and samesite.lower() not in _SAME_SITE:
            raise ValueError(f"samesite must be one of {', '.join(_SAME_SITE)}, not {samesite!r}")
        if isinstance(expires, datetime):
            max_age, expires = _seconds_until(expires), None
        if max_age is not None and not expires:
            expires = formatdate(time.time() + max_age, usegmt=True)
        cookies: SimpleCookie = SimpleCookie()
        cookies[key] = value
        attributes = {
            "expires": expires,
            "max-age": None if max_age is None else str(max_age),
            "path": path,
            "domain": domain,
            "secure": "yes" if secure else None,  # they are written without a value
            "httponly": "yes" if httponly else None,
            "samesite": samesite,
        }
        cookies[key].update({name: given for name, given in attributes.items() if given is not None})
        field = (b"set-cookie", cookies[key].OutputString().encode())
        message["headers"] = [*message.get("headers", ()), field]

    @classmethod
    def delete_cookie(cls, message: Message, key: str, path: str = "/", domain: str | None = None) -> None:
        """Have the browser forget a cookie that was set with this path and domain."""
        cls.set_cookie(message, key, max_age=0, path=path, domain=domain, expires=_LONG_AGO)


def _cookies(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Read the cookies of header fields; of several with one name the last counts, as with Django."""
    fields = [value.decode("latin-1") for name, value in headers if name == b"cookie"]
    pairs = [pair.partition("=") for field in fields for pair in field.split(";")]
    named = [(name.strip(), value.strip()) if equals else ("", name.strip()) for name, equals, value in pairs]
    decode = SimpleCookie().value_decode
    return {name: decode(value)[0] for name, value in named if name or value}


def _seconds_until(when: datetime) -> int:
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    # One more, as a part of a second gets lost on the way to the browser's date.
    return max(0, int((when - datetime.now(UTC)).total_seconds()) + 1)
