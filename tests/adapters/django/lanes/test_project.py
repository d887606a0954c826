"""Finding a Django project, and what of it is served."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.support.django_desk import HANDLERS, SETTINGS, copy_of_project, desk, desk_environment, prepare
from tests.support.process import APPS, DEADLINE, ServerProcess, process_environment, run_hybrid, start_server
from tests.support.websocket_clients import opened

WITH_SOCKETS = {"DESK_ASGI": "tests.apps.django_desk.asgi.with_sockets"}


def routes(folder: Path, *arguments: str, **env: str) -> list[list[str]]:
    """Return the cells of the route table, without its headings."""
    done = run_hybrid("routes", *arguments, cwd=folder, env=desk_environment(env))
    assert done.returncode == 0, done.stderr
    return [line.split("  ") for line in done.stdout.splitlines()[1:]]


def cells(row: list[str]) -> list[str]:
    """Return the cells that have something in them."""
    return [cell.strip() for cell in row if cell.strip()]


def test_the_settings_module_is_the_project(tmp_path: Path) -> None:
    """One row for both lanes, with how many views each has, and one for the routes of routing.py."""
    http, websocket = routes(tmp_path, "--django", SETTINGS)
    assert cells(http)[:4] == ["/", "http", SETTINGS, "wsgi+asgi"]
    assert "thread pool: " in cells(http)[4]
    assert "event loop: " in cells(http)[4]
    patterns = "tests.apps.django_desk.routing:websocket_urlpatterns"
    assert cells(websocket) == ["/", "websocket", patterns, "asgi3", "event loop"]


def test_without_a_name_manage_py_says_it(tmp_path: Path) -> None:
    """In the current folder; on the command line, in the environment, and in the file."""
    copy_of_project(tmp_path)
    expected = routes(tmp_path, "--django", SETTINGS)
    assert routes(tmp_path, "--django") == expected
    assert routes(tmp_path, HYBRID_DJANGO="manage.py") == expected
    (tmp_path / "hybrid.toml").write_text(f'django = "{SETTINGS}"\n', encoding="utf-8")
    assert routes(tmp_path) == expected


def test_the_environment_goes_before_manage_py(tmp_path: Path) -> None:
    """As it does for manage.py itself."""
    (tmp_path / "manage.py").write_text("raise SystemExit('not run')\n", encoding="utf-8")
    assert routes(tmp_path, "--django", DJANGO_SETTINGS_MODULE=SETTINGS)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "django: there is no manage.py: name"),
        ("", "manage.py does not set DJANGO_SETTINGS_MODULE"),
        ("def (", "manage.py cannot be read"),
    ],
)
def test_a_manage_py_that_says_nothing_is_told_of(tmp_path: Path, script: str | None, said: str) -> None:
    """In one line, with what to do."""
    if script is not None:
        (tmp_path / "manage.py").write_text(script, encoding="utf-8")
    done = run_hybrid("check", "--django", cwd=tmp_path, env=desk_environment())
    assert done.returncode == 3
    assert said in done.stderr
    assert "name the settings module" in done.stderr


@pytest.mark.parametrize(
    ("module", "env", "said"),
    [
        ("nowhere.settings", {}, "No module named 'nowhere'"),
        (
            SETTINGS,
            {"DESK_URLS": "nowhere.urls"},
            """'nowhere', which "nowhere.urls" in ROOT_URLCONF needs""",
        ),
        (
            SETTINGS,
            {"DESK_WSGI": "nowhere.wsgi.application"},
            """'nowhere', which "nowhere.wsgi.application" in WSGI_APPLICATION needs""",
        ),
        (
            SETTINGS,
            {"DESK_MIDDLEWARE": "nowhere.Middleware"},
            """'nowhere', which "nowhere.Middleware" in MIDDLEWARE needs""",
        ),
        (
            SETTINGS,
            {"DESK_MIDDLEWARE": "django.middleware.common.Comon"},
            """attribute/class, which "django.middleware.common.Comon" in MIDDLEWARE needs""",
        ),
    ],
)
def test_a_project_that_cannot_be_loaded_is_told_of(
    tmp_path: Path, module: str, env: dict[str, str], said: str
) -> None:
    """At the start, and not at the first request; in one line."""
    done = run_hybrid("check", "--django", module, cwd=tmp_path, env=desk_environment(env))
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_module_that_cannot_be_imported_without_saying_why(tmp_path: Path) -> None:
    """Is told of as it is."""
    (tmp_path / "wordless.py").write_text("raise ImportError\n", encoding="utf-8")
    env = desk_environment({"DESK_MIDDLEWARE": "wordless.Middleware"})
    done = run_hybrid("check", "--django", SETTINGS, cwd=tmp_path, env=env)
    assert done.returncode == 3
    assert "ImportError" in done.stderr
    assert "NoneType" not in done.stderr


def test_both_handlers_are_one_project(tmp_path: Path) -> None:
    """WSGI and ASGI as targets are served as with --django; the WebSockets are those of the ASGI one."""
    http, websocket = routes(tmp_path, *HANDLERS)
    assert cells(http)[:4] == ["/", "http", " ".join(HANDLERS), "wsgi+asgi"]
    assert cells(websocket) == ["/", "websocket", HANDLERS[1], "asgi3", "event loop"]
    (http,) = routes(tmp_path, HANDLERS[0], "tests.apps.django_desk.asgi:application")
    assert cells(http)[1] == "http"


@pytest.mark.parametrize("target", [HANDLERS[0], "tests.apps.django_desk.asgi:application", HANDLERS[1]])
def test_an_application_of_the_project_is_in_it(tmp_path: Path, target: str) -> None:
    """So that it may be named beside the settings; but not another one in its place."""
    env = WITH_SOCKETS if target == HANDLERS[1] else {}
    expected = routes(tmp_path, "--django", SETTINGS, **env)
    assert routes(tmp_path, "--django", SETTINGS, target, **env) == expected
    assert len(routes(tmp_path, "--django", SETTINGS, f"/below={target}", **env)) > len(expected)


@pytest.mark.parametrize("target", ["hello_wsgi", f"{HANDLERS[0]}@slow"], ids=["another", "on other threads"])
def test_another_application_in_its_place_is_refused(tmp_path: Path, target: str) -> None:
    """In words of Django's."""
    words = ("--django", SETTINGS, target, "--pool", "slow=2", "--app-dir", str(APPS))
    done = run_hybrid("check", *words, cwd=tmp_path, env=desk_environment())
    assert (done.returncode, "both want HTTP at /: only what WSGI" in done.stderr) == (3, True)


