"""The board in a real browser: two windows, the keyboard alone, a server that goes away and comes back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo_flask.store import Store
from tests.support.board import serve_board
from tests.support.chromium import Chromium, Page
from tests.support.process import ServerProcess

pytestmark = pytest.mark.slow

LIVE = "document.getElementById('live').dataset.state === 'on'"
TEXTS = "[...document.querySelectorAll('#messages .text')].map((text) => text.textContent)"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chromium]:
    """Start a browser with a profile of its own."""
    profile = tmp_path / "profile"
    profile.mkdir()
    with Chromium(profile) as browser:
        yield browser


def write(page: Page, name: str, text: str) -> None:
    """Fill in the form and post it, with the keyboard alone."""
    page.evaluate("document.getElementById('author').select()")
    page.type(name)
    page.press("Tab")
    page.type(text)
    page.press("Enter", control=True)


def sees(page: Page, *texts: str) -> None:
    """Wait until the page shows exactly these messages."""
    page.wait_for(f"JSON.stringify({TEXTS}) === JSON.stringify({list(texts)!r})")


def test_a_post_in_one_window_appears_in_the_other(
    board: ServerProcess, browser: Chromium, tmp_path: Path
) -> None:
    """At once and without a reload, both ways; markup is shown as text, nothing breaks the page's policy."""
    first, second = browser.open(board.url), browser.open(board.url)
    for page in (first, second):
        page.wait_for(LIVE)
    write(first, "Ada", "<b>Hello</b> from the first window")
    sees(second, "<b>Hello</b> from the first window")
    write(second, "Grace", "And back")
    for page in (first, second):
        sees(page, "And back", "<b>Hello</b> from the first window")
        names = "[...document.querySelectorAll('#messages .author')].map((name) => name.textContent)"
        assert page.evaluate(names) == ["Grace", "Ada"]
        page.wait_for("document.getElementById('text').value === ''")
        assert page.evaluate("document.querySelectorAll('#messages b').length") == 0
        assert page.complaints() == []
    second.screenshot(tmp_path / "board.png")
    assert (tmp_path / "board.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_comes_back_after_the_server_did(
    board: ServerProcess, browser: Chromium, database: Path
) -> None:
    """While the server is away the page says so; then it reconnects and shows what it has missed."""
    page = browser.open(board.url)
    page.wait_for(LIVE)
    write(page, "Ada", "before")
    sees(page, "before")
    board.terminate()
    page.wait_for(f"!({LIVE})")
    store = Store(database)
    store.add("Grace", "while it was away")
    store.close()
    with serve_board(database, board.port):
        page.wait_for(LIVE)
        sees(page, "while it was away", "before")
        write(page, "Ada", "after")
        sees(page, "after", "while it was away", "before")


def test_a_page_notices_that_it_missed_something(
    board: ServerProcess, browser: Chromium, database: Path
) -> None:
    """Messages that were never announced, as if dropped on the way, are fetched when the next one comes."""
    first, second = browser.open(board.url), browser.open(board.url)
    second.wait_for(LIVE)
    store = Store(database)
    for n in range(60):
        store.add("Grace", f"unheard {n}")
    store.close()
    write(first, "Ada", "heard")
    for page in (first, second):
        sees(page, "heard", *(f"unheard {n}" for n in reversed(range(60))))


def test_the_server_says_what_is_wrong_and_nothing_typed_is_lost(
    board: ServerProcess, browser: Chromium
) -> None:
    """A name of blanks passes the browser's own check: the server's reason is shown, and the text stays."""
    page = browser.open(board.url)
    page.wait_for(LIVE)
    write(page, "   ", "my long thoughts")
    error = "document.getElementById('error')"
    assert page.wait_for(f"{error}.textContent") == "Please write your name."
    assert page.evaluate("document.getElementById('text').value") == "my long thoughts"
    assert page.evaluate("document.activeElement.id") == "author"
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "error"
    write(page, "Ada", "")
    sees(page, "my long thoughts")
    page.wait_for(f"{error}.textContent === ''")


def test_the_page_is_usable_by_keyboard_and_screen_reader(board: ServerProcess, browser: Chromium) -> None:
    """Tab goes through everything in order, every field has a label, and news are announced politely."""
    page = browser.open(board.url)
    reached = []
    for _ in range(4):
        page.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert reached == ["A", "author", "text", "BUTTON"]
    labels = "[...document.querySelectorAll('input, textarea')].map((field) => field.labels[0].textContent)"
    assert page.evaluate(labels) == ["Your name", "Message"]
    assert page.evaluate("document.getElementById('messages').ariaLive") == "polite"
    assert page.evaluate("document.getElementById('live').getAttribute('role')") == "status"


def test_the_page_works_without_its_script(board: ServerProcess, browser: Chromium) -> None:
    """With scripts off the form posts, and the page that comes back shows the message."""
    page = browser.open("about:blank")
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.go(board.url)
    assert page.evaluate("document.getElementById('live').textContent") == "Reload for news"
    page.evaluate("document.getElementById('author').focus()")
    page.type("Ada")
    page.press("Tab")
    page.type("no script")
    page.press("Tab")
    page.press("Enter")
    sees(page, "no script")
    assert page.evaluate("location.pathname") == "/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_systems_colours(board: ServerProcess, browser: Chromium, scheme: str) -> None:
    """Light or dark, and its text stands out by at least 7 to 1 (WCAG 2.2, 1.4.6)."""
    page = browser.open(board.url)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    colours = page.evaluate(
        "[getComputedStyle(document.body).color,"
        " getComputedStyle(document.getElementById('composer')).backgroundColor]"
    )
    ink, paper = (luminance(colour) for colour in colours)
    assert (ink < paper) is (scheme == "light")
    assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 7


def luminance(colour: str) -> float:
    """Return the relative luminance of `rgb(r, g, b)` (WCAG 2.2, definitions)."""
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
