"""What is counted of a project's requests, whatever becomes of them."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.django_desk import desk
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import asking, until

VIEWS = "tests.apps.django_desk.views"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the project, with a file of its own to send."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "file").write_bytes(b"x" * 100)
    with desk(folder, env={"DESK_FILE": str(folder / "file")}) as server:
        yield server


def figures(server: ServerProcess) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what has been counted, by view and lane."""
    found = httpx.get(f"{server.url}/figures", timeout=DEADLINE).json()
    return {(view, lane): counts for view, lanes in found.items() for lane, counts in lanes.items()}


def counted(server: ServerProcess) -> dict[tuple[str, str], tuple[int, int]]:
    """Return how many requests of each view and lane there were, and how many of them have failed."""
    found = figures(server)
    return {key: (each["requests"], each["errors"]) for key, each in found.items() if key[0] != "figures"}


def added(
    before: dict[tuple[str, str], tuple[int, int]], after: dict[tuple[str, str], tuple[int, int]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """Return what has changed."""
    old = {key: before.get(key, (0, 0)) for key in after}
    return {
        key: (requests - old[key][0], errors - old[key][1])
        for key, (requests, errors) in after.items()
        if (requests, errors) != old[key]
    }


def ask(server: ServerProcess, method: str, path: str) -> int:
    """Return the status of a response, 0 where its end is missing, or all of it."""
    with suppress(httpx.RemoteProtocolError):
        return httpx.request(method, f"{server.url}{path}", timeout=DEADLINE).status_code
    return 0


@pytest.mark.parametrize(
    ("method", "path", "status", "counts"),
    [
        ("GET", "/sync", 200, ("sync", "wsgi", 0)),
        ("HEAD", "/sync", 200, ("sync", "wsgi", 0)),
        ("POST", "/sync", 403, ("sync", "wsgi", 0)),
        ("GET", "/async", 200, ("async", "asgi", 0)),
        ("HEAD", "/async", 200, ("async", "asgi", 0)),
        ("POST", "/async", 403, ("async", "asgi", 0)),
        ("GET", "/class/sync", 200, ("class-sync", "wsgi", 0)),
        ("GET", "/marked", 200, (f"{VIEWS}.marked", "asgi", 0)),
        ("GET", "/tickets/7", 200, ("ticket", "wsgi", 0)),
        ("GET", "/desk/list", 200, ("desk:list", "wsgi", 0)),
        ("GET", "/any/thing", 200, (f"{VIEWS}.sync", "wsgi", 0)),
        ("GET", "/nowhere", 404, ("(no route)", "wsgi", 0)),
        ("GET", "/not-modified", 304, (f"{VIEWS}.not_modified", "wsgi", 0)),
        ("GET", "/async/not-modified", 304, (f"{VIEWS}.async_not_modified", "asgi", 0)),
        ("GET", "/broken", 500, (f"{VIEWS}.broken", "wsgi", 1)),
        ("GET", "/async/broken", 500, (f"{VIEWS}.async_broken", "asgi", 1)),
        ("POST", "/body", 200, (f"{VIEWS}.body", "wsgi", 0)),
        ("POST", "/async/body", 200, (f"{VIEWS}.async_body", "asgi", 0)),
        ("GET", "/stream", 200, (f"{VIEWS}.stream", "wsgi", 0)),
        ("GET", "/stream?count=0", 200, (f"{VIEWS}.stream", "wsgi", 0)),
        ("HEAD", "/stream", 200, (f"{VIEWS}.stream", "wsgi", 0)),
        ("GET", "/stream/of-async", 200, (f"{VIEWS}.stream_of_async", "wsgi", 0)),
        ("GET", "/async/stream", 200, (f"{VIEWS}.async_stream", "asgi", 0)),
        ("GET", "/async/stream?count=0", 200, (f"{VIEWS}.async_stream", "asgi", 0)),
        ("HEAD", "/async/stream", 200, (f"{VIEWS}.async_stream", "asgi", 0)),
        ("GET", "/async/stream/of-sync", 200, (f"{VIEWS}.async_stream_of_sync", "asgi", 0)),
        ("GET", "/failing-stream", 0, (f"{VIEWS}.failing_stream", "wsgi", 0)),
        ("GET", "/async/failing-stream", 0, (f"{VIEWS}.async_failing_stream", "asgi", 0)),
        ("GET", "/fruitless-stream", 500, (f"{VIEWS}.fruitless_stream", "wsgi", 1)),
        ("GET", "/async/fruitless-stream", 500, (f"{VIEWS}.async_fruitless_stream", "asgi", 1)),
        ("GET", "/file", 200, (f"{VIEWS}.file", "wsgi", 0)),
        ("GET", "/file?status=503", 503, (f"{VIEWS}.file", "wsgi", 1)),
        ("GET", "/async/file", 200, (f"{VIEWS}.async_file", "asgi", 0)),
        ("GET", "/async/file?status=503", 503, (f"{VIEWS}.async_file", "asgi", 1)),
    ],
)
def test_each_request_is_counted_once(
    server: ServerProcess, method: str, path: str, status: int, counts: tuple[str, str, int]
) -> None:
    """For its view and its lane; as failed with 500 and more, or if it fails before its head is sent."""
    view, lane, failed = counts
    before = counted(server)
    assert ask(server, method, path) == status
    until(lambda: added(before, counted(server)))
    assert added(before, counted(server)) == {(view, lane): (1, failed)}


@pytest.mark.parametrize(
    ("path", "view"), [("/stream", ("stream", "wsgi")), ("/async/stream", ("async_stream", "asgi"))]
)
def test_a_stream_is_counted_with_its_head(
    server: ServerProcess, tmp_path: Path, path: str, view: tuple[str, str]
) -> None:
    """And not with its end, which may be long after."""
    key = f"{VIEWS}.{view[0]}", view[1]
    before = counted(server).get(key, (0, 0))
    (tmp_path / "0").touch()
    with httpx.stream("GET", f"{server.url}{path}?gate={tmp_path}", timeout=DEADLINE) as response:
        parts = response.iter_raw()
        assert next(parts)
        assert counted(server)[key] == (before[0] + 1, before[1])
        (tmp_path / "1").touch()
        (tmp_path / "2").touch()
        assert b"2" in b"".join(parts)
    assert counted(server)[key] == (before[0] + 1, before[1])


def test_time_runs_until_there_is_a_response(server: ServerProcess) -> None:
    """From the choice of the lane: this view takes 60 ms at least."""
    assert ask(server, "GET", "/async/holds?seconds=0.03") == 200
    assert figures(server)["holds", "asgi"]["p50"] > 0.055


@pytest.mark.parametrize("path", ["/leaves", "/async/waits", "/async/waits?status=500"])
@pytest.mark.parametrize("reads", [False, True], ids=["closes", "still reads"])
def test_a_client_that_leaves_before_counts_for_nothing(tmp_path: Path, path: str, *, reads: bool) -> None:
    """Neither as an answer nor as an error, on both lanes, whatever the view makes of it."""
    with desk(tmp_path) as server:

        def seen() -> dict[str, int]:
            found: dict[str, int] = httpx.get(f"{server.url}/signals", timeout=DEADLINE).json()
            return {**found, "open": found["started"] - found.get("finished", 0) - 1}

        with asking(server, path) as client:
            until(lambda: seen().get("waiting"))
            if reads:
                client.shutdown(socket.SHUT_WR)
                client.recv(1000)
        until(lambda: seen()["open"] == 0)
        assert {view for view, _ in counted(server)} == {f"{VIEWS}.signals_seen"}


@pytest.mark.parametrize("path", ["/body", "/async/body"])
def test_a_request_that_does_not_come_whole_counts_for_nothing(server: ServerProcess, path: str) -> None:
    """Its client has left before the end of its body."""
    before = counted(server)
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx".encode())
        counted(server)
    assert added(before, counted(server)) == {}


def served(folder: Path, text: str = "", env: dict[str, str] | None = None, **options: Any) -> ServerProcess:
    """Serve with a configuration file."""
    (folder / "hybrid.toml").write_text(text, encoding="utf-8")
    return desk(folder, env=env, **options)


def test_a_rule_for_paths_counts_for_itself(tmp_path: Path) -> None:
    """On both lanes where it is for a share of the clients, so that they can be compared; a rule for a view
    counts for that view.
    """
    text = """
    [lanes]
    "tests.apps.django_desk.views.marked" = "wsgi"
    "/s*" = { lane = "asgi", percent = 50 }
    """
    with served(tmp_path, text) as server, httpx.Client(timeout=DEADLINE) as client:
        for number in range(40):
            client.get(f"{server.url}/sync", headers={"Cookie": f"sessionid=s{number}"})
        ask(server, "GET", "/marked")
        found = counted(server)
    assert set(found) == {("/s*", "wsgi"), ("/s*", "asgi"), (f"{VIEWS}.marked", "wsgi")}
    assert found["/s*", "wsgi"][0] + found["/s*", "asgi"][0] == 40


def test_where_the_path_tells_no_view_all_count_together(tmp_path: Path) -> None:
    """As a middleware sets the URLconf."""
    env = {"DESK_MIDDLEWARE": "tests.apps.django_desk.middleware.other_urlconf"}
    with served(tmp_path, env=env) as server:
        ask(server, "GET", "/sync")
        ask(server, "GET", "/nowhere")
        assert counted(server) == {("(any view)", "wsgi"): (2, 0)}


@pytest.mark.parametrize("path", ["/sync", "/async"])
@pytest.mark.parametrize(
    ("how", "status", "failed"),
    [("", 200, 0), ("raises", 500, 1), ("silent", 500, 1), ("late", 500, 1), ("answers", 503, 1)],
)
def test_what_stands_around_django_is_counted_too(
    around: ServerProcess, path: str, how: str, status: int, failed: int
) -> None:
    """Its errors, its own answers, and that there is none; on both lanes."""
    before = counted(around)
    assert ask(around, "GET", f"{path}?around={how}") == status
    view = path.strip("/")
    lane = "wsgi" if view == "sync" else "asgi"
    until(lambda: added(before, counted(around)))
    assert added(before, counted(around)) == {(view, lane): (1, failed)}


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the project with something around both handlers."""
    module = "tests.apps.django_desk.around"
    env = {"DESK_WSGI": f"{module}.wsgi", "DESK_ASGI": f"{module}.asgi"}
    with desk(tmp_path_factory.mktemp("around"), env=env) as server:
        yield server


def test_the_last_head_counts(tmp_path: Path) -> None:
    """Of an application that has changed its mind, with exc_info (PEP 3333). One that raises has none."""
    env = {"DESK_WSGI": "tests.apps.django_desk.around.wsgi_corrected"}
    with served(tmp_path, '[lanes]\nfigures = "asgi"\n', env) as server:
        assert ask(server, "GET", "/sync") == 500
        assert counted(server) == {("sync", "wsgi"): (1, 1)}
        assert ask(server, "GET", "/sync?around=raises") == 500
        assert counted(server) == {("sync", "wsgi"): (2, 2)}


@pytest.mark.parametrize(
    "options",
    [{"threads_queue": 0}, {"threads_queue_timeout": 0.05}],
    ids=["no room", "no thread in time"],
)
def test_a_request_without_a_thread_has_failed(tmp_path: Path, options: dict[str, Any]) -> None:
    """It is answered 503 in the place of the view."""
    text = '[lanes]\nfigures = "asgi"\n'
    with served(tmp_path, text, threads=1, **options) as server, asking(server, f"/stream?gate={tmp_path}"):
        until(lambda: ask(server, "GET", "/sync") == 503)
        found = counted(server)
        for number in range(3):
            (tmp_path / str(number)).touch()
    requests, errors = found["sync", "wsgi"]
    assert errors >= 1
    assert requests >= errors


def test_a_view_that_is_stuck_has_failed_once(tmp_path: Path) -> None:
    """It is answered 504 in its place; what it says when it comes back is not counted."""
    text = '[lanes]\nfigures = "asgi"\n"/str*" = "wsgi"\n'
    with served(tmp_path, text, timeout_request=2) as server:  # in which a busy machine answers /sync
        assert ask(server, "GET", f"/stream?gate={tmp_path}") == 504
        assert counted(server) == {("/str*", "wsgi"): (1, 1)}
        for number in range(3):
            (tmp_path / str(number)).touch()
        assert ask(server, "GET", "/sync") == 200
        assert counted(server) == {("/str*", "wsgi"): (1, 1), ("sync", "wsgi"): (1, 0)}


def test_what_holds_the_loop_is_a_stall_of_its_view(tmp_path: Path) -> None:
    """Each time that it does so for longer than the budget says, and of nobody else."""
    with served(tmp_path, "[lane_budget]\nstall = 1\n") as server:
        httpx.get(f"{server.url}/figures?timed=holds", timeout=DEADLINE).raise_for_status()
        ask(server, "GET", "/async/holds?seconds=1.1")
        ask(server, "GET", "/async/holds?seconds=0")
        ask(server, "GET", "/async")
        found = figures(server)
    assert (found["holds", "asgi"]["requests"], found["holds", "asgi"]["stalls"]) == (2, 2)
    assert found["async", "asgi"]["stalls"] == 0


def test_stalls_are_those_of_the_views_that_are_timed(tmp_path: Path) -> None:
    """Which these are may be changed; that counts from the next request on."""
    with served(tmp_path, "[lane_budget]\nstall = 0.5\n") as server:
        for timed, stalls in (("async", 0), ("holds", 2), ("async", 2)):
            httpx.get(f"{server.url}/figures?timed={timed}", timeout=DEADLINE).raise_for_status()
            ask(server, "GET", "/async/holds?seconds=0.6")
            assert figures(server)["holds", "asgi"]["stalls"] == stalls
