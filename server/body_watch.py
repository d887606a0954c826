"""Whether a client sends the body of its request fast enough, as far as the server lets it."""

from hybrid.server.config import Config

#: Seconds that count between two looks, at most: a loop that was held up has not read what has come since.
_LONGEST_STEP = 2.0


class BodyWatch:
    """Notices that a client is silent for too long, or too slow on the whole (``timeout_body``,
    ``timeout_body_rate``). Loop thread only.

    Made only when a body is still incomplete at a tick: fast ones cost nothing. Time counts from then on, and
    only while it is the client's turn; what paused the socket, an application that does not read, is not its
    fault.
    """

    __slots__ = ("_begun_at", "_last", "_now", "_rate", "_silent", "_timeout", "_total")

    def __init__(self, config: Config, now: float, position: int) -> None:
        self._timeout = config.timeout_body
        self._rate = config.timeout_body_rate
        self._begun_at = self._last = position
        self._now = now
        self._silent = self._total = 0.0

    def __repr__(self) -> str:
        return f"<BodyWatch {self._last - self._begun_at} bytes in {self._total:.0f} s>"

    def complaint(self, now: float, position: int, *, due: bool) -> str:
        """Look again, and return what the client is to blame for, if anything.

        Args:
            now: the loop's time.
            position: grows by one with each byte of the body that has come.
            due: whether it is the client's turn.
        """
        elapsed = min(now - self._now, _LONGEST_STEP) if due else 0.0
        self._now = now
        self._total += elapsed
        self._silent = self._silent + elapsed if position == self._last else 0.0
        self._last = position
        if not self._timeout:
            return ""
        if self._silent >= self._timeout:
            return "the request body did not go on in time"
        if self._rate and self._total >= self._timeout + (position - self._begun_at) / self._rate:
            return "the request body comes too slowly"
        return ""
