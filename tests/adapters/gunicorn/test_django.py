"""A Django project under gunicorn's arbiter: both lanes in each worker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.typing import Origin

from tests.adapters.gunicorn.conftest import Gunicorn
from tests.support.control import asked, sockets_below
from tests.support.django_desk import SETTINGS, desk_environment, prepare
from tests.support.gunicorn import GunicornProcess, start_gunicorn
from tests.support.process import APPS, DEADLINE, ServerProcess
from tests.support.waiting import until
from tests.support.websocket_clients import opened

PROJECT = "tests.apps.django_desk"
WSGI, ASGI = f"{PROJECT}.wsgi:application", f"{PROJECT}.asgi:application"
NAMED = f"hybrid_django = {SETTINGS!r}\n"

#: `project(target, configuration_file, env, **options)`.
Project = Callable[..., GunicornProcess]


@pytest.fixture
def project(gunicorn: Gunicorn, tmp_path: Path) -> Project:
    """Give what starts gunicorn on the project, with a database."""
    prepare(tmp_path)

    def start(target: str, conf: str, env: dict[str, str] | None = None, **options: Any) -> GunicornProcess:
        return gunicorn(target, conf, env=desk_environment(env), **options)

    return start


def lanes(server: ServerProcess) -> list[str]:
    """Return where a plain view and a coroutine function have run."""
    asked = (httpx.get(f"{server.url}{path}", timeout=DEADLINE).json() for path in ("/sync", "/async"))
    return [str(each["thread"]).partition("-")[0] for each in asked]


def echoes(server: ServerProcess, path: str) -> bool:
    """Tell whether a WebSocket says back what it is told."""
    with opened(server, path, origin=Origin("http://127.0.0.1")) as websocket:
        websocket.send("hello")
        return websocket.recv(timeout=DEADLINE) == "hello"


@pytest.mark.parametrize("options", [{}, {"preload": True}], ids=["in workers", "preloaded"])
def test_both_handlers_are_one_project(project: Project, options: dict[str, Any]) -> None:
    """One on the command line and one in `hybrid_targets`: two lanes, and the WebSockets of the second."""
    conf = f'hybrid_targets = ["{PROJECT}.asgi:with_sockets"]\nhybrid_django_threads = 2\nthreads = 3\n'
    server = project(WSGI, conf, workers=2, **options)
    assert lanes(server) == ["wsgi", "MainThread"]
    assert echoes(server, "/asgi/echo")
    server.wait_for_stderr("at most 5 database connections in this process")
    assert server.terminate() == 0
    assert "Traceback" not in server.stderr


@pytest.mark.parametrize("options", [{}, {"preload": True}], ids=["in workers", "preloaded"])
@pytest.mark.parametrize("target", [WSGI, ASGI], ids=["wsgi", "asgi"])
def test_hybrid_django_names_the_project(project: Project, target: str, options: dict[str, Any]) -> None:
    """Of which the application on the command line, whichever of both it is, is one lane."""
    server = project(target, NAMED, **options)
    assert lanes(server) == ["wsgi", "MainThread"]
    assert echoes(server, "/echo")
    assert server.terminate() == 0
    assert "Traceback" not in server.stderr


def test_what_is_around_the_application_stays(project: Project) -> None:
    """Where it is what the settings name."""
    server = project(f"{PROJECT}.around:wsgi", NAMED, {"DESK_WSGI": f"{PROJECT}.around.wsgi"})
    assert lanes(server) == ["wsgi", "MainThread"]
    assert httpx.get(f"{server.url}/sync?around=answers", timeout=DEADLINE).status_code == 503


def test_hybrid_lanes_moves_views(project: Project, tmp_path: Path) -> None:
    """As the table of `hybrid.toml` does; gunicorn's access log can say where a request was served."""
    conf = f'{NAMED}hybrid_lanes = {{"sync": "asgi"}}\naccess_log_format = "%(r)s: %({{hybrid.lane}}e)s"\n'
    server = project(WSGI, conf, access_logfile="access.log")
    assert lanes(server) == ["asgi", "MainThread"]
    until(lambda: "GET /sync HTTP/1.1: asgi; configured" in (tmp_path / "access.log").read_text())


