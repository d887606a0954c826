"""Figures of channel layers, of slow clients, of pings, of limits and of pools: `hybrid status --json` and
`/metrics` say exactly what was done.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client")

from websockets.sync.client import ClientConnection

from hybrid.server.ops.metrics.snapshot import Layer, Snapshot
from tests.support.console import metrics_of
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ROOT, Serve, ServerProcess, run_hybrid
from tests.support.redis import redis_process
from tests.support.status import sockets_of, status_of
from tests.support.waiting import asking, until
from tests.support.websocket_clients import handshake, opened

ROOM = "tests.apps.room_asgi:app"


@pytest.fixture(autouse=True)
def _first(control_folder: Path) -> None:
    """Have the folder before the servers, which are to leave nothing in it."""


def figures(folder: Path) -> Snapshot:
    """Return what `hybrid status --json` says."""
    said = run_hybrid("status", "--json", f"--control={folder}")
    assert said.returncode == 0, said.stderr
    return Snapshot.from_json(json.loads(said.stdout))


def layer_of(folder: Path) -> Layer:
    """Return the figures of the default layer."""
    return status_of(folder).layers["default"]


def layer_metrics(server: ServerProcess) -> Mapping[str, float]:
    """Return those of the layers, without what their names begin with, and with the sum of all losses."""
    found: dict[str, float] = {}
    for (name, _), value in metrics_of(server).items():
        if name.startswith("hybrid_layer_"):
            short = name.removeprefix("hybrid_layer_")
            found[short] = found.get(short, 0) + value
    return found


@contextmanager
def room(server: ServerProcess, count: int) -> Iterator[list[ClientConnection]]:
    """Have so many clients in a room while the block runs."""
    with ExitStack() as stack:
        clients = [stack.enter_context(opened(server, "/room", compression=None)) for _ in range(count)]
        for each in clients:
            each.recv(DEADLINE)  # its channel
        yield clients


def everybody_hears(clients: list[ClientConnection], text: str) -> None:
    """Have one of them say something, and each hear it."""
    clients[0].send(text)
    for each in clients:
        assert each.recv(DEADLINE) == f"coroutine: {text}"


@pytest.mark.parametrize("backend", ["memory", "redis", "workers"])
def test_channel_layers(serve: Serve, control_folder: Path, backend: str) -> None:
    """Groups, members and the fan-out are those of all processes together, until everybody has left."""
    if backend == "redis":
        require_module("redis")
    with redis_process() if backend == "redis" else nullcontext(backend) as layer:
        check_layer(serve, control_folder, layer)


def check_layer(serve: Serve, control_folder: Path, layer: str) -> None:
    """Have a room, and compare what is told of it."""
    workers = 1 if layer == "memory" else 2
    serving = serve(
        ROOM, app_dir=ROOT, layer=layer, workers=workers, control=control_folder, ops="127.0.0.1:0"
    )
    until(lambda: len(status_of(control_folder).processes) == workers)
    with room(serving, 5) as clients:
        until(lambda: layer_of(control_folder).members == 5)
        for number in range(4):
            everybody_hears(clients, str(number))
        status = figures(control_folder)
        found = status.layers["default"]
        assert found.members == 5
        assert found.groups == sum(bool(each.connections) for each in status.processes)
        assert found.delivered == 5 * 4
        assert found.sent == found.groups * 4
        assert not any(found.lost.values())
        assert layer_metrics(serving) == {
            "groups": found.groups,
            "members": 5,
            "messages_sent_total": found.sent,
            "messages_delivered_total": 20,
            "messages_lost_total": 0,
        }
    until(lambda: layer_of(control_folder).members == 0)
    assert layer_of(control_folder).groups == 0
    assert layer_of(control_folder).delivered == 20


def test_a_client_that_stops_reading(serve: Serve, control_folder: Path) -> None:
    """Is slow; what it has not heard is lost, by number: it hears the rest once it reads again."""
    server = serve(ROOM, app_dir=ROOT, layer="memory?capacity=5", control=control_folder, ops="127.0.0.1:0")
    text = "x" * 500_000
    with room(server, 1) as (reading,), opened(server, "/room", max_queue=1, compression=None) as slow:
        slow.recv(DEADLINE)
        said = 0

        def is_lost() -> bool:
            nonlocal said
            everybody_hears([reading], text)
            said += 1
            return any(layer_of(control_folder).lost.values())

        until(is_lost)
        status = figures(control_folder)
        lost = sum(status.layers["default"].lost.values())
        (sockets,) = status.websockets.values()
        assert status.layers["default"].sent == said
        assert sockets.slow >= 1
        found = metrics_of(server)
        assert layer_metrics(server)["messages_lost_total"] == lost
        assert found["hybrid_websocket_slow_total", ""] == sockets.slow
        assert found["hybrid_websocket_messages_received_total", ""] == said
        for _ in range(said - lost):
            assert slow.recv(DEADLINE) == f"coroutine: {text}"
        everybody_hears([reading], "the end")
        assert slow.recv(DEADLINE) == "coroutine: the end"
        assert sum(layer_of(control_folder).lost.values()) == lost


def test_round_trips(serve: Serve, control_folder: Path) -> None:
    """Each ping that was answered is one; a client that answers none is closed, and has none."""
    server = serve(
        "counted:app", control=control_folder, ops="127.0.0.1:0", ws_ping_interval=0.1, ws_ping_timeout=0.1
    )
    with handshake(server, "/") as silent:
        until(lambda: sockets_of(control_folder).closes == {1011: 1})
        assert sockets_of(control_folder).round_trip.count == 0
        assert silent.recv(1000)
    with opened(server, "/"):
        until(lambda: sockets_of(control_folder).round_trip.count >= 3)
        assert metrics_of(server)["hybrid_websocket_round_trip_seconds_count", ""] >= 3


def test_limits(serve: Serve, control_folder: Path) -> None:
    """Each WebSocket that was one too many is told of, by the limit, and by the code that closed it."""
    server = serve(
        "counted:app", control=control_folder, ops="127.0.0.1:0", workers=2, ws_limit_connections=1
    )
    until(lambda: len(status_of(control_folder).processes) == 2)

    def open_now() -> int:
        return sum(each.open for each in status_of(control_folder).websockets.values())

    with ExitStack() as stack:
        count = 0
        while status_of(control_folder).limits_hit.get("ws_limit_connections", 0) < 3 or open_now() < 2:
            stack.enter_context(opened(server, "/"))
            count += 1
        until(lambda: sockets_of(control_folder).opened == count)
        until(lambda: sockets_of(control_folder).open == 2)
        status = figures(control_folder)
        assert status.limits_hit == {"ws_limit_connections": count - 2}
        assert metrics_of(server)["hybrid_websocket_limits_hit_total", ""] == count - 2
        assert sockets_of(control_folder).closes == {1013: count - 2}


def test_pools(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """A full queue, what it refuses, and threads that are given up: all of it while it is so, and the highest
    and the refusals afterwards.
    """
    held = tmp_path / "held"
    held.touch()
    server = serve(
        "counted:wsgi",
        control=control_folder,
        ops="127.0.0.1:0",
        threads=1,
        threads_queue=2,
        timeout_request=0.5,
        env={"RELEASE": str(held)},
    )
    with ExitStack() as stack:
        stack.enter_context(asking(server, "/held"))
        until(lambda: status_of(control_folder).pools["wsgi"].stuck == 1)
        assert metrics_of(server)["hybrid_pool_threads_stuck", "wsgi"] == 1
        held.unlink()
        until(lambda: status_of(control_folder).pools["wsgi"].stuck == 0)
    assert metrics_of(server)["hybrid_pool_jobs_refused_total", "wsgi"] == 0


def test_a_full_queue(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """Refuses what finds no room; the highest that it was stays."""
    held = tmp_path / "held"
    held.touch()
    server = serve(
        "counted:wsgi",
        control=control_folder,
        ops="127.0.0.1:0",
        threads=1,
        threads_queue=2,
        env={"RELEASE": str(held)},
    )
    with ExitStack() as stack:
        clients = [stack.enter_context(asking(server, "/held"))]
        until(lambda: status_of(control_folder).pools["wsgi"].busy == 1)
        until(lambda: status_of(control_folder).pools["wsgi"].queued == 0)
        clients += [stack.enter_context(asking(server, "/held")) for _ in range(2)]
        until(lambda: status_of(control_folder).pools["wsgi"].queued == 2)
        for _ in range(3):
            with asking(server, "/held") as one_too_many:
                assert one_too_many.recv(1000).startswith(b"HTTP/1.1 503")
        pool = figures(control_folder).pools["wsgi"]
        assert (pool.busy, pool.queued, pool.highest_queue, pool.refused) == (1, 2, 2, 3)
        found = metrics_of(server)
        assert found["hybrid_pool_jobs_refused_total", "wsgi"] == 3
        assert found["hybrid_pool_queue_highest", "wsgi"] == 2
        held.unlink()
        for each in clients:
            assert each.recv(1000).startswith(b"HTTP/1.1 200")
    until(lambda: metrics_of(server)["hybrid_pool_queue", "wsgi"] == 0)
    found = metrics_of(server)
    assert found["hybrid_pool_queue_highest", "wsgi"] == 2
    assert found["hybrid_pool_jobs_total", "wsgi"] == found["hybrid_pool_wait_seconds_count", "wsgi"] == 3
