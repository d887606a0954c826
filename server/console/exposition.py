"""A snapshot as metrics for Prometheus, or in the format of OpenMetrics; through prometheus-client.

Loaded when somebody asks for metrics: it takes a moment.
"""

from collections.abc import Iterable
from typing import Final

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from hybrid.bridge.histogram import BOUNDS, PER_DOUBLING, Histogram
from hybrid.server.console.families import FAMILIES, Family, Kind
from hybrid.server.ops.metrics.snapshot import Snapshot

#: The doublings of a microsecond that buckets end at: 0.5 ms to 16.8 s. Our own finer buckets end there too,
#: so that the counts are exact.
DOUBLINGS: Final = range(9, 25)
_LIMITS: Final = [(step * PER_DOUBLING, str(round(BOUNDS[step * PER_DOUBLING], 6))) for step in DOUBLINGS]


def expose(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """Return what a collector of metrics reads, and its media type (worker).

    Args:
        snapshot: the figures.
        accept: the Accept field of who asks: it may prefer OpenMetrics.
    """
    encode, content_type = choose_encoder(accept)
    return encode(SnapshotCollector(snapshot)), content_type


class SnapshotCollector(Collector):
    """A snapshot as prometheus-client reads metrics."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterable[Metric]:
        """Give each metric that has anything to tell."""
        yield InfoMetricFamily("hybrid", "The server.", value={"version": self._snapshot.version})
        for family in FAMILIES:
            metric = _metric(family, self._snapshot)
            if metric.samples:
                yield metric


def _metric(family: Family, snapshot: Snapshot) -> Metric:
    name, samples = f"hybrid_{family.name}", family.samples(snapshot)
    if family.kind is Kind.HISTOGRAM:
        histograms = HistogramMetricFamily(name, family.about, labels=family.labels)
        for labels, value in samples:
            if isinstance(value, Histogram):
                histograms.add_metric(labels, _buckets(value), value.total)
        return histograms
    kind = CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily
    numbers = kind(name, family.about, labels=family.labels)
    for labels, value in samples:
        if not isinstance(value, Histogram):
            numbers.add_metric(labels, value)
    return numbers


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return how many are below each limit."""
    found: list[tuple[str, float]] = []
    numbers, below = sorted(histogram.buckets), 0
    for last, limit in _LIMITS:
        while numbers and numbers[0] <= last:
            below += histogram.buckets[numbers.pop(0)]
        found.append((limit, below))
    return [*found, ("+Inf", histogram.count)]
