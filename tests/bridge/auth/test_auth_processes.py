"""Closing a user's sockets on every worker: real processes, connected by somebody else's channel layer."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from tests.apps.authenticated import ANN, BOB
from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, ROOT, ServerProcess, start_server
from tests.support.redis import redis_process
from tests.support.websocket_clients import close_of, opened

SCRIPT = 'from hybrid.bridge.auth import disconnect_user; disconnect_user("ann", 4010, "script")'
LAYERS = {
    "channels_redis": 'channels_redis.core.RedisChannelLayer?hosts=["{}"]',
    "redis": "{}/2",
    "workers": "workers://{}",
}


@pytest.fixture(params=LAYERS)
def env(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Give the environment of those that share a layer, with a Redis if it needs one."""
    name: str = request.param
    with ExitStack() as stack:
        place: object = tmp_path / "layer.sock"
        if name != "workers":
            require_module(name)
            place = stack.enter_context(redis_process())
        yield {"HYBRID_LAYER": LAYERS[name].format(place), "PYTHONPATH": str(ROOT)}


@pytest.fixture
def servers(env: dict[str, str]) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Serve the same application twice."""
    one = start_server("authenticated:app", cwd=APPS, env=env)
    with one, start_server("authenticated:app", cwd=APPS, env=env) as two:
        yield one, two


def with_token(server: ServerProcess, token: str) -> AbstractContextManager[ClientConnection]:
    """Open a WebSocket with a bearer token."""
    return opened(server, "/plain", additional_headers={"Authorization": f"Bearer {token}"})


def test_two_servers(env: dict[str, str], servers: tuple[ServerProcess, ServerProcess]) -> None:
    """A script closes a user's sockets on both, again and again; nobody else's."""
    one, two = servers
    for _ in range(2):
        with with_token(one, ANN) as first, with_token(two, ANN) as second, with_token(two, BOB) as bob:
            for websocket in (first, second, bob):
                websocket.recv(timeout=DEADLINE)
            environment = {**os.environ, **env}
            subprocess.run([sys.executable, "-c", SCRIPT], env=environment, check=True, timeout=DEADLINE)
            assert close_of(first) == (4010, "script")
            assert close_of(second) == (4010, "script")
            bob.send("still here")
            assert bob.recv(timeout=DEADLINE) == "still here"


def test_several_workers(tmp_path: Path) -> None:
    """One process closes what a user has in all workers of one server, which share a layer by themselves."""
    env = {"PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": str(tmp_path)}
    with start_server("authenticated:app", cwd=APPS, env=env, workers=2) as server, ExitStack() as stack:
        anns = [stack.enter_context(with_token(server, ANN)) for _ in range(12)]
        bob = stack.enter_context(with_token(server, BOB))
        for websocket in (*anns, bob):
            websocket.recv(timeout=DEADLINE)
        (place,) = tmp_path.glob("hybrid-*/layer.sock")
        environment = {**os.environ, **env, "HYBRID_LAYER": f"workers://{place}"}
        subprocess.run([sys.executable, "-c", SCRIPT], env=environment, check=True, timeout=DEADLINE)
        assert [close_of(ann) for ann in anns] == [(4010, "script")] * 12
        bob.send("still here")
        assert bob.recv(timeout=DEADLINE) == "still here"