def test_hooks_are_called_on_both_lanes(project: Project) -> None:
    """And for WebSockets, as for any application."""
    conf = f"""{NAMED}
def pre_request(worker, request):
    worker.log.info("before %s", request.path)

def post_request(worker, request, environ, response):
    worker.log.info("after %s %s", request.path, response.status)
"""
    server = project(WSGI, conf)
    assert lanes(server) == ["wsgi", "MainThread"]
    assert echoes(server, "/echo")
    for path, status in (("/sync", "200"), ("/async", "200"), ("/echo", "101")):
        server.wait_for_stderr(f"after {path} {status}")
        assert f"before {path}" in server.stderr


@pytest.mark.parametrize("options", [{}, {"preload": True}], ids=["in workers", "preloaded"])
def test_lanes_can_be_changed_while_it_serves(
    project: Project, control_folder: Path, options: dict[str, Any]
) -> None:
    """In all workers, by asking one of them; with `hybrid_lane_budget` and with hooks too."""
    conf = f"""{NAMED}
hybrid_lane_budget = {{"errors": 2.0}}

def pre_request(worker, request):
    pass
"""
    env = {"XDG_RUNTIME_DIR": str(control_folder), "RUNTIME_DIRECTORY": ""}
    server = project(WSGI, conf, env, workers=2, **options)
    until(lambda: len(sockets_below(control_folder)) == 2)
    first, second = sockets_below(control_folder).values()
    assert lanes(server) == ["wsgi", "MainThread"]
    told = asked(first, "lanes.set", {"view": "sync", "lane": "asgi", "by": "ada", "reason": "trying"})
    assert (told["processes"], told["missing"]) == (2, [])
    for _ in range(4):  # whichever worker it is
        assert lanes(server) == ["asgi", "MainThread"]
    shown = asked(second, "lanes.show")
    assert shown["budget"]["errors"] == 2.0
    (view,) = (each for each in shown["views"] if each["name"] == "sync")
    assert view["figures"]["asgi"]["requests"] == 4
    assert server.terminate() == 0


def test_a_project_below_a_path(project: Project) -> None:
    """`root_path` is that of both lanes."""
    server = project(WSGI, NAMED, root_path="/desk")
    for path in ("/meta", "/async/meta"):
        said = httpx.get(f"{server.url}/desk{path}", timeout=DEADLINE).json()
        assert said["META"]["SCRIPT_NAME"] == ["str", "/desk"]


@pytest.mark.parametrize(
    ("target", "conf", "env", "said"),
    [
        ("hello_wsgi:app", NAMED, {}, f'hello_wsgi.app" and django "{SETTINGS}" both want HTTP'),
        (WSGI, 'hybrid_django = "other.settings"', {}, f'has set Django up with "{SETTINGS}" before'),
        (WSGI, f'{NAMED}hybrid_lanes = {{"nobody": "asgi"}}', {}, "lanes.nobody: there is no view of this"),
        (WSGI, NAMED, {"DESK_ASGI": "nowhere.application"}, "No module named 'nowhere'"),
    ],
    ids=["another application", "other settings", "no view", "no module"],
)
def test_what_cannot_be_served_ends_the_start(
    tmp_path: Path, target: str, conf: str, env: dict[str, str], said: str
) -> None:
    """With what is wrong in one line."""
    prepare(tmp_path)
    (tmp_path / "gunicorn.conf.py").write_text(conf, encoding="utf-8")
    options = {"worker_class": "hybrid.adapters.gunicorn.HybridWorker", "pythonpath": APPS}
    with start_gunicorn(target, cwd=tmp_path, env=desk_environment(env), **options) as server:
        assert server.wait() == 3
    (line,) = (each for each in server.stderr.splitlines() if "Worker cannot boot" in each)
    assert said in line
