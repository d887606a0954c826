"""How much and how fast the client of one WebSocket may send, and for how long it may stay."""

import logging
import random
from math import inf
from typing import Final

from hybrid.bridge.types import Scope
from hybrid.server.caps import Overstep
from hybrid.server.config import Config
from hybrid.server.context import ServerContext
from hybrid.server.pipeline import describe

logger = logging.getLogger("hybrid.server")

#: Part of the greatest age by which a WebSocket may be closed earlier, so that not all come back at once.
_AGE_SPREAD: Final = 0.1


class TokenBucket:
    """Allows a number of things a second, and as many at once as it has saved up.

    Args:
        rate: things a second; 0 is any number.
        burst: seconds for which it saves.
        now: the time.
    """

    __slots__ = ("_at", "_left", "_rate", "_size")

    def __init__(self, rate: int, burst: float, now: float) -> None:
        self._rate = rate
        self._size = rate * max(burst, 1.0)
        self._left = self._size
        self._at = now

    def __repr__(self) -> str:
        return f"<TokenBucket {self._left:.0f} of {self._size:.0f}>"

    def take(self, count: int, now: float) -> int:
        """Take up to so many, and return how many there were."""
        if not self._rate:
            return count
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        taken = min(count, int(self._left))
        self._left -= taken
        return taken


class Guards:
    """Watches one WebSocket, and counts and logs what it oversteps. Loop thread only; times are the loop's.

    Args:
        context: the server's.
        scope: the WebSocket's ASGI scope, for the log.
    """

    __slots__ = ("_active_at", "_bytes", "_closing_at", "_context", "_messages", "_scope")

    def __init__(self, context: ServerContext, scope: Scope) -> None:
        config, now = context.config, context.loop.time()
        self._context = context
        self._scope = scope
        self._messages = TokenBucket(config.ws_limit_messages, config.ws_limit_burst, now)
        self._bytes = TokenBucket(config.ws_limit_bytes, config.ws_limit_burst, now)
        self._active_at = now
        age = config.ws_max_age * random.uniform(1 - _AGE_SPREAD, 1)  # noqa: S311 - nothing to guess here
        self._closing_at = now + age if age else inf

    @staticmethod
    def wanted(config: Config) -> bool:
        """Tell whether the settings ask for any."""
        rates = config.ws_limit_messages or config.ws_limit_bytes
        return bool(rates or config.ws_idle_timeout or config.ws_max_age)

    def __repr__(self) -> str:
        return f"<Guards messages={self._messages!r} bytes={self._bytes!r}>"

    def take_bytes(self, size: int) -> Overstep | None:
        """Count bytes of the client's; return what they overstep, if anything."""
        if self._bytes.take(size, self._context.loop.time()) == size:
            return None
        return self._note(
            "ws_limit_bytes", 1008, f"more than {self._context.config.ws_limit_bytes} bytes a second"
        )

    def take_messages(self, count: int) -> tuple[int, Overstep | None]:
        """Count messages of the client's, control frames too; return how many are allowed, and what the
        others overstep.
        """
        allowed = self._messages.take(count, self._context.loop.time())
        if allowed == count:
            return count, None
        rate = self._context.config.ws_limit_messages
        return allowed, self._note("ws_limit_messages", 1008, f"more than {rate} messages a second")

    def note_activity(self) -> None:
        """A message was sent, by either side."""
        self._active_at = self._context.now

    def look(self, now: float) -> Overstep | None:
        """Return the time limit that is over, if one is."""
        idle = self._context.config.ws_idle_timeout
        if idle and now - self._active_at >= idle:
            return self._note("ws_idle_timeout", 1001, f"no message for {idle:g} seconds")
        if now >= self._closing_at:
            return self._note("ws_max_age", 1001, "open for long enough, connect again")
        return None

    def _note(self, setting: str, code: int, reason: str) -> Overstep:
        overstep = Overstep(setting, code, reason)
        note_overstep(self._context, overstep, self._scope)
        return overstep


def note_overstep(context: ServerContext, overstep: Overstep, scope: Scope) -> None:
    """Count, and log, that a WebSocket is closed for a limit."""
    context.limits_hit[overstep.setting] += 1
    logger.info("%s: closed, %s: %s", describe(scope), overstep.setting, overstep.reason)
