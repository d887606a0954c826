"""The report as a page: what is on it, and that nothing gets out of its place."""

import base64
import hashlib
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.project.facts import Facts, RouteFact
from hybrid.adapters.django.migrate.report import render
from hybrid.adapters.django.migrate.report.report import Reading, Report
from tests.support.planted import audited
from tests.support.reports import HOSTILE, Element, full_report, page_of, read_page
from tests.support.sources import finding


@pytest.fixture
def page(tmp_path: Path) -> Element:
    """Return the page of a report that has everything."""
    return page_of(full_report(tmp_path))


@pytest.mark.parametrize(
    ("section", "texts"),
    [
        ("summary", ["2 errors", "2 warnings", "1 note", "2 files, 1,200 lines", "django 5.2", "1.8 s"]),
        ("summary", ["on ASGI only221", "1 database query while importing SELECT 1 -- shop"]),
        ("findings", ["5 places, 5 causes", "shop/views.py:2 in shop.views.cart", "gevent shop"]),
        ("findings", ["Breaks on ASGI", "shop/a b.py:3", "Fix: write META shop", "+ return request.META"]),
        ("findings", ["HM104 is masked by HM302 in shop.Old", "No route reaches it.", "Routes: shop:cart"]),
        ("routes", ["/cart/shop:cart", "shop.View", "wsgisync-view", "async function", "asgishop"]),
        ("routes", ["What every route leads to, and the table does not repeat: HM104"]),
        ("chain", ["WSGI", "The asgi lane of hybrid", "M", "Old", "on a thread, then a hop to the loop"]),
        ("packages", ["shop 6.9", "HM305 \N{MULTIPLICATION SIGN}2", "It collects shop."]),
        ("comments", ["HM102 at a.py:7 in shop: of shop", "a.py:9 ignore[HM103]"]),
        (
            "unread",
            ["shop.py:4: invalid syntax", "HM305: a check of ours failed, please report it: KeyError: shop"],
        ),
    ],
)
def test_what_is_on_the_page(page: Element, section: str, texts: list[str]) -> None:
    """Each fact is in its section."""
    text = page.by_id(section).text.casefold()
    for each in texts:
        assert " ".join(each.split()).casefold() in text


def test_failures_come_first(page: Element) -> None:
    """Before anything else is told: what does not import, where, and the traceback."""
    (main,) = page.all("main")
    first = next(each for each in main.inside if isinstance(each, Element))
    assert first.said["role"] == "alert"
    for each in ("The project does not import", "urlconf: ImportError: shop", "/srv/shop.py:3", "File shop"):
        assert each in first.text


def test_source_is_shown_with_its_line_marked(page: Element) -> None:
    """The line of the finding, and those around it."""
    code = page.by_id("error-HM101").all("pre", "code")[0]
    lines = [(each.text, bool(each.all("mark"))) for each in code.all("span", "line")]
    assert lines == [
        ("1def cart(request):", False),
        ("2 return request.environ", True),
        ("3", False),
        ("4# shop", False),
    ]


def test_links_lead_somewhere(page: Element) -> None:
    """Each link on the page has its target there, ids are unique, and the others lead to documentation."""
    ids = [each.said["id"] for each in page.all() if "id" in each.said]
    assert len(ids) == len(set(ids))
    links = [each.said["href"] for each in page.all("a")]
    assert {each[1:] for each in links if each.startswith("#")} <= set(ids)
    assert all(each.startswith("https://") for each in links if not each.startswith("#"))


def test_a_route_leads_to_its_findings_and_back(page: Element) -> None:
    """The row of a route links to the rules, and a finding to the rows of its routes."""
    row = page.by_id("route-1")
    assert [each.said["href"] for each in row.all("a")] == ["#error-HM101"]
    (routes,) = page.by_id("error-HM101").all(class_="routes")
    assert [each.said["href"] for each in routes.all("a")] == ["#route-1"]


def test_nothing_gets_out_of_its_place(tmp_path: Path) -> None:
    """Names that look like markup, a template or the end of the style are text everywhere."""
    text = render(full_report(tmp_path, HOSTILE), "html")
    assert text.count("<script") == 1
    assert text.count("<style") == 1
    hostile, plain = read_page(text), page_of(full_report(tmp_path, "shop"))
    assert [each.name for each in hostile.all()] == [each.name for each in plain.all()]
    assert hostile.text.count(HOSTILE) > 30
    assert hostile.text.replace(HOSTILE, "shop") == plain.text


def test_the_policy_allows_nothing_but_the_page(page: Element) -> None:
    """No address is allowed, and of styles and scripts those two alone, by their hashes."""
    (policy,) = (each.said["content"] for each in page.all("meta") if "http-equiv" in each.said)
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for name in ("style", "script"):
        (element,) = page.all(name)
        text = "".join(each for each in element.inside if isinstance(each, str))
        hashed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{hashed}'" in policy
    for element in page.all():
        assert not {each for each in element.said if each == "style" or each.startswith("on")}
        assert "src" not in element.said


def test_a_page_without_findings(tmp_path: Path) -> None:
    """It says so, and has no sections of what there is none of."""
    page = page_of(Report((), Facts(), Reading(tmp_path, ("static",))))
    assert "Nothing that is known to break was found." in page.text
    assert "not: what only importing shows is not in here" in page.text
    assert {each.said["id"] for each in page.all("section")} == {"summary", "findings"}


def test_many_places_of_one_cause_are_folded(tmp_path: Path) -> None:
    """Five are shown, the others behind a line that says how many they are."""
    found = tuple(finding(line=line, cause="one") for line in range(1, 9))
    page = page_of(Report(found, Facts(), Reading(tmp_path)))
    (folded,) = page.by_id("error-HM101").all("details")
    assert folded.all("summary")[0].text == "3 more places with the same cause"
    assert len(folded.all("li", "finding")) == 3


def test_many_routes_of_one_finding_are_folded(tmp_path: Path) -> None:
    """Ten are shown, the others behind a line that says how many they are."""
    page = page_of(Report((finding(routes=tuple(map(str, range(12)))),), Facts(), Reading(tmp_path)))
    (routes,) = page.all(class_="routes")
    (folded,) = routes.all("details")
    assert folded.all("summary")[0].text == "and 2 more routes"
    assert [each.text for each in folded.all("code")] == ["10", "11"]


def test_the_routes_are_searched_by_what_the_rows_say(tmp_path: Path) -> None:
    """A row has its lane, and the worst level of what it leads to."""
    routes = (
        RouteFact("a/", lane="wsgi; sync-view"),
        RouteFact("b/", lane="asgi; async-view"),
        RouteFact("^c$"),
    )
    found = (finding(routes=("a/",)), finding("HM402", level=Level.WARNING, routes=("a/", "b/")))
    page = page_of(Report(found, Facts(routes=routes), Reading(tmp_path)))
    rows = [page.by_id(f"route-{number}") for number in (1, 2, 3)]
    assert [(each.said["data-lane"], each.said["data-found"]) for each in rows] == [
        ("wsgi", "error"),
        ("asgi", "warning"),
        ("", ""),
    ]
    assert [each.all("code")[0].text for each in rows] == ["/a/", "/b/", "^c$"]


def test_the_planted_project() -> None:
    """Every finding has its source beside it."""
    report = audited("shop.settings")
    page = page_of(report)
    assert len(page.all("pre", "code")) == sum(bool(each.place.line) for each in report.findings)
