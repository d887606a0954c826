"""Static files by real servers, to real clients: hybrid as a process and in this one, and uvicorn."""

import asyncio
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from hybrid.bridge.types import Receive, Scope, Send
from tests.apps.wsgi_big import pattern
from tests.support.certificates import Authority, authority
from tests.support.downloads import begun, connected, is_content, open_descriptors, read_all, without_sendfile
from tests.support.embedded import get, on_each_loop, serving, until
from tests.support.http_peer import read_responses
from tests.support.needs import require_module, require_program
from tests.support.process import DEADLINE, ROOT, Serve, ServerProcess, run_hybrid, start_server
from tests.support.uvicorn import start_uvicorn
from tests.support.waiting import poll

__all__ = ["authority"]

SIZE = 3_000_000
#: Whether descriptors can be counted.
COUNTS = Path("/proc/self/fd").exists()
SECRET = b"nobody may read this"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with files, and a secret beside it that links lead to."""
    outside = tmp_path_factory.mktemp("site")
    root = outside / "static"
    (root / "docs").mkdir(parents=True)
    (root / "site.css").write_text("body {}")
    (root / "site.css.gz").write_bytes(b"\x1f\x8bcss")
    (root / "docs" / "index.html").write_text("docs")
    (root / "big.bin").write_bytes(pattern(0, SIZE))
    (root / ".env").write_bytes(SECRET)
    (outside / "secret").write_bytes(SECRET)
    (root / "secret").symlink_to("../secret")
    (root / "up").symlink_to("..")
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "pipe")
    return root


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    """Serve them beside a WSGI application."""
    options: dict[str, Any] = {"static": [f"/static={folder}"], "static_index": True, "access_log": False}
    with start_server("hello_wsgi:app", cwd=folder, **options) as server:
        yield server
    assert "Traceback" not in server.stderr


def curl(server: ServerProcess, path: str, *options: str) -> str:
    """Ask with curl, which sends a path as it is."""
    command = [require_program("curl"), "-sS", "--path-as-is", *options, f"{server.url}{path}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=True).stdout


def test_curl(server: ServerProcess) -> None:
    """A file, its head, and the application beside it."""
    assert curl(server, "/static/site.css") == "body {}"
    assert "content-length: 7\n" in curl(server, "/static/site.css", "-I").replace("\r", "")
    assert curl(server, "/") == "hello\n"
    assert curl(server, "/static/docs", "-L") == "docs"


def test_curl_goes_on_with_a_download(server: ServerProcess, tmp_path: Path) -> None:
    """It asks for the rest of what it has, and for nothing more when it has all."""
    part = tmp_path / "part"
    part.write_bytes(pattern(0, 1_234_567))
    curl(server, "/static/big.bin", "-C", "-", "-o", str(part))
    assert is_content(part.read_bytes(), 0, SIZE)


def test_curl_asks_what_is_newer(server: ServerProcess, folder: Path, tmp_path: Path) -> None:
    """By date or by tag, it gets nothing that it has."""
    tags = tmp_path / "tags"
    code = ("-o", os.devnull, "-w", "%{http_code}")
    assert curl(server, "/static/site.css", "--etag-save", str(tags)) == "body {}"
    assert curl(server, "/static/site.css", "--etag-compare", str(tags), *code) == "304"
    assert curl(server, "/static/site.css", "-z", str(folder / "site.css"), *code) == "304"
    assert curl(server, "/static/site.css", "-z", "-Sun, 06 Nov 1994 08:49:37 GMT", *code) == "412"


def test_connection_goes_on(server: ServerProcess) -> None:
    """Whatever has been answered, the next request finds the connection where it was."""
    with httpx.Client(
        base_url=server.url, timeout=DEADLINE, headers={"Accept-Encoding": "identity"}
    ) as client:
        first = client.get("/static/big.bin")
        stream = first.extensions["network_stream"]
        tag = first.headers["etag"]
        assert is_content(first.content, 0, SIZE)
        for status, method, path, fields in [
            (304, "GET", "/static/big.bin", {"If-None-Match": tag}),
            (206, "GET", "/static/big.bin", {"Range": "bytes=-100000"}),
            (416, "GET", "/static/big.bin", {"Range": f"bytes={SIZE}-"}),
            (200, "HEAD", "/static/big.bin", {}),
            (412, "GET", "/static/big.bin", {"If-Match": '"x"'}),
            (404, "GET", "/static/none", {}),
            (405, "DELETE", "/static/site.css", {}),
            (405, "POST", "/static/site.css", {"Content-Length": "0"}),
            (206, "GET", "/static/big.bin", {"Range": "bytes=5-", "If-Range": tag}),
            (200, "GET", "/static/site.css", {}),
        ]:
            response = client.request(method, path, headers=fields)
            assert response.status_code == status
            assert response.extensions["network_stream"] is stream
        assert response.text == "body {}"


def test_encoded(server: ServerProcess) -> None:
    """The bytes on the wire are those of the file beside it."""
    with httpx.stream(
        "GET", f"{server.url}/static/site.css", headers={"Accept-Encoding": "br, gzip"}, timeout=DEADLINE
    ) as response:
        assert response.headers["content-encoding"] == "gzip"
        assert response.headers["vary"] == "accept-encoding"
        assert b"".join(response.iter_raw()) == b"\x1f\x8bcss"


TARGETS = [
    "/static/../secret",
    "/static/..%2fsecret",
    "/static/%2e%2e/secret",
    "/static/%2e%2e%2fsecret",
    "/static/%252e%252e/secret",
    "/static/..%5csecret",
    "/static/..\\secret",
    "/static/docs/../../secret",
    "/static/docs/%2e%2e/%2e%2e/secret",
    "/static/.%2e/secret",
    "/static/%c0%ae%c0%ae/secret",
    "/static//../secret",
    "/static/./../secret",
    "/static/.env",
    "/static/%2eenv",
    "/static/docs/../.env",
    "/static/secret",
    "/static/up/secret",
    "/static/up/static/.env",
    "/static/pipe",
    "/static/site.css%00",
    "/static/%00",
    "/static/%ff%fe",
    "/static/" + "x" * 300,
    "/static/" + "a/" * 2000,
    "/static/..;/secret",
    "/static/{outside}/secret",
    "/static//{outside}/secret",
    "/static-old/secret",
]


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_leads_out(server: ServerProcess, folder: Path, target: str) -> None:
    """However it is written, nothing but files that are below is sent, and nothing is redirected."""
    target = target.replace("{outside}", str(folder.parent).lstrip("/"))
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as sock:
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        received = b"".join(iter(lambda: sock.recv(65536), b""))
    assert SECRET not in received
    hello = b"hello\n" in received and not target.startswith("/static/")
    assert hello or re.match(rb"HTTP/1\.1 (400|404) ", received)


def test_a_pipe_of_many_requests(server: ServerProcess) -> None:
    """Files small and large keep their order when they are asked for ahead."""
    request = b"GET /static/%b HTTP/1.1\r\nHost: x\r\n%b\r\n"
    names = [b"site.css", b"big.bin", b"site.css", b"none", b"big.bin", b"site.css"]
    data = b"".join(request % (name, b"") for name in names) + request % (
        b"site.css",
        b"Connection: close\r\n",
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as sock:
        sock.sendall(data)
        received = b"".join(iter(lambda: sock.recv(1 << 20), b""))
    responses = read_responses(received, *["GET"] * 7, closed=True)
    assert [each.status for each in responses] == [200, 200, 200, 404, 200, 200, 200]
    assert is_content(responses[1].body, 0, SIZE)
    assert responses[6].body == b"body {}"


def test_routes(folder: Path) -> None:
    """The table shows them, and no application is needed beside them."""
    done = run_hybrid("routes", "hello_wsgi:app", "--static", f"/static={folder}", "--static", f"/m={folder}")
    assert done.returncode == 0, done.stderr
    rows = [re.split("  +", line) for line in done.stdout.splitlines()[1:]]
    assert ["/static", "http", f"files in {folder}", "asgi3", "event loop"] in rows
    assert ["/m", "http", f"files in {folder}", "asgi3", "event loop"] in rows
    alone = run_hybrid("routes", f"--static=/={folder}")
    assert (alone.returncode, alone.stdout.count("\n")) == (0, 2)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--static", "/static=no-such"], 'static files: there is no directory "no-such"'),
        (["--static", "static"], "static: 'static' is not URL=DIR, as /static=build/static"),
        (["--static", "/static="], "static: '/static=' is not URL=DIR"),
        (["--static", "static=."], """static: 'static=.': the prefix "static" must start with "/\""""),
        (["--static", "/=."], "both want HTTP at /"),
        (["--static", "/a=.", "--static", "/a/=."], "both want HTTP at /a"),
    ],
)
def test_mistakes(options: list[str], complaint: str) -> None:
    """They are found before anything is served, and said in a line."""
    done = run_hybrid("check", "hello_wsgi:app", "--no-listen", *options)
    assert done.returncode in (2, 3)
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_file(tmp_path: Path) -> None:
    """In hybrid.toml they are a table, or a list as on the command line."""
    (tmp_path / "public").mkdir()
    for text in ('[static]\n"/p" = "public"', 'static = ["/p=public"]'):
        (tmp_path / "hybrid.toml").write_text(text)
        done = run_hybrid("routes", cwd=tmp_path)
        assert "/p    http       files in public" in done.stdout, done.stderr


