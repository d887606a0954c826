"""What each metric is called, what it says, and where in a snapshot it is: as data.

Names follow Prometheus (https://prometheus.io/docs/practices/naming/): the unit at the end, base units, and
``_total`` for what only grows. The tables in ``docs/ops.md`` are made of this one.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple

from hybrid.bridge.histogram import Histogram
from hybrid.server.ops.metrics.snapshot import Snapshot

#: The values of a sample's labels, and its own.
Sample = tuple[tuple[str, ...], float | Histogram]
_Value = float | Histogram | Mapping[Any, float]


class Kind(Enum):
    """What may be asked of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Family(NamedTuple):
    """A metric.

    Attributes:
        name: without the ``hybrid_`` in front, and the ``_total`` of a counter.
        kind: what it is.
        about: what it says.
        labels: the names of its labels.
        samples: finds it in a snapshot.
    """

    name: str
    kind: Kind
    about: str
    labels: tuple[str, ...]
    samples: Callable[[Snapshot], Iterable[Sample]]

    @property
    def full_name(self) -> str:
        """What a query has."""
        return f"hybrid_{self.name}{'_total' if self.kind is Kind.COUNTER else ''}"


_POOL: Final = ("pool",)
_ROUTE: Final = ("application", "route", "runs_on")
_LAYER: Final = ("layer", "backend")


def _one(find: Callable[[Snapshot], float | Histogram | None], snapshot: Snapshot) -> Iterable[Sample]:
    """Give a sample without labels; none where there is nothing to tell."""
    value = find(snapshot)
    if value is not None:
        yield (), value


def _each_pool(field: str, snapshot: Snapshot) -> Iterable[Sample]:
    return (((name,), getattr(pool, field)) for name, pool in snapshot.pools.items())


def _each(table: str, field: str, snapshot: Snapshot) -> Iterable[Sample]:
    """Give a figure of each route, of requests or of WebSockets."""
    for each in getattr(snapshot, table).values():
        labels = (each.application, each.route, each.runs_on)
        yield from _told(labels, getattr(each, field))


def _told(labels: tuple[str, ...], value: _Value) -> Iterable[Sample]:
    """Give a figure; where it is a table, each row of that, with its key as one label more."""
    if isinstance(value, Mapping):
        for key, count in value.items():
            yield (*labels, str(key)), count
    else:
        yield labels, value


def _each_layer(field: str, snapshot: Snapshot) -> Iterable[Sample]:
    for name, layer in snapshot.layers.items():
        yield from _told((name, layer.backend), getattr(layer, field))


def _rows(find: Callable[[Snapshot], Mapping[Any, float]], snapshot: Snapshot) -> Iterable[Sample]:
    return (((str(key),), value) for key, value in find(snapshot).items())


def _ready(snapshot: Snapshot) -> float:
    return sum(each.ready for each in snapshot.processes)


def _since(snapshot: Snapshot) -> float | None:
    return min((each.since for each in snapshot.processes), default=None)


def _optional(record: str, field: str, snapshot: Snapshot) -> float | None:
    found = getattr(snapshot, record)
    return None if found is None else getattr(found, field)


def _plain(name: str, kind: Kind, about: str, find: Callable[[Snapshot], Any]) -> Family:
    return Family(name, kind, about, (), partial(_one, find))


def _pool(name: str, kind: Kind, about: str, field: str) -> Family:
    return Family(f"pool_{name}", kind, about, _POOL, partial(_each_pool, field))


def _route(name: str, kind: Kind, about: str, field: str, *more: str) -> Family:
    return Family(name, kind, about, (*_ROUTE, *more), partial(_each, "routes", field))


def _socket(name: str, kind: Kind, about: str, field: str, *more: str) -> Family:
    return Family(f"websocket{name}", kind, about, (*_ROUTE, *more), partial(_each, "websockets", field))


def _layer(name: str, kind: Kind, about: str, field: str, *more: str) -> Family:
    return Family(f"layer_{name}", kind, about, (*_LAYER, *more), partial(_each_layer, field))


_COUNTER, _GAUGE, _HISTOGRAM = Kind.COUNTER, Kind.GAUGE, Kind.HISTOGRAM

