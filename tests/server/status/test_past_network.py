"""The counts of processes that have gone: they stay in the sum, whoever tells it."""

import os
import signal
from functools import partial
from pathlib import Path

import httpx
import pytest

from hybrid.server.ops.metrics.snapshot import Snapshot, Workers
from tests.support.process import DEADLINE, Serve, ServerProcess
from tests.support.status import route_of, sockets_of, status_of
from tests.support.waiting import asking, children_of, get, until
from tests.support.websocket_clients import opened


@pytest.fixture(autouse=True)
def _first(control_folder: Path) -> None:
    """Have the folder before the servers, which are to leave nothing in it."""


def two(serve: Serve, folder: Path, **options: object) -> ServerProcess:
    """Start a server with two workers, both of which tell their figures."""
    server = serve("counted:app", "/w=counted:wsgi", control=folder, workers=2, **options)
    until(lambda: len(status_of(folder).processes) == 2)
    return server


def served_by_both(server: ServerProcess, folder: Path) -> int:
    """Have each process answer some requests, and return how many there were."""
    count = 0
    while not all(each.requests for each in status_of(folder).processes):
        for path in ("/bytes/10", "/w/bytes/10"):
            httpx.get(f"{server.url}{path}", timeout=DEADLINE)
            count += 1
    return count


def counts_of(status: Snapshot) -> dict[str, object]:
    """Return what may never become less, and here does not become more."""
    return {
        "routes": status.routes,
        "waits": status.pools["wsgi"].wait.buckets,
        "completed": status.pools["wsgi"].completed,
        "accepted": status.connections.accepted,
    }


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_worker_that_is_replaced(serve: Serve, control_folder: Path, number: signal.Signals) -> None:
    """Takes no count with it, whether it ends by itself or is killed, and its histograms stay as well."""
    server = two(serve, control_folder)
    count = served_by_both(server, control_folder)
    before = status_of(control_folder)
    gone = before.processes[0].pid
    os.kill(gone, number)
    until(lambda: gone not in children_of(server))
    until(lambda: len(status_of(control_folder).processes) == 2)
    after = status_of(control_folder)
    assert counts_of(after) == counts_of(before)
    assert sum(each.requests for each in after.routes.values()) == count
    assert gone not in [each.pid for each in after.processes]
    assert after.pools["wsgi"].threads == before.pools["wsgi"].threads


def test_all_are_replaced_again_and_again(serve: Serve, control_folder: Path) -> None:
    """SIGHUP under requests: there are as many as there were answers, and never less than before."""
    server = two(serve, control_folder)
    answers, seen = 0, 0

    def is_replaced(reloads: int) -> bool:
        nonlocal answers, seen
        httpx.get(server.url, timeout=DEADLINE)
        answers += 1
        status = status_of(control_folder)
        begun = sum(each.begun for each in status.routes.values())
        assert begun >= seen
        seen = begun
        workers = Workers(started=2 + 2 * reloads, reloads=reloads)
        return status.workers == workers and len(status.processes) == 2

    for reloads in range(1, 4):
        server.signal(signal.SIGHUP)
        until(partial(is_replaced, reloads))
    until(lambda: len(children_of(server)) == 2)
    assert route_of(status_of(control_folder)).statuses == {200: answers}
    assert server.terminate() == 0


def test_what_a_killed_worker_was_doing(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """Was cut off: its requests are over, and its WebSockets have closed without a close frame."""
    held = tmp_path / "held"
    held.touch()
    server = two(serve, control_folder, env={"RELEASE": str(held)})
    with asking(server, "/held"), opened(server, "/ws") as websocket:
        websocket.send("one")
        websocket.recv()
        until(lambda: route_of(status_of(control_folder)).in_flight == 1)
        for pid in children_of(server):
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(status_of(control_folder).processes) == 2)
        until(lambda: route_of(status_of(control_folder)).in_flight == 0)
    found, sockets = route_of(status_of(control_folder)), sockets_of(control_folder)
    assert (found.begun, found.statuses, found.cut_off) == (1, {499: 1}, 1)
    assert (sockets.open, sockets.opened, sockets.closes) == (0, 1, {1006: 1})
    assert sockets.messages_in == sockets.messages_out == 1


def test_a_worker_that_drains(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """Tells nothing more, but what it has in flight is in the sum, and what it has done by the end."""
    held = tmp_path / "held"
    held.touch()
    server = two(serve, control_folder, env={"RELEASE": str(held)})
    with asking(server, "/held") as client:
        until(lambda: route_of(status_of(control_folder)).in_flight == 1)
        (busy,) = [each.pid for each in status_of(control_folder).processes if each.in_flight]
        os.kill(busy, signal.SIGTERM)
        until(lambda: busy not in [each.pid for each in status_of(control_folder).processes])
        assert route_of(status_of(control_folder)).in_flight == 1
        held.unlink()
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
    until(lambda: busy not in children_of(server))
    found = route_of(status_of(control_folder))
    assert (found.begun, found.in_flight, found.statuses) == (1, 0, {200: 1})


def test_a_worker_whose_loop_is_held(serve: Serve, control_folder: Path) -> None:
    """Is missing, and what it has told before is in the sum all the same."""
    server = two(serve, control_folder, timeout_worker_healthcheck=600)
    served_by_both(server, control_folder)
    before = status_of(control_folder)
    stopped = max(each.pid for each in before.processes)  # the other one is asked
    os.kill(stopped, signal.SIGSTOP)
    try:
        until(lambda: status_of(control_folder).missing == (stopped,))
        assert counts_of(status_of(control_folder)) == counts_of(before)
    finally:
        os.kill(stopped, signal.SIGCONT)
    until(lambda: status_of(control_folder).missing == ())
    assert counts_of(status_of(control_folder)) == counts_of(before)
    assert get(server, "/") == "0"
