"""Taking a reading of a process: all of its figures at one moment, on the loop, which counts nothing then."""

import os
import sys
from functools import cache
from time import time
from typing import Any

from hybrid.bridge.histogram import Histogram
from hybrid.bridge.wsgi.socket_threads import SocketThreads as Threads
from hybrid.bridge.wsgi.threadpool import ThreadPool
from hybrid.server.ops.metrics.lag import LoopSight
from hybrid.server.ops.metrics.route_tally import RouteTally
from hybrid.server.ops.metrics.snapshot import (
    ON_LOOP,
    Connections,
    Gate,
    Layer,
    Loop,
    Pool,
    Process,
    Route,
    Snapshot,
    SocketThreads,
    WebSockets,
)
from hybrid.server.ops.metrics.socket_tally import SocketTally
from hybrid.server.status.sources import Sources

_REGISTRY = "hybrid.bridge.layers.registry"


def read(sources: Sources) -> Snapshot:
    """Return all figures of a process (loop)."""
    context = sources.context
    pools = {pool.name: _pool(pool) for pool in sources.pools.values()}
    tallies = context.tallies
    routes = [] if tallies is None else [_route(each) for each in tallies.requests()]
    sockets = [] if tallies is None else [_websockets(each) for each in tallies.sockets()]
    loop = _loop(sources.sight)
    process = Process(
        pid=os.getpid(),
        since=sources.since,
        taken=(now := time()),
        ready=sources.ready(),
        requests=sum(each.requests + each.in_flight for each in routes),
        in_flight=sum(each.in_flight for each in routes),
        connections=len(context.connections),
        busy=sum(each.busy for each in pools.values()),
        queued=sum(each.queued for each in pools.values()),
        lag=loop.lag.percentile(99),
    )
    return Snapshot(
        taken=now,
        version=_version(),
        counted=tallies is not None,
        urls=tuple(sources.urls()),
        processes=(process,),
        workers=sources.workers(),
        connections=_connections(sources),
        gate=None if context.gate is None else Gate(context.gate.inside, context.gate.waiting),
        pools=pools,
        socket_threads=_threads(sources.sockets),
        routes={_key(each): each for each in routes if each.begun or each.in_flight},
        websockets={_key(each): each for each in sockets if each.opened or each.refused},
        layers=_layers(),
        loop=loop,
        limits_hit=dict(context.limits_hit),
    )


def _key(figures: Route | WebSockets) -> str:
    return " ".join(filter(None, (figures.application, figures.route, f"({figures.runs_on})")))


def _connections(sources: Sources) -> Connections:
    context, entrance = sources.context, sources.entrance
    return Connections(
        open=len(context.connections),
        accepted=entrance.accepted,
        pauses=entrance.pauses,
        waits=entrance.waits,
        refused={} if context.tallies is None else dict(context.tallies.refused),
    )


def _pool(pool: ThreadPool) -> Pool:
    return Pool(**pool.stats()._asdict(), wait=pool.waits())


def _threads(threads: Threads | None) -> SocketThreads | None:
    return None if threads is None else SocketThreads(threads.threads, threads.busy)


def _route(tally: RouteTally) -> Route:
    return Route(
        application=tally.application,
        route=tally.route,
        runs_on=tally.runs_on or ON_LOOP,
        begun=tally.begun,
        in_flight=tally.in_flight,
        statuses=tally.statuses,
        cut_off=tally.cut_off,
        seconds=Histogram.of(tally.seconds),
        bytes_in=tally.bytes_in,
        bytes_out=tally.bytes_out,
        queue_seconds=tally.queue_seconds,
        run_seconds=tally.run_seconds,
    )


def _websockets(tally: SocketTally) -> WebSockets:
    return WebSockets(
        application=tally.application,
        route=tally.route,
        runs_on=tally.runs_on or ON_LOOP,
        open=tally.opened - sum(tally.closes.values()),
        opened=tally.opened,
        refused=dict(tally.refused),
        closes=dict(tally.closes),
        messages_in=tally.messages_in,
        messages_out=tally.messages_out,
        bytes_in=tally.bytes_in,
        bytes_out=tally.bytes_out,
        slow=tally.slow,
        round_trip=Histogram.of(tally.round_trips or ()),
    )


def _loop(sight: LoopSight) -> Loop:
    lag, watch = sight.lag.histogram(), sight.watch
    if watch is None:
        return Loop(lag)
    held, longest, stacks = watch.found()
    return Loop(lag, watch.seconds, held, longest, dict(stacks))


def _layers() -> dict[str, Layer]:
    """Read the channel layers of this process that have been made; nothing of them is loaded for it."""
    registry: Any = sys.modules.get(_REGISTRY)
    return {} if registry is None else {name: _layer(each) for name, each in registry.channel_layers.made()}


def _layer(layer: Any) -> Layer:
    figures = layer.figures() if hasattr(layer, "figures") else None
    losses = getattr(layer, "losses", None)
    lost = {} if losses is None else dict(losses.as_dict())
    groups, members, sent, delivered = figures or (0, 0, 0, 0)
    return Layer(type(layer).__name__, groups, members, sent, delivered, lost)


@cache
def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("hybrid-gateway")
    except PackageNotFoundError:  # a source tree that nobody has installed
        return "0+unknown"