#: All of them, in the order of the documentation.
FAMILIES: Final = (
    _plain("processes", _GAUGE, "Processes that have told their figures.", lambda each: len(each.processes)),
    _plain("processes_ready", _GAUGE, "Those of them that take new requests.", _ready),
    _plain("processes_missing", _GAUGE, "Processes that gave no answer.", lambda each: len(each.missing)),
    _plain("start_time_seconds", _GAUGE, "When the oldest process was started, in Unix time.", _since),
    _plain(
        "workers_started",
        _COUNTER,
        "Worker processes that there have been.",
        partial(_optional, "workers", "started"),
    ),
    _plain(
        "workers_failed",
        _COUNTER,
        "Those that ended by themselves or did not answer.",
        partial(_optional, "workers", "failed"),
    ),
    _plain(
        "workers_reloads",
        _COUNTER,
        "How often all were replaced on SIGHUP.",
        partial(_optional, "workers", "reloads"),
    ),
    _plain("connections", _GAUGE, "Connections that are open.", attrgetter("connections.open")),
    _plain(
        "connections_accepted",
        _COUNTER,
        "Connections that there have been.",
        attrgetter("connections.accepted"),
    ),
    _plain(
        "connections_pauses",
        _COUNTER,
        "How often clients had to wait in the system's queue, as there was no room for them.",
        attrgetter("connections.pauses"),
    ),
    _plain("connections_waiting", _GAUGE, "1 while clients wait there.", attrgetter("connections.waits")),
    Family(
        "requests_refused",
        _COUNTER,
        "Requests that the server has refused before any application was asked.",
        ("status",),
        partial(_rows, attrgetter("connections.refused")),
    ),
    _plain(
        "gate_inside",
        _GAUGE,
        "Requests inside the gate of --limit-concurrency.",
        partial(_optional, "gate", "inside"),
    ),
    _plain("gate_waiting", _GAUGE, "Requests that wait at it.", partial(_optional, "gate", "waiting")),
    _route("requests", _COUNTER, "Requests that are over.", "statuses", "status"),
    _route("requests_begun", _COUNTER, "Requests that were given to the application.", "begun"),
    _route("requests_in_flight", _GAUGE, "Requests that are being answered.", "in_flight"),
    _route("requests_cut_off", _COUNTER, "Those of which the response was not complete.", "cut_off"),
    _route(
        "request_duration_seconds",
        _HISTOGRAM,
        "From the hand-over to the application to the last byte given to the connection.",
        "seconds",
    ),
    _route("request_queue_seconds", _COUNTER, "What requests have waited for threads.", "queue_seconds"),
    _route("request_run_seconds", _COUNTER, "What requests have had threads.", "run_seconds"),
    _route("request_body_bytes", _COUNTER, "Bytes of bodies that were received.", "bytes_in"),
    _route("response_body_bytes", _COUNTER, "Bytes of bodies that were sent.", "bytes_out"),
    _pool("threads", _GAUGE, "The most threads the pool may have.", "threads"),
    _pool("threads_busy", _GAUGE, "Threads with a job.", "busy"),
    _pool("threads_blocked", _GAUGE, "Those that wait for something else than the CPU.", "blocked"),
    _pool("threads_stuck", _GAUGE, "Threads written off whose jobs still run.", "stuck"),
    _pool("queue", _GAUGE, "Jobs that no thread has taken yet.", "queued"),
    _pool("queue_highest", _GAUGE, "The most that there have been, in one process.", "highest_queue"),
    _pool("queue_oldest_seconds", _GAUGE, "How long the next job has been waiting.", "oldest_wait"),
    _pool("wait_seconds", _HISTOGRAM, "How long jobs have waited for a thread.", "wait"),
    _pool("jobs", _COUNTER, "Jobs that are done.", "completed"),
    _pool("jobs_refused", _COUNTER, "Jobs that found no room, or waited in vain.", "refused"),
    _plain(
        "websocket_threads",
        _GAUGE,
        "The most threads for WebSockets of WSGI applications.",
        partial(_optional, "socket_threads", "threads"),
    ),
    _plain(
        "websocket_threads_busy",
        _GAUGE,
        "Those with a WebSocket.",
        partial(_optional, "socket_threads", "busy"),
    ),
    _socket("s_open", _GAUGE, "WebSockets that are open.", "open"),
    _socket("s_opened", _COUNTER, "WebSockets that there have been.", "opened"),
    _socket("s_refused", _COUNTER, "Handshakes that were refused.", "refused", "status"),
    _socket("s_closed", _COUNTER, "Those that have closed, by close code.", "closes", "code"),
    _socket("_messages_received", _COUNTER, "Messages of clients.", "messages_in"),
    _socket("_messages_sent", _COUNTER, "Messages to clients.", "messages_out"),
    _socket("_received_bytes", _COUNTER, "Bytes of clients, frames and all.", "bytes_in"),
    _socket("_sent_bytes", _COUNTER, "Bytes to clients, frames and all.", "bytes_out"),
    _socket("_slow", _COUNTER, "How often a message had to wait for a slow client.", "slow"),
    _socket("_round_trip_seconds", _HISTOGRAM, "Between pings and their pongs.", "round_trip"),
    Family(
        "websocket_limits_hit",
        _COUNTER,
        "How often limits on WebSockets were hit, by setting.",
        ("limit",),
        partial(_rows, attrgetter("limits_hit")),
    ),
    _layer("groups", _GAUGE, "Groups with members in the processes.", "groups"),
    _layer("members", _GAUGE, "Channels in these groups.", "members"),
    _layer("messages_sent", _COUNTER, "Messages that were delivered in the processes.", "sent"),
    _layer("messages_delivered", _COUNTER, "How many channels they were for.", "delivered"),
    _layer("messages_lost", _COUNTER, "Messages that did not arrive.", "lost", "reason"),
    _plain("loop_lag_seconds", _HISTOGRAM, "How late the event loops were.", attrgetter("loop.lag")),
    _plain(
        "loop_held",
        _COUNTER,
        "How often something held a loop for longer than --loop-watch.",
        attrgetter("loop.held"),
    ),
    _plain(
        "loop_held_longest_seconds", _GAUGE, "The longest that something has.", attrgetter("loop.longest")
    ),
)
