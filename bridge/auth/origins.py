"""Whose page opens a WebSocket: a browser says so in the Origin field, and lets no page forge it.

A browser sends the user's cookies with every WebSocket, whichever site's page opens it, and lets that page
read the answers. A server that believes cookies must therefore look at the origin (RFC 6455 section 10.2,
RFC 6454 section 7).
"""

import logging
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import ParseResult, urlparse

from hybrid.bridge.auth.fields import name_of, shown, values_of
from hybrid.bridge.consumers.websocket import AsyncWebsocketConsumer
from hybrid.bridge.errors import ConfigError, DenyConnection
from hybrid.bridge.routing import refusing
from hybrid.bridge.types import ASGIApp, Receive, Resolver, Scope, Send

logger = logging.getLogger("hybrid.auth")

_DEFAULT_PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.\-]*://")


class WebsocketDenier(AsyncWebsocketConsumer):
    """Refuses every handshake with 403. Named as in Channels."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, without a channel in the channel layer."""
        await refusing(403)(scope, receive, send)

    async def connect(self) -> None:
        """Refuse."""
        raise DenyConnection


_DENIER: Final = WebsocketDenier()


class OriginValidator(Resolver):
    """Lets only pages of listed origins open WebSockets; all others get 403. Named and called as in Channels.

    An origin is listed as ``https://example.org`` or ``https://example.org:8443``, which compares the scheme
    and the port too, as a host (``example.org``, any scheme and any port) or with a port
    (``example.org:8443``). A dot in front includes all hosts below: ``.example.org``. ``*`` is every origin,
    and clients that name none, as programs do: without it, they are refused.

    What is not a WebSocket is passed on as it is; Channels raises :class:`ValueError` then. A server finds
    what is below without awaiting this, and so counts each route of a ``URLRouter`` there by itself.

    Args:
        application: for those that are let in.
        allowed_origins: the list.

    Raises:
        ConfigError: the list is one text, or has an entry that matches no origin.
    """

    def __init__(self, application: ASGIApp, allowed_origins: Iterable[str]) -> None:
        self.application = application
        self.allowed_origins = checked_origins(allowed_origins)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {' '.join(self.allowed_origins)}>"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on, or refuse it and say so in the log."""
        await self._chosen(scope)(scope, receive, send)

    def resolve(self, scope: Scope) -> tuple[ASGIApp, Scope]:
        """Return what a connection is passed on to, or what refuses it, which the log says then."""
        if type(self).__call__ is not OriginValidator.__call__:  # a class of somebody's with more to do
            return self.__call__, scope
        return self._chosen(scope), scope

    def _chosen(self, scope: Scope) -> ASGIApp:
        if scope["type"] != "websocket" or self.allows(scope):
            return self.application
        logger.warning("%s: refused: %s", name_of(scope), complaint(scope))
        return _DENIER

    def allows(self, scope: Scope) -> bool:
        """Return whether the origin that a request names is allowed. One that names several names none."""
        return self.valid_origin(parsed_origin(scope))

    def valid_origin(self, parsed_origin: ParseResult | None) -> bool:
        """Return whether an origin is allowed; None is one that is missing, or makes no sense."""
        if parsed_origin is None:
            return "*" in self.allowed_origins
        return self.validate_origin(parsed_origin)

    def validate_origin(self, parsed_origin: ParseResult | None) -> bool:
        """Return whether an origin matches an entry of the list."""
        return any(
            pattern == "*" or self.match_allowed_origin(parsed_origin, pattern)
            for pattern in self.allowed_origins
        )

    def match_allowed_origin(self, parsed_origin: ParseResult | None, pattern: str) -> bool:
        """Return whether an origin matches one entry."""
        if parsed_origin is None or not parsed_origin.hostname:
            return False
        scheme, host, port = _parsed_pattern(pattern)
        if scheme is not None and scheme != parsed_origin.scheme:
            return False
        if (scheme, port) != (None, None) and port != self.get_origin_port(parsed_origin):
            return False
        own = parsed_origin.hostname
        return own == host or (host[:1] == "." and (own == host[1:] or own.endswith(host)))

    def get_origin_port(self, origin: ParseResult) -> int | None:
        """Return the port of an origin, or that of its scheme; None where neither says one."""
        return origin.port if origin.port is not None else _DEFAULT_PORTS.get(origin.scheme)


