"""The figures of real servers under real traffic: they add up, over the processes too, whenever one asks."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from hybrid.server.ops.metrics.snapshot import Snapshot, Workers, json_schema
from tests.support.process import DEADLINE, ROOT, Serve, ServerProcess
from tests.support.status import json_of, route_of, sockets_of, status_of
from tests.support.waiting import asking, get, until
from tests.support.websocket_clients import opened, reset
from tests.support.websocket_clients import status_of as handshake_status

ON = pytest.mark.parametrize(("target", "runs_on"), [("counted:app", "loop"), ("counted:wsgi", "wsgi")])


@pytest.fixture(autouse=True)
def _first(control_folder: Path) -> None:
    """Have the folder before the servers, which are to leave nothing in it."""


@contextmanager
def crowd(server: ServerProcess, clients: int, path: str = "/") -> Iterator[list[int]]:
    """Have clients ask again and again, on connections of their own, while the block runs; give the list into
    which each puts how many answers it had.
    """
    ended = threading.Event()
    answers: list[int] = []

    def ask() -> None:
        count = 0
        with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
            while not ended.is_set():
                assert client.get(path).status_code == 200
                count += 1
        answers.append(count)

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ended.set()
        for thread in threads:
            thread.join(DEADLINE)


@ON
@pytest.mark.parametrize(
    "options", [{}, {"access_log": False}, {"limit_concurrency": 5}], ids=["logged", "plain", "gated"]
)
def test_requests_are_counted(
    serve: Serve, control_folder: Path, target: str, runs_on: str, options: dict[str, Any]
) -> None:
    """By status, with their bytes and times, each once; and so are the connections that they came on. It does
    not matter what else is done with them.
    """
    server = serve(target, control=control_folder, **options)
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        for _ in range(5):
            assert client.get("/status/200").status_code == 200
        for number in (404, 404, 503):
            client.get(f"/status/{number}")
        client.get("/bytes/1000")
        client.get("/parts/3")
        client.head("/bytes/700")
        assert client.post("/", content=bytes(5000)).text == "5000"
        assert client.get("/status/204").content == b""
        if runs_on == "wsgi":  # a worker counts a job a moment after its client has the answer
            until(lambda: status_of(control_folder).pools["wsgi"].completed == 13)
        status = status_of(control_folder)
    found = route_of(status, runs_on=runs_on)
    assert (found.application, found.route, found.in_flight) == (target, "", 0)
    assert found.statuses == {200: 9, 204: 1, 404: 2, 503: 1}
    assert found.begun == found.requests == found.seconds.count == 13
    assert (found.bytes_in, found.bytes_out, found.cut_off) == (5000, 1000 + 30 + 4, 0)
    if runs_on == "wsgi":
        assert status.pools["wsgi"].completed == status.pools["wsgi"].wait.count == 13
        assert found.queue_seconds > 0
        assert found.run_seconds > 0
    assert (status.connections.open, status.connections.accepted) == (1, 1)
    assert status.urls == (server.url,)
    (process,) = status.processes
    assert (process.pid, process.ready, process.requests, process.connections) == (server.pid, True, 13, 1)


@ON
def test_what_is_being_answered(
    serve: Serve, control_folder: Path, tmp_path: Path, target: str, runs_on: str
) -> None:
    """Is in flight, and its thread is busy; one whose client leaves is over, and was cut off."""
    held = tmp_path / "held"
    held.touch()
    server = serve(target, control=control_folder, env={"RELEASE": str(held)})
    with asking(server, "/held") as staying:
        with asking(server, "/held") as leaving:
            until(lambda: sum(each.in_flight for each in status_of(control_folder).routes.values()) == 2)
            busy = 2 if runs_on == "wsgi" else 0
            until(lambda: status_of(control_folder).pools["wsgi"].busy == busy)
            assert route_of(status_of(control_folder), runs_on=runs_on).statuses == {}
            reset(leaving)
        until(lambda: route_of(status_of(control_folder), runs_on=runs_on).in_flight == 1)
        held.unlink()
        assert staying.recv(1000).startswith(b"HTTP/1.1 200")
    until(lambda: route_of(status_of(control_folder), runs_on=runs_on).in_flight == 0)
    found = route_of(status_of(control_folder), runs_on=runs_on)
    assert (found.statuses, found.cut_off, found.begun) == ({200: 1, 499: 1}, 1, 2)


def test_streams(serve: Serve, control_folder: Path) -> None:
    """A request over HTTP/2 is one, and all of them come on one connection."""
    pytest.importorskip("h2")
    options = {"control": control_folder, "http2_cleartext": True, "http": "auto"}
    server = serve("counted:app", "/w=counted:wsgi", **options)
    with httpx.Client(base_url=server.url, timeout=DEADLINE, http1=False, http2=True) as client:
        for path in ("/bytes/100", "/w/bytes/50", "/w/bytes/50", "/status/404"):
            assert client.get(path).http_version == "HTTP/2"
        status = status_of(control_folder)
    assert (status.connections.open, status.connections.accepted) == (1, 1)
    on_loop, on_threads = route_of(status), route_of(status, "/w")
    assert (on_loop.statuses, on_loop.bytes_out, on_loop.cut_off) == ({200: 1, 404: 1}, 100, 0)
    assert (on_threads.statuses, on_threads.bytes_out, on_threads.in_flight) == ({200: 2}, 100, 0)


def test_two_processes(serve: Serve, control_folder: Path) -> None:
    """What both of them have served is one figure, and each is there by itself too."""
    serve("counted:wsgi", control=control_folder, workers=2, threads=3)
    until(lambda: len(status_of(control_folder).processes) == 2)
    url = status_of(control_folder).urls[0]

    def each_has_some() -> bool:
        httpx.get(url, timeout=DEADLINE)
        return all(process.requests for process in status_of(control_folder).processes)

    until(each_has_some)
    status = status_of(control_folder)
    found = route_of(status)
    assert found.begun == sum(process.requests for process in status.processes)
    assert found.statuses == {200: found.begun}
    assert found.seconds.count == status.connections.accepted == found.begun
    assert status.pools["wsgi"].threads == 6
    assert status.missing == ()


@ON
def test_under_load(serve: Serve, control_folder: Path, target: str, runs_on: str) -> None:
    """Each reading is of one moment: what has begun is over or in flight, by no more than there are clients;
    nothing ever becomes less; and in the end there are as many as there were answers.
    """
    server = serve(target, control=control_folder)
    readings: list[Snapshot] = []
    with crowd(server, 6) as answers:
        until(lambda: bool(status_of(control_folder).routes))
        readings += [status_of(control_folder) for _ in range(20)]
    until(lambda: route_of(status_of(control_folder), runs_on=runs_on).in_flight == 0)
    found = [route_of(each, runs_on=runs_on) for each in (*readings, status_of(control_folder))]
    for each in found:
        assert each.begun == each.requests + each.in_flight
        assert 0 <= each.in_flight <= 6
    for before, after in pairwise(found):
        assert before.begun <= after.begun
        assert before.requests <= after.requests
        assert before.bytes_out <= after.bytes_out
    assert found[-1].statuses == {200: sum(answers)}
    assert found[-1].bytes_out == sum(answers)


def test_routes(serve: Serve, control_folder: Path) -> None:
    """A router's patterns are told apart, and not the paths of clients; those below a prefix have that."""
    server = serve("counted:routed", "/deep=counted:routed", "/w=counted:wsgi", control=control_folder)
    for path in ("/rooms/1", "/rooms/2", "/rooms/a/log", "/deep/rooms/3", "/w/some", "/w/thing"):
        get(server, path)
    with pytest.raises(OSError, match="404"):
        get(server, "/nowhere")
    status = status_of(control_folder)
    assert {each.route: each.begun for each in status.routes.values()} == {
        "/rooms/<int:room>": 2,
        "/rooms/<slug:name>/log": 1,
        "/deep/rooms/<int:room>": 1,
        "/w": 2,
        "": 1,
    }
    assert route_of(status, "/w").application == "counted:wsgi"
    assert route_of(status).statuses == {404: 1}


