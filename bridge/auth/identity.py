"""Who a client is, and the functions of an application that say so."""

import hashlib
import hmac
import inspect
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from hybrid.bridge.auth.threads import on_thread
from hybrid.bridge.errors import ConfigError, HybridError

#: The longest token or cookie that is looked at, in characters, unless an authenticator is told otherwise.
MAX_LENGTH: Final = 8192
#: The shortest token that :func:`static_tokens` takes.
_MIN_STATIC_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a client is.

    Attributes:
        user_id: what tells this user from all others, for
            :func:`~hybrid.bridge.auth.disconnect_user`; a number is written as text.
        user: what the application calls the user, for ``scope["user"]``; ``user_id`` itself where it is None.
        expires: until when that holds, in seconds since 1970 (``exp`` of a JWT); None for as long as the
            connection lasts.
        claims: what else is known: the claims of a token, the values of a session.
    """

    user_id: str
    user: Any = field(default=None, repr=False)
    expires: float | None = None
    claims: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.user_id, str) or not self.user_id:
            raise TypeError(f"user_id must be a text that is not empty, not {self.user_id!r}")
        if self.expires is not None and math.isnan(self.expires):
            raise ValueError("expires is not a number")
        if self.user is None:
            object.__setattr__(self, "user", self.user_id)

    def expired(self) -> bool:
        """Return whether this holds no longer."""
        return self.expires is not None and self.expires <= time.time()


#: Says whose a token or a cookie is; None for nobody's. A plain function runs on a thread.
Verify = Callable[[str], "Identity | Awaitable[Identity | None] | None"]


class Refused(HybridError):
    """A client is not let in; the message is for the log and has nothing secret in it.

    Attributes:
        status: of the response.
        error: what is wrong, in the words of RFC 6750 section 3.1; empty where nothing was offered.
    """

    def __init__(self, status: int, reason: str, error: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.error = error


def as_coroutine(verify: Verify) -> Callable[[str], Awaitable[Identity | None]]:
    """Make a coroutine function of one that may be a plain one, which then runs on a thread.

    The threads are those that consumers share. The result is None for an identity that has expired.

    Raises (when called):
        PoolFull: there has been no thread for five seconds.
        TypeError: the function returns something else.
    """
    waits = inspect.iscoroutinefunction(verify) or inspect.iscoroutinefunction(
        getattr(verify, "__call__", None)  # noqa: B004 - an object whose __call__ is a coroutine function
    )

    async def call(secret: str) -> Identity | None:
        answer: object = verify(secret) if waits else await on_thread(verify, secret)
        if inspect.isawaitable(answer):
            answer = await cast("Awaitable[object]", answer)
        if answer is None or (isinstance(answer, Identity) and answer.expired()):
            return None
        if not isinstance(answer, Identity):
            raise TypeError(f"an Identity or None is due, not {type(answer).__name__}")
        return answer

    return call


def static_tokens(tokens: Mapping[str, str | Identity]) -> Callable[[str], Awaitable[Identity | None]]:
    """Make a ``verify`` of tokens that are known from the start, such as those of other services.

    Args:
        tokens: whose each token is: a user id, or an :class:`Identity`.

    How long the answer takes says nothing about the tokens: each one is compared, by its digest.

    Raises:
        ConfigError: a token has fewer than 16 characters; :func:`secrets.token_urlsafe` makes good ones.
    """
    if any(len(token) < _MIN_STATIC_LENGTH for token in tokens):
        raise ConfigError(f"a token of fewer than {_MIN_STATIC_LENGTH} characters can be guessed")
    known = [
        (_digest(token), Identity(whose) if isinstance(whose, str) else whose)
        for token, whose in tokens.items()
    ]

    async def verify(token: str) -> Identity | None:
        given = _digest(token)
        found: Identity | None = None
        for digest, identity in known:
            if hmac.compare_digest(digest, given):
                found = identity
        return found

    return verify


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
