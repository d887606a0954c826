"""A report: findings by cause, in text and in JSON."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import hybrid.adapters.django.migrate.report as reports
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Place
from hybrid.adapters.django.migrate.project.facts import Facts, Failure, MiddlewareFact, RouteFact, Where
from hybrid.adapters.django.migrate.report import FORMATS, render
from hybrid.adapters.django.migrate.report.report import (
    Broken,
    Ignored,
    Package,
    Reading,
    Report,
    UnusedIgnore,
    causes_of,
)
from hybrid.adapters.django.migrate.report.words import counted, on_lanes, routes_in_short
from hybrid.adapters.django.migrate.source.sources import Unread
from tests.support.planted import audited
from tests.support.sources import finding

SCHEMA: dict[str, Any] = json.loads(Path(reports.__file__).with_name("schema.json").read_text())
FULL = Report(
    findings=(
        finding(routes=("shop:cart", "a/", "b/", "c/", "d/"), reachable=True),
        finding("HM104", line=2, symbol="a.M", masked_by="HM302 in b.Old, which makes the chain synchronous"),
        finding("HM402", line=3, level=Level.WARNING, confidence=Confidence.POSSIBLE, reachable=False),
        finding("HM112", place=Place(symbol="gevent"), level=Level.NOTE),
    ),
    facts=Facts(
        settings_module="shop.settings",
        versions={"django": "5.2", "python": "3.11.7"},
        middleware=(MiddlewareFact("shop.M"),),
        routes=(RouteFact("cart/", "shop:cart", "shop.views.cart"),),
        queries=("SELECT 1 -- /srv/shop/apps.py:7",),
        failures=(Failure("urlconf", "ImportError: no pay", Where("/srv/shop/urls.py", 3), "Traceback …"),),
    ),
    reading=Reading(
        Path("/srv"),
        files=2,
        lines=1200,
        unread=(Unread("broken.py", "invalid syntax", 4),),
        ignored=(Ignored(finding("HM102", line=7), "of tests"),),
        unused_ignores=(UnusedIgnore("a.py", 9, ("HM103",)),),
    ),
    packages=(Package("whitenoise", "6.9", ("whitenoise",), (), {"HM305": 2}, "It collects."),),
    broken=(Broken("HM305", "KeyError: 3 in a.py"),),
    seconds={"import": 1.25, "read": 0.5},
)


@pytest.mark.parametrize(
    "line",
    [
        "shop.settings, django 5.2, python 3.11.7",
        "2 files, 1,200 lines; 1 route; 1 middleware; 1 database query while importing; 1.8 s",
        "The project does not import: urlconf: ImportError: no pay (/srv/shop/urls.py:3)",
        "error HM101: request.environ is used (breaks on ASGI, fine on WSGI)",
        "  a.py:1 in a.f",
        "    routes: shop:cart, a/, b/ and 2 more routes",
        "    HM104 is masked by HM302 in b.Old, which makes the chain synchronous",
        "  a.py:3 in a.f (possible)",
        "    no route reaches it",
        "  gevent",
        "  fix: change it",
        "  whitenoise 6.9: 2 of HM305",
        "    It collects.",
        "  a.py:7 HM102 of tests",
        "  a.py:9 ignore[HM103]",
        "  broken.py:4: invalid syntax",
        "  HM305: a check of ours failed, please report it: KeyError: 3 in a.py",
        "2 errors, 1 warning, 1 note; 4 causes",
    ],
)
def test_the_text_says_everything(line: str) -> None:
    """One line for each fact, without colours."""
    assert line in render(FULL, "text").splitlines()


def test_colours_are_for_terminals() -> None:
    """Only what was asked to be coloured is."""
    assert "\x1b[" in render(FULL, "text", coloured=True)
    assert "\x1b[" not in render(FULL, "text")


def test_nothing_found() -> None:
    """A report without findings says that in a sentence."""
    text = render(Report((), Facts(), Reading(Path("/srv"), ("static",))), "text")
    assert text.splitlines()[0] == "/srv, not imported"
    assert text.splitlines()[-1] == "0 errors, 0 warnings, 0 notes: nothing that is known to break was found"


@pytest.mark.parametrize("report", [FULL, Report((), Facts(), Reading(Path("/srv")))], ids=["full", "empty"])
def test_json_is_as_the_schema_says(report: Report) -> None:
    """The published schema takes what is written."""
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(render(report, "json")))


def test_json_of_the_planted_project() -> None:
    """Facts that importing has found are as the schema says too."""
    said = json.loads(render(audited("shop.settings"), "json"))
    jsonschema.Draft202012Validator(SCHEMA).validate(said)
    assert said["project"]["settings_module"] == "shop.settings"
    assert {each["rule"] for each in said["findings"]} == set(said["rules"])
    assert len(said["routes"]) == len(audited("shop.settings").facts.routes)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("level", "fatal"),
        ("line", -1),
        ("lanes", []),
        ("rule", "HM1"),
        ("reachable", "yes"),
        ("evidence", ""),
    ],
)
def test_the_schema_refuses(name: str, value: object) -> None:
    """It is not a schema that takes anything."""
    said = json.loads(render(FULL, "json"))
    said["findings"][0][name] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(said)


@pytest.mark.parametrize("name", FORMATS)
def test_all_formats_hold_every_finding(name: str) -> None:
    """Whatever the format, each finding's place and evidence is in it."""
    text = render(FULL, name)
    for each in FULL.findings:
        assert each.evidence in text
        assert each.rule in text


