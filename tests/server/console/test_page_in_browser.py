"""The operations page in a real browser: what it shows of a server at work, and how it can be used."""

import json
from collections.abc import Iterator

import pytest

pytest.importorskip("prometheus_client")

from tests.support.chromium import Chromium, Page, browsers
from tests.support.console import TOKEN, console_of
from tests.support.console_pictures import busy_server, coloured, traffic
from tests.support.process import ServerProcess
from tests.support.waiting import get

pytestmark = pytest.mark.slow

TEXT = "document.getElementById('{}')?.textContent"
CELLS = "[...document.querySelectorAll('#routes tbody tr')].map((row) => row.cells[0].innerText)"
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Start one browser for all tests here."""
    with browsers(tmp_path_factory.mktemp("browser")) as start:
        yield start()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    """Start one server, with some traffic."""
    with busy_server() as server, traffic(server, clients=2, sockets=3):
        yield server


def shows(page: Page, place: str, text: str) -> None:
    """Wait until a text is in an element."""
    page.wait_for(f"{TEXT.format(place)}?.includes({json.dumps(text)})")


def test_what_it_shows(browser: Chromium, server: ServerProcess) -> None:
    """The state, the drawing with its text, routes, WebSockets, the process, and what held the loop; it asks
    nobody else for anything, and the browser complains of nothing.
    """
    page = browser.open("about:blank", 1200, 900)
    page.call("Network.enable")
    page.go(console_of(server))
    shows(page, "state", "ready")
    shows(page, "routes", "/api/stock/<int:item>")
    shows(page, "sockets", "/api/rooms/<slug:name>")
    shows(page, "processes", str(server.pid))
    shows(page, "more", "pool wsgi")
    shows(page, "drawing", "busy:shop")
    page.wait_for("document.querySelectorAll('#drawing .thread').length === 8")
    page.wait_for("document.querySelector('#drawing svg').ariaLabel.includes('of 8 threads busy')")
    get(server, "/api/export/all")
    shows(page, "held", "in render_all_pages")
    page.wait_for("document.querySelector('.chart canvas').ariaLabel.startsWith('Requests a second: all ')")
    assert {each.partition("/")[2].split("/")[1] for each in page.requests()} == {
        console_of(server).removeprefix("http://")
    }
    assert page.complaints() == []


def test_keyboard(browser: Chromium, server: ServerProcess) -> None:
    """Everything can be reached with Tab and used with Enter: the skip link, both buttons, the order of the
    table, the charts.
    """
    page = browser.open(console_of(server), 1200, 900)
    shows(page, "routes", "/api/search")
    reached = []
    for _ in range(16):
        page.press("Tab")
        reached.append(page.evaluate("document.activeElement.innerText || document.activeElement.tagName"))
        if reached[-1] == "Pause":
            page.press("Enter")
            assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
            page.press("Enter")
        if reached[-1] == "p50":
            page.press("Enter")
    assert reached[:3] == ["Skip to the routes", "Pause", "Dark"]
    assert reached.count("CANVAS") == 3
    assert page.evaluate("document.querySelector('th[aria-sort]').innerText") == "p50"


@pytest.mark.parametrize("width", [1360, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sizes_and_colours(browser: Chromium, server: ServerProcess, width: int, scheme: str) -> None:
    """A laptop and a phone show it without scrolling sideways, light and dark as the system has it, or as
    the button says from then on.
    """
    page = browser.open("about:blank", width, 900)
    coloured(page, scheme)
    page.go(console_of(server))
    shows(page, "drawing", "event loop")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    is_dark = "getComputedStyle(document.body).backgroundColor === 'rgb(14, 18, 23)'"
    assert page.evaluate(is_dark) == (scheme == "dark")
    page.evaluate("document.getElementById('theme').click()")
    assert page.evaluate(is_dark) == (scheme == "light")
    page.go(f"{console_of(server)}/?")
    page.wait_for(f"({is_dark}) === {'true' if scheme == 'light' else 'false'}")
    page.evaluate("localStorage.clear()")


def test_the_loop_is_held(browser: Chromium, server: ServerProcess) -> None:
    """The page says that no reading comes, and that this is the loop: it cannot send while it is held."""
    page = browser.open(console_of(server), 800, 700)
    shows(page, "state", "ready")
    page.evaluate("performance.now = ((now) => () => (now += 9000))(performance.now())")  # with each look
    page.wait_for(
        "((said) => !said.hidden && said.textContent.includes('the event loop that sends them is held'))"
        "(document.getElementById('silence'))"
    )


def test_what_is_too_short_to_be_counted(browser: Chromium, server: ServerProcess) -> None:
    """A wait in the first bucket of a histogram is no number of microseconds: nobody has looked closely."""
    page = browser.open(console_of(server), 800, 700)
    written = "import('/figures.js').then(({ timeText }) => [9.58e-7, 0, 0.0012].map(timeText))"
    assert page.evaluate(written) == ["< 1 ms", "0.0 µs", "1.2 ms"]


def test_what_clients_have_chosen(browser: Chromium, server: ServerProcess) -> None:
    """A name in a reading is text, whatever is in it."""
    page = browser.open(console_of(server), 800, 700)
    shows(page, "routes", "/api/search")
    page.evaluate(
        f"""(async () => {{
            const reading = await (await fetch('/status')).json();
            const [key, route] = Object.entries(reading.routes)[0];
            for (const name of ['route', 'application']) route[name] = {json.dumps(HOSTILE)};
            const {{ between }} = await import('/figures.js');
            const {{ drawGateway }} = await import('/drawing.js');
            const {{ fillRoutes }} = await import('/tables.js');
            document.getElementById('pause').click();
            const empty = {{ ...reading, taken: reading.taken - 1, routes: {{}} }};
            const figures = between(reading, empty);
            drawGateway(document.getElementById('drawing'), reading, figures);
            fillRoutes(figures, () => null);
        }})()"""
    )
    assert HOSTILE in page.evaluate(CELLS)
    assert page.evaluate("document.querySelectorAll('img').length") == 0
    assert page.complaints() == []


def test_token(browser: Chromium) -> None:
    """A form asks for it, and nobody speaks of a lost connection meanwhile; behind the # of the address it is
    taken, and is not in the address any more.
    """
    with busy_server(ops="0.0.0.0:0", ops_token=TOKEN) as server:
        page = browser.open("about:blank", 800, 700)
        page.go(console_of(server))
        page.wait_for("!document.getElementById('sign-in').hidden")
        page.wait_for("performance.now() > 4000")  # longer than a page waits for readings
        assert page.evaluate(TEXT.format("state")) == "signed out"
        assert page.evaluate("document.getElementById('silence').hidden")
        page.type("a wrong token")
        page.press("Enter")
        shows(page, "refused", "That is not the token.")
        page.evaluate("document.getElementById('token').focus()")
        page.type(TOKEN)
        page.press("Enter")
        shows(page, "state", "ready")
        page.call("Network.clearBrowserCookies")
        page.go("about:blank")
        page.call("Page.navigate", url=f"{console_of(server)}/#token={TOKEN}")
        shows(page, "state", "ready")
        assert page.evaluate("location.href") == f"{console_of(server)}/"
