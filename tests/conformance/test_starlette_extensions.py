"""Starlette on the extensions that it knows, over HTTP/1.1 and HTTP/2: files by their path, early hints,
debug information.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from jinja2 import DictLoader, Environment
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send
from hybrid.server.server import Server
from tests.apps.wsgi_big import pattern
from tests.support.embedded import DEADLINE, on_each_loop, port_of, serving
from tests.support.http2_clients import Response as Asked
from tests.support.http_versions import BOTH, CONNECTIONS, Version

CONTENT = pattern(0, 3_000_000)
MIDDLEWARES = pytest.mark.parametrize("name", ["none", "base", "gzip"])

Next = Callable[[Request], Awaitable[Response]]


class Watched:
    """An application around another one that keeps the types of the messages that this sends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.sent: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application."""

        async def watch(message: Message) -> None:
            self.sent.append(message["type"])
            await send(message)

        await self._app(scope, receive, watch)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the current directory, with a file in it."""
    (tmp_path / "content").write_bytes(CONTENT)
    (tmp_path / "page.html").write_text("<p>hello</p>")
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def pass_on(request: Request, call_next: Next) -> Response:
    """Do nothing, as a middleware."""
    response = await call_next(request)
    response.headers["passed"] = "on"
    return response


def application(folder: Path, middleware: str = "none") -> Watched:
    """Make an application that sends files in every way that Starlette has."""

    async def absolute(_: Request) -> Response:
        return FileResponse(folder / "content", filename="content.txt")

    async def relative(_: Request) -> Response:
        return FileResponse("content")

    async def hinted(request: Request) -> Response:
        await request.send_early_hints("</a.css>; rel=preload; as=style", "</b.js>; rel=preload")
        return PlainTextResponse("hinted")

    routes = [
        Route("/absolute", absolute),
        Route("/relative", relative),
        Route("/hinted", hinted),
        Mount("/static", StaticFiles(directory=folder)),
    ]
    middlewares = {
        "none": [],
        "base": [Middleware(BaseHTTPMiddleware, dispatch=pass_on)],
        "gzip": [Middleware(GZipMiddleware, minimum_size=10)],
    }
    return Watched(Starlette(routes=routes, middleware=middlewares[middleware]))


async def ask(server: Server, version: Version, method: str, target: str, **headers: str) -> httpx.Response:
    """Ask with an independent client."""
    url = f"http://127.0.0.1:{port_of(server)}{target}"
    async with httpx.AsyncClient(http1=version == "1.1", http2=version == "2") as http:
        return await http.request(method, url, headers={"accept-encoding": "identity", **headers})


@pytest.mark.parametrize("path", ["/absolute", "/relative", "/static/content"])
@MIDDLEWARES
@on_each_loop
async def test_file(folder: Path, version: Version, path: str, name: str) -> None:
    """A file is sent by the server, through middlewares too."""
    app = application(folder, name)
    async with serving(app, lifespan="off", **BOTH) as (server, _):
        answer = await ask(server, version, "GET", path)
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(CONTENT)))
    assert answer.content == CONTENT
    assert "http.response.pathsend" in app.sent


@on_each_loop
async def test_page(folder: Path, version: Version) -> None:
    """A small file is sent like that too; HEAD, a range of it, and what the client has already, are not."""
    app = application(folder)
    async with serving(app, lifespan="off", **BOTH) as (server, _):
        answer = await ask(server, version, "GET", "/static/page.html")
        assert answer.text == "<p>hello</p>"
        assert app.sent == ["http.response.start", "http.response.pathsend"]
        etag = answer.headers["etag"]
        head = await ask(server, version, "HEAD", "/static/page.html")
        assert (head.content, head.headers["content-length"]) == (b"", "12")
        part = await ask(server, version, "GET", "/static/page.html", range="bytes=3-7")
        assert (part.status_code, part.content) == (206, b"hello")
        unchanged = await ask(server, version, "GET", "/static/page.html", **{"if-none-match": etag})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert app.sent.count("http.response.pathsend") == 1


@MIDDLEWARES
@on_each_loop
async def test_early_hints(folder: Path, version: Version, name: str) -> None:
    """Hints come before the response."""
    async with serving(application(folder, name), lifespan="off", **BOTH) as (server, _):

        def ask_for_hints() -> Asked:
            with socket.create_connection(("127.0.0.1", port_of(server)), DEADLINE) as sock:
                return CONNECTIONS[version](sock).ask("/hinted")

        response = await asyncio.to_thread(ask_for_hints)
    links = [b"</a.css>; rel=preload; as=style", b"</b.js>; rel=preload"]
    (hint,) = response.interim
    assert (hint.status, [value for name, value in hint.headers if name == b"link"]) == (103, links)
    assert (response.status, response.body) == (200, b"hinted")


@on_each_loop
async def test_debug(version: Version) -> None:
    """A test is told with which template and context a page was made."""
    templates = Jinja2Templates(env=Environment(loader=DictLoader({"a.html": "{{ word }}"}), autoescape=True))

    async def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "a.html", {"word": "hello"})

    told: list[Any] = []
    app = Starlette(routes=[Route("/page", page)])
    settings: dict[str, Any] = {"response_debugger": lambda scope, info: told.append((scope["path"], info))}
    async with serving(app, lifespan="off", **BOTH, **settings) as (server, _):
        assert (await ask(server, version, "GET", "/page")).text == "hello"
    ((path, info),) = told
    assert (path, info["template"].name, info["context"]["word"]) == ("/page", "a.html", "hello")
    async with serving(app, lifespan="off", **BOTH) as (server, _):
        assert (await ask(server, version, "GET", "/page")).text == "hello"
    assert len(told) == 1, "nobody is told where nobody asked"
