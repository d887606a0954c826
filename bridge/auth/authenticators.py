"""Where a client may have put what says who it is: a cookie, the Authorization field, or the subprotocols.

A token in the query of the URL is not among them, on purpose: it would be in the access logs of every server
and proxy on the way.
"""

import re
from collections.abc import Iterable
from typing import Final

from hybrid.bridge.auth.fields import cookies_of, values_of
from hybrid.bridge.auth.identity import MAX_LENGTH, Refused, Verify, as_coroutine
from hybrid.bridge.auth.origins import OriginValidator, complaint, same_origin
from hybrid.bridge.errors import ConfigError
from hybrid.bridge.routing import refusing
from hybrid.bridge.types import Message, Scope

#: RFC 6750 section 2.1.
_BEARER: Final = re.compile(r"bearer(?: +(.*))?", re.IGNORECASE)
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
#: RFC 9110 section 5.6.2, what a subprotocol may be.
_WORD: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

#: Methods that change nothing (RFC 9110 section 9.2.1).
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Authenticator:
    """Finds in a request what says who the client is, and asks the application whose it is.

    To be inherited from: :meth:`find` says where it is. One object serves all connections.

    Args:
        verify: says whose it is; None for nobody's. A coroutine function runs on the event loop, a plain
            function on a thread. What it raises is logged, and answered with 500.
        max_length: the longest that is looked at, in characters.

    Attributes:
        challenge: the scheme of HTTP authentication that this takes part in (RFC 9110 section 11), if any.
        decides: whether a client with something that is nobody's is refused. Otherwise it counts as if it had
            none, and the next authenticator is asked.
    """

    challenge: str | None = None
    decides = True

    def __init__(self, verify: Verify, *, max_length: int = MAX_LENGTH) -> None:
        if not callable(verify):
            raise ConfigError(f"{type(self).__name__} needs a function that says whose a token is")
        self.max_length = max_length
        self.identify = as_coroutine(verify)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def find(self, scope: Scope) -> str | None:
        """Return what says who the client is, None where there is nothing of the kind.

        Raises:
            Refused: there is, and it must not count.
        """
        raise NotImplementedError

    def clean(self, scope: Scope) -> None:
        """Take out of a scope what is nobody else's to see; the scope is a copy for the application."""

    def answer(self, scope: Scope, message: Message) -> Message:
        """Return what is sent to the client in place of the application's ``websocket.accept``."""
        return message

    def too_long(self, secret: str) -> bool:
        """Return whether it is longer than anything that is looked at."""
        return len(secret) > self.max_length


class CookieSession(Authenticator):
    """A cookie that the browser was given when its user signed in.

    The browser sends it with a WebSocket that any site's page opens, so the origin of the page counts too: it
    must be where the WebSocket is opened to, or one of ``allowed_origins``; all else is refused with 403, a
    handshake without an origin too. For HTTP, requests that may change something (by their method) are looked
    at likewise, if they name an origin.

    A cookie in which nobody has signed in is no credential: visitors have such ones, too.

    Args:
        name: of the cookie.
        load: says whose session a value of the cookie is, as ``verify`` of :class:`Authenticator`.
        allowed_origins: as for :class:`~hybrid.bridge.auth.OriginValidator`; then these alone count. ``*``
            lets every site's page act for the user.
        max_length: the longest value that is looked at.
    """

    decides = False

    def __init__(
        self,
        name: str,
        load: Verify,
        *,
        allowed_origins: Iterable[str] | None = None,
        max_length: int = MAX_LENGTH,
    ) -> None:
        super().__init__(load, max_length=max_length)
        self.name = name
        allowed = None if allowed_origins is None else OriginValidator(refusing(403), allowed_origins)
        self._allowed = same_origin if allowed is None else allowed.allows

    def find(self, scope: Scope) -> str | None:
        """Return the first cookie of the name.

        Raises:
            Refused: a page of another site has made the browser send it.
        """
        values = cookies_of(scope, self.name)
        if not values or not values[0] or self.too_long(values[0]):
            return None
        if not self._is_checked(scope) or self._allowed(scope):
            return values[0]
        raise Refused(403, complaint(scope))

    def _is_checked(self, scope: Scope) -> bool:
        if scope["type"] == "websocket":
            return True
        return scope.get("method") not in _SAFE and bool(values_of(scope, b"origin"))