def test_other_settings_than_those_in_use_are_refused(tmp_path: Path) -> None:
    """A target has set Django up, and cannot be told now."""
    done = run_hybrid(
        "check", "--django", "other.settings", HANDLERS[0], cwd=tmp_path, env=desk_environment()
    )
    assert done.returncode == 3
    assert f'an application has set Django up with "{SETTINGS}" before' in done.stderr


def test_handlers_in_different_places_stay_two(tmp_path: Path) -> None:
    """And so does one by itself."""
    rows = routes(tmp_path, f"/a={HANDLERS[0]}", f"/b={HANDLERS[1]}")
    assert {cells(row)[3] for row in rows} == {"wsgi", "asgi3"}
    (row,) = routes(tmp_path, HANDLERS[0])
    assert cells(row)[3:] == ["wsgi", "thread pool"]


def test_the_asgi_application_has_the_web_sockets(tmp_path: Path) -> None:
    """Where the settings name one, with its own rules of who may open them."""
    with desk(tmp_path, env=WITH_SOCKETS) as server, opened(server, "/asgi/echo") as websocket:
        websocket.send("hello")
        assert websocket.recv(timeout=DEADLINE) == "hello"


def test_routes_of_web_sockets_are_for_pages_of_the_own_hosts(tmp_path: Path) -> None:
    """Where routing.py lists routes and nothing around them."""
    with desk(tmp_path) as server:
        with opened(server, "/echo", origin=Origin("http://127.0.0.1")) as websocket:
            websocket.send("hello")
            assert websocket.recv(timeout=DEADLINE) == "hello"
        with pytest.raises(InvalidStatus), opened(server, "/echo", origin=Origin("http://evil.example")):
            pass


def lanes(server: ServerProcess) -> list[str]:
    """Return where two views have run."""
    asked = (httpx.get(f"{server.url}{path}", timeout=DEADLINE).json() for path in ("/sync", "/async"))
    return [str(each["thread"]).partition("-")[0] for each in asked]


def test_both_handlers_have_both_lanes(tmp_path: Path) -> None:
    """And the start says how many database connections there can be."""
    with desk(tmp_path, *HANDLERS, threads=3, django_threads=2) as server:
        assert lanes(server) == ["wsgi", "MainThread"]
        server.wait_for_stderr("at most 5 database connections in this process")
        server.wait_for_stderr("each with its own to default; WebSockets have others")
    assert "Traceback" not in server.stderr


def test_threads_that_may_be_given_up_are_counted(tmp_path: Path) -> None:
    """Of a project without WebSockets, what is said of connections is all."""
    handlers = HANDLERS[0], "tests.apps.django_desk.asgi:application"
    with desk(tmp_path, *handlers, threads=3, timeout_request=9, limit_stuck_threads=4) as server:
        server.wait_for_stderr(
            "at most 23 database connections in this process: 3 threads of the wsgi lane, 4 more that were "
            "given up and still run, and 16 of the asgi lane, each with its own to default\n"
        )


def test_a_worker_process_has_both_lanes_each(tmp_path: Path) -> None:
    """With --workers too."""
    with desk(tmp_path, workers=2) as server:
        assert lanes(server) == ["wsgi", "MainThread"]


def test_a_project_stands_beside_other_targets(tmp_path: Path) -> None:
    """Under a prefix of theirs."""
    prepare(tmp_path)
    options: dict[str, Any] = {"django": SETTINGS, "access_log": False}
    env = desk_environment()
    with start_server("/hello=hello_asgi:app", cwd=tmp_path, env=env, **options) as server:
        assert lanes(server) == ["wsgi", "MainThread"]
        assert httpx.get(f"{server.url}/hello", timeout=DEADLINE).text == "hello\n"


def test_nobody_else_pays_for_django() -> None:
    """The decorator, and a server of something else, import nothing of it."""
    code = """
import sys
import hybrid
hybrid.lane("asgi")(lambda request: None)
from hybrid.server.application import load_application
load_application(hybrid.Config(app="hello_wsgi:app", app_dir="tests/apps"))
assert not [name for name in sys.modules if name.split(".")[0] == "django"]
assert "hybrid.adapters.django.lanes.project" not in sys.modules
"""
    root = Path(__file__).parents[4]
    subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=process_environment(), check=True, timeout=DEADLINE
    )
