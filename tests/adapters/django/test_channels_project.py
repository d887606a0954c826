"""A project with Channels, unchanged and with other imports alone: the same under daphne and here."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.chatsite import conversation, copy_project, heard, manage, visiting
from tests.support.daphne import start_daphne
from tests.support.needs import require_module
from tests.support.process import ServerProcess, run_hybrid, start_server
from tests.support.redis import redis_process

WSGI, ASGI = "chatsite.wsgi:application", "chatsite.asgi:application"


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    for name in ("channels", "channels_redis", "daphne", "django"):
        require_module(name)


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    """Run a Redis."""
    with redis_process() as url:
        yield url


@pytest.fixture(params=["channels.layers.InMemoryChannelLayer", "channels_redis.core.RedisChannelLayer"])
def layers(request: pytest.FixtureRequest) -> dict[str, str]:
    """Say in the environment which channel layer the project has."""
    backend: dict[str, Any] = {"BACKEND": request.param}
    if "redis" in request.param:
        # Without a time-out of the socket's: the one of redis-py 8 is no longer than the layer's own waiting.
        host = {"address": request.getfixturevalue("redis"), "socket_timeout": None}
        backend["CONFIG"] = {"hosts": [host]}
    return {"CHATSITE_LAYERS": json.dumps({"default": backend})}


@contextmanager
def served(project: Path, *targets: str, env: dict[str, str], database: str) -> Iterator[ServerProcess]:
    """Serve a project with a database of its own; by daphne where there is no target."""
    env = {**env, "CHATSITE_DB": database}
    manage(project, "migrate", "--verbosity=0", env=env)
    if targets:
        server: ServerProcess = start_server(*targets, cwd=project, env=env, app_dir=project)
    else:
        server = start_daphne(ASGI, cwd=project, env=env)
    with server:
        yield server
        server.terminate()
    assert "Traceback" not in server.stderr, server.stderr


@pytest.mark.parametrize("targets", [(ASGI,), (WSGI, ASGI)], ids=["asgi", "wsgi and asgi"])
def test_unchanged(tmp_path: Path, layers: dict[str, str], targets: tuple[str, ...]) -> None:
    """What daphne answers is what we answer, on one lane and on two."""
    project = copy_project(tmp_path)
    with served(project, env=layers, database="daphne.sqlite3") as server:
        expected = conversation(server)
    with served(project, *targets, env=layers, database="hybrid.sqlite3") as server:
        assert conversation(server) == expected


def test_moved(tmp_path: Path, layers: dict[str, str]) -> None:
    """So it is when all that has changed are the imports."""
    with served(copy_project(tmp_path), env=layers, database="daphne.sqlite3") as server:
        expected = conversation(server)
    moved = copy_project(tmp_path, moved=True)
    if "channels." in layers["CHATSITE_LAYERS"]:
        layers = {}
    with served(moved, WSGI, ASGI, env=layers, database="hybrid.sqlite3") as server:
        assert conversation(server) == expected


@pytest.mark.parametrize("moved", [False, True], ids=["unchanged", "moved"])
def test_own_tests(tmp_path: Path, moved: bool) -> None:
    """The tests of the project pass, with communicators and a live server: Channels' own, or ours."""
    said = manage(copy_project(tmp_path, moved=moved), "test", "chatsite")
    assert "Ran 9 tests" in said
    assert said.rstrip().partition("OK")[2].startswith("\n" if moved else " (skipped=3)")


@pytest.mark.parametrize("command", ["serve", "check"])
@pytest.mark.parametrize("moved", [False, True], ids=["unchanged", "moved"])
def test_in_memory_with_several_workers(tmp_path: Path, moved: bool, command: str) -> None:
    """A layer that reaches one process is refused where there are several: which setting, what to do."""
    project = copy_project(tmp_path, moved=moved)
    options = ["--workers=2", "--port=0", f"--app-dir={project}"]
    done = run_hybrid(command, *options, WSGI, ASGI, cwd=project)
    assert done.returncode == (3 if command == "serve" else 2)
    assert "CHANNEL_LAYERS['default'] of Django's settings is in memory" in done.stderr
    assert "there are 2 workers" in done.stderr
    assert '{"BACKEND": "workers"}' in done.stderr
    assert done.stderr.count("is in memory") == 1


@pytest.mark.parametrize("moved", [False, True], ids=["unchanged", "moved"])
@pytest.mark.parametrize("kind", ["channels_redis", "redis", "workers"])
def test_layers_of_several_workers(tmp_path: Path, kind: str, moved: bool, redis: str) -> None:
    """A layer that all share is fine, and ours is for Channels' consumers too: views reach all workers."""
    project = copy_project(tmp_path, moved=moved)
    host = {"address": redis, "socket_timeout": None}
    backends: dict[str, dict[str, Any]] = {
        "channels_redis": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [host]}},
        "redis": {"BACKEND": redis},
        "workers": {"BACKEND": "workers"},
    }
    env = {"CHATSITE_LAYERS": json.dumps({"default": backends[kind]}), "CHATSITE_DB": "workers.sqlite3"}
    manage(project, "migrate", "--verbosity=0", env=env)
    options: dict[str, Any] = {"cwd": project, "env": env, "app_dir": project, "workers": 2}
    with start_server(WSGI, ASGI, **options) as server, ExitStack() as stack:
        visitors = [stack.enter_context(visiting(server)) for _ in range(8)]
        sockets = [stack.enter_context(each.socket("/ws/chat/room/")) for each in visitors]
        for each in visitors:
            assert each.get("/say/room?text=hello") == "said"
        for websocket in sockets:
            assert [heard(websocket)["text"] for _ in visitors] == ["hello"] * 8


def test_without_channels(tmp_path: Path) -> None:
    """The moved project needs no Channels, and its setting may still say so."""
    project = copy_project(tmp_path, moved=True)
    (project / "sitecustomize.py").write_text("import sys; sys.modules['channels'] = None")
    env = {"PYTHONPATH": str(project)}
    with served(project, WSGI, ASGI, env=env, database="hybrid.sqlite3") as server:
        said = conversation(server)
    assert [{"by": "a waiting view", "text": "do you hear me?"}] * 2 in said
    assert "heard" in said


def test_a_layer_that_cannot_be_made(tmp_path: Path) -> None:
    """The server says at its start which layer it is, and why."""
    project = copy_project(tmp_path)
    layers = {"default": {"BACKEND": "chatsite.missing.Layer"}}
    done = run_hybrid(
        "serve",
        "--port=0",
        f"--app-dir={project}",
        ASGI,
        cwd=project,
        env={"CHATSITE_LAYERS": json.dumps(layers)},
    )
    assert done.returncode == 2
    assert "chatsite.missing.Layer: cannot import chatsite.missing" in done.stderr
