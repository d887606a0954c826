"""HTTP/2 as a browser sees it: a page whose fetches, event stream and WebSockets share one connection."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.http2.conftest import Logged
from tests.support.chromium import Chromium, Page
from tests.support.process import ServerProcess

pytestmark = pytest.mark.slow

#: Opens a WebSocket, sends what is given, and returns as many messages as there were to come.
TALK = """
(path, messages) => new Promise((resolve, reject) => {
    const socket = new WebSocket(`wss://${location.host}${path}`);
    const received = [];
    const done = () => { if (received.length > messages.length) { socket.close(4000, "enough"); } };
    socket.onmessage = event => { received.push(event.data); done(); };
    socket.onopen = () => messages.forEach(message => socket.send(message));
    socket.onerror = () => reject(new Error("the WebSocket failed"));
    socket.onclose = event => resolve({received, code: event.code, clean: event.wasClean});
})
"""


@pytest.fixture(scope="module")
def page(secure: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Open a page of the server, whose certificate the browser does not check."""
    with Chromium(tmp_path_factory.mktemp("profile"), "--ignore-certificate-errors") as browser:
        yield browser.open(f"https://localhost:{secure.port}/")


@pytest.fixture
def port(page: Page) -> int:
    """Tell the browser's end of its connection."""
    told: int = page.evaluate("fetch('/peer').then(answer => answer.json())")["port"]
    return told


def test_fetches(page: Page, port: int, token: str, logged: Logged) -> None:
    """Requests to applications of every kind are under way at once on one connection."""
    script = """
        const targets = number => ["/peer", "/environ?TOKEN", `/flask/hello/${number}`, "/barrier?8"];
        Promise.all([...Array(8).keys()].flatMap(targets).map(
            target => fetch(target, {cache: "no-store"}).then(answer => answer.text())
        ))
    """
    answers: list[str] = page.evaluate("{" + script.replace("TOKEN", token) + "}")
    assert {json.loads(answer)["port"] for answer in answers[::4]} == {port}
    environs: list[dict[str, Any]] = [json.loads(answer) for answer in answers[1::4]]
    assert {environ["REMOTE_PORT"][1] for environ in environs} == {str(port)}
    assert {environ["SERVER_PROTOCOL"][1] for environ in environs} == {"HTTP/2.0"}
    assert answers[2::4] == [f"Hello, {number}!" for number in range(8)]
    assert answers[3::4] == ["together"] * 8
    used = "performance.getEntriesByType('resource').map(entry => entry.nextHopProtocol)"
    assert set(page.evaluate(used)) == {"h2"}
    assert all(f'"GET /environ?{token} HTTP/2.0" 200 ' in line for line in logged(token, 8))


def test_page(page: Page) -> None:
    """The page itself has come over HTTP/2."""
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"
    assert page.complaints() == []


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_upload(page: Page, size: int) -> None:
    """Bodies arrive at ASGI and WSGI applications."""
    post = "fetch('%s', {method: 'POST', body: new Uint8Array(%d)}).then(answer => answer.%s())"
    assert page.evaluate(post % ("/upload", size, "json"))["size"] == size


def test_event_stream(page: Page, port: int) -> None:
    """Events arrive while the stream goes on, and others are answered; also when the page has left it."""
    listen = """
        new Promise((resolve, reject) => {
            window.source = new EventSource("/event-stream");
            const received = [];
            source.onmessage = event => {
                received.push(event.data);
                if (received.length === 3) { resolve(received); }
            };
            source.onerror = () => reject(new Error("the event stream failed"));
        })
    """
    assert page.evaluate(listen) == ["0", "1", "2"]
    for script in ("1", "source.close()"):
        page.evaluate(script)
        assert page.evaluate("fetch('/peer').then(answer => answer.json())")["port"] == port


def test_websocket(page: Page, port: int) -> None:
    """A WebSocket goes over the same connection, with messages of all sizes and the codes of its end."""
    told = page.evaluate(f"({TALK})('/ws', ['one', '\\u00e9', 'x'.repeat(200000)])")
    first, *rest = told["received"]
    assert json.loads(first) == {"version": "2", "port": port}
    assert rest == ["one", "\u00e9", "x" * 200_000]
    assert (told["code"], told["clean"]) == (4000, True)


@pytest.mark.parametrize("path", ["/sockets/echo", "/sockets/thread/echo"])
def test_websocket_of_flask(page: Page, path: str) -> None:
    """So do those of a Flask application, on the loop and on threads."""
    connect = """
        new Promise((resolve, reject) => {
            const socket = new WebSocket(`wss://${location.host}PATH`);
            socket.onopen = () => socket.send("hello");
            socket.onmessage = event => { socket.close(); resolve(event.data); };
            socket.onerror = () => reject(new Error("the WebSocket failed"));
        })
    """
    assert page.evaluate(connect.replace("PATH", path)) == "hello"


def test_many_of_all_kinds(page: Page, port: int) -> None:
    """Ten WebSockets and many requests share the connection."""
    script = f"""
        Promise.all([...Array(10).keys()].map(number => ({TALK})("/ws", [String(number)]))).then(
            sockets => sockets.map(socket => socket.received)
        )
    """
    received: list[list[str]] = page.evaluate(script)
    assert [each[1] for each in received] == [str(number) for number in range(10)]
    assert {json.loads(each[0])["port"] for each in received} == {port}
