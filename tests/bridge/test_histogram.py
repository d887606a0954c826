"""Histograms of how long things took."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.histogram import BOUNDS, SIZE, Histogram, bucket_of

times = st.floats(min_value=2e-6, max_value=15_000)


def counted(seconds: list[float]) -> Histogram:
    """Count as a server does."""
    counts = [0] * SIZE
    for each in seconds:
        counts[bucket_of(each)] += 1
    return Histogram.of(counts)


@given(st.lists(times, min_size=1, max_size=50), st.sampled_from([1, 50, 95, 99, 100]))
def test_a_percentile_is_right_to_a_few_per_cent(seconds: list[float], percent: int) -> None:
    """As the time at that place in the order says."""
    exact = sorted(seconds)[math.ceil(len(seconds) * percent / 100) - 1]
    assert counted(seconds).percentile(percent) == pytest.approx(exact, rel=0.045)


@given(st.lists(times, max_size=50))
def test_the_total_is_right_to_a_few_per_cent(seconds: list[float]) -> None:
    """Though nobody has added the times up."""
    assert counted(seconds).total == pytest.approx(sum(seconds), rel=0.045, abs=1e-9)


@given(st.lists(times, max_size=20), st.lists(times, max_size=20))
def test_histograms_add_up(one: list[float], other: list[float]) -> None:
    """To that of all, from which either can be taken away again."""
    both = counted(one) + counted(other)
    assert both == counted(one + other)
    assert both.count == len(one) + len(other)
    assert both - counted(other) == counted(one)


@given(st.lists(times, max_size=20))
def test_json(seconds: list[float]) -> None:
    """Says all of it."""
    histogram = counted(seconds)
    said = json.loads(json.dumps(histogram.to_json()))
    assert Histogram.from_json(said) == histogram
    assert said["count"] == len(seconds)


def test_what_has_ended_meanwhile_is_not_less_than_none() -> None:
    """As of a process that was replaced."""
    assert counted([1.0]) - counted([1.0, 1.0, 2.0]) == Histogram()


def test_nothing_was_counted() -> None:
    """Then there is no percentile."""
    assert (Histogram().percentile(99), Histogram().count, Histogram().total) == (None, 0, 0)


def test_how_many_took_at_most_so_long() -> None:
    """To the end of the bucket."""
    histogram = counted([0.001, 0.01, 0.1])
    assert [histogram.below(limit) for limit in (0.0001, 0.002, 0.02, 1.0)] == [0, 1, 2, 3]


@pytest.mark.parametrize(("seconds", "number"), [(0.0, 0), (-1.0, 0), (1e-6, 1), (1e9, SIZE - 1)])
def test_times_beyond_all_buckets(seconds: float, number: int) -> None:
    """Are in the first or the last."""
    assert bucket_of(seconds) == number
    assert len(BOUNDS) == SIZE - 1


@pytest.mark.parametrize("said", [{}, {"buckets": 1}, {"buckets": {"a": 1}}, {"buckets": {"1": None}}])
def test_what_is_no_histogram(said: dict[str, object]) -> None:
    """Is refused."""
    with pytest.raises(ValueError, match=r"histogram|invalid literal"):
        Histogram.from_json(said)
