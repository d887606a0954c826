"""Whether the page that opens a WebSocket may: browsers let any page open one, and send the cookies along."""

from collections.abc import Collection, Iterable
from typing import Final, Literal
from urllib.parse import urlsplit

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.types import Scope

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

#: Origins beside the application's own, as ``https://example.org``; ``"*"`` for any.
AllowedOrigins = Literal["*"] | Collection[str]


class Origins:
    """Lets those pages open WebSockets that come from the application's own origin or from one on a list.

    No Origin field means no browser: a program can send whatever it likes, and has nobody's cookies but its
    own.

    Args:
        allowed: further origins, scheme and port included; ``"*"`` for all.

    Raises:
        ConfigError: one of them is none.
    """

    def __init__(self, allowed: AllowedOrigins = ()) -> None:
        if isinstance(allowed, str) and allowed != "*":
            raise ConfigError(f'allowed_origins is {allowed!r}: give a list of origins, or "*" for any')
        self._any = allowed == "*"
        self._allowed = frozenset(() if self._any else map(_checked, allowed))

    def __repr__(self) -> str:
        return f"<Origins {'*' if self._any else sorted(self._allowed)}>"

    def permits(self, scope: Scope) -> bool:
        """Return whether a handshake may be granted."""
        origins = _fields(scope, b"origin")
        if self._any or not origins:
            return True
        if len(origins) > 1:
            return False
        origin = _split(origins[0])
        if origin is None:
            return False
        return origin in self._allowed or _is_own(origin, _fields(scope, b"host"))


_Origin = tuple[str, str, int | None]


def _fields(scope: Scope, wanted: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope.get("headers", ())
    return [value.decode("latin-1") for name, value in headers if name.lower() == wanted]


def _is_own(origin: _Origin, hosts: list[str]) -> bool:
    """Compare with the Host field. The scheme is left out: a proxy in front may end TLS."""
    if len(hosts) != 1:
        return False
    scheme, host, port = origin
    ours = _split(f"{scheme}://{hosts[0]}")
    return ours is not None and (host, port) == ours[1:]


def _split(text: str) -> _Origin | None:
    """Take an origin apart; None for what is none, such as ``null`` (RFC 6454 section 7)."""
    try:
        parts = urlsplit(text)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname or text.rstrip("/") != f"{parts.scheme}://{parts.netloc}":
        return None
    return parts.scheme, parts.hostname, port


def _checked(text: str) -> _Origin:
    origin = _split(text)
    if origin is None:
        raise ConfigError(f'allowed_origins: {text!r} is no origin, such as "https://example.org"')
    return origin
