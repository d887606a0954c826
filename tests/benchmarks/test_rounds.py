"""One tiny round on real servers; nothing here depends on how fast they are."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.apps.page_flask import PAGE
from benchmarks.contestants import Contestant
from benchmarks.loads.plan import (
    Arrivals,
    Batch,
    Broadcast,
    Download,
    Echoes,
    Idle,
    Load,
    Multiplexed,
    RoundTrip,
    Start,
    Steady,
    StreamEchoes,
    Upload,
)
from benchmarks.redis import PROGRAMS
from benchmarks.rounds import Entry, Settings, measure_work
from benchmarks.servers import ROOT
from benchmarks.work import Work
from benchmarks.works.consumers import CONSUMER_ECHO, GROUP_SEND, GROUP_SEND_REDIS, LAYER
from benchmarks.works.fairness import FAIRNESS
from benchmarks.works.footprint import IDLE_DEFLATE, IDLE_HTTP, IDLE_WEBSOCKETS, START
from benchmarks.works.hello import ASGI_HELLO, HELLO, WSGI_HELLO
from benchmarks.works.http2 import HTTP2_DOWNLOAD, HTTP2_HELLO, HTTP2_WEBSOCKET, HTTP2_WSGI
from benchmarks.works.routes import ROUTES
from benchmarks.works.sleep import SLEEP_AT_FULL_LOAD, SLEEP_AT_HALF_LOAD
from benchmarks.works.static import STATIC_LARGE, STATIC_SMALL, STEADY_LARGE, STEADY_SMALL
from benchmarks.works.transfers import DOWNLOAD, FILE, FILE_ASGI, UPLOAD, UPLOAD_ECHO, large_file
from benchmarks.works.websockets import (
    BROADCAST,
    ECHO,
    ECHO_16K,
    WEBSOCKET_ECHO,
    WEBSOCKET_ECHO_16K,
)
from benchmarks.works.workers import WORKERS
from tests.support.needs import require_module, require_program

#: Long enough for one answer on a machine on which everything else runs too.
TINY = Settings(rounds=1, seconds=0.5, warm_up=0.05)


def uvicorn(app: str) -> Contestant:
    """Uvicorn on what the test environment has: no httptools needed."""
    return Contestant("uvicorn", ("uvicorn",), ("uvicorn", "--port", "{port}", "--lifespan", "off", app))


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def measure(work: Work, load: Load | None = None, **changes: Any) -> list[Entry]:
    """One tiny round of a work, by default with four busy connections, with some of its fields changed."""
    load = load or Steady("http", HELLO, connections=4)
    return measure_work(replace(work, load=load, **changes), TINY, quiet)


@pytest.mark.parametrize(
    ("work", "load"),
    [
        (ASGI_HELLO, None),
        (WSGI_HELLO, None),
        (WEBSOCKET_ECHO, Steady("websocket", ECHO, connections=4)),
        (WEBSOCKET_ECHO_16K, Steady("websocket", ECHO_16K, connections=4)),
        (CONSUMER_ECHO, Steady("websocket", ECHO, connections=4)),
        (BROADCAST, Broadcast(100, 5)),
        (GROUP_SEND, Broadcast(100, 5)),
        (LAYER, LAYER.load),
        (ROUTES, ROUTES.load),
        (SLEEP_AT_FULL_LOAD, Batch(HELLO, 4, rate=80)),
        (SLEEP_AT_HALF_LOAD, Arrivals(HELLO, 4, rate=40)),
        (FAIRNESS, Batch(HELLO, 4, rate=50, echoes=Echoes(rate=100))),
        (STATIC_SMALL, replace(STEADY_SMALL, connections=4)),
        (STATIC_LARGE, replace(STEADY_LARGE, connections=4)),
        (START, START.load),
        (WORKERS, Steady("http", PAGE, connections=4)),
        (IDLE_HTTP, Idle("http", HELLO, 100)),
        (IDLE_WEBSOCKETS, Idle("websocket", ECHO, 100)),
        (DOWNLOAD, Download(1 << 20, pace=1_000_000)),
        (UPLOAD, Upload(1 << 20)),
        (UPLOAD_ECHO, RoundTrip(1 << 20, 2)),
        (replace(FILE, environment=lambda: large_file(1 << 20)), Download(1 << 20)),
        (replace(FILE_ASGI, environment=lambda: large_file(1 << 20)), Download(1 << 20)),
    ],
    ids=lambda value: value.name.split(",")[0] if isinstance(value, Work) else "",
)
def test_hybrid_is_measured(work: Work, load: Load | None) -> None:
    """Our server answers rightly to each kind of load, as `make bench` starts it, and gives each figure."""
    (entry,) = measure(work, load, peers=())
    assert entry.failure == ""
    assert [outcome.errors for outcome in entry.outcomes] == [0]
    assert entry.outcomes[0].answers > 0
    assert all(isinstance(figure.read(entry.outcomes[0]), float) for figure in work.figures)


SMALL: dict[Work, Load] = {
    HTTP2_HELLO: Multiplexed(len(HELLO), 2, 2, requests=40),
    HTTP2_WSGI: Multiplexed(len(HELLO), 2, 2, requests=40),
    HTTP2_DOWNLOAD: Multiplexed(1 << 20, 1, 1, requests=2, path=f"/{1 << 20}"),
    HTTP2_WEBSOCKET: StreamEchoes(ECHO, 2, 2),
}


@pytest.mark.parametrize(
    ("work", "server"),
    [
        *((work, work.hybrid) for work in SMALL),
        *((work, peer) for work in (HTTP2_HELLO, HTTP2_WEBSOCKET) for peer in work.peers),
    ],
    ids=lambda value: value.name.split(",")[0],
)
def test_http2_is_measured(work: Work, server: Contestant) -> None:
    """Our server and each peer that is installed take loads of HTTP/2, and give each figure."""
    if not isinstance(SMALL[work], StreamEchoes):
        require_program("h2load")
    (entry,) = measure(work, SMALL[work], hybrid=server, peers=())
    assert entry.failure == ""
    assert entry.missing or [outcome.errors for outcome in entry.outcomes] == [0]
    assert entry.missing or all(figure.read(entry.outcomes[0]) >= 0 for figure in work.figures)


def test_a_work_without_its_load_generator_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where h2load is not installed, its works name the package, and start no server."""
    monkeypatch.setenv("PATH", "/nowhere")
    (entry,) = measure(HTTP2_HELLO, SMALL[HTTP2_HELLO], peers=())
    assert "h2load is not installed (Debian has it in nghttp2-client)" in entry.failure