class BearerToken(Authenticator):
    """A token in the field ``Authorization: Bearer …`` (RFC 6750), which programs send and browsers cannot.

    Args:
        verify: says whose a token is.
        max_length: the longest token that is looked at; a longer one is refused.
    """

    challenge = "Bearer"

    def find(self, scope: Scope) -> str | None:
        """Return the token.

        Raises:
            Refused: there are two, or what is there is no token.
        """
        fields = [*filter(None, map(_BEARER.fullmatch, values_of(scope, b"authorization")))]
        if not fields:
            return None
        token = fields[0][1] or ""
        if len(fields) > 1 or self.too_long(token) or not _TOKEN.fullmatch(token):
            raise Refused(401, "what is in Authorization is not one token", "invalid_token")
        return token


class SubprotocolToken(Authenticator):
    """A token among the subprotocols that a client offers: what a script in a browser can send.

    ``new WebSocket(url, ["chat", "bearer.TOKEN"])``: the token is taken out of ``scope["subprotocols"]`` and
    of the header field, and never sent back. Browsers fail a WebSocket of which the server takes none of the
    subprotocols that they offered, so a page has to offer another one, too. An application that has none
    takes part by ``["hybrid.auth", "bearer.TOKEN"]``: ``marker`` is accepted in its place.

    Args:
        verify: says whose a token is. It may have letters, digits, and ``!#$%&'*+-.^_`|~``, as a JWT has.
        prefix: what the tokens among the subprotocols begin with.
        marker: the subprotocol that is accepted if it is offered and the application accepts without one.
        max_length: the longest token that is looked at; a longer one is refused.
    """

    def __init__(
        self,
        verify: Verify,
        *,
        prefix: str = "bearer.",
        marker: str = "hybrid.auth",
        max_length: int = MAX_LENGTH,
    ) -> None:
        super().__init__(verify, max_length=max_length)
        if not (_WORD.fullmatch(prefix) and _WORD.fullmatch(marker)) or marker.startswith(prefix):
            raise ConfigError(f"{prefix!r} and {marker!r} cannot be prefix and marker in subprotocols")
        self.prefix = prefix
        self.marker = marker

    def find(self, scope: Scope) -> str | None:
        """Return the token.

        Raises:
            Refused: there are two, or one that is empty or too long.
        """
        prefix = self.prefix
        tokens = [offer[len(prefix) :] for offer in _offers(scope) if offer.startswith(prefix)]
        if not tokens:
            return None
        if len(tokens) > 1 or not tokens[0] or self.too_long(tokens[0]):
            raise Refused(401, "what is in the subprotocols is not one token", "invalid_token")
        return tokens[0]

    def clean(self, scope: Scope) -> None:
        """Take tokens and marker out of the offered subprotocols."""
        if scope["type"] != "websocket":
            return
        scope["subprotocols"] = [offer for offer in _offers(scope) if self._is_for_application(offer)]
        scope["headers"] = [
            field for field in map(self._cleaned, scope.get("headers") or ()) if field is not None
        ]

    def answer(self, scope: Scope, message: Message) -> Message:
        """Accept the marker for an application that accepts without a subprotocol, and never a token."""
        chosen = message.get("subprotocol")
        if chosen and not chosen.startswith(self.prefix):
            return message
        return {**message, "subprotocol": self.marker if self.marker in _offers(scope) else None}

    def _is_for_application(self, offer: str) -> bool:
        return offer != self.marker and not offer.startswith(self.prefix)

    def _cleaned(self, field: tuple[bytes, bytes]) -> tuple[bytes, bytes] | None:
        if bytes(field[0]).lower() != b"sec-websocket-protocol":
            return field
        offers = [offer.strip() for offer in field[1].decode("latin-1").split(",")]
        left = ", ".join(offer for offer in offers if self._is_for_application(offer))
        return (field[0], left.encode("latin-1")) if left else None


def _offers(scope: Scope) -> list[str]:
    if scope["type"] != "websocket":
        return []
    return list(scope.get("subprotocols") or ())