def test_access_log(serve: Serve, folder: Path, tmp_path: Path) -> None:
    """Their requests are there as those of an application."""
    log = tmp_path / "access"
    options: dict[str, Any] = {
        "access_logfile": log,
        "access_log_format": "%(U)s %(s)s %(B)s %(application)s",
    }
    server = serve("hello_wsgi:app", static=[f"/static={folder}"], **options)
    httpx.get(f"{server.url}/static/big.bin", timeout=DEADLINE)
    server.terminate()
    assert log.read_text() == f"/static/big.bin 200 {SIZE} files in {folder}\n"


def test_change_while_reloading(serve: Serve, tmp_path: Path) -> None:
    """With --reload each request finds the file as it is, and browsers are told to ask."""
    require_module("watchfiles")
    page = tmp_path / "page.html"
    server = serve("hello_wsgi:app", static=[f"/static={tmp_path}"], reload=True, access_log=False)
    for word in ("one", "another", "last"):
        page.write_text(word)
        response = httpx.get(f"{server.url}/static/page.html", timeout=DEADLINE)
        assert (response.text, response.headers["cache-control"]) == (word, "no-cache")


# In this process


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
def big(tmp_path: Path) -> Iterator[Path]:
    """Give a large file in a folder of its own; in the end nobody may have it open."""
    path = tmp_path / "big.bin"
    path.write_bytes(pattern(0, 12_000_000))
    yield path
    if COUNTS:
        assert poll(lambda: open_descriptors(path) == 0)


