"""The files that a plan reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.plan import compared as comparing
from hybrid.adapters.django.migrate.plan import observed as observing
from hybrid.adapters.django.migrate.plan.inputs import read_audit, read_comparison, read_observation
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report import render
from hybrid.adapters.django.migrate.report.report import Accepted, Compared, Reading, Report
from hybrid.adapters.django.migrate.shadow.report import render_json
from hybrid.adapters.django.migrate.shadow.results import Results, View
from hybrid.bridge.errors import ConfigError
from tests.support.plans import compared, observed, seen, written
from tests.support.sources import finding

READ = {
    "--observe": (read_observation, observed(cart={"wsgi": seen(3)})),
    "--shadow": (read_comparison, compared(cart=(3, 1))),
}


@pytest.mark.parametrize("option", READ)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "else"}, "it is no report of hybrid migrate"),
        ({"schema": 2}, "it is no report of hybrid migrate"),
        ({"views": [3]}, "it is no report of hybrid migrate"),
        ({"views": None}, "it is no report of hybrid migrate"),
        ("[]", "it is no report, which is an object"),
        ("{", "is no JSON: Expecting"),
        (None, "No such file or directory"),
    ],
)
def test_bad_files(tmp_path: Path, option: str, change: Any, message: str) -> None:
    """One line, which names the option and the file."""
    path = tmp_path / "a.json"
    read, said = READ[option]
    if isinstance(change, dict):
        written(path, {**said, **change})
    elif change is not None:
        path.write_text(change)
    with pytest.raises(ConfigError, match=rf"\A{option}: {path}:? .*{message}.*\Z"):
        read(option, path)


def test_another_report(tmp_path: Path) -> None:
    """What observe says is no audit."""
    path = written(tmp_path / "a.json", observed())
    with pytest.raises(ConfigError, match=rf"\A--audit: {path}: it is no report of an audit"):
        read_audit("--audit", path)


def test_accepted_findings_count(tmp_path: Path) -> None:
    """What a baseline accepts breaks on ASGI as it did, though no audit fails on it."""
    known = finding("HM101", level=Level.ERROR)
    report = Report((), Facts(), Reading(tmp_path), baseline=Compared("b.json", (Accepted(known, "later"),)))
    path = written(tmp_path / "a.json", json.loads(render(report, "json")))
    assert [each.rule for each in read_audit("--audit", path).findings] == ["HM101"]


def test_an_audit_of_flask(tmp_path: Path) -> None:
    """Its application has no lanes to plan."""
    report = Report((), Facts(framework="flask"), Reading(tmp_path))
    path = written(tmp_path / "a.json", json.loads(render(report, "json")))
    with pytest.raises(ConfigError, match=rf"\A--audit: {path}: it is of a Flask application, .*\Z"):
        read_audit("--audit", path)


def test_what_shadow_writes() -> None:
    """The report of shadow is one of those that are read."""
    results = Results("wsgi", "asgi", "http://x", requests=3, same=1, different=1, unreachable=1)
    results.views["shop:cart"] = View("shop:cart", 2, 1, 1)
    said = comparing.comparison_of(json.loads(render_json(results)))
    assert (said.requests, said.same, said.different, said.unreachable) == (3, 1, 1, 1)
    assert said.views == {"shop:cart": (2, 1)}


def test_several_days() -> None:
    """Calls are added up; times are of the day with more calls, and the worst stall is kept."""
    stall = {"count": 2, "longest": 0.7, "stacks": [{"count": 2, "longest": 0.7, "frames": ["a.py:3 in f"]}]}
    days = [
        observed(60, cart={"wsgi": seen(10, 0.5, failed=1, stalls=stall)}),
        observed(120, cart={"wsgi": seen(30, 0.2, hops=9)}, pay={"asgi": seen(1)}),
    ]
    both = observing.together(map(observing.observation_of, days))
    assert both is not None
    assert (both.seconds, both.calls) == (180, 41)
    cart = both.views["shop:cart"]["wsgi"]
    assert (cart.calls, cart.failed, cart.p50, cart.hops) == (40, 1, 0.2, 9)
    assert (cart.stalls, cart.longest, cart.stack) == (2, 0.7, ("a.py:3 in f",))
    assert observing.together([]) is None


def test_several_comparisons() -> None:
    """Requests are added up by view, and what differs for the same reason is told once."""
    group = {"cause": "it differs", "what": "body", "view": "shop:cart"}
    said = [compared(group, cart=(5, 1)), compared(group, cart=(4, 2), pay=(1, 0))]
    both = comparing.together(map(comparing.comparison_of, said))
    assert both is not None
    assert (both.requests, both.different) == (10, 3)
    assert both.views == {"shop:cart": (9, 3), "shop:pay": (1, 0)}
    assert [each.cause for each in both.differences] == ["it differs"]
    assert comparing.together([]) is None


def test_additions_are_no_mistakes(tmp_path: Path) -> None:
    """Names that are not known, and figures that are not there, are left aside."""
    said = observed(cart={"wsgi": {"calls": 3, "new": 1}})
    found = read_observation("--observe", written(tmp_path / "a.json", {**said, "processes": 2, "more": {}}))
    assert found.views["shop:cart"]["wsgi"].p50 is None
    assert json.loads((tmp_path / "a.json").read_text())["more"] == {}


def test_notes_are_no_differences() -> None:
    """What makes no answer a different one, such as a slow one, is nothing that a plan is made for."""
    groups = [
        {"cause": f"takes {each}", "what": "time", "view": "shop:cart", "note": each == "longer"}
        for each in ("longer", "another way")
    ]
    comparison = comparing.comparison_of(compared(*groups, cart=(3, 1)))
    assert [each.cause for each in comparison.differences] == ["takes another way"]
