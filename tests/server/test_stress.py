"""Everything at once: clients of every kind that come, ask, and vanish at any point."""

import os
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.bridges import Bridge, bridge_to
from tests.support.crowd import Crowd, Talkers, running
from tests.support.sockets import DEADLINE

THREADS = 8
#: Seconds that the clients come and go.
SECONDS = 30.0
TARGETS = (
    "/nonce=tests.apps.wsgi_nonce",
    "/streamed=tests.apps.wsgi_nonce+stream",
    "/slow=tests.apps.wsgi_nonce@slow",
    "/loop=tests.apps.asgi_nonce",
    "/echo=tests.apps.websocket_echo",
    "/simple=tests.apps.wsgi_simple_websocket",
    "/barrier=tests.apps.wsgi_barrier",
    "/slow-barrier=tests.apps.wsgi_barrier@slow",
)


def open_descriptors(bridge: Bridge) -> int:
    """Count the sockets, pipes and files of a process that are not part of its start (Linux)."""
    links = []
    for file in Path(f"/proc/{bridge.server.pid}/fd").iterdir():
        try:
            links.append(os.readlink(file))  # noqa: PTH115 - not a path
        except FileNotFoundError:
            continue
    return sum(link.startswith(("socket:", "pipe:")) or "deleted" in link for link in links)


def assert_every_thread_is_free(bridge: Bridge) -> None:
    """As many requests as there are threads meet one another, in each pool."""
    for path, threads in (("/barrier", THREADS), ("/slow-barrier", 2)):
        with running([partial(bridge.ask, f"{path}?{threads}")] * threads) as errors:
            pass
        assert errors == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")
def test_clients_that_vanish(tmp_path: Path) -> None:
    """Every response and every echo that arrives is that of its own request. Afterwards every thread is free,
    and no socket, pipe or file is left open.
    """
    with bridge_to("direct", TARGETS, tmp_path, threads=THREADS, pool="slow=2") as bridge:
        assert_every_thread_is_free(bridge)
        before = open_descriptors(bridge)
        mounts = ("/nonce", "/streamed", "/slow", "/loop")
        crowds = [Crowd(bridge.port, seed, mounts) for seed in range(5)]
        talkers = [Talkers(bridge.port, seed, ("/echo", "/simple")) for seed in range(2)]
        end = time.monotonic() + SECONDS
        visits = [partial(crowd.run, end) for crowd in crowds]
        visits += [partial(talker.run, end) for talker in talkers]
        with running(visits, SECONDS + DEADLINE) as errors:
            pass
        assert errors == []
        assert min(min(crowd.answered, crowd.left) for crowd in crowds) > 10
        assert min(min(talker.echoed, talker.left) for talker in talkers) > 10

        assert_every_thread_is_free(bridge)
        end = time.monotonic() + DEADLINE
        while open_descriptors(bridge) > before and time.monotonic() < end:
            bridge.ask("/nonce/x/list/1", b"")
        assert open_descriptors(bridge) <= before
    errors_logged = bridge.server.stderr
    assert errors_logged.count("Traceback") == errors_logged.count("ValueError: half-way") > 0