def test_causes() -> None:
    """The worst first, then by rule and place; what has one cause is together, in the order of places."""
    late, early = finding(line=9), finding(line=2)
    warning = finding("HM402", level=Level.WARNING)
    shared = [finding("HM105", symbol=name, cause="HM105 stamped") for name in ("a.f", "a.g")]
    causes = causes_of([warning, late, *shared, early])
    assert [each.findings for each in causes] == [(early, late), tuple(shared), (warning,)]
    assert [each.level for each in causes] == [Level.ERROR, Level.ERROR, Level.WARNING]


def test_levels_of_a_report() -> None:
    """It reaches a level with what is worse, too."""
    warned = Report((finding(level=Level.WARNING),), Facts(), Reading(Path()))
    assert [warned.reaches(each) for each in Level] == [False, True, True]
    assert [warned.count(each) for each in Level] == [0, 1, 0]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (finding("HM101"), "breaks on ASGI, fine on WSGI"),
        (finding("HM107", lanes=("wsgi", "asgi")), "breaks on WSGI and ASGI"),
        (finding("HM201"), "insecure on ASGI, fine on WSGI"),
        (finding("HM306", level=Level.WARNING, lanes=("wsgi",)), "costs more on WSGI, fine on ASGI"),
        (finding("HM401", level=Level.WARNING), "differs on ASGI, fine on WSGI"),
        (finding("HM101", level=Level.WARNING), "a risk on ASGI, fine on WSGI"),
    ],
)
def test_the_lane_is_named(made: Finding, words: str) -> None:
    """Where it bites, and where it does not."""
    assert on_lanes(made) == words


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        (("*",), "every route"),
        (("a",), "a"),
        (("", "b"), "/, b"),
        (("a", "b", "c", "d"), "a, b, c and 1 more route"),
    ],
)
def test_routes_in_short(routes: tuple[str, ...], words: str) -> None:
    """Some by name, the rest as a number; the root's empty pattern is a slash."""
    assert routes_in_short(routes) == words


@pytest.mark.parametrize(
    ("number", "what", "words"),
    [
        (1, "error", "1 error"),
        (0, "error", "0 errors"),
        (1200, "query", "1,200 queries"),
        (8, "middleware", "8 middleware"),
    ],
)
def test_counted(number: int, what: str, words: str) -> None:
    """A number with its word, in the plural that it has."""
    assert counted(number, what) == words
