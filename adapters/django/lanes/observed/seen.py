"""What is seen of the requests of a project, by view and lane, and what one request is seen to do."""

import threading
from contextvars import Context, ContextVar
from typing import Any, Final

from asgiref.sync import SyncToAsync

from hybrid.adapters.django.lanes.figures import Figures, Tally
from hybrid.adapters.django.lanes.observed.notes import Event, Notes, Spot

#: Threads of a view on a lane that are told apart. There are more only where threads end and others begin.
_THREADS: Final = 4096
#: What is added up over requests.
SUMS: Final = ("hops", "queries", "connections", "collected", "synchronous_only", "cancelled", "unfinished")
#: Those that are noted by name (RFC 9110, RFC 5789): clients can invent more than there is room for.
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))


class Record:
    """What is seen of one request after the other, of which each ends before the next one begins.

    On the asgi lane it is one request; on the wsgi lane all those of a view on a thread, as to make one for
    each of them would take longer than all the rest. Nobody else counts with it, but for what a request
    itself starts.

    Attributes:
        seen: what it counts for.
        hops, queries, started, finished: how many there were of each; the last two are Django's signals.
    """

    def __init__(self, seen: "Seen") -> None:
        self.seen = seen
        self.hops = self.queries = self.started = self.finished = 0

    def __repr__(self) -> str:
        return f"<Record of {self.seen.view} on {self.seen.lane}>"

    def settle(self) -> None:
        """The request is over: each that was started should be finished."""
        if self.started != self.finished:
            if self.started > self.finished:
                self.seen.happens("unfinished", Spot())
            self.started = self.finished = 0


class Seen:
    """What is seen of the requests for a view on a lane since some moment. Any thread.

    Attributes:
        notes: where single events are put down.
        records: those of the wsgi lane, by the ids of their threads.
        threads: those of the asgi lane on which code has run.
        hops, queries: those of requests of the asgi lane that are over; only its loop adds to them.
        uncounted: requests that the figures leave out, as their clients have left.
    """

    def __init__(self, view: str, lane: str, notes: Notes) -> None:
        self.view = view
        self.lane = lane
        self.notes = notes
        self.records: dict[int, Record] = {}
        self.threads: set[object] = set()
        self.hops = self.queries = self.connections = self.collected = 0
        self.synchronous_only = self.cancelled = self.unfinished = self.uncounted = 0
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Seen of {self.view} on {self.lane}>"

    def record_of(self, thread: int) -> Record:
        """Return a record for a thread that has none (worker)."""
        record = Record(self)
        if len(self.records) < _THREADS:
            self.records[thread] = record
        return record

    def ran_on(self, thread: object) -> None:
        """Code of a request has run on a thread that is not among those known (loop)."""
        if len(self.threads) < _THREADS:
            self.threads.add(thread)

    def connected(self) -> None:
        """A request uses a database connection that none of them has used before."""
        with self._lock:
            self.connections += 1

    def cancels(self, spot: Spot, method: str, *, is_uncounted: bool) -> None:
        """A client has left, so that its request is cancelled at this place."""
        detail = method if method in _METHODS else "another method"
        with self._lock:
            self.cancelled += 1
            self.uncounted += is_uncounted
        self.notes.note(Event("cancelled", self.view, self.lane, spot, detail=detail))

    def happens(self, what: str, spot: Spot, detail: str = "") -> None:
        """Something has happened in a request; count it too where it is among :data:`SUMS`."""
        if what in SUMS:
            with self._lock:
                setattr(self, what, getattr(self, what) + 1)
        self.notes.note(Event(what, self.view, self.lane, spot, detail=detail))

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can say."""
        records = list(self.records.values())
        sums = {name: getattr(self, name) for name in SUMS}
        sums["hops"] += sum(record.hops for record in records)
        sums["queries"] += sum(record.queries for record in records)
        return {**sums, "threads": len(self.threads) + len(records), "uncounted": self.uncounted}


class ObservedTally(Tally):
    """Counts the requests of one view on one lane, and has what else is seen of them.

    Attributes:
        seen: what is seen, since the start or since somebody has asked for a new beginning.
    """

    __slots__ = ("seen",)

    def __init__(self, view: str, lane: str, notes: Notes) -> None:
        super().__init__(view)
        self.seen = Seen(view, lane, notes)

    def reset(self) -> None:
        """Begin anew; requests that are in progress count for what was."""
        self.seen = Seen(self.seen.view, self.seen.lane, self.seen.notes)


class ObservedFigures(Figures):
    """The counts of all views on both lanes, with what else is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = Notes()

    def make(self, view: str, lane: str) -> ObservedTally:
        """Make what counts the requests of a view on a lane."""
        return ObservedTally(view, lane, self.notes)


#: The record of the request of the wsgi lane whose code runs, on any thread.
CURRENT: Final[ContextVar[Record | None]] = ContextVar("hybrid.django.observed", default=None)
_context: Final = SyncToAsync.thread_sensitive_context


def current() -> Record | None:
    """Return the record of the request whose code runs, on any thread.

    asgiref copies each variable of a context with each hop, so the asgi lane has none for this: there it is
    found by what says which thread the request has.
    """
    record = CURRENT.get()
    return _record_of(_context.get(None)) if record is None else record


def record_in(context: Context) -> Record | None:
    """Return the record of the request whose code has a context."""
    return context.get(CURRENT) or _record_of(context.get(_context))


def _record_of(sensitive: Any) -> Record | None:
    if sensitive is None:
        return None
    return getattr(sensitive._executor, "record", None)  # noqa: SLF001