REQUEST = b"GET /static/big.bin HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("how", ["works", "missing", "EINVAL"])
@on_each_loop
async def test_system_sends_it(big: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A range arrives whole, with sendfile and without, while others are answered."""
    without_sendfile(monkeypatch, how)
    async with serving(hello, static=[f"/static={big.parent}"]) as (server, _):
        request = REQUEST.replace(b"Host: x\r\n", b"Host: x\r\nRange: bytes=5-11000000\r\n")
        with closing(connected(server, request)) as sock:
            await begun(sock)
            assert (await get(server)).endswith(b"hello")
            (response,) = read_responses(await read_all(sock), "GET", closed=True)
    assert response.status == 206
    assert is_content(response.body, 5, 10_999_996)


@on_each_loop
async def test_cut_short_while_sending(
    big: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is cut off: the client has been told another length. The log says why."""
    async with serving(hello, static=[f"/static={big.parent}"]) as (server, _):
        with closing(connected(server, REQUEST)) as sock:
            await begun(sock)
            os.truncate(big, 100_000)
            received = await read_all(sock)
        await until(lambda: "became" in caplog.text)
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\ncontent-length: 12000000\r\n" in received
    assert len(received) < 12_000_000


@on_each_loop
async def test_client_that_leaves(big: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file is closed, and nothing is said: clients do that."""
    async with serving(hello, static=[f"/static={big.parent}"]) as (server, _):
        with closing(connected(server, REQUEST)) as sock:
            await begun(sock)
        await until(lambda: not COUNTS or open_descriptors(big) == 0)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@on_each_loop
async def test_stop_while_sending(big: Path) -> None:
    """A drain lets a file arrive."""
    async with serving(hello, static=[f"/static={big.parent}"]) as (server, task):
        with closing(connected(server, REQUEST)) as sock:
            await begun(sock)
            server.should_exit = True
            received = await read_all(sock)
        await task
    assert is_content(received[-12_000_000:], 0, 12_000_000)


@on_each_loop
async def test_tls(big: Path, authority: Authority) -> None:
    """Encrypted, a file passes through Python, and arrives as it is."""
    certificate = authority.issue("server")
    async with serving(hello, static=[f"/static={big.parent}"], ssl_certfile=certificate) as (server, _):
        assert server.listeners is not None
        url = server.listeners.urls[0]
        async with httpx.AsyncClient(verify=authority.client_context(), timeout=DEADLINE) as client:
            response = await client.get(f"{url}/static/big.bin")
    assert is_content(response.content, 0, 12_000_000)


# Under another server

UVICORN_APP = """
import os
from hybrid import StaticFiles
from starlette.applications import Starlette
from starlette.routing import Mount
app = Starlette(routes=[Mount("/static", StaticFiles(os.environ["FILES"], index=True))])
"""


@pytest.fixture(scope="module")
def uvicorn(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Serve the files with uvicorn, below a mount of Starlette's."""
    require_module("starlette")
    place = tmp_path_factory.mktemp("app")
    (place / "files_app.py").write_text(UVICORN_APP)
    with start_uvicorn(
        "files_app:app", cwd=place, env={"FILES": str(folder), "PYTHONPATH": f"{place}:{ROOT}"}
    ) as one:
        yield one


def test_uvicorn(uvicorn: ServerProcess) -> None:
    """The same answers there, with files read by threads."""
    with httpx.Client(
        base_url=uvicorn.url, timeout=DEADLINE, headers={"Accept-Encoding": "identity"}
    ) as client:
        whole = client.get("/static/big.bin")
        assert is_content(whole.content, 0, SIZE)
        tag = whole.headers["etag"]
        part = client.get("/static/big.bin", headers={"Range": "bytes=1000000-", "If-Range": tag})
        assert (part.status_code, is_content(part.content, 1_000_000, SIZE - 1_000_000)) == (206, True)
        assert client.get("/static/big.bin", headers={"If-None-Match": tag}).status_code == 304
        assert client.head("/static/big.bin").headers["content-length"] == str(SIZE)
        assert client.get("/static/site.css", headers={"Accept-Encoding": "gzip;q=0"}).text == "body {}"
        assert client.get("/static/docs", follow_redirects=True).text == "docs"
        assert client.post("/static/site.css").status_code == 405
        for target in ("/static/.env", "/static/secret", "/static/up/secret", "/static/pipe", "/static/%00"):
            assert client.get(target).status_code == 404


def test_uvicorn_many_clients(uvicorn: ServerProcess) -> None:
    """Several at once get whole files, and one that leaves in the middle harms nobody."""

    async def ask() -> None:
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(base_url=uvicorn.url, timeout=DEADLINE, limits=limits) as client:
            async with client.stream("GET", "/static/big.bin") as leaving:
                await anext(leaving.aiter_raw(1000))
            responses = await asyncio.gather(*(client.get("/static/big.bin") for _ in range(10)))
            assert all(is_content(each.content, 0, SIZE) for each in responses)

    asyncio.run(ask())
