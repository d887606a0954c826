"""The chat in real browsers: two people, the keyboard alone, a server that goes away and comes back."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo_flask.database import Database
from demo_flask.store import Store
from tests.support.chromium import Chromium, Open, Page, browsers
from tests.support.parlour import PASSWORD, Person, serve_parlour
from tests.support.process import ServerProcess
from tests.support.redis import free_port

pytestmark = pytest.mark.slow

STATE = "document.getElementById('live')?.dataset.state"
TEXTS = "[...document.querySelectorAll('#messages .text')].map((text) => text.textContent)"
WAITING = "[...document.querySelectorAll('#waiting .text')].map((text) => text.textContent)"
PEOPLE = "[...document.querySelectorAll('#people .name')].map((name) => name.textContent)"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Open]:
    """Give `browser()`, which starts a browser with a profile of its own: another person's."""
    with browsers(tmp_path) as start:
        yield start


def sign_up(browser: Chromium, url: str, name: str, width: int = 900) -> Page:
    """Come to the form that the lobby sends strangers to, sign up instead, and be in the lobby."""
    page = browser.open(f"{url}/sign-in?room=lobby", width)
    page.evaluate("document.querySelector('a[href^=\"/sign-up\"]').focus()")
    page.press("Enter")
    page.wait_for("location.pathname === '/sign-up' && document.activeElement?.id === 'name'")
    page.type(name)
    page.press("Tab")
    page.type(PASSWORD)
    page.press("Enter")
    page.wait_for(f"location.pathname === '/rooms/lobby' && {STATE} === 'live'")
    return page


def say(page: Page, text: str) -> None:
    """Type a message and send it, with the keyboard alone."""
    page.evaluate("document.getElementById('text').focus()")
    page.type(text)
    page.press("Enter")


def shows(page: Page, what: str, *texts: str) -> None:
    """Wait until the page shows exactly these, in this order."""
    page.wait_for(f"JSON.stringify({what}) === JSON.stringify({json.dumps(texts)})")


def test_two_people_talk_through_a_restart(database: Path, browser: Open, tmp_path: Path) -> None:
    """They see each other and what each says; what is written while the server is away, or said to it by
    others, is there afterwards: everything once, in one order.
    """
    with serve_parlour(database, free_port()) as server:
        ada = sign_up(browser(), server.url, "Ada")
        grace = sign_up(browser(), server.url, "Grace", width=400)
        for page in (ada, grace):
            shows(page, PEOPLE, "Ada", "Grace")
        say(ada, "<b>Hello</b> Grace")
        shows(grace, TEXTS, "<b>Hello</b> Grace")
        say(grace, "Hello Ada")
        for page in (ada, grace):
            shows(page, TEXTS, "<b>Hello</b> Grace", "Hello Ada")
            assert page.evaluate("document.querySelectorAll('#messages b').length") == 0
            assert page.complaints() == []
        assert server.terminate() == 0
        for page in (ada, grace):
            page.wait_for(f"{STATE} === 'waiting'")
        say(ada, "Are you there?")
        say(ada, "I shall wait.")
        shows(ada, WAITING, "Are you there?", "I shall wait.")
        shows(grace, TEXTS, "<b>Hello</b> Grace", "Hello Ada")
    database_of(database, "Hello Ada", "said by whom nobody heard")
    with serve_parlour(database, server.port):
        for page in (ada, grace):
            page.wait_for(f"{STATE} === 'live'")
            shows(page, PEOPLE, "Ada", "Grace")
        said = ["<b>Hello</b> Grace", "Hello Ada", "said by whom nobody heard"]
        for page in (ada, grace):
            shows(page, TEXTS, *said, "Are you there?", "I shall wait.")
        shows(ada, WAITING)
        say(grace, "I am.")
        for page in (ada, grace):
            shows(page, TEXTS, *said, "Are you there?", "I shall wait.", "I am.")
        ada.go(f"http://127.0.0.1:{server.port}/rooms/lobby")
        shows(ada, TEXTS, *said, "Are you there?", "I shall wait.", "I am.")
        grace.screenshot(tmp_path / "parlour.png")
        assert (tmp_path / "parlour.png").read_bytes().startswith(b"\x89PNG")


