import pytest

from benchmarks.loads.outcome import Outcome, Reading, failed, latencies, percentile


def test_an_outcome_is_the_difference_of_two_readings() -> None:
    """What happened before the first reading does not count."""
    first, last = Reading(100, 5.0, 1.0, 0.25, 50.0), Reading(300, 7.0, 2.5, 0.75, 52.5)
    assert first.until(last, []) == Outcome(200, 2.0, 1.5, 0.5, 0.5, errors=0)
    assert first.until(last, ["oh", "dear"]) == Outcome(200, 2.0, 1.5, 0.5, 0.5, errors=2, first_error="oh")
    assert first.until(last, [], {"p99": 3.0}).figures == {"p99": 3.0}


def test_a_failure_has_no_answers_and_a_reason() -> None:
    """The table says why."""
    outcome = failed("it is gone")
    assert (outcome.answers, outcome.errors, outcome.first_error) == (0, 1, "it is gone")


@pytest.mark.parametrize(
    ("count", "share", "expected"),
    [(100, 0.99, 99), (100, 0.5, 50), (101, 0.99, 100), (1, 0.99, 1)],
)
def test_a_percentile_is_a_value_that_occurred(count: int, share: float, expected: int) -> None:
    """By the nearest rank: 99 of 100 values do not exceed the 99th."""
    assert percentile(range(1, count + 1), share) == expected


def test_latencies_are_summed_up_in_milliseconds() -> None:
    """In any order; one slow answer in a hundred shows in the longest alone."""
    assert latencies("echo", [0.5, *[0.002] * 99]) == {"echo p50": 2, "echo p99": 2, "echo max": 500}
    assert latencies("echo", []) == {}
