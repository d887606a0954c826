"""`ASGIToWSGI` under a real WSGI server: gunicorn, with one thread and with several."""

import json
import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from tests.support.gunicorn import GunicornProcess, start_gunicorn
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ROOT

Kind = Literal["sync", "gthread"]
KINDS: tuple[Kind, ...] = ("sync", "gthread")
ENV = {"PYTHONPATH": str(ROOT)}


def start(kind: Kind, folder: Path, name: str = "app", **options: Any) -> GunicornProcess:
    """Start gunicorn on one of the applications, with workers of a kind."""
    require_module("gunicorn")
    threads = {"threads": 4} if kind == "gthread" else {}
    return start_gunicorn(
        f"tests.apps.asgi_reversed:{name}", cwd=folder, env=ENV, worker_class=kind, **threads, **options
    )


@pytest.fixture(scope="module", params=KINDS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GunicornProcess]:
    """Serve the application; it must start up and shut down."""
    with start(request.param, tmp_path_factory.mktemp("served")) as server:
        yield server
        server.terminate()
    assert server.stderr.count("startup in") == server.stderr.count("shutdown in") == 1


@pytest.fixture
def client(server: GunicornProcess) -> Iterator[httpx.Client]:
    """Give a client."""
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        yield client


def test_hello(client: httpx.Client) -> None:
    """A response with its length."""
    answer = client.get("/hello")
    assert (answer.status_code, answer.text, answer.headers["content-length"]) == (200, "hello", "5")


def test_head(client: httpx.Client) -> None:
    """The head of one."""
    answer = client.head("/hello")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "5")


def test_headers(client: httpx.Client) -> None:
    """Repeated fields stay apart; the framing is the server's."""
    answer = client.get("/cookies")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert answer.text == "cookies"


@pytest.mark.parametrize("size", [0, 5, 1_000_000])
def test_echo(client: httpx.Client, size: int) -> None:
    """A body comes back, with its length and chunked, while it is still being sent."""
    body = os.urandom(size)
    for content in (body, iter([body[:3], body[3:]])):
        assert client.post("/echo", content=content).content == body


def test_scope(server: GunicornProcess, client: httpx.Client) -> None:
    """The scope is that of the request, and has the state of the lifespan in the worker's own process."""
    shown = client.get("/seen?x=%20").json()
    assert (shown["path"], shown["query_string"], shown["http_version"]) == ("'/seen'", "b'x=%20'", "'1.1'")
    assert shown["server"] == f"('127.0.0.1', {server.port})"
    assert shown["state"] == repr({"pid": shown["pid"]})
    assert shown["pid"] != server.pid


def test_one_loop(client: httpx.Client) -> None:
    """All requests of a worker run on one thread."""
    with ThreadPoolExecutor(4) as clients:
        threads = {answer.json()["thread"] for answer in clients.map(client.get, ["/seen"] * 20)}
    assert len(threads) == 1


@pytest.mark.parametrize("path", ["/fails", "/fails-started", "/exits"])
def test_error(server: GunicornProcess, client: httpx.Client, path: str) -> None:
    """An error before the body is a 500 and a line in the log, and the worker goes on."""
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    server.wait_for_stderr(f"GET {path}: the ASGI application failed")
    assert client.get("/hello").text == "hello"


def test_error_in_the_middle(server: GunicornProcess, client: httpx.Client) -> None:
    """An error after that cuts the response off, so that the client can tell."""
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/fails-late")
    server.wait_for_stderr("ValueError: in the middle")


def test_client_that_leaves(server: GunicornProcess, client: httpx.Client) -> None:
    """The application hears of it, and the thread is free."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)) as leaving:
        leaving.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        assert leaving.recv(1000)
    assert client.get("/was-left").text == "hello"


@pytest.mark.parametrize("kind", ["gthread"])
def test_streaming(kind: Kind, tmp_path: Path) -> None:
    """A part reaches the client while the next one is still to come."""
    with (
        start(kind, tmp_path) as server,
        httpx.Client(base_url=server.url, timeout=DEADLINE) as client,
        client.stream("GET", "/step") as response,
    ):
        lines = response.iter_lines()
        assert next(lines) == "first"
        assert httpx.get(f"{server.url}/go-on", timeout=DEADLINE).text == "hello"
        assert next(lines) == "second"


@pytest.mark.parametrize("kind", KINDS)
def test_preload(kind: Kind, tmp_path: Path) -> None:
    """An application that is imported before its worker is forked has its loop in the worker."""
    with start(kind, tmp_path, preload=True) as server:
        shown = httpx.get(f"{server.url}/seen", timeout=DEADLINE).json()
        server.terminate()
    assert shown["pid"] != server.pid
    for event in ("startup", "shutdown"):
        assert re.findall(rf"{event} in (\d+)", server.stderr) == [str(shown["pid"])]


def test_unix_socket(tmp_path: Path) -> None:
    """Behind a Unix socket there is no port, and that is no error."""
    path = tmp_path / "socket"
    with (
        start("sync", tmp_path, bind=f"unix:{path}"),
        httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), timeout=DEADLINE) as client,
    ):
        assert client.get("http://example.org/seen").json()["client"] == "None"


class TestRoundTrip:
    """A WSGI application behind both translations."""

    @pytest.mark.parametrize("kind", KINDS)
    def test_environ(self, kind: Kind, tmp_path: Path) -> None:
        """What gunicorn says of a request arrives."""
        with start(kind, tmp_path, "environ") as server:
            answer = httpx.get(f"{server.url}/a%20b/%C3%A9?c=%20", headers={"X-A": "1"}, timeout=DEADLINE)
            shown = {key: value for key, (_, value) in answer.json().items()}
        assert shown["PATH_INFO"].encode("latin-1") == "/a b/é".encode()
        assert (shown["QUERY_STRING"], shown["HTTP_X_A"]) == ("c=%20", "1")
        assert shown["SERVER_PORT"] == str(server.port)
        assert shown["REMOTE_ADDR"] == "127.0.0.1"

    @pytest.mark.parametrize("kind", KINDS)
    def test_answer(self, kind: Kind, tmp_path: Path) -> None:
        """What the application answers goes out."""
        order = {"status": "404 Nope", "headers": [["X-A", "\xe9"], ["X-A", "2"]], "parts": ["one", "two"]}
        with start(kind, tmp_path, "answer") as server:
            answer = httpx.post(f"{server.url}/", content=json.dumps(order), timeout=DEADLINE)
        assert (answer.status_code, answer.text) == (404, "onetwo")
        assert [value for name, value in answer.headers.raw if name.lower() == b"x-a"] == [b"\xe9", b"2"]