def database_of(path: Path, after: str, *texts: str) -> None:
    """Let Grace say something in the lobby of which no page is told."""
    database = Database(path)
    store = Store(database)
    lobby, grace = store.room("lobby"), store.account_named("Grace")
    assert lobby is not None
    assert grace is not None
    assert store.before(lobby, 2**60, 1)[0].text == after
    for text in texts:
        store.add(lobby, grace, text)
    database.close()


def test_a_page_notices_that_it_missed_something(
    parlour: ServerProcess, browser: Open, database: Path
) -> None:
    """Messages that were never announced, as if lost on the way, are fetched when the next one comes."""
    page = sign_up(browser(), parlour.url, "Ada")
    with Person(parlour.url, "Grace") as grace:
        grace.say("heard")
        shows(page, TEXTS, "heard")
        database_of(database, "heard", *(f"unheard {n}" for n in range(5)))
        grace.say("heard again")
        shows(page, TEXTS, "heard", *(f"unheard {n}" for n in range(5)), "heard again")


def test_people_in_several_windows_are_there_once(parlour: ServerProcess, browser: Open) -> None:
    """And they leave with the last of them."""
    page = sign_up(browser(), parlour.url, "Ada")
    with Person(parlour.url, "Grace") as grace:
        with grace.window():
            with grace.window():
                shows(page, PEOPLE, "Ada", "Grace")
                assert page.evaluate("document.getElementById('count').textContent") == "2"
            shows(page, PEOPLE, "Ada", "Grace")
        shows(page, PEOPLE, "Ada")


def test_what_is_not_sent_survives_a_reload(database: Path, browser: Open) -> None:
    """What waits, and what is being written, is there again; it is sent when there is a server."""
    with serve_parlour(database) as server:
        page = sign_up(browser(), server.url, "Ada")
        page.call("Network.enable")
        page.call("Network.setBlockedURLs", urls=["*/rooms/lobby/messages"])
        say(page, "waiting")
        page.evaluate("document.getElementById('text').focus()")
        page.type("half a thou")
        shows(page, WAITING, "waiting")
        page.go(f"{server.url}/rooms/lobby")
        shows(page, WAITING, "waiting")
        assert page.evaluate("document.getElementById('text').value") == "half a thou"
        page.call("Network.setBlockedURLs", urls=[])
        shows(page, TEXTS, "waiting")
        shows(page, WAITING)


def test_what_the_server_refuses_can_be_taken_back(parlour: ServerProcess, browser: Open) -> None:
    """The reason stands below it, and the text goes back to where it was written."""
    page = sign_up(browser(), parlour.url, "Ada")
    page.evaluate("document.getElementById('text').maxLength = 5000")
    say(page, "x" * 1001)
    note = "document.querySelector('#waiting .note')"
    page.wait_for(f"{note}?.textContent.startsWith('A message has at most 1000 characters, not 1001.')")
    say(page, "short")
    shows(page, TEXTS, "short")
    page.evaluate("document.querySelector('#waiting button').click()")
    shows(page, WAITING)
    assert page.evaluate("document.getElementById('text').value") == "x" * 1001


def test_a_page_of_somebody_who_is_signed_out_says_so(parlour: ServerProcess, browser: Open) -> None:
    """At once, with the way back in; what is written there is not lost."""
    chromium = browser()
    page = sign_up(chromium, parlour.url, "Ada")
    other = chromium.open(parlour.url)
    out = "document.getElementById('out').innerText"
    assert page.evaluate(f"{out} && !document.getElementById('out').hidden") is False
    other.evaluate("document.querySelector('form.me button').click()")
    page.wait_for(f"{STATE} === 'out' && !document.getElementById('out').hidden")
    assert "You are signed out." in page.evaluate(out)
    say(page, "not lost")
    page.evaluate("document.querySelector('#out a').click()")
    page.wait_for("location.pathname === '/sign-in' && document.activeElement?.id === 'name'")
    page.type("Ada")
    page.press("Tab")
    page.type(PASSWORD)
    page.press("Enter")
    page.wait_for("location.pathname === '/rooms/lobby'")
    shows(page, TEXTS, "not lost")


