"""WSGI applications that bring an ASGI application for their WebSockets along, behind the gateway."""

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from websockets.exceptions import InvalidStatus

from hybrid.bridge import Gateway, SocketThreads, Target, ThreadPool, load_targets
from hybrid.cli import main
from tests.apps import wsgi_own_sockets
from tests.support.gunicorn import start_gunicorn
from tests.support.process import APPS, DEADLINE, ServerProcess, start_server
from tests.support.websocket_clients import opened

TARGETS = ["tests.apps.wsgi_own_sockets", "/all=tests.apps.wsgi_own_sockets:takes_all"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve both."""
    folder = tmp_path_factory.mktemp("served")
    with start_server(*TARGETS, cwd=folder, app_dir=APPS.parent.parent, access_log=False) as started:
        yield started


def gateway(*texts: str, sockets: bool = True) -> Gateway:
    """Make a gateway of targets."""
    return Gateway(load_targets(texts), pool=ThreadPool(), sockets=SocketThreads() if sockets else None)


def test_routes() -> None:
    """What answers WebSockets has a row of its own."""
    rows = gateway(*TARGETS).routes()
    assert [(row.path, row.protocols, row.application.partition(":")[2], row.interface) for row in rows] == [
        ("/", ("http",), "app", "wsgi"),
        ("/", ("websocket",), "app.__hybrid_websocket__", "asgi3"),
        ("/all", ("http",), "takes_all", "wsgi"),
        ("/all", ("websocket",), "takes_all.__hybrid_websocket__", "asgi3"),
    ]
    assert [row.runs_on for row in rows] == ["thread pool", "event loop"] * 2


def test_an_asgi_target_goes_before_it() -> None:
    """Who names a target for WebSockets gets that one."""
    routes = gateway("tests.apps.wsgi_own_sockets", "tests.apps.wsgi_own_sockets:everything").routes()
    assert [(route.protocols, route.application) for route in routes] == [
        (("http",), "tests.apps.wsgi_own_sockets:app"),
        (("websocket",), "tests.apps.wsgi_own_sockets:everything"),
    ]


def test_a_target_for_websockets_alone() -> None:
    """The WSGI application need not take HTTP."""
    target = Target(wsgi_own_sockets.app, protocols=["websocket"])
    rows = Gateway([target], pool=ThreadPool(), sockets=SocketThreads()).routes()
    assert [(row.protocols, row.interface) for row in rows] == [(("websocket",), "asgi3")]


def test_without_threads_for_sockets() -> None:
    """It takes all WebSockets when the WSGI application cannot have any."""
    scope = {"type": "websocket", "path": "/wsgi", "headers": []}
    found, _ = gateway("tests.apps.wsgi_own_sockets", sockets=False).resolve(scope)
    assert found is wsgi_own_sockets.app.__hybrid_websocket__


def test_labels() -> None:
    """Both that a WebSocket may end at have the names of their target."""
    labels = gateway("tests.apps.wsgi_own_sockets").labels()
    name = "tests.apps.wsgi_own_sockets:app"
    assert sorted(labels.values()) == [
        (name, "wsgi"),
        (f"{name}.__hybrid_websocket__", ""),
        (f"{name}.__hybrid_websocket__", "websocket"),
    ]


def test_http(server: ServerProcess) -> None:
    """It is the WSGI application's."""
    with urllib.request.urlopen(server.url, timeout=DEADLINE) as response:
        assert response.read() == b"wsgi"


@pytest.mark.parametrize("path", ["/x", "/all/x", "/all/wsgi"])
def test_websockets(server: ServerProcess, path: str) -> None:
    """They reach the ASGI application, with the prefix of their target."""
    root = "/all" if path.startswith("/all") else ""
    with opened(server, path) as websocket:
        assert websocket.recv(timeout=DEADLINE) == f"own {root} {path}"


@pytest.mark.parametrize(("path", "status"), [("/wsgi", 409), ("/failing", 500)])
def test_those_that_it_does_not_take(server: ServerProcess, path: str, status: int) -> None:
    """They reach the WSGI application, with a socket; a failure to decide is a 500."""
    with pytest.raises(InvalidStatus) as caught, opened(server, path):
        pass
    assert caught.value.response.status_code == status


def test_below_gunicorn_with_hooks(tmp_path: Path) -> None:
    """It is found behind gunicorn's hooks, which are called for it too."""
    conf = "def pre_request(worker, req):\n    worker.log.warning('hook %s', req.path)\n"
    (tmp_path / "gunicorn.conf.py").write_text(conf, encoding="utf-8")
    worker = "hybrid.adapters.gunicorn.HybridWorker"
    options: dict[str, Any] = {"worker_class": worker, "pythonpath": APPS}
    with start_gunicorn("wsgi_own_sockets:app", cwd=tmp_path, **options) as server:
        with opened(server, "/x") as websocket:
            assert websocket.recv(timeout=DEADLINE) == "own  /x"
        with pytest.raises(InvalidStatus) as caught, opened(server, "/wsgi"):
            pass
        assert caught.value.response.status_code == 409
        server.wait_for_stderr("hook /x")


def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """`hybrid routes` shows it."""
    monkeypatch.syspath_prepend(APPS)
    output = CliRunner().invoke(main, ["routes", "wsgi_own_sockets"]).output
    assert "wsgi_own_sockets:app.__hybrid_websocket__" in output
