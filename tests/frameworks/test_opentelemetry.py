"""OpenTelemetry's instrumentation of WSGI and ASGI under the server: one trace from client to thread."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.support.frameworks import served
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import until

APP = "tests.frameworks.apps.traced"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
#: What a client sends that is traced itself (W3C Trace Context).
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    for name in ("flask", "opentelemetry.sdk", "opentelemetry.instrumentation.asgi"):
        require_module(name)


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve both applications traced, and the spans untraced."""
    routes = (f"/wsgi={APP}:wsgi_app", f"/asgi={APP}:asgi_app", f"/told={APP}:plain")
    with served(tmp_path_factory.mktemp("served"), *routes) as server:
        yield server


def ask(server: ServerProcess, path: str) -> httpx.Response:
    """Ask as a client that is traced."""
    return httpx.get(f"{server.url}{path}", headers=TRACEPARENT, timeout=DEADLINE)


def spans(server: ServerProcess, kind: str, count: int) -> list[dict[str, Any]]:
    """Return the spans of a kind that have ended, once there are as many."""

    def ended() -> list[dict[str, Any]]:
        answer = httpx.get(f"{server.url}/told/spans", timeout=DEADLINE)
        return [span for span in json.loads(answer.text) if span["kind"] == kind]

    until(lambda: len(ended()) >= count)
    return ended()


@pytest.mark.parametrize("interface", ["wsgi", "asgi"])
def test_one_trace(server: ServerProcess, interface: str) -> None:
    """The request's span is in the client's trace, below its span, and the application's is below that."""
    shown = ask(server, f"/{interface}/work").json()
    assert shown["trace"] == TRACE
    (request,) = spans(server, "SERVER", 1)
    assert (request["trace"], request["parent"]) == (TRACE, PARENT)
    inner = next(span for span in spans(server, "INTERNAL", 1) if span["name"] == "inner")
    assert (inner["span"], inner["parent"]) == (shown["span"], request["span"])
    assert request["attributes"]["http.method"] == "GET"
    assert request["attributes"]["http.status_code"] == "200"
    assert request["attributes"]["net.peer.ip"] == "127.0.0.1"


def test_requests_on_one_thread_are_apart(server: ServerProcess) -> None:
    """A request without a trace begins one of its own, whatever the thread has served before."""
    ask(server, "/wsgi/work")
    shown = httpx.get(f"{server.url}/wsgi/work", timeout=DEADLINE).json()
    assert shown["trace"] not in (TRACE, "0" * 32)
    own = next(span for span in spans(server, "SERVER", 2) if span["trace"] != TRACE)
    assert own["parent"] is None


def test_failures(server: ServerProcess) -> None:
    """A view that fails is a span with its status."""
    assert ask(server, "/wsgi/fail").status_code == 503
    (request,) = spans(server, "SERVER", 1)
    assert request["attributes"]["http.status_code"] == "503"


def test_websocket(server: ServerProcess) -> None:
    """A WebSocket is in the client's trace as well."""
    address = f"{server.url.replace('http', 'ws', 1)}/asgi/ws"
    with connect(address, additional_headers=TRACEPARENT) as websocket:
        shown = json.loads(websocket.recv(timeout=DEADLINE))
    assert shown["trace"] == TRACE
    (request,) = spans(server, "SERVER", 1)
    assert (request["trace"], request["parent"]) == (TRACE, PARENT)
