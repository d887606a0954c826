"""What a budget allows, and how it is written."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hybrid.adapters.django.lanes.budget import Budget, judge, parse_budget
from hybrid.adapters.django.lanes.figures import Counts, Figures
from hybrid.bridge.errors import ConfigError
from tests.support.django_desk import SETTINGS, desk, desk_environment
from tests.support.process import run_hybrid


def counts(requests: int, *, errors: int = 0, stalls: int = 0, seconds: float = 0.1) -> Counts:
    """Make the counts of requests that all took as long."""
    figures = Figures()
    for place in range(requests):
        figures.note("view", "lane", seconds, place < errors)
    for _ in range(stalls):
        figures.stall("view", "lane", 1.0)
    return figures.snapshot().get("view", {}).get("lane", Counts())


BUDGET = Budget()


def test_an_empty_table_is_a_budget_and_none_is_none() -> None:
    """With what the documentation says where the table says nothing."""
    assert parse_budget(None) is None
    assert parse_budget({}) == Budget(errors=1.0, p95=1.5, stalls=1, stall=0.1, window=60, requests=20)
    said: dict[str, Any] = {
        "errors": 0,
        "p95": 2,
        "stalls": 0.5,
        "stall": 0.05,
        "window": 10,
        "requests": 100,
    }
    budget = parse_budget(said)
    assert budget == Budget(**said)
    assert budget.to_json() == said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"error": 1}, "lane_budget.error: there is no such key: errors, p95, stalls, stall, window, req"),
        ({"errors": "1 %"}, "lane_budget.errors: '1 %' is not percentage points from 0 to 100"),
        ({"errors": True}, "lane_budget.errors: True is not percentage points"),
        ({"errors": math.nan}, "lane_budget.errors: nan is not percentage points"),
        ({"p95": 0.5}, "lane_budget.p95: 0.5 is not a multiple from 1"),
        ({"stalls": -1}, "lane_budget.stalls: -1 is not a number for each 1000 requests"),
        ({"stall": 0}, "lane_budget.stall: 0 is not seconds from 0.001"),
        ({"window": 0}, "lane_budget.window: 0 is not seconds from 1"),
        ({"requests": 2.5}, "lane_budget.requests: 2.5 is not a whole number"),
    ],
    ids=["unknown", "text", "flag", "no number", "too small", "negative", "zero", "no window", "fraction"],
)
def test_what_is_no_budget_is_refused(table: Mapping[str, Any], said: str) -> None:
    """With the key, and what it may be."""
    with pytest.raises(ConfigError) as caught:
        parse_budget(table)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("new", "old"),
    [
        (counts(19, errors=19, stalls=19, seconds=9), counts(100)),
        (counts(100, errors=1), counts(100)),
        (counts(20, errors=1), counts(2000)),
        (counts(100, errors=6), counts(100, errors=5)),
        (counts(100, errors=50), counts(100, errors=50)),
        (counts(100, errors=1, stalls=1), counts(100)),
        (counts(1000, stalls=1), counts(1000)),
        (counts(1000, stalls=5), counts(1000, stalls=4)),
        (counts(100, seconds=0.014), counts(100, seconds=0.006)),
        (counts(100, seconds=0.14), counts(100, seconds=0.1)),
        (counts(100, seconds=9), counts(19, seconds=0.1)),
        (counts(100, seconds=9), Counts()),
        (counts(100, seconds=0.1), counts(100, seconds=9)),
    ],
    ids=[
        "too few requests",
        "one error",
        "one error of few",
        "no more errors than allowed",
        "as many errors",
        "one of each",
        "one stall",
        "no more stalls than allowed",
        "less than 10 ms",
        "less than half as long again",
        "too few to compare times with",
        "none to compare times with",
        "faster",
    ],
)
def test_what_is_within_the_budget_stays(new: Counts, old: Counts) -> None:
    """Few requests, single failures, and what the old lane does too, are no reason."""
    assert judge(BUDGET, new, old) is None


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        (
            counts(120, errors=5),
            counts(2280, errors=7),
            "errors 4.2 % of 120 requests, on wsgi 0.3 % of 2,280",
        ),
        (counts(20, errors=2), Counts(), "errors 10.0 % of 20 requests, on wsgi there were none"),
        (
            counts(100, errors=7, stalls=9, seconds=9),
            counts(100, errors=5),
            "errors 7.0 % of 100 requests, on wsgi 5.0 % of 100",
        ),
        (counts(20, seconds=0.2), counts(20), "p95 194 ms of 20 requests, on wsgi 97 ms of 20"),
        (
            counts(20, seconds=0.022),
            counts(20, seconds=0.01),
            "p95 22 ms of 20 requests, on wsgi 10 ms of 20",
        ),
        (
            counts(1000, stalls=2),
            counts(1000),
            "2 stalls over 0.1 s in 1,000 requests, on wsgi 0 in 1,000",
        ),
        (
            counts(50, stalls=2),
            Counts(),
            "2 stalls over 0.1 s in 50 requests, on wsgi there were none",
        ),
    ],
    ids=["errors", "errors by themselves", "errors first", "times", "short times", "stalls", "stalls alone"],
)
def test_what_is_beyond_the_budget_goes_back(new: Counts, old: Counts, said: str) -> None:
    """With the reason in one line."""
    assert judge(BUDGET, new, old, "wsgi") == said


def test_the_old_lane_has_a_name_without_one() -> None:
    """For those who do not say which it is."""
    assert judge(BUDGET, counts(20, errors=20), counts(20)) == (
        "errors 100.0 % of 20 requests, on the old lane 0.0 % of 20"
    )


def test_a_budget_in_the_file_is_read_with_the_project(tmp_path: Path) -> None:
    """A key that is none is told of at the start, in one line."""
    (tmp_path / "hybrid.toml").write_text("[lane_budget]\nwindow = 5\nerror = 1\n", encoding="utf-8")
    done = run_hybrid("check", "--django", SETTINGS, cwd=tmp_path, env=desk_environment())
    assert done.returncode != 0
    assert "lane_budget.error: there is no such key" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_budget_that_is_no_table_is_refused(tmp_path: Path) -> None:
    """Wherever it comes from."""
    (tmp_path / "hybrid.toml").write_text("lane_budget = 5\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="lane_budget: 5 is not a table: write errors = 1"):
        desk(tmp_path).close()