@pytest.mark.parametrize("server", STATIC_LARGE.peers, ids=lambda server: server.name)
def test_the_peers_of_static_files_are_measured(server: Contestant) -> None:
    """Each peer that is installed sends the file."""
    load = replace(STEADY_LARGE, connections=4)
    (entry,) = measure(STATIC_LARGE, load, hybrid=server, peers=())
    assert entry.failure == ""
    assert entry.missing or entry.outcomes[0].answers > 0


@pytest.mark.parametrize("server", FAIRNESS.peers, ids=lambda server: server.name)
def test_the_peers_of_fairness_are_measured(server: Contestant) -> None:
    """Applications that mix views and WebSockets run on each peer that is installed."""
    load = Batch(HELLO, 4, rate=50, echoes=Echoes(rate=100))
    (entry,) = measure(FAIRNESS, load, hybrid=server, peers=())
    assert entry.failure == ""
    assert entry.missing or "echo p99" in entry.outcomes[0].figures


@pytest.mark.parametrize("server", WEBSOCKET_ECHO.peers, ids=lambda server: server.name)
def test_the_peers_of_websockets_are_measured(server: Contestant) -> None:
    """Each peer that is installed sends the messages back."""
    (entry,) = measure(WEBSOCKET_ECHO_16K, Steady("websocket", ECHO_16K, 4), hybrid=server, peers=())
    assert entry.failure == ""
    assert entry.missing or entry.outcomes[0].answers > 0


@pytest.mark.parametrize(
    "server", [*GROUP_SEND.peers, *LAYER.peers, *ROUTES.peers], ids=lambda server: server.name
)
def test_the_peers_of_consumers_and_routers_are_measured(server: Contestant) -> None:
    """Each peer that is installed delivers every message to all, or finds every route."""
    work = next(work for work in (GROUP_SEND, LAYER, ROUTES) if server in work.peers)
    load = Broadcast(100, 5) if work is GROUP_SEND else work.load
    (entry,) = measure(work, load, hybrid=server, peers=())
    assert entry.failure == ""
    assert entry.missing or entry.outcomes[0].answers > 0


def test_groups_go_through_a_redis_of_the_benchmark_s() -> None:
    """Redis is started for the work, and the consumer of Channels finds it there."""
    require_program(*PROGRAMS)
    require_module("channels_redis")
    peer = replace(uvicorn("benchmarks.apps.group_channels:app"), packages=("channels_redis",))
    (entry,) = measure(GROUP_SEND_REDIS, Broadcast(100, 5), hybrid=peer, peers=())
    assert entry.failure == ""
    assert entry.outcomes[0].answers > 0


@pytest.mark.parametrize("server", BROADCAST.peers, ids=lambda server: server.name)
def test_the_peers_of_the_broadcast_are_measured(server: Contestant) -> None:
    """Each peer that is installed delivers every message to all."""
    (entry,) = measure(BROADCAST, Broadcast(100, 5), hybrid=server, peers=())
    assert entry.failure == ""
    assert entry.missing or entry.outcomes[0].answers > 0


