"""Counting requests, and what the counts say."""

import json
import math
import threading
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.adapters.django.lanes import figures as module
from hybrid.adapters.django.lanes.figures import OTHERS, Counts, Figures

SECONDS = st.lists(st.floats(min_value=1e-5, max_value=10_000.0), max_size=200)
#: How far the middle of a bucket may be from what is in it: half of a bucket, of which eight double.
ERROR = 2 ** (1 / 16) + 1e-9


def counted(seconds: Sequence[float], *, errors: int = 0, stalls: int = 0) -> Counts:
    """Count requests that took so long."""
    figures = Figures()
    for place, each in enumerate(seconds):
        figures.note("view", "wsgi", each, place < errors)
    for _ in range(stalls):
        figures.stall("view", "wsgi", 0.2)
    return figures.snapshot().get("view", {}).get("wsgi", Counts())


@given(seconds=SECONDS)
def test_a_quantile_is_that_of_the_sorted_times(seconds: list[float]) -> None:
    """But for half of a bucket, 4.4 %; without requests there is none."""
    counts = counted(seconds)
    assert counts.requests == len(seconds)
    for share, found in ((50, counts.p50), (95, counts.p95)):
        if not seconds:
            assert found is None
            continue
        assert found is not None
        exact = sorted(seconds)[-(-len(seconds) * share // 100) - 1]
        assert exact / ERROR <= found <= exact * ERROR


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 1e-6), (-1.0, 1e-6), (1e9, 1e-6 * 2**34)])
def test_times_without_a_bucket_of_their_own_are_in_the_first_or_the_last(
    seconds: float, expected: float
) -> None:
    """A clock that stands still, and a request of many hours."""
    found = counted([seconds]).p50
    assert found is not None
    assert math.isclose(found, expected, rel_tol=0.05)


@given(first=SECONDS, second=SECONDS)
def test_counts_of_two_processes_add_up(first: list[float], second: list[float]) -> None:
    """To those of all their requests; and without the first, those of the second are left."""
    one = counted(first, errors=min(3, len(first)), stalls=2)
    other = counted(second, errors=min(2, len(second)), stalls=1)
    both = one + other
    assert both == other + one
    assert (both.requests, both.stalls) == (len(first) + len(second), 3)
    assert both.errors == one.errors + other.errors
    assert (both.p50, both.p95) == (counted(first + second).p50, counted(first + second).p95)
    assert both - one == other
    assert both - both == Counts()


@given(first=SECONDS, second=SECONDS)
def test_a_difference_has_nothing_less_than_none(first: list[float], second: list[float]) -> None:
    """Where a process has ended meanwhile, with what it had counted."""
    window = counted(first, errors=1, stalls=1) - counted(second, errors=4, stalls=4)
    assert window.requests >= 0
    assert window.errors >= 0
    assert window.stalls >= 0
    assert all(count > 0 for count in window.buckets.values())


@given(seconds=SECONDS)
def test_json_says_all_of_it(seconds: list[float]) -> None:
    """There and back, by way of text."""
    counts = counted(seconds, errors=min(1, len(seconds)), stalls=3)
    assert Counts.from_json(json.loads(json.dumps(counts.to_json()))) == counts


@pytest.mark.parametrize(
    "said",
    [{}, {"requests": 1}, {"requests": 1, "errors": 0, "stalls": 0, "buckets": [1]}, {"buckets": {"a": 1}}],
)
def test_what_is_no_counts_is_refused(said: dict[str, object]) -> None:
    """With one kind of error."""
    with pytest.raises(ValueError, match=r"no counts|invalid literal"):
        Counts.from_json(said)


def test_each_view_and_lane_is_counted_by_itself() -> None:
    """And a snapshot stays what it is when more is counted."""
    figures = Figures()
    figures.note("a", "wsgi", 0.1, failed=False)
    figures.note("a", "asgi", 0.1, failed=True)
    before = figures.snapshot()
    figures.note("a", "asgi", 0.1, failed=False)
    figures.stall("b", "asgi", 0.5)
    after = figures.snapshot()
    assert {view: list(lanes) for view, lanes in before.items()} == {"a": ["wsgi", "asgi"]}
    assert (before["a"]["asgi"].requests, before["a"]["asgi"].errors) == (1, 1)
    assert (after["a"]["asgi"].requests, after["a"]["asgi"].errors) == (2, 1)
    assert (after["b"]["asgi"].requests, after["b"]["asgi"].stalls) == (0, 1)


def test_a_view_that_was_only_chosen_is_not_there() -> None:
    """Its requests may count for nothing."""
    figures = Figures()
    figures.tally("a", "wsgi")
    assert figures.snapshot() == {}


def test_views_beyond_the_room_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that were there before go on by themselves."""
    monkeypatch.setattr(module, "_ROOM", 2)
    figures = Figures()
    for view in ("a", "b", "c", "d", "a"):
        figures.note(view, "wsgi", 0.1, failed=False)
    assert {view: lanes["wsgi"].requests for view, lanes in figures.snapshot().items()} == {
        "a": 2,
        "b": 1,
        OTHERS: 2,
    }


def test_nothing_is_lost_among_threads() -> None:
    """However they and the snapshots come in between each other."""
    figures, threads, each = Figures(), 4, 2_000
    barrier = threading.Barrier(threads + 1)

    def work() -> None:
        barrier.wait()
        for number in range(each):
            figures.note("view", "wsgi", 0.001, failed=number % 2 == 0)

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    barrier.wait()
    while any(thread.is_alive() for thread in running):
        figures.snapshot()
    for thread in running:
        thread.join()
    found = figures.snapshot()["view"]["wsgi"]
    assert (found.requests, found.errors) == (threads * each, threads * each // 2)
