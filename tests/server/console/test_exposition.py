"""Figures as metrics: read back with prometheus-client's own parsers, in both formats."""

from math import inf
from typing import Any

import pytest

pytest.importorskip("prometheus_client")

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

from hybrid.bridge.histogram import SIZE, Histogram, bucket_of
from hybrid.server.console.exposition import expose
from hybrid.server.console.families import FAMILIES, Kind
from hybrid.server.ops.metrics.snapshot import (
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
    Workers,
)
from tests.support.process import ROOT

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2"
PROMETHEUS = "text/plain;version=0.0.4"
BOTH = pytest.mark.parametrize(
    ("accept", "parse"), [(PROMETHEUS, parse_prometheus), (OPENMETRICS, parse_openmetrics)]
)


def times(*seconds: float) -> Histogram:
    """Return how many took how long."""
    counts = [0] * SIZE
    for each in seconds:
        counts[bucket_of(each)] += 1
    return Histogram.of(counts)


def full() -> Snapshot:
    """Make a reading that has something of everything."""
    hostile = 'a"b\\c\nd'
    routes = {
        "shop": Route("shop:app", "/cart", "wsgi", 5, 1, {200: 3, 500: 1}, 1, times(0.001, 0.1, 20.0), 7, 9),
        "odd": Route("shop:app", hostile, "loop", 1, 0, {200: 1}),
    }
    sockets = WebSockets(
        "shop:live", "", "loop", 2, 5, {403: 1}, {1000: 2, 1001: 1}, 4, 5, 6, 7, 8, times(0.01)
    )
    return Snapshot(
        version="1.2",
        processes=(Process(1, 100.0, ready=True), Process(2, 50.0)),
        missing=(3,),
        workers=Workers(4, 1, 2),
        connections=Connections(7, 70, 1, True, {400: 2}),
        gate=Gate(1, 2),
        pools={"wsgi": Pool(8, 3, 1, 2, 9, 0.5, 100, 4, 1, times(0.002))},
        socket_threads=SocketThreads(64, 2),
        routes=routes,
        websockets={"live": sockets},
        layers={"default": Layer("InMemoryChannelLayer", 1, 2, 3, 6, {"full": 1})},
        loop=Loop(times(0.0001, 0.3), 0.1, 2, 0.7),
        limits_hit={"ws_limit_messages": 3},
    )


def read(accept: str, parse: Any) -> dict[str, Any]:
    """Return the metrics by name, as a collector reads them."""
    body, _ = expose(full(), accept)
    return {each.name: each for each in parse(body.decode())}


def samples(metric: Any) -> dict[tuple[str, ...], float]:
    """Return the values by name and labels, these in the order of their names."""
    return {
        (each.name, *(each.labels[name] for name in sorted(each.labels))): each.value
        for each in metric.samples
    }


def test_everything_is_documented() -> None:
    """Each name that a collector gets is in the table of the documents."""
    table = (ROOT / "docs" / "ops.md").read_text(encoding="utf-8")
    for line in expose(full(), "text/plain")[0].decode().splitlines():
        if line.startswith("# TYPE "):
            assert f"\n| `{line.split()[2]}` |" in table


@BOTH
def test_everything_is_told(accept: str, parse: Any) -> None:
    """Each metric that there is can be read, with its type, its help and its labels."""
    found = read(accept, parse)
    told = {f"hybrid_{each.name}" for each in FAMILIES}
    assert found.keys() - {"hybrid", "hybrid_info"} == told
    for family in FAMILIES:
        metric = found[f"hybrid_{family.name}"]
        assert (metric.type, metric.documentation) == (family.kind.value, family.about)
        for sample in metric.samples:
            assert sample.labels.keys() - {"le"} == {*family.labels}
            if family.kind is not Kind.HISTOGRAM:
                assert sample.name == family.full_name


@BOTH
def test_values(accept: str, parse: Any) -> None:
    """They are those of the reading, whatever is in the labels."""
    found = read(accept, parse)
    assert samples(found["hybrid_requests"]) == {
        ("hybrid_requests_total", "shop:app", "/cart", "wsgi", "200"): 3,
        ("hybrid_requests_total", "shop:app", "/cart", "wsgi", "500"): 1,
        ("hybrid_requests_total", "shop:app", 'a"b\\c\nd', "loop", "200"): 1,
    }
    assert samples(found["hybrid_websockets_closed"]) == {
        ("hybrid_websockets_closed_total", "shop:live", "1000", "", "loop"): 2,
        ("hybrid_websockets_closed_total", "shop:live", "1001", "", "loop"): 1,
    }
    for name, value in {
        "processes": 2,
        "processes_ready": 1,
        "processes_missing": 1,
        "start_time_seconds": 50.0,
        "connections_waiting": 1,
        "workers_failed": 1,
        "gate_waiting": 2,
        "loop_held_longest_seconds": 0.7,
    }.items():
        assert [each.value for each in found[f"hybrid_{name}"].samples] == [value]


@BOTH
def test_histograms(accept: str, parse: Any) -> None:
    """Buckets are cumulative and exact at their limits; the last has all, and the sum is right to 4.4 %."""
    metric = read(accept, parse)["hybrid_request_duration_seconds"]
    own = [each for each in metric.samples if each.labels["route"] == "/cart"]
    buckets = {float(each.labels["le"]): each.value for each in own if each.name.endswith("_bucket")}
    assert buckets[0.000512] == 0
    assert buckets[0.001024] == buckets[0.065536] == 1
    assert buckets[0.131072] == buckets[16.777216] == 2
    assert buckets[inf] == 3
    values = {each.name.rpartition("_")[2]: each.value for each in own if "le" not in each.labels}
    assert values["count"] == 3
    assert values["sum"] == pytest.approx(20.101, rel=0.044)


def test_what_there_is_not() -> None:
    """Is not told: a server without workers, gate or WebSockets has no metrics of them."""
    body, content_type = expose(Snapshot(version="1"), "")
    names = {each.name for each in parse_prometheus(body.decode())}
    assert content_type.startswith("text/plain")
    assert not {
        name for name in names if name.startswith(("hybrid_workers", "hybrid_gate", "hybrid_websocket"))
    }


def test_formats() -> None:
    """Who prefers OpenMetrics has it."""
    body, content_type = expose(Snapshot(), OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")


def test_names() -> None:
    """Each name is there once, and says its unit in the way that Prometheus has it."""
    names = [each.name for each in FAMILIES]
    assert len(names) == len({*names})
    for family in FAMILIES:
        assert not family.name.endswith("_total")
        if family.kind is Kind.HISTOGRAM:
            assert family.name.endswith("_seconds")
