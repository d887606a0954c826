"""Responses that nobody has asked for: server push (RFC 9113 section 8.4)."""

import ast
import asyncio
import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from h2.settings import SettingCodes
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from hybrid.bridge.errors import ProtocolError
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.wire.errors import ResponseError
from tests.support.http2_clients import http2
from tests.support.http2_frames import Kind
from tests.support.http2_raw import raw_http2
from tests.support.http2_servers import part, serving, start
from tests.support.process import ROOT
from tests.support.sockets import DEADLINE
from tests.support.waiting import until

TAKES = {SettingCodes.ENABLE_PUSH: 1}
PUSH = "http.response.push"


def push(path: str = "/style.css", *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Make the message."""
    return {"type": PUSH, "path": path, "headers": headers}


class Site:
    """A page that pushes what its test says, and tells what comes of it; everything else says what it is."""

    def __init__(self, *messages: dict[str, Any], before: bool = False) -> None:
        self.messages = messages
        self.before = before
        self.outcomes: list[str] = []
        self.meanwhile: Callable[[], Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["path"] != "/":
            told = [scope["path"], scope["query_string"].decode(), PUSH in scope["extensions"]]
            told += [(await receive())["more_body"], *(value.decode() for _, value in scope["headers"])]
            await start(send)
            await part(send, json.dumps(told).encode())
            return
        if self.before:
            await self._push(send)
        await start(send)
        if self.meanwhile is not None:
            await part(send, b"wait, ", more=True)
            await self.meanwhile()
        if not self.before:
            await self._push(send)
        await part(send, b"page " + str(PUSH in scope["extensions"]).encode())

    async def _push(self, send: Send) -> None:
        for message in self.messages:
            try:
                await send(message)
                self.outcomes.append("sent")
            except (ProtocolError, ResponseError) as error:
                self.outcomes.append(f"{type(error).__name__}: {error}")


@pytest.mark.parametrize("before", [False, True], ids=["after-the-start", "before-it"])
def test_push(before: bool) -> None:
    """The request is promised before the page that refers to it, with its fields and of the same authority;
    the application is called for it as if the client had made it, and cannot push from there.
    """
    site = Site(push("/s\u00fc\u00df %/a?v=1", (b"accept", b"text/css")), push("/b"), before=before)
    with serving(site) as at, http2(at, settings=TAKES) as client:
        stream = client.start("/", authority="example.org")
        assert stream.response().body == b"page True"
        (first, one), (second, other) = client.pushed
        assert first == [
            (b":method", b"GET"),
            (b":scheme", b"http"),
            (b":authority", b"example.org"),
            (b":path", b"/s%C3%BC%C3%9F%20%25/a?v=1"),
            (b"accept", b"text/css"),
        ]
        assert dict(second)[b":path"] == b"/b"
        told = json.loads(one.response().body)
        assert told == ["/s\u00fc\u00df %/a", "v=1", False, False, "example.org", "text/css"]
        assert json.loads(other.response().body)[0] == "/b"
    assert site.outcomes == ["sent", "sent"]


@pytest.mark.parametrize("streams", [None, 0], ids=["not-wanted", "none-at-a-time"])
def test_client_that_takes_none(streams: int | None) -> None:
    """It is not offered to who has ruled it out, and then it is a message like any that does not exist; who
    takes none at a time gets none.
    """
    site = Site(push())
    wants = None if streams is None else {**TAKES, SettingCodes.MAX_CONCURRENT_STREAMS: streams}
    with serving(site) as at, http2(at, settings=wants) as client:
        client.settle()
        body = client.ask("/").body
        client.ping()
        assert client.pushed == []
    if streams is None:
        assert body == b"page False"
        assert site.outcomes == [
            "ProtocolError: 'http.response.push' was sent, but http.response.body is due"
        ]
    else:
        assert (body, site.outcomes) == (b"page True", ["sent"])


def test_client_that_changes_its_mind() -> None:
    """What was offered is ignored when the client has withdrawn it meanwhile."""
    site = Site(push())
    go = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def meanwhile() -> None:
        loops.append(asyncio.get_running_loop())
        await go.wait()

    site.meanwhile = meanwhile
    with serving(site) as at, http2(at, settings=TAKES) as client:
        stream = client.start("/")
        assert stream.read() == b"wait, "
        client.update_settings({SettingCodes.ENABLE_PUSH: 0})
        loops[0].call_soon_threadsafe(go.set)
        assert stream.read_all() == b"page True"
        assert client.pushed == []
    assert site.outcomes == ["sent"]


def test_number_at_a_time() -> None:
    """No more are open than the client takes; the others are left out. Those that are over make room."""
    site = Site(*(push(f"/{number}") for number in range(5)))
    wants = {**TAKES, SettingCodes.MAX_CONCURRENT_STREAMS: 2, SettingCodes.INITIAL_WINDOW_SIZE: 0}
    with serving(site) as at, http2(at, settings=wants) as client:
        stream = client.start("/")
        stream.wait_for_head()
        until(lambda: len(site.outcomes) == 5)
        client.ping()
        assert [dict(fields)[b":path"] for fields, _ in client.pushed] == [b"/0", b"/1"]
        client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1000})
        assert all(pushed.response().status == 200 for _, pushed in client.pushed)
        client.ask("/")
        assert len(client.pushed) >= 4


def test_pushes_are_no_requests_of_the_client() -> None:
    """They do not count against the streams that it may open itself."""
    site = Site(push("/a"), push("/b"))
    wants = {**TAKES, SettingCodes.INITIAL_WINDOW_SIZE: 0}
    with serving(site, http2_max_concurrent_streams=2) as at, http2(at, settings=wants) as client:
        first = client.start("/")
        first.wait_for_head()
        second = client.start("/x")
        second.wait_for_head()
        assert len(client.pushed) == 2


def test_push_that_is_not_wanted() -> None:
    """A client that has it already resets the stream; the page comes, and nothing else is the matter."""
    site = Site(push("/a"), push("/b"))
    wants = {**TAKES, SettingCodes.INITIAL_WINDOW_SIZE: 0}
    with serving(site) as at, http2(at, settings=wants) as client:
        stream = client.start("/")
        client.wait_for(lambda: len(client.pushed) == 2)
        client.pushed[0][1].reset()
        client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1000})
        assert stream.response().status == 200
        assert client.pushed[1][1].response().status == 200
        assert client.goaway is None


def test_the_page_comes_first() -> None:
    """What was pushed is less urgent than what refers to it."""
    site = Site(push("/a"))
    with serving(site) as at, raw_http2(at) as client:
        client.greet({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        client.send(client.request(1))
        client.read_until(lambda each: (each.kind, each.stream) == (Kind.HEADERS, 2))
        client.ping()
        client.send(b"\0\0\6\4\0\0\0\0\0\0\4\0\0\2\0")  # 512 bytes for each stream
        frames = client.read_until(lambda each: (each.kind, each.stream) == (Kind.DATA, 2))
        assert [each.stream for each in frames if each.kind == Kind.DATA] == [1, 2]


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"type": PUSH, "headers": []}, "'path' is missing"),
        (push("style.css"), "path must be a str that begins with '/', not 'style.css'"),
        ({**push(), "path": b"/a"}, "path must be a str that begins with '/', not b'/a'"),
        (push("/a", (b":method", b"POST")), "b':method' must not be among the headers"),
        (push("/a", (b"host", b"example.com")), "b'host' must not be among the headers"),
        (push("/a", (b"content-length", b"4")), "b'content-length' must not be among the headers"),
        (push("/a", (b"Accept", b"*/*")), "invalid field name"),
        (push("/a", (b"accept", b"a\r\nb: c")), "invalid field value"),
        (push("/a", (b"connection", b"close")), "connection-specific field"),
        (push("/" + "a" * 10_000), "request line too long"),
        ({**push(), "headers": 3}, "not iterable"),
    ],
)
def test_request_that_cannot_be_made(message: dict[str, Any], complaint: str) -> None:
    """The application is told, and may go on."""
    site = Site(message)
    with serving(site) as at, http2(at, settings=TAKES) as client:
        assert client.ask("/").body == b"page True"
        assert client.pushed == []
    (outcome,) = site.outcomes
    assert outcome.startswith("ResponseError: http.response.push: ")
    assert complaint in outcome


def test_framework() -> None:
    """Starlette's own function pushes, with what it copies of the request."""

    async def page(request: Request) -> PlainTextResponse:
        await request.send_push_promise("/style.css?v=2")
        return PlainTextResponse("page")

    async def style(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{request.url.query} {request.headers['user-agent']}")

    app = Starlette(routes=[Route("/", page), Route("/style.css", style)])
    with serving(app) as at, http2(at, settings=TAKES) as client:
        assert client.ask("/", ("user-agent", "me")).body == b"page"
        ((_, pushed),) = client.pushed
        assert pushed.response().body == b"v=2 me"


def test_example_of_the_page() -> None:
    """What docs/asgi.md shows is taken."""
    page = (ROOT / "docs" / "asgi.md").read_text(encoding="utf-8")
    found = re.search(r'^await send\(({"type": "http.response.push".*})\)$', page, re.MULTILINE)
    assert found is not None
    site = Site(ast.literal_eval(found[1]))
    with serving(site) as at, http2(at, settings=TAKES) as client:
        assert client.ask("/").body == b"page True"
        ((fields, _),) = client.pushed
        assert fields[3:] == [(b":path", b"/style.css"), (b"accept", b"text/css")]


def test_nghttp() -> None:
    """An independent client shows the pushed stream, and that it is complete."""
    with serving(Site(push("/style.css"))) as at:
        command = ["nghttp", "--stat", "--null-out", f"http://127.0.0.1:{at.port}/"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout
    (line,) = (line for line in told.splitlines() if line.endswith("/style.css"))
    assert "*" in line  # which marks what was pushed
    assert " 200 " in line
