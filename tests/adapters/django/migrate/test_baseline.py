"""What a baseline accepts, how a finding is known again, and the file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hybrid.adapters.django.migrate.baseline import (
    Baseline,
    baseline_of,
    read_baseline,
    without_accepted,
)
from hybrid.adapters.django.migrate.findings import Finding, Level, Place
from hybrid.adapters.django.migrate.project.facts import Facts, Failure
from hybrid.adapters.django.migrate.report.report import Broken, Compared, Reading, Report
from hybrid.bridge.errors import ConfigError
from tests.support.planted import audited
from tests.support.sources import finding

ERROR, WARNING, NOTE = Level.ERROR, Level.WARNING, Level.NOTE


def report(root: Path, text: str, *findings: Finding, **more: Any) -> Report:
    """Return a report on a project with one file, ``a.py``."""
    (root / "a.py").write_text(text)
    return Report(findings, Facts(), Reading(root), **more)


def compared(now: Report, baseline: Baseline) -> tuple[list[int], list[int], list[str]]:
    """Return the lines of new findings, and of accepted ones, and the texts of those that are gone."""
    after = without_accepted(now, baseline, "hybrid-baseline.json")
    assert after.baseline is not None
    return (
        [each.place.line for each in after.findings],
        [each.finding.place.line for each in after.baseline.accepted],
        [each.identity.text for each in after.baseline.gone],
    )


def test_everything_is_accepted() -> None:
    """Of the planted project nothing is new, and nothing is gone, right after its baseline was made."""
    found = audited("shop.settings")
    after = without_accepted(found, baseline_of(found), "b.json")
    assert after.findings == ()
    assert after.baseline is not None
    assert {*(each.finding for each in after.baseline.accepted)} == {*found.findings}
    assert after.baseline.gone == ()


def test_moved_lines_and_new_neighbours(tmp_path: Path) -> None:
    """The same line further down, otherwise indented, among others, is known; another line is new."""
    before = baseline_of(report(tmp_path, "request.environ\n", finding(line=1)))
    text = "import os\n\n    request.environ\nreq.environ\n"
    now = report(tmp_path, text, finding(line=3), finding(line=4))
    assert compared(now, before) == ([4], [3], [])


@pytest.mark.parametrize(
    "change",
    [{"rule": "HM102"}, {"symbol": "a.g"}, {"file": "b.py"}],
    ids=["rule", "symbol", "file"],
)
def test_what_is_another_finding(tmp_path: Path, change: dict[str, Any]) -> None:
    """Another rule, function or file is new, though the line is the same."""
    before = baseline_of(report(tmp_path, "request.environ\n", finding(line=1)))
    (tmp_path / "b.py").write_text("request.environ\n")
    now = report(tmp_path, "request.environ\n", finding(line=1, **change))
    assert compared(now, before) == ([1], [], ["request.environ"])


@pytest.mark.parametrize(
    ("lines", "new", "gone"), [((1, 2), 0, 0), ((1, 2, 3), 1, 0), ((1,), 0, 1), ((), 0, 1)]
)
def test_lines_that_are_alike_are_counted(
    tmp_path: Path, lines: tuple[int, ...], new: int, gone: int
) -> None:
    """So many are accepted as there were."""
    text = "x\nx\nx\n"
    before = baseline_of(report(tmp_path, text, finding(line=1), finding(line=2)))
    now = report(tmp_path, text, *(finding(line=each) for each in lines))
    found = compared(now, before)
    assert (len(found[0]), len(found[1]), len(found[2])) == (new, len(lines) - new, gone)


@pytest.mark.parametrize(
    ("accepted", "found", "new"),
    [
        ([NOTE], [ERROR], 1),
        ([ERROR], [NOTE], 0),
        ([ERROR, NOTE], [NOTE, ERROR], 0),
        ([ERROR, NOTE], [ERROR, ERROR], 1),
        ([WARNING, NOTE], [NOTE, WARNING], 0),
    ],
)
def test_what_has_become_worse_is_new(
    tmp_path: Path, accepted: list[Level], found: list[Level], new: int
) -> None:
    """A note that a route reaches now is an error, which nobody has accepted; the other way round is fine."""
    made = report(tmp_path, "x\nx\n", *(finding(line=n, level=each) for n, each in enumerate(accepted, 1)))
    now = report(tmp_path, "x\nx\n", *(finding(line=n, level=each) for n, each in enumerate(found, 1)))
    assert len(compared(now, baseline_of(made))[0]) == new


def test_a_check_that_fails_loses_nothing(tmp_path: Path) -> None:
    """What it has not found this time stays accepted, with its reason; of other rules nothing does."""
    found = finding("HM101", line=1), finding("HM102", line=1), finding("HM104", line=1)
    first = baseline_of(report(tmp_path, "x\n", *found))
    before = replace(first, entries=tuple(replace(each, reason="ours") for each in first.entries))
    now = report(tmp_path, "x\n", found[0], broken=(Broken("HM101, HM102", "KeyError: 3"),))
    assert [(each.identity.rule, each.count, each.reason) for each in baseline_of(now, before).entries] == [
        ("HM101", 1, "ours"),
        ("HM102", 1, "ours"),
    ]


def test_what_is_in_no_file(tmp_path: Path) -> None:
    """A version, say, is known again by its evidence."""
    old = finding("HM202", place=Place(symbol="django"), evidence="Django 4.2.1 is older than 4.2.30")
    before = baseline_of(report(tmp_path, "", old))
    assert compared(report(tmp_path, "", old), before) == ([], [0], [])
    newer = replace(old, evidence="Django 4.2.2 is older than 4.2.30")
    assert compared(report(tmp_path, "", newer), before) == ([0], [], [old.evidence])


@pytest.mark.parametrize(
    "less",
    [
        {"reading": {"levels": ("static",)}},
        {"reading": {"src": (Path("a.py"),)}},
        {"reading": {"third_party": "names"}},
        {"facts": Facts(failures=(Failure("urlconf", "ImportError: no"),))},
        {"broken": (Broken("HM101", "KeyError: 3"),)},
    ],
    ids=["level", "src", "third-party", "not-imported", "broken-check"],
)
def test_who_has_seen_less_says_of_nothing_that_it_is_gone(tmp_path: Path, less: dict[str, Any]) -> None:
    """An audit that looks otherwise, or has not seen everything, cannot know."""
    before = baseline_of(report(tmp_path, "x\n", finding(line=1)))
    assert compared(report(tmp_path, "x\n"), before)[2] == ["x"]
    now = report(tmp_path, "x\n")
    more = {**less, "reading": replace(now.reading, **less.get("reading", {}))}
    assert compared(replace(now, **more), before) == ([], [], [])


def test_rules_are_left_out_of_it_too(tmp_path: Path) -> None:
    """With some rules alone, what is accepted and gone of others is not told either."""
    made = report(tmp_path, "x\ny\n", finding(line=1), finding("HM102", line=2))
    after = without_accepted(report(tmp_path, "x\ny\n", finding(line=1)), baseline_of(made), "b.json")
    assert after.of_rules({"HM104"}).baseline == Compared("b.json")
    only = after.of_rules({"HM102"}).baseline
    assert only is not None
    assert (len(only.accepted), [each.identity.rule for each in only.gone]) == (0, ["HM102"])


def test_the_file(tmp_path: Path) -> None:
    """An object on each line, in order, so that a difference is read easily; what is read is the same."""
    found = report(
        tmp_path,
        'b = "\\u00e4"\na = 1\na = 1\n',
        finding("HM305", line=1, level=WARNING),
        *(finding("HM101", line=line) for line in (2, 3)),
    )
    baseline = baseline_of(found)
    lines = baseline.as_text().splitlines()
    assert lines[:2] == ["{", '  "schema": 1,']
    assert [json.loads(each.rstrip(",")) for each in lines[4:6]] == [
        {
            "file": "a.py",
            "rule": "HM101",
            "level": "error",
            "symbol": "a.f",
            "text": "a = 1",
            "count": 2,
            "reason": "",
        },
        {
            "file": "a.py",
            "rule": "HM305",
            "level": "warning",
            "symbol": "a.f",
            "text": 'b = "\\u00e4"',
            "reason": "",
        },
    ]
    path = tmp_path / "b.json"
    path.write_text(baseline.as_text())
    assert read_baseline(path) == baseline


def test_the_file_of_a_project_without_findings(tmp_path: Path) -> None:
    """It is a baseline all the same."""
    path = tmp_path / "b.json"
    path.write_text(baseline_of(report(tmp_path, "")).as_text())
    assert read_baseline(path).entries == ()


def test_names_in_other_encodings(tmp_path: Path) -> None:
    """What UTF-8 cannot say is escaped, and known again."""
    found = report(tmp_path, "", finding(file="caf\udce9.py"))
    path = tmp_path / "b.json"
    path.write_text(baseline_of(found).as_text(), encoding="utf-8")
    assert compared(found, read_baseline(path)) == ([], [1], [])


def test_reasons_are_kept(tmp_path: Path) -> None:
    """What somebody has written beside a finding is there in the next file, as long as it is found."""
    found = report(tmp_path, "x\ny\n", finding(line=1), finding(line=2))
    path = tmp_path / "b.json"
    written = (
        baseline_of(found).as_text().replace('"text": "x", "reason": ""', '"text": "x", "reason": "old"')
    )
    path.write_text(written)
    after = without_accepted(found, read_baseline(path), "b.json")
    assert after.baseline is not None
    assert [each.reason for each in after.baseline.accepted] == ["old", ""]
    again = baseline_of(report(tmp_path, "\nx\n", finding(line=2)), read_baseline(path))
    assert [(each.identity.text, each.reason) for each in again.entries] == [("x", "old")]


def test_what_two_branches_have_added(tmp_path: Path) -> None:
    """An entry that is there twice counts for both."""
    text = "x\nx\n"
    one = baseline_of(report(tmp_path, text, finding(line=1))).as_text()
    said = json.loads(one)
    said["findings"] *= 2
    path = tmp_path / "b.json"
    path.write_text(json.dumps(said))
    now = report(tmp_path, text, finding(line=1), finding(line=2))
    assert compared(now, read_baseline(path)) == ([], [1, 2], [])


ENTRY = {"file": "a.py", "rule": "HM101", "level": "error", "symbol": "a.f", "text": "x", "reason": ""}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON: Expecting"),
        ("\udcff", "is no JSON: 'utf-8' codec"),
        ("[]", "is no baseline: it has no list of findings"),
        ('{"schema": 1, "findings": {}}', "is no baseline: it has no list of findings"),
        ('{"schema": 2, "findings": []}', ": its schema is 2, and this hybrid knows 1"),
        ({"rule": "HM999"}, ": finding 2: HM999 is no rule"),
        ({"level": "bad"}, ": finding 2: bad is no level"),
        ({"file": None}, ": finding 2: file is missing, or no text"),
        ({"count": 0}, ": finding 2: 0 is no count"),
        ({"count": True}, ": finding 2: True is no count"),
        ({"reason": 3}, ": finding 2: 3 is no reason"),
    ],
)
def test_bad_files(tmp_path: Path, text: str | dict[str, Any], message: str) -> None:
    """One error, which begins with the name of the file and says what is wrong."""
    path = tmp_path / "b.json"
    if isinstance(text, dict):
        text = json.dumps({"schema": 1, "findings": [ENTRY, {**ENTRY, **text}]})
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError) as caught:
        read_baseline(path)
    assert str(caught.value).startswith(f"{path}{message if message[0] == ':' else f' {message}'}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named, and why it cannot be read."""
    with pytest.raises(ConfigError, match=r"nowhere\.json: No such file or directory"):
        read_baseline(tmp_path / "nowhere.json")
