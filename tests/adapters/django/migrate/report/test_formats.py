"""All formats say the same of one project."""

import json
from collections.abc import Callable
from contextlib import chdir

import pytest

from hybrid.adapters.django.migrate.findings import Confidence, Level
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report import render
from hybrid.adapters.django.migrate.report.report import Reading, Report, rules_by_route
from tests.support import planted_flask
from tests.support.planted import PROJECT, audited
from tests.support.process import ROOT
from tests.support.reports import (
    Spot,
    demo_report,
    page_of,
    routes_in_text,
    routes_with_findings,
    sarif_of,
    spots,
    spots_in_json,
    spots_in_page,
    spots_in_sarif,
    spots_in_text,
)
from tests.support.sources import finding

READ: dict[str, Callable[[Report], set[Spot]]] = {
    "text": lambda report: spots_in_text(render(report, "text")),
    "json": lambda report: spots_in_json(json.loads(render(report, "json"))),
    "sarif": lambda report: spots_in_sarif(sarif_of(report), report.reading.root),
    "html": lambda report: spots_in_page(page_of(report)),
}


def planted() -> Report:
    """Audit the planted project."""
    return audited("shop.settings")


def demo() -> Report:
    """Audit the demonstration."""
    with chdir(ROOT):
        return demo_report()


def flask() -> Report:
    """Audit the planted Flask application."""
    return planted_flask.audited("static", "import")


def crowded() -> Report:
    """Make one cause of many places, of which some have another level."""
    places = [
        finding("HM107", f"{name}.py", line, cause="all", level=Level.ERROR if line % 5 else Level.NOTE)
        for name in ("a", "b")
        for line in range(1, 15)
    ]
    return Report(tuple(places), Facts(), Reading(PROJECT))


PROJECTS = {"planted": planted, "demo": demo, "flask": flask, "crowded": crowded}


@pytest.mark.parametrize("name", PROJECTS)
@pytest.mark.parametrize("form", READ)
def test_findings_are_the_same(name: str, form: str) -> None:
    """The rule, file, line and level of each finding, and none besides, can be read from each format."""
    report = PROJECTS[name]()
    assert READ[form](report) == spots(report.findings)


def test_something_is_compared() -> None:
    """The planted project has findings of all levels."""
    assert {level for *_, level in spots(planted().findings)} == {each.value for each in Level}
    assert {each.confidence for each in planted().findings} == set(Confidence)


@pytest.mark.parametrize("name", PROJECTS)
def test_routes_with_findings_are_the_same(name: str) -> None:
    """The routes that findings can be reached by are named in each format."""
    report = PROJECTS[name]()
    expected = routes_with_findings(report)
    json_said = json.loads(render(report, "json"))
    assert {route for each in json_said["findings"] for route in each["routes"]} == expected
    (run,) = sarif_of(report)["runs"]
    assert {route for each in run["results"] for route in each["properties"]["routes"]} == expected
    if expected:
        assert routes_in_text(render(report, "text")) == expected
    lists = page_of(report).all(class_="routes")
    shown = {code.text for each in lists for code in each.all("code")}
    every = {"*"} if any("every route" in each.text for each in lists) else set()
    assert {"" if each == "/" else each for each in shown} | every == expected


@pytest.mark.parametrize("name", ["planted", "demo"])
def test_all_routes_are_the_same(name: str) -> None:
    """JSON, SARIF and the page have each route with its view and lane; text says how many there are."""
    report = PROJECTS[name]()
    expected = [(each.pattern, each.name, each.view, each.lane) for each in report.facts.routes]
    for routes in (
        json.loads(render(report, "json"))["routes"],
        sarif_of(report)["runs"][0]["properties"]["routes"],
    ):
        assert [
            tuple(each[key] for key in ("pattern", "name", "view", "lane")) for each in routes
        ] == expected
    assert f"; {len(expected)} routes;" in render(report, "text").splitlines()[1]
    (body,) = page_of(report).by_id("route-table").all("tbody")
    rows = [[cell.text for cell in (*row.all("th"), *row.all("td"))] for row in body.all("tr")]
    assert len(rows) == len(expected)
    for row, (pattern, route, view, lane) in zip(rows, expected, strict=True):
        assert row[0].removeprefix("/") == f"{pattern}{route}".removeprefix("/")
        assert row[1].startswith(view)
        assert row[3] == lane.replace("; ", "")


def test_rules_by_route() -> None:
    """Each route once, with its rules; what leads everywhere comes last."""
    found = [
        finding("HM104", routes=("*",)),
        finding("HM107", routes=("b", "a")),
        finding("HM101", routes=("b",)),
        finding("HM402"),
    ]
    assert [*rules_by_route(found).items()] == [
        ("a", ("HM107",)),
        ("b", ("HM101", "HM107")),
        ("*", ("HM104",)),
    ]


def test_routes_in_text() -> None:
    """Those with the same rules are together, the root is a slash, and all is said in words."""
    routes: list[tuple[str, ...]] = [("",), ("a",), ("*",)]
    report = Report(
        tuple(finding("HM101" if each != ("*",) else "HM104", routes=each) for each in routes),
        Facts(),
        Reading(PROJECT),
    )
    lines = render(report, "text").splitlines()
    begin = lines.index("Routes with findings, by their rules")
    assert lines[begin + 1 : begin + 3] == ["  HM101: /, a", "  HM104: every route"]


def test_more_places_in_text() -> None:
    """What is not told of one by one is named all the same, with its level where that is another."""
    text = render(crowded(), "text")
    assert "  … and 18 more places with the same cause: a.py:11, a.py:12, a.py:13, a.py:14, b.py:1," in text
    assert "b.py:5 (note)" in text


@pytest.mark.parametrize("form", READ)
def test_names_in_other_encodings(form: str) -> None:
    """A name that UTF-8 cannot say is escaped, so that every report can be written."""
    report = Report((finding(file="caf\udce9.py"),), Facts(), Reading(PROJECT))
    text = render(report, form)
    assert text.encode().decode() == text
    assert ("caf%E9.py" if form == "sarif" else r"caf\udce9.py") in text