def test_a_peer_is_measured_beside_hybrid() -> None:
    """Each server gets one outcome a round, hybrid first."""
    entries = measure(ASGI_HELLO, peers=(uvicorn("benchmarks.apps.hello_asgi:app"),))
    assert [entry.contestant.name for entry in entries] == ["hybrid", "uvicorn"]
    assert all(len(entry.outcomes) == 1 for entry in entries)


def test_a_peer_that_compresses_is_measured() -> None:
    """WebSockets that have compressed a message each way, which a server must agree to, keep memory."""
    peer = uvicorn("benchmarks.apps.echo_asgi:app")
    (entry,) = measure(IDLE_DEFLATE, Idle("deflate", ECHO, 100), hybrid=peer, peers=())
    assert entry.failure == ""
    assert entry.outcomes[0].figures["memory KiB/connection"] > 0


def test_a_work_that_cannot_be_prepared_fails_without_a_server() -> None:
    """No room for a file is a failure of that work, with the reason, and other works go on."""

    def no_room() -> AbstractContextManager[Mapping[str, str]]:
        raise OSError("no space left")

    entries = measure(FILE, environment=no_room)
    assert {entry.failure for entry in entries} == {"the work cannot be prepared: no space left"}
    assert not any(entry.outcomes for entry in entries)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_measures_as_well() -> None:
    """The other load generator gives answers and CPU times, too."""
    settings = replace(TINY, client="wrk")
    (entry,) = measure_work(replace(ASGI_HELLO, peers=()), settings, quiet)
    assert entry.failure == ""
    assert entry.outcomes[0].answers > 0


def test_a_peer_that_is_not_installed_is_left_out() -> None:
    """The table names what is missing; the run goes on."""
    peer = replace(uvicorn("benchmarks.apps.hello_asgi:app"), packages=("no-such-distribution",))
    (entry,) = measure(ASGI_HELLO, hybrid=peer, peers=())
    assert entry.missing == ["no-such-distribution"]
    assert not entry.outcomes
    assert entry.failure == ""


@pytest.mark.parametrize(
    ("app", "load", "complaint"),
    [
        ("hello_asgi", Start("Goodbye"), "unexpected answer: b'Hello, world!'"),
        ("hello_asgi", Idle("http", "Goodbye", 50), "unexpected answer"),
        ("hello_asgi", Idle("websocket", ECHO, 50), "handshake refused"),
    ],
)
def test_a_wrong_answer_at_rest_is_a_failure(app: str, load: Load, complaint: str) -> None:
    """A server that starts fast, or keeps little, and answers wrongly is not measured."""
    server = uvicorn(f"benchmarks.apps.{app}:app")
    (entry,) = measure(START, load, hybrid=server, peers=())
    assert complaint in entry.failure


def test_a_start_that_fails_says_why() -> None:
    """What the server printed last is kept."""
    (entry,) = measure(START, START.load, hybrid=Contestant("broken", (), ("no_such_module",)), peers=())
    assert "No module named no_such_module" in entry.failure


def test_a_server_that_does_not_start_is_a_failure() -> None:
    """Its exit code and last line are kept, and it is not tried again."""
    said: list[str] = []
    work = replace(ASGI_HELLO, hybrid=Contestant("broken", (), ("no_such_module",)), peers=())
    (entry,) = measure_work(work, replace(TINY, rounds=3), said.append)
    assert "exit code 1" in entry.failure
    assert "No module named no_such_module" in entry.failure
    assert said == ["ASGI hello, 64 connections: round 1 of 3, broken"]


def test_a_wrong_answer_is_a_failure() -> None:
    """A server that answers something else has no figures."""
    load = Steady("http", "Bye!", connections=4)
    (entry,) = measure(ASGI_HELLO, load, hybrid=uvicorn("benchmarks.apps.hello_asgi:app"), peers=())
    assert "unexpected answer" in entry.failure
    assert "Hello, world!" in entry.failure
    assert not entry.outcomes


def test_the_whole_run_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    """`python benchmarks/run.py` works from any folder and reports every server of the work."""
    file = tmp_path / "figures.json"
    options = ["--only", "asgi", "--rounds", "1", "--seconds", "0.5", "--json", str(file)]
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "ASGI hello, 64 connections; 1 rounds of 0.5 s" in result.stdout
    (work,) = json.loads(file.read_text())["works"]
    assert [server["name"] for server in work["servers"]] == ["hybrid", "uvicorn", "granian"]
    assert all(server["missing"] or len(server["rounds"]) == 1 for server in work["servers"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rounds", "0"], "argument --rounds: '0' is not a whole number from 1 up"),
        (["--seconds", "soon"], "argument --seconds: 'soon' is not a number of seconds from 0.1 to 600"),
        (["--baseline", "/"], "argument --baseline: '/' is not a checkout: it has no src/hybrid"),
        (["--only", "nothing"], "argument --only: invalid choice: 'nothing'"),
    ],
)
def test_a_wrong_option_is_named(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One clear line says which option is wrong, and nothing is measured."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
