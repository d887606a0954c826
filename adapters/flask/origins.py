"""Whether the page that opens a WebSocket may: browsers let any page open one, and send the cookies along."""

from collections.abc import Collection
from typing import Final, Literal
from urllib.parse import urlsplit

from hybrid.bridge.errors import ConfigError

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

    def permits(self, origin: str | None, host: str) -> bool:
        """Return whether a handshake with these Origin and Host fields may be granted."""
        if self._any or origin is None:
            return True
        theirs = _split(origin)
        if theirs is None:
            return False
        # Their scheme counts as ours: a proxy in front may end TLS.
        return theirs in self._allowed or theirs == _split(f"{theirs[0]}://{host}")


_Origin = tuple[str, str, int | None]


def _split(text: str) -> _Origin | None:
    """Take an origin apart; None for what is none, such as ``null`` (RFC 6454 section 7)."""
    try:
        parts = urlsplit(text)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    if (
        not parts.scheme
        or not parts.hostname
        or "@" in text
        or text.rstrip("/") != f"{parts.scheme}://{parts.netloc}"
    ):
        return None
    return parts.scheme, parts.hostname, port


def _checked(text: str) -> _Origin:
    origin = _split(text)
    if origin is None:
        raise ConfigError(f'allowed_origins: {text!r} is no origin, such as "https://example.org"')
    return origin
