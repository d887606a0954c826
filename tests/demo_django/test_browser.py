"""The desk in real browsers: two people at one ticket, a list, no scripts at all, and colours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import Chromium, Open, Page, browsers
from tests.support.demo_desk import PASSWORD, Agent
from tests.support.process import ServerProcess

pytestmark = pytest.mark.slow

LIVE = "document.getElementById('live')?.dataset.state === 'live'"
PEOPLE = "[...document.querySelectorAll('#people li')].map((one) => one.textContent).join(', ')"
STATUS = "document.querySelector('#facts .tag')?.textContent"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Open]:
    """Give `browser()`, which starts a browser with a profile of its own: another person's."""
    with browsers(tmp_path) as start:
        yield start


def sign_in(browser: Chromium, url: str, name: str, path: str, width: int = 1000) -> Page:
    """Fill in the form that strangers are sent to, with the keyboard, and be where one wanted."""
    page = browser.open(f"{url}/accounts/sign-in/?next={path}", width)
    page.wait_for("document.activeElement?.id === 'id_username'")
    page.type(name)
    page.press("Tab")
    page.type(PASSWORD)
    page.press("Enter")
    page.wait_for(f"location.pathname === '{path}' && document.readyState === 'complete'")
    return page


def fill_in(page: Page, field: str, text: str) -> None:
    """Write into a field of a form, and send it."""
    page.wait_for(f"document.getElementById('{field}') && document.readyState === 'complete'")
    page.evaluate(f"document.getElementById('{field}').value = '{text}'")
    page.evaluate(f"document.getElementById('{field}').form.requestSubmit()")


def test_two_people_at_one_ticket(desk: ServerProcess, browser: Open) -> None:
    """They see each other, who edits, what the other saves and says; what one is writing stays."""
    ada = sign_in(browser(), desk.url, "ada", "/tickets/4/")
    grace = sign_in(browser(), desk.url, "grace", "/tickets/4/", width=400)
    for page in (ada, grace):
        page.wait_for(f"{LIVE} && {PEOPLE} === 'ada, grace'")
    ada.evaluate("document.getElementById('id_text').value = 'half a thou'")
    grace.go(f"{desk.url}/tickets/4/edit/")
    ada.wait_for(f"{PEOPLE} === 'ada, grace is editing'")
    fill_in(grace, "id_status", "waiting")
    ada.wait_for(f"{STATUS} === 'Waiting' && {PEOPLE} === 'ada, grace'")
    grace.wait_for(LIVE)
    fill_in(grace, "id_text", "<b>I have waited.</b>")
    ada.wait_for("document.getElementById('comments').textContent.includes('<b>I have waited.</b>')")
    assert ada.evaluate("document.getElementById('id_text').value") == "half a thou"
    for page in (ada, grace):
        assert page.complaints() == []


def test_who_edits_is_warned(desk: ServerProcess, browser: Open) -> None:
    """That somebody else has saved meanwhile: at once, and again when saving."""
    page = sign_in(browser(), desk.url, "ada", "/tickets/6/edit/")
    page.wait_for(LIVE)
    with Agent(desk.url, "grace") as grace:
        grace.client.patch("/api/tickets/6/", auth=("grace", PASSWORD), json={"title": "By a program"})
    page.wait_for("!document.getElementById('changed').hidden")
    fill_in(page, "id_title", "By me")
    page.wait_for("document.querySelector('.errorlist')?.textContent.includes('Somebody has changed')")
    fill_in(page, "id_title", "By me")
    page.wait_for("document.querySelector('h1')?.textContent === 'By me'")


def test_a_list_is_live(desk: ServerProcess, browser: Open) -> None:
    """A ticket that somebody else writes appears, and is marked as new."""
    page = sign_in(browser(), desk.url, "ada", "/")
    page.wait_for(LIVE)
    with Agent(desk.url, "grace") as grace:
        grace.post("/tickets/new/", {"title": "Just written", "status": "open", "priority": "4"})
    page.wait_for("document.querySelector('tbody tr.fresh a')?.textContent === 'Just written'")
    assert page.complaints() == []


def test_everything_works_without_scripts(desk: ServerProcess, browser: Open) -> None:
    """Signing in and commenting are plain forms."""
    chromium = browser()
    page = chromium.open("about:blank")
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.go(f"{desk.url}/accounts/sign-in/?next=/tickets/2/")
    page.wait_for("document.activeElement?.id === 'id_username'")
    page.type("ada")
    page.press("Tab")
    page.type(PASSWORD)
    page.press("Enter")
    page.wait_for("location.pathname === '/tickets/2/' && document.readyState === 'complete'")
    assert page.evaluate("document.getElementById('live').textContent") == "Reload for news"
    page.evaluate("document.getElementById('id_text').focus()")
    page.type("no script")
    page.press("Tab")
    page.press("Enter")
    page.wait_for("document.getElementById('comments')?.textContent.includes('no script')")


@pytest.mark.parametrize("path", ["/", "/tickets/1/", "/tickets/1/edit/", "/systems/"])
def test_pages_fit_a_phone_and_have_labels(desk: ServerProcess, browser: Open, path: str) -> None:
    """Nothing is wider than the window, each field has a label, and each page one heading."""
    page = sign_in(browser(), desk.url, "ada", path, width=360)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    fields = "[...document.querySelectorAll('input:not([type=hidden]), select, textarea')]"
    assert page.evaluate(f"{fields}.every((field) => field.labels.length === 1)")
    assert page.evaluate("document.querySelectorAll('h1').length") == 1
