"""What the figures of a process have come to since some moment that has been."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from hybrid.adapters.django.lanes.figures import Counts, Figures

#: How much has come of the requests for each view, on each lane.
Found = dict[str, dict[str, Counts]]

#: Moments that are remembered: far more than looks in a window, as each change is one too.
_MOMENTS: Final = 64


class Windows:
    """Remembers what the figures were at moments that have been (loop).

    Each process does this for itself, so that any of them can ask all for a window, whoever has asked before,
    and whichever have been started or have ended meanwhile.

    Args:
        figures: what is counted since the process was started.
        now: the time, in seconds since the epoch.
    """

    def __init__(self, figures: Figures, now: float) -> None:
        self._figures = figures
        self._moments: deque[tuple[float, Found]] = deque([(now, figures.snapshot())], _MOMENTS)

    def __repr__(self) -> str:
        return f"<Windows of {len(self._moments)} moments>"

    def mark(self, now: float, longest: float) -> None:
        """Remember a moment, and forget those that are too long ago.

        Args:
            now: the moment.
            longest: seconds of the longest window that is asked for.
        """
        while self._moments and self._moments[0][0] < now - longest:
            self._moments.popleft()
        self._moments.append((now, self._figures.snapshot()))

    def since(self, moment: float, later: Mapping[str, float] | None = None) -> Found:
        """Return what has been counted since, of the views for which there is anything.

        What came before never counts: it is from the first moment at or after the one that is asked for.

        Args:
            moment: in seconds since the epoch.
            later: other moments, for some of the views.
        """
        now = self._figures.snapshot()
        starts = {view: (later or {}).get(view, moment) for view in now}
        then = {start: self._first_at(start) for start in set(starts.values())}
        found: Found = {}
        for view, lanes in now.items():
            earlier = then[starts[view]]
            past = None if earlier is None else earlier.get(view, {})
            for lane, counts in lanes.items():
                since = Counts() if past is None else counts - past.get(lane, Counts())
                if since.requests or since.stalls:
                    found.setdefault(view, {})[lane] = since
        return found

    def _first_at(self, moment: float) -> Found | None:
        return next((found for when, found in self._moments if when >= moment), None)


def total(all_found: list[Found]) -> Found:
    """Return what several processes have counted, together."""
    sums: Found = {}
    for found in all_found:
        for view, lanes in found.items():
            for lane, counts in lanes.items():
                so_far = sums.setdefault(view, {})
                so_far[lane] = so_far.get(lane, Counts()) + counts
    return sums


def to_json(found: Found) -> dict[str, Any]:
    """Return what JSON can say."""
    return {view: {lane: counts.to_json() for lane, counts in lanes.items()} for view, lanes in found.items()}


def from_json(said: Mapping[str, Any]) -> Found:
    """Read what :func:`to_json` has returned.

    Raises:
        ValueError: it is something else.
    """
    return {
        view: {lane: Counts.from_json(one) for lane, one in lanes.items()} for view, lanes in said.items()
    }
