"""``request_started`` and ``request_finished``: once for each request, whatever becomes of it."""

import json
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.django_desk import desk
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import asking, until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    """Serve the project, with a file of its own to send."""
    (tmp_path / "file").write_bytes(b"x" * 200_000)
    with desk(tmp_path, env={"DESK_FILE": str(tmp_path / "file")}) as server:
        yield server


def counted(server: ServerProcess) -> dict[str, int]:
    """Return what the project has counted, but for this request, which has not ended."""
    found: dict[str, int] = json.loads(httpx.get(f"{server.url}/signals", timeout=DEADLINE).text)
    return {**found, "started": found["started"] - 1}


def all_finished(server: ServerProcess) -> dict[str, int]:
    """Wait until as many requests have ended as have begun, and return what has been counted."""
    seen: list[dict[str, int]] = []

    def even() -> bool:
        seen.append(counted(server))
        return seen[-1]["started"] == seen[-1].get("finished", 0)

    until(even)
    return seen[-1]


@pytest.mark.parametrize("lane", ["", "/async"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/users", 200),
        ("HEAD", "/users", 200),
        ("GET", "/broken", 500),
        ("GET", "/not-modified", 304),
        ("GET", "/stream", 200),
        ("HEAD", "/stream", 200),
        ("GET", "/file", 200),
        ("HEAD", "/file", 200),
        ("POST", "/users", 403),  # for want of a CSRF token
        ("POST", "/body", 200),
    ],
)
def test_each_request_begins_and_ends_once(
    server: ServerProcess, lane: str, method: str, path: str, status: int
) -> None:
    """On both lanes, whatever the answer is."""
    before = counted(server)["started"]
    answer = httpx.request(method, f"{server.url}{lane}{path}", timeout=DEADLINE)
    assert answer.status_code == status
    after = all_finished(server)
    asked = after["started"] - before
    assert asked >= 2  # the first count, which has ended since, and the request
    assert after["finished"] == after["started"]


def test_a_view_whose_client_leaves_is_cancelled_and_ends(server: ServerProcess) -> None:
    """Once, as under any ASGI server."""
    with asking(server, "/async/waits"):
        until(lambda: counted(server).get("waiting"))
    until(lambda: counted(server).get("cancelled"))
    all_finished(server)


@pytest.mark.parametrize("path", ["/stream", "/async/stream", "/stream/of-async", "/async/stream/of-sync"])
def test_a_stream_whose_client_leaves_ends(server: ServerProcess, path: str) -> None:
    """In the middle of it, where the client has closed the connection."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(f"GET {path}?count=100000&size=10000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    seen = all_finished(server)
    assert seen.get("streams ended", 0) == (1 if path in ("/async/stream", "/stream/of-async") else 0)


@pytest.mark.parametrize("path", ["/body", "/async/body"])
def test_a_request_that_does_not_come_whole_never_begins(server: ServerProcess, path: str) -> None:
    """Its client has left before the end of its body."""
    before = all_finished(server)["started"]
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nx".encode())
        counted(server)
    after = all_finished(server)
    assert after["started"] - before <= 4, "only those that counted"


@pytest.mark.parametrize("path", ["/use", "/async/use"])
def test_a_request_that_is_given_up_ends_once(tmp_path: Path, path: str) -> None:
    """Its view has taken too long for a thread (--timeout-request), and goes on after the answer."""
    (tmp_path / "hybrid.toml").write_text('[lanes]\n"/*use" = "wsgi"\n', encoding="utf-8")
    with desk(tmp_path, env={"DESK_URLS": "tests.apps.django_desk.load"}, timeout_request=2) as server:
        before = all_finished(server)["started"]
        assert httpx.get(f"{server.url}{path}?seconds=2.5", timeout=DEADLINE).status_code == 504
        assert all_finished(server)["started"] > before


def test_a_server_that_is_cut_off_ends_its_requests(tmp_path: Path) -> None:
    """What has begun has an end, though nobody waits for the answer any more."""
    ends = tmp_path / "ends"
    env = {"DESK_ENDS": str(ends)}
    with desk(tmp_path, env=env, timeout_graceful_shutdown=0.1) as server, asking(server, "/async/waits"):
        until(lambda: counted(server).get("waiting"))
        server.signal(signal.SIGTERM)
        server.wait()
    said: Any = ends.read_text(encoding="utf-8").split()
    assert said.count("started") == said.count("finished")
