"""What is remembered of single events: where in the source they were, and with which stack. Bounded."""

import threading
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

#: Places and stacks that are told apart in a process. More count without either, for their view and lane.
ROOM: Final = 512


class Spot(NamedTuple):
    """A line of source that was being executed.

    Attributes:
        file: its name, as Python has it.
        symbol: the module and the qualified name of the function; ``""`` where nothing is known.
    """

    file: str = ""
    line: int = 0
    symbol: str = ""


class Event(NamedTuple):
    """What has happened, and to whom. Where there is no room for the rest, that is empty.

    Attributes:
        what: ``stall``, ``synchronous_only``, ``collected``, ``cancelled``, ``escaped``, ``unfinished`` or
            ``path``.
        view, lane: whose request it was.
        spot: the innermost line that is of the project.
        frames: the stack, the innermost frame first.
        detail: what else there is to say, in one line.
    """

    what: str
    view: str
    lane: str
    spot: Spot = Spot()
    frames: tuple[str, ...] = ()
    detail: str = ""

    @property
    def vague(self) -> "Event":
        """The same without where it was."""
        return Event(self.what, self.view, self.lane)


class Notes:
    """How often each event has happened, and how long the longest of them took. Any thread."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._found: dict[Event, tuple[int, float]] = {}

    def __repr__(self) -> str:
        return f"<Notes of {len(self._found)} events>"

    def note(self, event: Event, seconds: float = 0.0) -> None:
        """It has happened."""
        with self._lock:
            if event not in self._found and len(self._found) >= self._room:
                event = event.vague
            count, longest = self._found.get(event, (0, 0.0))
            self._found[event] = count + 1, max(longest, seconds)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._found.clear()

    def to_json(self) -> list[dict[str, Any]]:
        """Return what JSON can say, the most frequent first."""
        with self._lock:
            found = sorted(self._found.items(), key=lambda each: -each[1][0])
        return [_told(event, count, longest) for event, (count, longest) in found]


def _told(event: Event, count: int, longest: float) -> dict[str, Any]:
    said = event._asdict()
    return {**said, "spot": event.spot._asdict(), "count": count, "longest": longest}


def together(lists: Iterable[Iterable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Add up what several processes tell of the same events, the most frequent first."""
    sums: dict[str, dict[str, Any]] = {}
    for told in lists:
        for each in told:
            key = repr([each[name] for name in sorted(each) if name not in ("count", "longest")])
            if (before := sums.get(key)) is None:
                sums[key] = dict(each)
            else:
                before["count"] += each["count"]
                before["longest"] = max(before["longest"], each["longest"])
    return sorted(sums.values(), key=lambda each: -int(each["count"]))
