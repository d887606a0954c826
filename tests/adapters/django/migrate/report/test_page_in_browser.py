"""The page of the planted project in a real browser: no network, search, keyboard, phone, dark, print."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.report import render
from hybrid.adapters.django.migrate.report.report import Report
from tests.support import planted_flask
from tests.support.chromium import Chromium, Page, browsers
from tests.support.planted import audited
from tests.support.reports import HOSTILE, full_report

pytestmark = pytest.mark.slow

FILTER = "document.getElementById('filter-{}')"
ROWS = "[...document.querySelectorAll('#route-table tbody tr')]"
SHOWN = f"{ROWS}.filter((row) => row.offsetHeight > 0).map((row) => row.id)"
FOCUS = "document.activeElement"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Start one browser for all tests here, each of which has a window of its own."""
    with browsers(tmp_path_factory.mktemp("browser")) as start:
        yield start()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write the page of the planted project."""
    return write(audited("shop.settings"), tmp_path)


def write(report: Report, folder: Path) -> Path:
    """Write the page of a report."""
    path = folder / "audit.html"
    path.write_text(render(report, "html"), encoding="utf-8")
    return path


def open_page(browser: Chromium, file: Path, width: int = 1200, scheme: str = "light") -> Page:
    """Open a page in a new window, and note what it asks for."""
    page = browser.open("about:blank", width)
    page.call("Network.enable")
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    return page.go(file.as_uri())


def choose(page: Page, name: str, value: str) -> list[str]:
    """Fill in one field of the filter, and return the ids of the rows that are shown then."""
    page.evaluate(f"{FILTER.format(name)}.value = {value!r}")
    page.evaluate(f"{FILTER.format(name)}.dispatchEvent(new Event('input', {{bubbles: true}}))")
    shown: list[str] = page.evaluate(SHOWN)
    return shown


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 800, 1280])
def test_it_fits_and_asks_for_nothing(browser: Chromium, file: Path, width: int, scheme: str) -> None:
    """Nothing is wider than the window, the console is silent, and nothing but the file is asked for."""
    page = open_page(browser, file, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.complaints() == []
    assert page.requests() == [file.as_uri()]


def test_hostile_names_run_nothing(browser: Chromium, tmp_path: Path) -> None:
    """They are shown, and that is all, on a phone too."""
    page = open_page(browser, write(full_report(tmp_path, HOSTILE), tmp_path), 360)
    page.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    assert page.evaluate("document.scripts.length") == 1
    assert HOSTILE in page.evaluate("document.getElementById('error-HM101').textContent")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.complaints() == []


def test_a_script_that_is_put_there_does_not_run(browser: Chromium, tmp_path: Path, file: Path) -> None:
    """Even if something got out of its place, the policy of the page refuses it."""
    text = file.read_text().replace("</main>", "<script>window.ran = true</script><img src='x.png'></main>")
    file.write_text(text)
    page = open_page(browser, file)
    assert page.evaluate("window.ran ?? false") is False
    assert len([each for each in page.complaints() if "Content Security Policy" in each]) == 2


def test_the_search_filters_rows(browser: Chromium, file: Path) -> None:
    """By all words, in any part of a row; lane and findings narrow it down; the count says how many."""
    routes = audited("shop.settings").facts.routes
    page = open_page(browser, file)
    assert len(page.evaluate(SHOWN)) == len(routes)
    found = choose(page, "text", "DATABASE  transactions")
    assert found == [
        f"route-{n}" for n, each in enumerate(routes, 1) if "database/transactions" in each.pattern
    ]
    assert page.evaluate(f"{FILTER.format('count')}.textContent") == f"1 of {len(routes)}"
    assert choose(page, "text", "no such route") == []
    choose(page, "text", "")
    on_asgi = choose(page, "lane", "asgi")
    assert on_asgi == [f"route-{n}" for n, each in enumerate(routes, 1) if each.lane.startswith("asgi")]
    with_errors = choose(page, "found", "error")
    assert 0 < len(with_errors) < len(on_asgi)
    assert page.evaluate(
        f"{ROWS}.filter((row) => row.offsetHeight).every((row) => row.querySelector('.rule.error'))"
    )
    assert not set(choose(page, "found", "none")) & set(with_errors)
    assert page.complaints() == []


def test_a_link_to_a_row_that_is_filtered_out(browser: Chromium, file: Path) -> None:
    """Shows it, and all others again."""
    page = open_page(browser, file)
    choose(page, "text", "no such route")
    page.evaluate("document.querySelector('div.routes a').click()")
    page.wait_for(f"{SHOWN}.length > 1")
    target = page.evaluate("document.querySelector('div.routes a').hash.slice(1)")
    assert target in page.evaluate(SHOWN)
    assert page.evaluate(f"{FILTER.format('text')}.value") == ""


def test_the_keyboard(browser: Chromium, file: Path) -> None:
    """The first thing to reach skips the navigation; what has the focus is seen; typing searches."""
    page = open_page(browser, file)
    page.press("Tab")
    assert page.evaluate(f"{FOCUS}.textContent") == "Skip to the findings"
    assert page.evaluate(f"{FOCUS}.getBoundingClientRect().left >= 0")
    page.press("Enter")
    page.wait_for(f"{FOCUS}.id === 'main'")
    page.press("Tab")
    assert page.evaluate(f"{FOCUS}.closest('.contents') !== null")
    assert page.evaluate(f"getComputedStyle({FOCUS}).outlineStyle") == "solid"
    page.evaluate(f"{FILTER.format('text')}.focus()")
    page.type("database/lazy")
    assert len(page.evaluate(SHOWN)) == 1
    page.press("Enter")
    assert len(page.evaluate(SHOWN)) == 1
    assert page.complaints() == []  # a form that was sent would be refused by the policy, and told of
    page.press("Tab")
    assert page.evaluate(f"{FOCUS}.id") == "filter-lane"


def test_without_scripts(browser: Chromium, file: Path) -> None:
    """Everything is there; the filter, which would do nothing, is not."""
    page = browser.open("about:blank")
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.go(file.as_uri())
    assert page.evaluate("document.getElementById('filter').offsetHeight") == 0
    assert page.evaluate(SHOWN) == page.evaluate(f"{ROWS}.map((row) => row.id)")
    closed = "[...document.querySelectorAll('details:not([open])')]"
    assert page.evaluate(f"{closed}.every((each) => each.querySelector('summary'))")


def test_printing_opens_what_is_folded(browser: Chromium, file: Path) -> None:
    """And folds it again; the navigation stays away from paper."""
    page = open_page(browser, file)
    closed = "document.querySelectorAll('details:not([open])').length"
    before = page.evaluate(closed)
    page.evaluate(f"addEventListener('beforeprint', () => {{ window.left = {closed}; }})")
    page.call("Page.printToPDF")
    page.wait_for("window.left === 0")
    page.wait_for(f"{closed} === {before} && {before} > 0")
    page.call("Emulation.setEmulatedMedia", media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"


def test_the_schemes_differ(browser: Chromium, file: Path) -> None:
    """Dark is dark."""
    paper = "getComputedStyle(document.body).backgroundColor"
    dark = open_page(browser, file, scheme="dark").evaluate(paper)
    light = open_page(browser, file).evaluate(paper)
    assert (dark, light) == ("rgb(21, 24, 27)", "rgb(251, 251, 250)")


def test_headings_fields_and_drawings_have_names(browser: Chromium, file: Path) -> None:
    """One first heading, no level left out, a label for each field, a title for each drawing."""
    page = open_page(browser, file)
    levels = page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map((each) => +each.tagName[1])")
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    fields = "[...document.querySelectorAll('input, select')]"
    assert page.evaluate(f"{fields}.every((field) => field.labels.length === 1)")
    drawings = "[...document.querySelectorAll('svg[role=img]')]"
    assert page.evaluate(f"{drawings}.length") == 3
    assert page.evaluate(f"{drawings}.every((each) => each.querySelector('title').textContent.length > 9)")


def test_the_search_on_a_phone(browser: Chromium, file: Path) -> None:
    """Rows are blocks there, and those that do not fit are away all the same."""
    page = open_page(browser, file, 360)
    assert len(choose(page, "text", "database/lazy")) == 1


def test_the_page_of_a_flask_application(browser: Chromium, tmp_path: Path) -> None:
    """It has one lane, so that there is nothing to choose; routes are searched all the same."""
    report = planted_flask.audited("static", "import")
    page = open_page(browser, write(report, tmp_path))
    assert page.evaluate(FILTER.format("lane")) is None
    assert len(page.evaluate(SHOWN)) == len(report.facts.routes)
    assert len(choose(page, "text", "threads.with_loop")) == 1
    heading = "document.querySelector('.rows + h3')"
    above = f"{heading}.previousElementSibling.getBoundingClientRect().bottom"
    assert page.evaluate(f"{heading}.getBoundingClientRect().top - {above} >= 16")
    assert page.complaints() == []