def test_older_messages_come_on_demand(
    parlour: ServerProcess, browser: Open, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page begins with fifty; each click brings fifty more, until there are none."""
    monkeypatch.setattr("demo_flask.store.MESSAGES", 1000)
    chromium = browser()
    with Person(parlour.url, "Grace") as grace:
        grace.say("0")
    database_of(database, "0", *map(str, range(1, 120)))
    page = sign_up(chromium, parlour.url, "Ada")
    for first in (70, 20, 0):
        shows(page, TEXTS, *map(str, range(first, 120)))
        page.evaluate("document.getElementById('older').click()")
    page.wait_for("document.getElementById('older').hidden")


def test_the_pages_are_usable_by_keyboard_and_screen_reader(parlour: ServerProcess, browser: Open) -> None:
    """Tab goes through everything in order, every field has a label, and news are announced politely."""
    page = sign_up(browser(), parlour.url, "Ada", width=1200)
    page.evaluate("document.activeElement.blur()")
    reached = []
    for _ in range(7):
        page.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.innerText.trim()"))
    assert reached == ["Parlour", "Sign out", "Lobby", "Open a room…", "scroller", "text", "Send"]
    labels = "[...document.querySelectorAll('input, textarea')].map((field) => field.labels[0].textContent)"
    assert page.evaluate(labels) == ["Message"]
    assert page.evaluate("document.getElementById('messages').ariaLive") == "polite"
    assert page.evaluate("document.getElementById('live').getAttribute('role')") == "status"
    page.go(parlour.url)
    assert page.evaluate(labels) == ["Its name"]


def test_everything_works_without_scripts(parlour: ServerProcess, browser: Open) -> None:
    """Signing in, opening a room and posting are plain forms; the page that comes back shows the message."""
    with Person(parlour.url, "Ada"):
        page = browser().open("about:blank")
        page.call("Emulation.setScriptExecutionDisabled", value=True)
        page.go(f"{parlour.url}/sign-in")
        page.wait_for("document.activeElement?.id === 'name'")
        page.type("Ada")
        page.press("Tab")
        page.type(PASSWORD)
        page.press("Enter")
        page.wait_for("location.pathname === '/' && document.readyState === 'complete'")
        page.evaluate("document.getElementById('name').focus()")
        page.type("Garden")
        page.press("Enter")
        page.wait_for("location.pathname === '/rooms/garden' && document.readyState === 'complete'")
        assert page.evaluate("document.getElementById('live').textContent.trim()") == "Reload for news"
        page.evaluate("document.getElementById('text').focus()")
        page.type("no script")
        page.press("Tab")
        page.press("Enter")
        shows(page, TEXTS, "no script")
        assert page.evaluate("location.pathname") == "/rooms/garden"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_follow_the_systems_colours(parlour: ServerProcess, browser: Open, scheme: str) -> None:
    """Light or dark; text stands out by at least 7 to 1, what is less important by 4.5 (WCAG 2.2, 1.4)."""
    page = sign_up(browser(), parlour.url, "Ada")
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    say(page, "Hello")
    shows(page, TEXTS, "Hello")
    bubble = "document.querySelector('#messages article')"
    style = "getComputedStyle({}).{}"
    colours = [
        page.evaluate(style.format(f"{bubble}.querySelector('.text')", "color")),
        page.evaluate(style.format(f"{bubble}.querySelector('time')", "color")),
        page.evaluate(style.format(bubble, "backgroundColor")),
    ]
    ink, soft, paper = (luminance(colour) for colour in colours)
    assert (ink < paper) is (scheme == "light")
    assert contrast(ink, paper) >= 7
    assert contrast(soft, paper) >= 4.5


def contrast(one: float, other: float) -> float:
    """Return the contrast of two luminances (WCAG 2.2, definitions)."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def luminance(colour: str) -> float:
    """Return the relative luminance of `rgb(r, g, b)` (WCAG 2.2, definitions)."""
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
