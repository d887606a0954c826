"""The numbers that WebSockets are counted in while they are open, of an application or of one of its routes.
Loop thread only.
"""

from bisect import bisect_right
from collections import Counter
from typing import Final

from hybrid.bridge.histogram import BOUNDS, SIZE
from hybrid.server.ops.metrics.route_tally import OTHER, ROOM

#: Close codes that are counted by themselves: clients choose among thousands.
_CODES: Final = 64


class SocketTally:
    """Counts the WebSockets of an application, or of one of its routes.

    Attributes:
        application, route, runs_on, opened, messages_in, messages_out, bytes_in, bytes_out, slow, refused,
            closes: as in a snapshot.
        round_trips: how many answers to pings took how long, by bucket; None before the first.
        routes: the tallies of its routes.
    """

    __slots__ = (
        "application", "bytes_in", "bytes_out", "closes", "messages_in", "messages_out", "opened", "refused",
        "round_trips", "route", "routes", "runs_on", "slow",
    )  # fmt: skip

    def __init__(self, application: str, runs_on: str, route: str = "") -> None:
        self.application = application
        self.runs_on = runs_on
        self.route = route
        self.opened = self.slow = 0
        self.messages_in = self.messages_out = 0
        self.bytes_in = self.bytes_out = 0
        self.refused: Counter[int] = Counter()
        self.closes: Counter[int] = Counter()
        self.round_trips: list[int] | None = None
        self.routes: dict[str, SocketTally] = {}

    def __repr__(self) -> str:
        return f"<SocketTally {self.application} {self.route}: {self.opened} opened>"

    def of_route(self, route: str) -> "SocketTally":
        """Return the tally of one of its routes."""
        found = self.routes.get(route)
        if found is None:
            route = route if len(self.routes) < ROOM else OTHER
            found = self.routes.setdefault(route, SocketTally(self.application, self.runs_on, route))
        return found

    def close(self, code: int) -> None:
        """One that was open is not any more; 0 stands for a code that nobody knows, or has room for."""
        self.closes[code if code in self.closes or len(self.closes) < _CODES else 0] += 1

    def answered(self, seconds: float) -> None:
        """A ping was answered after so many seconds."""
        if self.round_trips is None:
            self.round_trips = [0] * SIZE
        self.round_trips[bisect_right(BOUNDS, seconds)] += 1


#: What counts for nobody: where nothing is counted, and for who has been counted.
UNREAD: Final = SocketTally("", "")
