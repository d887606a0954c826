"""What `hybrid status` prints: a server at a glance, for people."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hybrid.bridge.histogram import Histogram
from hybrid.server.ops.metrics.snapshot import Layer, Loop, Pool, Route, Snapshot, WebSockets
from hybrid.tables import duration, plain, seconds, table

_POOLS = ("POOL", "THREADS", "BUSY", "BLOCKED", "QUEUED", "HIGHEST", "WAIT P50", "P99", "REFUSED", "STUCK")
_ROUTES = (
    "APPLICATION",
    "ROUTE",
    "RUNS ON",
    "REQUESTS",
    "NOW",
    "4XX",
    "5XX",
    "CUT",
    "P50",
    "P95",
    "P99",
    "QUEUED",
)
_SOCKETS = ("WEBSOCKETS", "ROUTE", "RUNS ON", "OPEN", "OPENED", "IN", "OUT", "SLOW", "ROUND TRIP P50", "P99")
_LAYERS = ("CHANNEL LAYER", "BACKEND", "GROUPS", "MEMBERS", "SENT", "DELIVERED", "LOST")
_PROCESSES = ("PROCESS", "READY", "REQUESTS", "NOW", "CONNECTIONS", "BUSY", "QUEUED", "LAG P99")
#: Columns of texts; in all others numbers end below each other.
_TEXTS = {"POOL", "APPLICATION", "ROUTE", "RUNS ON", "WEBSOCKETS", "CHANNEL LAYER", "BACKEND", "READY"}
#: How many routes are printed, those with most requests, and how many stacks, of how many calls each.
_MOST_ROUTES = 20
_MOST_STACKS = 3
_FRAMES = 4


def status_text(now: Snapshot, before: Snapshot | None = None) -> str:
    """Write how a server is.

    Args:
        now: its figures.
        before: an earlier reading: what is counted, and how long things took, is then said of the time since.
    """
    since = _Since(now, before)
    parts = [
        _summary(now, since),
        _table(_PROCESSES, since.processes()) if len(now.processes) > 1 else "",
        _table(_POOLS, (_pool_row(name, each) for name, each in since.pools())),
        _table(_ROUTES, (_route_row(each, since.seconds) for each in since.routes())),
        _table(_SOCKETS, (_socket_row(each, since.seconds) for each in since.sockets())),
        _table(_LAYERS, (_layer_row(name, each) for name, each in now.layers.items())),
        "\n".join(_troubles(now)),
    ]
    return "\n\n".join(filter(None, parts))


class _Since:
    """What has happened since another reading, or since the start of a server."""

    def __init__(self, now: Snapshot, before: Snapshot | None) -> None:
        self._now = now
        self._before = before or Snapshot()
        #: Between the two; None without another one.
        self.seconds = None if before is None else max(now.taken - before.taken, 1e-3)

    def processes(self) -> Iterator[Sequence[str]]:
        for each in sorted(self._now.processes, key=lambda process: process.pid):
            counts = (each.requests, each.in_flight, each.connections, each.busy, each.queued)
            yield (
                str(each.pid),
                "yes" if each.ready else "no",
                *(f"{count:,}" for count in counts),
                _lag(each.lag),
            )

    def lag(self) -> Histogram:
        return self._now.loop.lag - self._before.loop.lag

    def pools(self) -> Iterator[tuple[str, Pool]]:
        for name, pool in sorted(self._now.pools.items()):
            before = self._before.pools.get(name, Pool())
            yield name, replace(pool, wait=pool.wait - before.wait, refused=pool.refused - before.refused)

    def routes(self) -> list[Route]:
        routes: list[Route] = []
        for name, each in self._now.routes.items():
            before = self._before.routes.get(name, Route())
            changed = replace(
                each,
                begun=each.begun - before.begun,
                cut_off=each.cut_off - before.cut_off,
                statuses={key: count - before.statuses.get(key, 0) for key, count in each.statuses.items()},
                seconds=each.seconds - before.seconds,
                queue_seconds=each.queue_seconds - before.queue_seconds,
                run_seconds=each.run_seconds - before.run_seconds,
            )
            if changed.begun > 0 or changed.in_flight or self.seconds is None:
                routes.append(changed)
        return sorted(routes, key=lambda route: -route.begun)[:_MOST_ROUTES]

    def sockets(self) -> list[WebSockets]:
        return [
            replace(
                each,
                opened=each.opened - (before := self._before.websockets.get(name, WebSockets())).opened,
                messages_in=each.messages_in - before.messages_in,
                messages_out=each.messages_out - before.messages_out,
                slow=each.slow - before.slow,
                round_trip=each.round_trip - before.round_trip,
            )
            for name, each in self._now.websockets.items()
        ]


def _summary(now: Snapshot, since: _Since) -> str:
    ready = sum(each.ready for each in now.processes)
    total = len(now.processes)
    state = "ready" if ready == total else f"{ready} of {total} processes ready" if ready else "not ready"
    begun = min((each.since for each in now.processes if each.since), default=now.taken)
    processes = f"{total} process{'es' if total != 1 else ''}"
    first = f"hybrid {plain(now.version)}, {state}, {processes}, up {duration(max(0.0, now.taken - begun))}"
    connections = f"{now.connections.open:,} open, {now.connections.accepted:,} accepted"
    if now.connections.waits:
        connections += ", more of them wait in the system's queue"
    lag = since.lag()
    percentiles = {"p50": 50, "p99": 99, "most": 100}
    late = ", ".join(f"{name} {_lag(lag.percentile(each))}" for name, each in percentiles.items())
    lines = [
        first,
        *(f"  {plain(url)}" for url in now.urls),
        f"connections: {connections}",
        f"loop lag: {late}",
    ]
    if now.gate is not None:
        lines.append(f"limit_concurrency: {now.gate.inside:,} inside, {now.gate.waiting:,} waiting")
    if now.socket_threads is not None and now.socket_threads.busy:
        lines.append(f"WebSocket threads: {now.socket_threads.busy:,} of {now.socket_threads.threads:,} busy")
    if now.workers is not None:
        workers = now.workers
        lines.append(
            f"workers: {workers.started:,} started, {workers.failed:,} failed, {workers.reloads:,} reloads"
        )
    return "\n".join(lines)


def _pool_row(name: str, pool: Pool) -> Sequence[str]:
    now = (pool.threads, pool.busy, pool.blocked, pool.queued, pool.highest_queue)
    waits = (seconds(pool.wait.percentile(percent)) for percent in (50, 99))
    return (plain(name), *(f"{each:,}" for each in now), *waits, f"{pool.refused:,}", f"{pool.stuck:,}")


def _route_row(route: Route, passed: float | None) -> Sequence[str]:
    errors = (sum(n for status, n in route.statuses.items() if status // 100 == each) for each in (4, 5))
    times = (seconds(route.seconds.percentile(percent)) for percent in (50, 95, 99))
    spent = route.queue_seconds + route.run_seconds
    queued = f"{100 * route.queue_seconds / spent:.0f} %" if spent else "-"
    return (
        plain(route.application),
        plain(route.route or "-"),
        plain(route.runs_on),
        _count(route.begun, passed),
        f"{route.in_flight:,}",
        *(f"{count:,}" for count in errors),
        f"{route.cut_off:,}",
        *times,
        queued,
    )


def _socket_row(sockets: WebSockets, passed: float | None) -> Sequence[str]:
    return (
        plain(sockets.application),
        plain(sockets.route or "-"),
        plain(sockets.runs_on),
        f"{sockets.open:,}",
        f"{sockets.opened:,}",
        _count(sockets.messages_in, passed),
        _count(sockets.messages_out, passed),
        f"{sockets.slow:,}",
        *(seconds(sockets.round_trip.percentile(percent)) for percent in (50, 99)),
    )


def _layer_row(name: str, layer: Layer) -> Sequence[str]:
    counts = (layer.groups, layer.members, layer.sent, layer.delivered, sum(layer.lost.values()))
    return (plain(name), plain(layer.backend), *(f"{each:,}" for each in counts))


def _troubles(now: Snapshot) -> Iterator[str]:
    """Say what somebody should look at."""
    if now.limits_hit:
        yield "limits hit: " + ", ".join(f"{plain(name)} {n:,}" for name, n in sorted(now.limits_hit.items()))
    if now.connections.refused:
        by_status = ", ".join(f"{status}: {n:,}" for status, n in sorted(now.connections.refused.items()))
        yield f"requests refused before any application: {by_status}"
    if not now.counted:
        yield "requests are not counted: metrics is off"
    yield from _held(now.loop)


def _held(loop: Loop) -> Iterator[str]:
    if not loop.held or loop.watch is None:
        return
    yield f"the loop was held {loop.held:,} times for more than {seconds(loop.watch)}, by:"
    stacks = sorted(loop.stacks.values(), key=lambda stack: -stack.count)
    for stack in stacks[:_MOST_STACKS]:
        yield f"  {stack.count:,} times, at most {seconds(stack.longest)}"
        yield from (f"    {plain(frame)}" for frame in stack.frames[:_FRAMES])


def _lag(value: float | None) -> str:
    return seconds(value, least="1.5 ms")  # as LoopLag has it


def _count(number: int, passed: float | None) -> str:
    return f"{number:,}" if passed is None else f"{number / passed:,.1f}/s"


def _table(headings: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    written = list(rows)
    return table(headings, written, {each for each in headings if each not in _TEXTS}) if written else ""