class AllowedHostsOriginValidator(OriginValidator):
    """Lets only pages of one's own hosts open WebSockets; all others get 403. Named as in Channels.

    Args:
        application: for those that are let in.
        allowed_hosts: one's own hosts, as :class:`OriginValidator` takes them. Without them a page may open
            WebSockets to the host that it came from itself: its origin must be what the Host field of the
            handshake says. A proxy in front must leave that field as it is, or hosts must be listed.
    """

    def __init__(self, application: ASGIApp, allowed_hosts: Iterable[str] | None = None) -> None:
        super().__init__(application, () if allowed_hosts is None else allowed_hosts)
        self._same = allowed_hosts is None

    def allows(self, scope: Scope) -> bool:
        """Return whether the origin that a request names is one of one's own hosts."""
        return same_origin(scope) if self._same else super().allows(scope)


def parsed_origin(scope: Scope) -> ParseResult | None:
    """Return the origin that a request names; None without one, with several, and for what is no origin."""
    values = values_of(scope, b"origin")
    return parsed(values[0]) if len(values) == 1 else None


def parsed(origin: str) -> ParseResult | None:
    """Take an origin apart; None for what is none, such as ``null``."""
    parts = _parsed(origin)
    if parts is None or "@" in parts.netloc or parts.path not in ("", "/"):
        return None
    return None if parts.params or parts.query or parts.fragment else parts


def same_origin(scope: Scope) -> bool:
    """Return whether the page that makes a request came from where it is made to, by the Host field."""
    hosts = values_of(scope, b"host")
    secure = scope.get("scheme") in ("https", "wss")
    return is_own(parsed_origin(scope), hosts[0] if len(hosts) == 1 else "", secure=secure)


def is_own(origin: ParseResult | None, host: str, *, secure: bool) -> bool:
    """Return whether an origin is where a request is made to.

    A request without TLS may have had it before a proxy, so pages with and without are its own. One with TLS
    is not for pages without, which whoever is between the browser and the server can write.

    Args:
        origin: that the request names; None for none, or for what makes no sense.
        host: its Host field.
        secure: whether it came over TLS.
    """
    own = parsed(f"//{host}")
    if origin is None or own is None or not origin.hostname or origin.scheme not in ("http", "https"):
        return False
    if secure and origin.scheme != "https":
        return False
    default = _DEFAULT_PORTS[origin.scheme]
    return (origin.hostname, origin.port or default) == (own.hostname, own.port or default)


def complaint(scope: Scope) -> str:
    """Say for the log which origin is not allowed."""
    named = values_of(scope, b"origin")
    if not named:
        return "it names no origin"
    return f"origin {shown(', '.join(named))} is not allowed"


def checked_origins(origins: Iterable[str]) -> Sequence[str]:
    """Return a list of origins.

    Raises:
        ConfigError: it is one text, or has an entry that matches no origin.
    """
    if isinstance(origins, str):
        raise ConfigError(f"allowed origins are a list, not one text: [{origins!r}]")
    listed = list(origins)
    for origin in listed:
        try:
            usable = origin == "*" or _parsed_pattern(origin)[1].strip(".")
        except (AttributeError, TypeError, ValueError):
            usable = None
        if not usable:
            raise ConfigError(
                f"{origin!r} is not an origin: https://example.org, example.org, .example.org or *"
            )
    return listed


def _parsed(url: str) -> ParseResult | None:
    try:
        parsed = urlparse(url)
        _ = parsed.port, parsed.hostname  # which raise, too
    except ValueError:
        return None
    return parsed


@lru_cache(maxsize=256)  # entries of the lists of an application, and nothing that a client says
def _parsed_pattern(pattern: str) -> tuple[str | None, str, int | None]:
    """Return scheme, host and port of an entry; None for what need not match.

    Raises:
        ValueError: it has no sense.
    """
    lower = pattern.lower()
    if not _SCHEME.match(lower):
        parsed = urlparse(f"//{lower}")
        return None, parsed.hostname or "", parsed.port
    parsed = urlparse(lower)
    port = parsed.port if parsed.port is not None else _DEFAULT_PORTS.get(parsed.scheme)
    return parsed.scheme, parsed.hostname or "", port
