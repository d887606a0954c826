"""The figures of applications with routes of their own: by rule, as real frameworks tell a real server."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from hybrid.server.ops.metrics.snapshot import Snapshot
from tests.support.console import ask
from tests.support.frameworks import served
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ServerProcess, run_hybrid
from tests.support.status import route_of, status_of
from tests.support.waiting import asking, until
from tests.support.websocket_clients import reset

FLASK = "tests.frameworks.apps.routed_flask:app"
STARLETTE = "tests.frameworks.apps.routed_asgi:star"
FASTAPI = "tests.frameworks.apps.routed_asgi:fast"
HOSTED = "tests.frameworks.apps.routed_asgi:hosted"


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    for name in ("flask", "starlette", "fastapi", "prometheus_client"):
        require_module(name)


def ask_all(server: ServerProcess, *requests: tuple[str, str, int]) -> None:
    """Ask for paths with methods, and check the statuses."""
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        for method, path, status in requests:
            content = bytes(1000) if method == "POST" else None
            assert client.request(method, path, content=content).status_code == status, path


def statuses_of(status: Snapshot) -> Mapping[str, Mapping[int, int]]:
    """Return how many requests had which status, by route."""
    for each in status.routes.values():
        assert each.begun == each.requests == each.seconds.count
        assert each.in_flight == 0
    return {each.route: each.statuses for each in status.routes.values()}


FLASK_REQUESTS = (
    ("GET", "/shop/en/items/1", 200),
    ("GET", "/shop/de/items/2", 200),
    ("HEAD", "/shop/de/items/3", 200),
    ("GET", "/shop/de/items/x", 404),
    ("GET", "/nowhere", 404),
    ("POST", "/upload/some", 200),
    ("GET", "/upload/some", 405),
    ("GET", "/fails/3", 503),
    ("GET", "/static/nothing.css", 404),
)
FLASK_STATUSES = {
    "": {404: 2, 405: 1},
    "/shop/<lang>/items/<int:number>": {200: 3},
    "/upload/<name>": {200: 1},
    "/fails/<int:number>": {503: 1},
    "/static/<path:filename>": {404: 1},
}


@pytest.mark.parametrize(
    "options", [{}, {"access_log": True}, {"limit_concurrency": 5}], ids=["plain", "logged", "gated"]
)
def test_flask(tmp_path: Path, control_folder: Path, options: dict[str, Any]) -> None:
    """By the rule that has matched, a blueprint's with its prefix, whatever else is done with requests. Where
    none has, for the application alone.
    """
    with served(tmp_path, FLASK, control=control_folder, **options) as server:
        ask_all(server, *FLASK_REQUESTS)
        status = status_of(control_folder)
        assert statuses_of(status) == FLASK_STATUSES
        upload = route_of(status, "/upload/<name>")
        assert (upload.application, upload.runs_on) == (FLASK, "wsgi")
        assert (upload.bytes_in, upload.bytes_out) == (1000, len("some 1000"))
        assert upload.run_seconds > 0
        assert route_of(status).bytes_in == 0
        (process,) = status.processes
        assert process.requests == len(FLASK_REQUESTS)


def test_starlette(tmp_path: Path, control_folder: Path) -> None:
    """By the path of the route below those of all mounts around it, also where these have parameters; a
    mounted application without routes is one.
    """
    with served(tmp_path, STARLETTE, control=control_folder) as server:
        ask_all(
            server,
            ("POST", "/echo/a", 200),
            ("POST", "/echo/b", 200),
            ("GET", "/echo/a", 405),
            ("GET", "/files/some/thing", 200),
            ("GET", "/one/rooms/1", 200),
            ("GET", "/two/rooms/2", 200),
            ("GET", "/two/rooms/x/y", 200),
            ("GET", "/two/rooms/nowhere", 404),
            ("GET", "/nowhere", 404),
            ("GET", "/fast/top/x", 200),
            ("GET", "/fast/below/deep/x", 200),
            ("GET", "/fast/api/v1/items/1", 200),
        )
        status = status_of(control_folder)
        assert statuses_of(status) == {
            "": {404: 2},
            "/echo/{name}": {200: 2, 405: 1},
            "/files": {200: 1},
            "/{tenant}/rooms/{room:int}": {200: 2},
            "/{tenant}/rooms/x/y": {200: 1},
            "/fast/top/{name}": {200: 1},
            "/fast/below/deep/{name}": {200: 1},
            "/fast/api/v1/items/{number}": {200: 1},
        }
        echo = route_of(status, "/echo/{name}")
        assert (echo.application, echo.runs_on, echo.bytes_in) == (STARLETTE, "loop", 2000)


def test_fastapi(tmp_path: Path, control_folder: Path) -> None:
    """The same: routers that are included, in one another too, with their prefixes."""
    with served(tmp_path, FASTAPI, control=control_folder) as server:
        ask_all(
            server,
            ("GET", "/api/v1/items/1", 200),
            ("GET", "/api/v1/items/2", 200),
            ("GET", "/api/v1/items/x", 422),
            ("GET", "/top/x", 200),
            ("GET", "/below/deep/x", 200),
            ("GET", "/alone/x", 200),
            ("GET", "/below/nowhere", 404),
            ("GET", "/api/v1/nowhere", 404),
        )
        assert statuses_of(status_of(control_folder)) == {
            "": {404: 2},
            "/api/v1/items/{number}": {200: 2, 422: 1},
            "/top/{name}": {200: 1},
            "/below/deep/{name}": {200: 1},
            "/alone": {200: 1},
        }


def test_starlette_by_host_and_below_itself(tmp_path: Path, control_folder: Path) -> None:
    """Routes of a host are told without it, and an application that is mounted in itself is served, too."""
    with served(tmp_path, HOSTED, control=control_folder) as server:
        ask_all(server, ("GET", "/top", 200), ("GET", "/again/top", 200), ("GET", "/again/again/top", 200))
        found = httpx.get(f"{server.url}/v1/y", headers={"host": "api.example"}, timeout=DEADLINE)
        assert found.status_code == 200
        # Mounts in themselves are told once: there is no end to them.
        assert statuses_of(status_of(control_folder)) == {
            "/top": {200: 2},
            "/again/top": {200: 1},
            "/v1/y": {200: 1},
        }


def test_below_a_prefix(tmp_path: Path, control_folder: Path) -> None:
    """Of ours, which stands before the rule; applications side by side keep their own."""
    with served(tmp_path, f"/flask={FLASK}", f"/star={STARLETTE}", FASTAPI, control=control_folder) as server:
        ask_all(
            server,
            ("GET", "/flask/shop/en/items/1", 200),
            ("GET", "/flask/nowhere", 404),
            ("GET", "/star/one/rooms/1", 200),
            ("GET", "/star/files/x", 200),
            ("GET", "/top/x", 200),
        )
        status = status_of(control_folder)
        assert {(each.application, each.route) for each in status.routes.values()} == {
            (FLASK, "/flask/shop/<lang>/items/<int:number>"),
            (FLASK, "/flask"),
            (STARLETTE, "/star/{tenant}/rooms/{room:int}"),
            (STARLETTE, "/star/files"),
            (FASTAPI, "/top/{name}"),
        }


@pytest.mark.parametrize(
    ("target", "rule"),
    [(FLASK, "/held/<path:file>"), (STARLETTE, "/held/{file:path}")],
    ids=["flask", "star"],
)
def test_while_it_is_answered(tmp_path: Path, control_folder: Path, target: str, rule: str) -> None:
    """A request is in flight for the application, whose other figures do not have it yet; then it is the
    route's. One whose client leaves counts where that was known.
    """
    held = tmp_path / "held"
    held.touch()
    with served(tmp_path, target, control=control_folder) as server:
        with asking(server, f"/held{held}") as staying:
            with asking(server, f"/held{held}") as leaving:
                until(lambda: sum(each.in_flight for each in status_of(control_folder).routes.values()) == 2)
                found = route_of(status_of(control_folder))
                assert (found.in_flight, found.begun, found.statuses) == (2, 0, {})
                assert status_of(control_folder).processes[0].requests == 2
                reset(leaving)
            until(lambda: route_of(status_of(control_folder)).in_flight == 1)
            held.unlink()
            assert staying.recv(1000).startswith(b"HTTP/1.1 200")
        until(lambda: rule in statuses_of_known(control_folder))
        known = statuses_of_known(control_folder)
    # Of a WSGI application nothing is known before it answers.
    expected = {rule: {200: 1}, "": {499: 1}} if target == FLASK else {rule: {200: 1, 499: 1}}
    assert {route: each for route, each in known.items() if each} == expected


def statuses_of_known(folder: Path) -> dict[str, Mapping[int, int]]:
    """Return how many requests had which status, by route, while some may be in flight."""
    return {each.route: each.statuses for each in status_of(folder).routes.values()}


def test_where_they_are_read(tmp_path: Path, control_folder: Path) -> None:
    """`/metrics` and `hybrid status --json` have them, and never a path."""
    with served(tmp_path, FLASK, control=control_folder, ops="127.0.0.1:0") as server:
        ask_all(server, *FLASK_REQUESTS)
        exposed: dict[str, dict[int, int]] = {}
        for family in text_string_to_metric_families(ask(server, "/metrics").text):
            for sample in family.samples:
                if sample.name == "hybrid_requests_total":
                    labels = sample.labels
                    exposed.setdefault(labels["route"], {})[int(labels["status"])] = int(sample.value)
        assert exposed == FLASK_STATUSES
        printed = run_hybrid("status", "--json", "--control", str(control_folder)).stdout
    routes = json.loads(printed)["routes"]
    assert {each["route"] for each in routes.values()} == set(FLASK_STATUSES)
    assert f"{FLASK} /upload/<name> (wsgi)" in routes
    assert "/shop/en" not in printed


def test_http2(tmp_path: Path, control_folder: Path) -> None:
    """The same on streams."""
    require_module("h2")
    options: dict[str, Any] = {"control": control_folder, "http2_cleartext": True, "http": "auto"}
    with (
        served(tmp_path, f"/flask={FLASK}", STARLETTE, **options) as server,
        httpx.Client(base_url=server.url, timeout=DEADLINE, http1=False, http2=True) as client,
    ):
        for path in ("/flask/shop/en/items/1", "/one/rooms/1"):
            assert client.get(path).http_version == "HTTP/2"
        status = status_of(control_folder)
    assert set(statuses_of(status)) == {
        "/flask/shop/<lang>/items/<int:number>",
        "/{tenant}/rooms/{room:int}",
    }
