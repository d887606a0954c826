"""One tiny round on real servers; nothing here depends on how fast they are."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import main
from benchmarks.contestants import Contestant
from benchmarks.rounds import Entry, Settings, measure_work
from benchmarks.servers import ROOT
from benchmarks.works import ASGI_HELLO, WEBSOCKET_ECHO, WSGI_HELLO, Peer, Work

TINY = Settings(rounds=1, seconds=0.1, warm_up=0.05)


def uvicorn(app: str) -> Contestant:
    """Uvicorn on what the test environment has: no httptools needed."""
    return Contestant("uvicorn", ("uvicorn",), ("uvicorn", "--port", "{port}", "--lifespan", "off", app))


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def measure(work: Work, **changes: Any) -> list[Entry]:
    """One tiny round of a work with some of its fields changed."""
    return measure_work(replace(work, connections=4, **changes), TINY, quiet)


@pytest.mark.parametrize("work", [ASGI_HELLO, WSGI_HELLO, WEBSOCKET_ECHO], ids=lambda work: work.protocol)
def test_hybrid_is_measured(work: Work) -> None:
    """Our server answers rightly to each kind of load, as `make bench` starts it."""
    (entry,) = measure(work, peers=())
    assert entry.failure == ""
    assert [outcome.errors for outcome in entry.outcomes] == [0]
    assert entry.outcomes[0].answers > 0


def test_a_peer_is_measured_beside_hybrid() -> None:
    """Each server gets one outcome a round, hybrid first."""
    peer = Peer(uvicorn("benchmarks.apps.hello_asgi:app"), target=0.65)
    entries = measure(ASGI_HELLO, peers=(peer,))
    assert [entry.contestant.name for entry in entries] == ["hybrid", "uvicorn"]
    assert all(len(entry.outcomes) == 1 for entry in entries)
    assert entries[1].target == 0.65


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_wrk_measures_as_well() -> None:
    """The other load generator gives answers and CPU times, too."""
    settings = replace(TINY, client="wrk")
    (entry,) = measure_work(replace(ASGI_HELLO, connections=4, peers=()), settings, quiet)
    assert entry.failure == ""
    assert entry.outcomes[0].answers > 0


def test_a_peer_that_is_not_installed_is_left_out() -> None:
    """The table names what is missing; the run goes on."""
    peer = replace(uvicorn("benchmarks.apps.hello_asgi:app"), packages=("no-such-distribution",))
    (entry,) = measure(ASGI_HELLO, hybrid=peer, peers=())
    assert entry.missing == ["no-such-distribution"]
    assert not entry.outcomes
    assert entry.failure == ""


def test_a_server_that_does_not_start_is_a_failure() -> None:
    """Its exit code and last line are kept, and it is not tried again."""
    said: list[str] = []
    work = replace(ASGI_HELLO, hybrid=Contestant("broken", (), ("no_such_module",)), peers=())
    (entry,) = measure_work(work, replace(TINY, rounds=3), said.append)
    assert "exit code 1" in entry.failure
    assert "No module named no_such_module" in entry.failure
    assert said == ["ASGI hello: round 1 of 3, broken"]


def test_a_wrong_answer_is_a_failure() -> None:
    """A server that answers something else has no figures."""
    (entry,) = measure(
        ASGI_HELLO, hybrid=uvicorn("benchmarks.apps.hello_asgi:app"), peers=(), expected="Bye!"
    )
    assert "unexpected answer" in entry.failure
    assert "Hello, world!" in entry.failure
    assert not entry.outcomes


def test_the_whole_run_prints_a_table_and_writes_json(tmp_path: Path) -> None:
    """`python benchmarks/run.py` works from any folder and reports every server of the work."""
    file = tmp_path / "figures.json"
    options = ["--only", "asgi", "--rounds", "1", "--seconds", "0.1", "--json", str(file)]
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "ASGI hello (64 connections)" in result.stdout
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
