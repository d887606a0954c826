"""Whether the page that opens a WebSocket may: browsers let any page open one, and send the cookies along."""

from collections.abc import Collection
from typing import Any, Literal

from hybrid.bridge.auth import OriginValidator
from hybrid.bridge.auth.origins import is_own, parsed
from hybrid.bridge.errors import ConfigError
from hybrid.bridge.routing import refusing

#: Origins beside the application's own, as :class:`~hybrid.bridge.auth.OriginValidator` takes them; ``"*"``
#: for any.
AllowedOrigins = Literal["*"] | Collection[str]


class Origins:
    """Lets those pages open WebSockets that come from the application's own origin or from one on a list.

    No Origin field means no browser (RFC 6455 section 4.1): a program can send whatever it likes, and has
    nobody's cookies but its own.

    Args:
        allowed: further origins; ``"*"`` for all.

    Raises:
        ConfigError: one of them is none.
    """

    def __init__(self, allowed: AllowedOrigins = ()) -> None:
        if isinstance(allowed, str) and allowed != "*":
            raise ConfigError(f'allowed_origins is {allowed!r}: give a list of origins, or "*" for any')
        self._listed = OriginValidator(refusing(403), list(allowed))

    def __repr__(self) -> str:
        return f"<Origins {' '.join(self._listed.allowed_origins)}>"

    def permit(self, environ: dict[str, Any]) -> bool:
        """Return whether a handshake may be granted, once it has passed the WSGI middleware."""
        if "HTTP_ORIGIN" not in environ:
            return True
        origin = parsed(environ["HTTP_ORIGIN"])
        secure = environ["wsgi.url_scheme"] == "https"
        own = is_own(origin, environ.get("HTTP_HOST", ""), secure=secure)
        return own or self._listed.valid_origin(origin)
