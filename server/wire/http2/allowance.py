"""How much a client may have done for nothing before its connection ends."""

from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode


class Allowance:
    """A number of times that something may happen that is cheap to ask for and of no use, refilled as time
    passes, and by what is of use.

    Well-behaved clients do each of these things now and then, at once when a page is left, and in proportion
    to what they are sent; a flood of them does not end.

    Args:
        what: for the log, and the debug data of GOAWAY.
        burst: how often it may happen at once.
        rate: how often between two calls of :meth:`refill`, in the long run.

    Attributes:
        left: how often it may still happen. Who finds the client doing something of use adds to it; more than
            ``burst`` does not outlast a second.
    """

    __slots__ = ("_burst", "_rate", "_what", "left")

    def __init__(self, what: str, burst: int, rate: int) -> None:
        self._what = what
        self._burst = burst
        self._rate = rate
        self.left = burst

    def __repr__(self) -> str:
        return f"<Allowance {self._what}: {self.left} of {self._burst}>"

    def spend(self, cost: int = 1) -> None:
        """It has happened, or something that costs as much as it would so many times.

        Raises:
            ConnectionFault: it has happened too often.
        """
        self.left -= cost
        if self.left < 0:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, f"too many {self._what}")

    def refill(self) -> None:
        """A second has passed."""
        self.left = min(self._burst, self.left + self._rate)