def test_refused_requests(serve: Serve, control_folder: Path) -> None:
    """Those that no application was asked for count by themselves."""
    server = serve("counted:app", control=control_folder)
    for request in (
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
            client.sendall(request)
            client.recv(1000)
    status = status_of(control_folder)
    assert status.connections.refused == {400: 2}
    assert sum(each.begun for each in status.routes.values()) == 1


def test_websockets(serve: Serve, control_folder: Path) -> None:
    """They are counted while they are open, with their messages, and by the code with which they close."""
    server = serve("counted:app", control=control_folder)
    with (
        opened(server, "/some", compression=None) as first,
        opened(server, "/other", compression=None) as second,
    ):
        for text in ("one", "two"):
            first.send(text)
            assert first.recv() == text
        second.send(bytes(1000))
        assert second.recv() == bytes(1000)
        found = sockets_of(control_folder)
        assert (found.open, found.opened, found.closes) == (2, 2, {})
        assert (found.messages_in, found.messages_out) == (3, 3)
        assert found.bytes_in == 2 * (2 + 4 + 3) + 4 + 4 + 1000
        assert found.bytes_out == 2 * (2 + 3) + 4 + 1000
        second.close(4001)
        until(lambda: sockets_of(control_folder).closes == {4001: 1})
    until(lambda: sockets_of(control_folder).closes == {4001: 1, 1000: 1})


def test_websockets_that_are_refused(serve: Serve, control_folder: Path) -> None:
    """They count by their status, and were never open."""
    server = serve("misbehaving:raises_first", control=control_folder)
    assert handshake_status(opened(server, "/")) == 500
    (found,) = status_of(control_folder).websockets.values()
    assert (found.opened, found.open, found.refused) == (0, 0, {500: 1})


def test_websockets_on_threads(serve: Serve, control_folder: Path) -> None:
    """Their bytes are counted, as the application speaks the protocol; they have threads of their own."""
    pytest.importorskip("flask_sock")
    server = serve("tests.apps.wsgi_flask_sock:app", app_dir=ROOT, control=control_folder)
    with opened(server, "/echo", compression=None) as websocket:
        websocket.send("hello")
        assert websocket.recv()
        status = status_of(control_folder)
        (found,) = status.websockets.values()
        assert (found.runs_on, found.open, found.opened) == ("websocket", 1, 1)
        assert found.bytes_in == 2 + 4 + 5
        assert found.bytes_out > 100
        assert status.socket_threads is not None
        assert status.socket_threads.busy == 1
    until(lambda: sockets_of(control_folder).open == 0)


def test_what_waits_for_a_thread(serve: Serve, control_folder: Path, tmp_path: Path) -> None:
    """A pool says how many there are, how many there have been, and afterwards for how long."""
    held = tmp_path / "held"
    held.touch()
    server = serve("counted:wsgi", control=control_folder, threads=1, env={"RELEASE": str(held)})
    with (
        asking(server, "/held") as first,
        asking(server, "/held") as second,
        asking(server, "/held") as third,
    ):
        until(lambda: status_of(control_folder).pools["wsgi"].queued == 2)
        until(lambda: status_of(control_folder).pools["wsgi"].oldest_wait > 0.01)
        pool = status_of(control_folder).pools["wsgi"]
        assert (pool.threads, pool.busy, pool.highest_queue) in [(1, 1, 2), (1, 1, 3)]
        until(lambda: status_of(control_folder).pools["wsgi"].blocked == 1)
        held.unlink()
        for client in (first, second, third):
            assert client.recv(1000)
    until(lambda: status_of(control_folder).pools["wsgi"].completed == 3)
    pool = status_of(control_folder).pools["wsgi"]
    assert (pool.queued, pool.busy, pool.wait.count) == (0, 0, 3)
    assert (pool.wait.percentile(100) or 0) > 0.01


def test_what_holds_the_loop(serve: Serve, control_folder: Path) -> None:
    """With --loop-watch its stack is kept, and the log says it; the lag shows it in any case."""
    server = serve("counted:app", control=control_folder, loop_watch=0.2, env={"HOLD": "1"})
    get(server, "/hold")

    def frames() -> list[str]:
        return [frame for stack in status_of(control_folder).loop.stacks.values() for frame in stack.frames]

    until(lambda: any("in hold" in frame for frame in frames()))
    loop = status_of(control_folder).loop
    assert (loop.watch, loop.held >= 1, loop.longest > 0.2) == (0.2, True, True)
    assert not any("run_loop" in frame for stack in loop.stacks.values() for frame in stack.frames)
    server.wait_for_stderr("has held the event loop for")
    until(lambda: (status_of(control_folder).loop.lag.percentile(100) or 0) > 0.2)


def test_without_metrics(serve: Serve, control_folder: Path) -> None:
    """Nothing is counted; what is there anyway is still said."""
    server = serve("counted:wsgi", control=control_folder, metrics=False)
    get(server, "/")
    status = status_of(control_folder)
    assert (status.counted, status.routes, status.loop.lag.count) == (False, {}, 0)
    until(lambda: status_of(control_folder).pools["wsgi"].completed == 1)
    assert status.connections.accepted == 1


def test_the_answer_follows_its_schema(serve: Serve, control_folder: Path) -> None:
    """Whatever there is to say."""
    server = serve("counted:app", "/w=counted:wsgi", control=control_folder, limit_concurrency=5)
    get(server, "/")
    get(server, "/w")
    with opened(server, "/"):
        said = json_of(control_folder)
    jsonschema.Draft202012Validator(json_schema()).validate(said)
    assert said["gate"] == {"inside": 0, "waiting": 0}
    assert said["schema"] == 1


def test_workers(serve: Serve, control_folder: Path) -> None:
    """The process over them counts those that there have been, and those that failed or were replaced."""
    server = serve("counted:app", control=control_folder, workers=2)
    until(lambda: len(status_of(control_folder).processes) == 2)
    assert status_of(control_folder).workers == Workers(started=2)
    os.kill(status_of(control_folder).processes[0].pid, signal.SIGKILL)
    until(lambda: status_of(control_folder).workers == Workers(started=3, failed=1))
    until(lambda: len(status_of(control_folder).processes) == 2)
    server.signal(signal.SIGHUP)
    until(lambda: status_of(control_folder).workers == Workers(started=5, failed=1, reloads=1))
    until(lambda: len(status_of(control_folder).processes) == 2)
