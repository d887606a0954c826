"""Who is at the other end of a WebSocket: origins, sessions, tokens, and closing what is to end.

For any ASGI application under any ASGI server; ``docs/authentication.md`` says what to choose when.
"""

from hybrid.bridge.auth.authenticators import Authenticator, BearerToken, CookieSession, SubprotocolToken
from hybrid.bridge.auth.disconnect import disconnect_user, user_is_online
from hybrid.bridge.auth.first_message import FirstMessageToken
from hybrid.bridge.auth.identity import Identity, Verify, static_tokens
from hybrid.bridge.auth.middleware import Authentication
from hybrid.bridge.auth.origins import AllowedHostsOriginValidator, OriginValidator, WebsocketDenier

__all__ = [
    "AllowedHostsOriginValidator",
    "Authentication",
    "Authenticator",
    "BearerToken",
    "CookieSession",
    "FirstMessageToken",
    "Identity",
    "OriginValidator",
    "SubprotocolToken",
    "Verify",
    "WebsocketDenier",
    "disconnect_user",
    "static_tokens",
    "user_is_online",
]
