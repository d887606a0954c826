"""`hybrid status`: what it prints of recorded figures, and of a real server, and when it cannot."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from hybrid.bridge.histogram import Histogram, bucket_of
from hybrid.server.ops.metrics.snapshot import (
    Connections,
    Gate,
    Layer,
    Loop,
    Pool,
    Process,
    Route,
    Snapshot,
    SocketThreads,
    Stack,
    WebSockets,
    Workers,
)
from hybrid.status_tables import status_text
from tests.support.process import DEADLINE, Serve, ServerProcess, run_hybrid


def took(*seconds: float) -> Histogram:
    """Return the histogram of things that took so long."""
    total = Histogram()
    for each in seconds:
        total += Histogram({bucket_of(each): 1})
    return total


BEFORE = Snapshot(
    taken=1000.0,
    routes={"app (wsgi)": Route("app", "", "wsgi", begun=100, statuses={200: 99, 500: 1}, seconds=took(0.5))},
    pools={"wsgi": Pool(threads=16, refused=2, wait=took(0.5))},
)

NOW = Snapshot(
    taken=1010.0,
    version="1.2\x1b[31m",
    counted=True,
    urls=("http://127.0.0.1:8000",),
    processes=(
        Process(pid=7, since=400.0, ready=True),
        Process(pid=5, since=410.0, requests=1234, lag=0.0011),
    ),
    workers=Workers(3, 1, 0),
    connections=Connections(open=12, accepted=4120, waits=True, refused={400: 3}),
    gate=Gate(5, 2),
    pools={"wsgi": Pool(threads=16, busy=3, blocked=2, highest_queue=12, refused=4, wait=took(0.5, 0.002))},
    socket_threads=SocketThreads(100, 4),
    routes={
        "app (wsgi)": Route(
            "app",
            "",
            "wsgi",
            begun=150,
            in_flight=1,
            statuses={200: 140, 404: 7, 500: 2},
            cut_off=1,
            seconds=took(0.5, 0.012),
            queue_seconds=1.0,
            run_seconds=3.0,
        ),
        "idle (loop)": Route("idle", "/x", "loop", begun=1, statuses={200: 1}),
    },
    websockets={"chat (loop)": WebSockets("chat", "/ws", "loop", open=2, opened=9, messages_in=50, slow=1)},
    layers={"default": Layer("InMemory", 3, 6, 10, 20, {"full": 2})},
    loop=Loop(took(0.001), 0.1, 3, 0.52, {"a": Stack(2, 0.52, ("views.py:7 in slow",))}),
    limits_hit={"ws_ping_timeout": 3},
)

SINCE_START = """\
hybrid 1.2\\x1b[31m, 1 of 2 processes ready, 2 processes, up 10 min
  http://127.0.0.1:8000
connections: 12 open, 4,120 accepted, more of them wait in the system's queue
loop lag: p50 0.981 ms, p99 0.981 ms, most 0.981 ms
limit_concurrency: 5 inside, 2 waiting
WebSocket threads: 4 of 100 busy
workers: 3 started, 1 failed, 0 reloads

PROCESS  READY  REQUESTS  NOW  CONNECTIONS  BUSY  QUEUED  LAG P99
      5  no        1,234    0            0     0       0   1.1 ms
      7  yes           0    0            0     0       0        -
"""


def test_since_the_start() -> None:
    """All figures are there, and a version, which may be anything, says nothing to the terminal."""
    text = status_text(NOW)
    assert text.startswith(SINCE_START)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "app - wsgi 150 1 7 2 1 12.1 ms 502 ms 502 ms 25 %" in lines
    assert "idle /x loop 1 0 0 0 0 - - - -" in lines
    assert "wsgi 16 3 2 0 12 1.96 ms 502 ms 4 0" in lines
    assert "chat /ws loop 2 9 50 0 1 - -" in lines
    assert "default InMemory 3 6 10 20 2" in lines
    assert text.endswith(
        "limits hit: ws_ping_timeout 3\n"
        "requests refused before any application: 400: 3\n"
        "the loop was held 3 times for more than 100 ms, by:\n"
        "  2 times, at most 520 ms\n"
        "    views.py:7 in slow"
    )


def test_since_another_reading() -> None:
    """Counts become rates, times are of what has happened since, and what has not happened is not there."""
    lines = [" ".join(line.split()) for line in status_text(NOW, BEFORE).splitlines()]
    assert "app - wsgi 5.0/s 1 7 1 1 12.1 ms 12.1 ms 12.1 ms 25 %" in lines
    assert "wsgi 16 3 2 0 12 1.96 ms 1.96 ms 2 0" in lines


def test_what_is_too_short_to_be_counted() -> None:
    """What is in the first bucket was not looked at more closely: no number is made up for it."""
    first = Histogram({0: 1})
    status = Snapshot(
        processes=(Process(pid=7, lag=first.percentile(99)), Process(pid=8)),
        pools={"wsgi": Pool(threads=16, wait=first)},
        loop=Loop(first),
    )
    lines = [" ".join(line.split()) for line in status_text(status).splitlines()]
    assert "loop lag: p50 < 1.5 ms, p99 < 1.5 ms, most < 1.5 ms" in lines
    assert "7 no 0 0 0 0 0 < 1.5 ms" in lines
    assert "wsgi 16 0 0 0 0 < 1 ms < 1 ms 0 0" in lines


def test_nothing_counted() -> None:
    """Of a server that counts nothing it says so."""
    assert "metrics is off" in status_text(Snapshot(processes=(Process(pid=1),)))


@pytest.fixture
def server(control_folder: Path, monkeypatch: pytest.MonkeyPatch, serve: Serve) -> ServerProcess:
    """Serve an application that counts, the only server of this user."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(control_folder))
    monkeypatch.setenv("TMPDIR", str(control_folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    return serve("hello_asgi:app", "--control", str(control_folder))


def test_of_a_server(server: ServerProcess, control_folder: Path) -> None:
    """A request that was answered is counted, in the table and as JSON."""
    assert httpx.get(server.url, timeout=DEADLINE).status_code == 200
    control = str(control_folder)
    shown = run_hybrid("status", "--control", control)
    assert shown.returncode == 0
    assert server.url.rstrip("/") in shown.stdout
    assert ", ready, 1 process, up " in shown.stdout
    answer: dict[str, Any] = json.loads(run_hybrid("status", "--json", "--control", control).stdout)
    (route,) = answer["routes"].values()
    assert route["begun"] == 1
    assert route["statuses"] == {"200": 1}


def test_watch(server: ServerProcess, control_folder: Path) -> None:
    """It looks again and again, one answer a line as JSON, and control-C is its end."""
    command = [sys.executable, "-m", "hybrid", "status", "--watch", "0.1", "--json", "--control"]
    with subprocess.Popen([*command, str(control_folder)], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        first, second = (json.loads(watching.stdout.readline()) for _ in range(2))
        assert second["taken"] > first["taken"]
        watching.send_signal(signal.SIGINT)
        watching.stdout.read()
    assert watching.returncode == 0


def test_no_server(tmp_path: Path) -> None:
    """Where no server is, one line says so."""
    shown = run_hybrid("status", "--control", str(tmp_path / "none"))
    assert shown.returncode == 1
    assert shown.stderr.startswith("hybrid: ")
    assert len(shown.stderr.splitlines()) == 1


def test_a_pause_that_is_none() -> None:
    """Bad input is a usage error that names the option."""
    shown = run_hybrid("status", "--watch", "0")
    assert shown.returncode == 2
    assert "--watch" in shown.stderr


def test_ages_are_never_negative() -> None:
    """A process whose clock is ahead has been there for no time."""
    ahead = Snapshot(taken=time.time(), processes=(Process(pid=1, since=time.time() + 100),))
    assert "up 0 s" in status_text(ahead)
