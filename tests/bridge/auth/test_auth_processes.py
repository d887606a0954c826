"""Closing a user's sockets on every worker: real processes, connected by somebody else's channel layer."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from websockets.sync.client import ClientConnection

from tests.apps.authenticated import ANN, BOB
from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, ROOT, ServerProcess, start_server
from tests.support.redis import redis_process
from tests.support.websocket_clients import close_of, opened

SCRIPT = 'from hybrid.bridge.auth import disconnect_user; disconnect_user("ann", 4010, "script")'
LAYERS = {"channels_redis": 'channels_redis.core.RedisChannelLayer?hosts=["{}"]'}


@pytest.fixture(params=LAYERS)
def env(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Run a Redis, and give the environment of those that use it."""
    require_module(request.param)
    with redis_process() as url:
        yield {"HYBRID_LAYER": LAYERS[request.param].format(url), "PYTHONPATH": str(ROOT)}


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
