"""All figures of a server at one moment: of one of its processes, or of all of them together.

``schema.json`` describes what :meth:`Snapshot.to_json` returns. Counts only ever grow, from the start of a
process on, or of the process over several, but for what is said to be now. Times are in seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any, Final, Self

from hybrid.bridge.histogram import Histogram
from hybrid.server.ops.metrics.records import Added, Record, figure, schema_of

#: The version of the schema: another one where a field has gone, or means something else.
SCHEMA: Final = 1
#: What is counted for once there are more names than are counted by themselves.
OTHER: Final = "other"
#: Where what runs on no threads runs.
ON_LOOP: Final = "loop"


@dataclass(frozen=True)
class Process(Record):
    """One process of a server."""

    pid: int = figure("its process id")
    since: float = figure("when it was started, in seconds since 1970", 0.0)
    taken: float = figure("when its figures were read, in seconds since 1970", 0.0)
    ready: bool = figure("whether it takes new requests, now", False, now=True)
    requests: int = figure("requests that have begun")
    in_flight: int = figure("requests that are being answered, now", now=True)
    connections: int = figure("connections that are open, now", now=True)
    busy: int = figure("threads with a request, in all pools, now", now=True)
    queued: int = figure("requests that wait for a thread, in all pools, now", now=True)
    lag: float | None = figure("the 99th percentile of how late its loop was, in seconds", None)


@dataclass(frozen=True)
class Connections(Record):
    """The connections of clients."""

    open: int = figure("those that are open, now", now=True)
    accepted: int = figure("those that there have been")
    pauses: int = figure("how often clients had to wait in the system's queue, as there was no room for them")
    waits: bool = figure("whether they do so now", False, now=True)
    refused: dict[int, int] = figure(
        "requests that the server has refused before any application was asked, by status", dict
    )


@dataclass(frozen=True)
class Gate(Record):
    """The gate of limit_concurrency."""

    inside: int = figure("requests that applications are answering, now", now=True)
    waiting: int = figure("requests that wait to be let in, now", now=True)


@dataclass(frozen=True)
class Pool(Record):
    """A thread pool."""

    threads: int = figure("the most threads it may have", now=True)
    busy: int = figure("threads with a job, now", now=True)
    blocked: int = figure("those of them that wait for something else than the CPU, now", now=True)
    queued: int = figure("jobs that no thread has taken yet, now", now=True)
    highest_queue: int = figure("the most that there have been, in one process", how=Added.MOST)
    oldest_wait: float = figure(
        "seconds that the next job has been waiting, now", 0.0, how=Added.MOST, now=True
    )
    completed: int = figure("jobs that are done")
    refused: int = figure("jobs that found no room, or waited in vain")
    stuck: int = figure("threads written off whose jobs still run, now", now=True)
    wait: Histogram = figure("how long jobs have waited for a thread", Histogram)


@dataclass(frozen=True)
class SocketThreads(Record):
    """The threads of WebSockets of WSGI applications."""

    threads: int = figure("the most threads there may be", now=True)
    busy: int = figure("threads with a WebSocket, now", now=True)


@dataclass(frozen=True)
class Route(Record):
    """The requests of an application, or of one of its routes."""

    application: str = figure("what the route table calls it", "")
    route: str = figure("the pattern, or the view, that a router has found; empty where none told", "")
    runs_on: str = figure("the name of its thread pool, or loop", "")
    begun: int = figure("requests that have been given to it, and of which it is known that they are its own")
    in_flight: int = figure("requests that are being answered, now", now=True)
    statuses: dict[int, int] = figure("those that are over, by status; 499: the client left before", dict)
    cut_off: int = figure("those of which the response was not complete")
    seconds: Histogram = figure("from the hand-over to the last byte given to the connection", Histogram)
    bytes_in: int = figure("bytes of bodies that were received")
    bytes_out: int = figure("bytes of bodies that were sent, without their coding")
    queue_seconds: float = figure("seconds that they have waited for a thread, together", 0.0)
    run_seconds: float = figure("seconds that they have had one, together", 0.0)

    @property
    def requests(self) -> int:
        """Requests that are over."""
        return sum(self.statuses.values())

    def past(self) -> Self:
        """What was being answered when a process was killed was cut off, and over for its client; no other
        route will have it any more.
        """
        if not self.in_flight:
            return self
        statuses = {**self.statuses, 499: self.statuses.get(499, 0) + self.in_flight}
        return replace(
            self,
            begun=max(self.begun, sum(statuses.values())),
            in_flight=0,
            statuses=statuses,
            cut_off=self.cut_off + self.in_flight,
        )


@dataclass(frozen=True)
class WebSockets(Record):
    """The WebSockets of an application, or of one of its routes."""

    application: str = figure("what the route table calls it", "")
    route: str = figure("the pattern that a router has found; empty where none told", "")
    runs_on: str = figure("websocket: on threads, where messages are not counted; or loop", "")
    open: int = figure("those that are open, now", now=True)
    opened: int = figure("those that there have been")
    refused: dict[int, int] = figure("handshakes that were refused, by status", dict)
    closes: dict[int, int] = figure("those that have closed, by the code of the first close frame", dict)
    messages_in: int = figure("messages of clients")
    messages_out: int = figure("messages to clients")
    bytes_in: int = figure("bytes of clients, as they came, frames and all")
    bytes_out: int = figure("bytes to clients, frames and all")
    slow: int = figure("how often a message had to wait for a client that reads too slowly")
    round_trip: Histogram = figure("between pings and their pongs", Histogram)

    def past(self) -> Self:
        """Those that were open when a process was killed were closed without a close frame."""
        closes = {**self.closes, 1006: self.closes.get(1006, 0) + self.open}
        return replace(self, open=0, closes=closes) if self.open else self


@dataclass(frozen=True)
class Layer(Record):
    """A channel layer, as far as the processes have it in memory."""

    backend: str = figure("its class", "")
    groups: int = figure(
        "groups with members here, now; one counts in each process that has some of it", now=True
    )
    members: int = figure("channels in these groups, now; one counts in each of its groups", now=True)
    sent: int = figure("messages to channels and groups that were delivered here")
    delivered: int = figure("how many channels these were for, together: the fan-out")
    lost: dict[str, int] = figure("messages that did not arrive, by reason; each member counts", dict)


@dataclass(frozen=True)
class Stack(Record):
    """Where the loop was held, as a stack of calls."""

    count: int = figure("how often it was seen there")
    longest: float = figure("the longest that it was held there, in seconds", 0.0, how=Added.MOST)
    frames: tuple[str, ...] = figure("FILE:LINE in FUNCTION, the innermost first", (), how=Added.FIRST)


@dataclass(frozen=True)
class Loop(Record):
    """The event loops."""

    lag: Histogram = figure("how late a call was that the loop had been asked for", Histogram)
    watch: float | None = figure("the seconds of --loop-watch", None, how=Added.MOST)
    held: int = figure("how often something has held a loop for longer than that")
    longest: float = figure("the longest that something has, in seconds", 0.0, how=Added.MOST)
    stacks: dict[str, Stack] = figure("where that was, the most that were seen", dict)


@dataclass(frozen=True)
class Workers(Record):
    """The worker processes, as the process over them counts them."""

    started: int = figure("those that there have been", how=Added.MOST)
    failed: int = figure("those that ended by themselves or were killed for not answering", how=Added.MOST)
    reloads: int = figure("how often all of them were replaced on SIGHUP", how=Added.MOST)


@dataclass(frozen=True)
class Snapshot(Record):
    """All figures of a server at one moment."""

    schema: int = figure("the version of this schema", SCHEMA, how=Added.MOST)
    kind: str = figure("status", "status")
    taken: float = figure(
        "when it was read, in seconds since 1970; the latest of all processes", 0.0, how=Added.MOST
    )
    version: str = figure("of hybrid", "")
    counted: bool = figure("whether requests and WebSockets are counted, which --no-metrics turns off", False)
    urls: tuple[str, ...] = figure("where it listens", (), how=Added.ONCE, now=True)
    processes: tuple[Process, ...] = figure("its processes", (), now=True)
    missing: tuple[int, ...] = figure("the ids of processes that gave no answer", (), now=True)
    workers: Workers | None = figure(
        "what is known of worker processes; null where there are none", None, now=True
    )
    connections: Connections = figure("connections", Connections)
    gate: Gate | None = figure("the gate of --limit-concurrency; null without it", None, now=True)
    pools: dict[str, Pool] = figure("thread pools by name; wsgi is the default one", dict)
    socket_threads: SocketThreads | None = figure("threads of WSGI applications' WebSockets", None, now=True)
    routes: dict[str, Route] = figure("requests by application and route", dict)
    websockets: dict[str, WebSockets] = figure("WebSockets by application and route", dict)
    layers: dict[str, Layer] = figure("channel layers by alias", dict)
    loop: Loop = figure("event loops", Loop)
    limits_hit: dict[str, int] = figure("how often limits on WebSockets were hit, by setting", dict)


def total(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Add up the figures of processes."""
    return reduce(add, snapshots, Snapshot())


def json_schema() -> Mapping[str, Any]:
    """Return what ``schema.json`` has."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The status of a running hybrid server",
        **schema_of(Snapshot),
    }
