from pathlib import Path

import pytest

from benchmarks import work
from benchmarks.apps.file_wsgi import FILE_VARIABLE
from benchmarks.apps.stream_wsgi import CHUNK
from benchmarks.loads.outcome import Outcome
from benchmarks.work import BEST
from benchmarks.works import WORKS
from benchmarks.works.fairness import loops_for
from benchmarks.works.transfers import large_file


def outcome(answers: int, seconds: float, cpu: float = 1.0, **figures: float) -> Outcome:
    """A round with figures, their names written with underscores."""
    named = {name.replace("_", " "): value for name, value in figures.items()}
    return Outcome(answers, seconds, cpu, 0, 0, errors=0, figures=named)


def test_cpu_per_request_is_in_microseconds() -> None:
    """0.5 s of CPU for 20,000 answers are 25 µs each."""
    assert work.CPU.read(outcome(20_000, 2.0, cpu=0.5)) == pytest.approx(25)


def test_a_share_of_the_ideal_rate() -> None:
    """600 answers in a second, of 800 that there could be, are three quarters."""
    share = work.share_of(800)
    assert share.name == "share of 800/s"
    assert share.read(outcome(1200, 2.0)) == pytest.approx(0.75)
    assert share.higher_is_better


def test_the_view_itself_is_not_added_latency() -> None:
    """53 ms for a view that sleeps 50 are 3 ms added."""
    assert work.added("p99", 50).read(outcome(1, 1, answer_p99=53.0)) == pytest.approx(3)


def test_figures_of_transfers() -> None:
    """1 GiB in 2 s with 0.5 s of CPU."""
    moved = outcome(1, 2.0, cpu=0.5, bytes=float(1 << 30))
    assert work.THROUGHPUT.read(moved) == pytest.approx(512)
    assert work.CPU_PER_GIB.read(moved) == pytest.approx(500)


def test_the_targets_of_the_project() -> None:
    """What the project promises, by work: figure, limit and peer."""
    targets = {
        name: [(each.figure.name, each.limit, each.peer) for part in parts for each in part.targets]
        for name, parts in WORKS.items()
    }
    assert targets == {
        "asgi": [("CPU µs/request", 0.6, "uvicorn"), ("CPU µs/request", 0.9, "granian")],
        "wsgi": [("CPU µs/request", 1.0, "granian"), ("CPU µs/request", 0.08, "uvicorn + a2wsgi")],
        "tls": [("CPU µs/request", 1.0, "uvicorn")],
        "websocket": [("CPU µs/message", 0.7, BEST)] * 2,
        **{
            name: [("CPU µs/message", limit, f"{server} + Channels") for server in ("uvicorn", "daphne")]
            for name, limit in (("consumer", 0.5), ("group_send", 0.3), ("group_send_redis", 0.6))
        },
        "group_send_workers": [],
        "layer": [],
        "routes": [("CPU µs/call", 3.0, "hybrid, 10 routes")],
        "broadcast": [("CPU µs/message", 0.75, "uvicorn"), ("CPU µs/message", 0.9, "gunicorn")],
        "flask": [("requests/s", 1.0, "granian"), ("requests/s", 2.5, "uvicorn + a2wsgi")],
        "django": [
            *[("CPU µs/request", 1.0, "granian"), ("CPU µs/request", 0.1, "uvicorn")],
            ("CPU µs/request", 1.0, "granian"),
            ("CPU µs/request", 0.6, "uvicorn"),
        ],
        "django_observe": [("CPU µs/request", 1.02, "hybrid, without")] * 3,
        "metrics": [
            *[("CPU µs/request", 1.03, "hybrid, --no-metrics")] * 3,
            ("CPU µs/message", 1.03, "hybrid, --no-metrics"),
        ],
        "django_files": [("memory growth MiB", 16.0, "")] * 4,
        "django_latency": [("echo p99 ms", 5.0, "")] * 2,
        "sleep": [("share of 800/s", 0.97, ""), ("added p99 ms", 5.0, "")],
        "fairness": [("echo p99 ms", 5.0, ""), ("requests/s", 0.97, "hybrid, plain pool")],
        "download": [("memory growth MiB", 32.0, "")],
        "upload": [("memory growth MiB", 32.0, "")],
        "upload_echo": [("MiB/s", 1.0, "uvicorn")],
        "access_log": [("CPU µs/request", 1.0, "uvicorn"), ("CPU µs/request", 1.0, "uvicorn + a2wsgi")],
        "static": [("CPU µs/request", 1.0, "granian")] * 2,
        "http2": [
            ("requests/s", 3.0, "hypercorn"),
            ("CPU µs/request", 0.33, "hypercorn"),
            *[("requests/s", 1.0, "gunicorn"), ("CPU µs/request", 1.0, "gunicorn")] * 2,
        ],
        "http2_download": [("MiB/s", 2.0, "hypercorn"), ("CPU ms/GiB", 0.5, "hypercorn")],
        "http2_websocket": [("CPU µs/message", 0.5, "hypercorn")],
        "file": [("MiB/s", 0.9, "gunicorn"), ("CPU ms/GiB", 0.7, "granian")],
        "workers": [("requests/s", 1.8, "1 worker")],
        "start": [("first answer ms", 1.0, "uvicorn"), ("memory MiB", 1.0, "uvicorn")],
        "idle": [("memory KiB/connection", limit, "uvicorn") for limit in (1.0, 0.8, 0.8)],
    }


def test_the_peers_of_targets_take_part() -> None:
    """Each target names a server of its work, and figures that are shown."""
    for part in (part for parts in WORKS.values() for part in parts):
        names = {"", BEST, *(peer.name for peer in part.peers)}
        assert {target.peer for target in part.targets} <= names
        assert {target.figure for target in part.targets} <= set(part.figures)


def test_more_cpu_time_takes_more_loops() -> None:
    """The view is as long as it is asked to be, whatever the machine."""
    assert loops_for(0.02) > loops_for(0.002) > 0


def test_the_large_file_is_there_for_the_work_only() -> None:
    """It holds what the client expects, and goes with its folder."""
    with large_file(1 << 20) as variables:
        path = Path(variables[FILE_VARIABLE])
        assert path.read_bytes() == CHUNK * 16
    assert not path.parent.exists()
