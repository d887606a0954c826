"""A new version under load: by gunicorn's signals, and as `docs/zero-downtime.md` has one try it."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.callers import Callers
from tests.support.documented import blocks
from tests.support.groups import living_in_group
from tests.support.gunicorn import GunicornProcess, start_gunicorn
from tests.support.process import APPS, DEADLINE, Serve, option_arguments
from tests.support.waiting import children_of, until

WORKER = "hybrid.adapters.gunicorn.HybridWorker"


def test_gunicorn_hup(tmp_path: Path) -> None:
    """SIGHUP to gunicorn's arbiter replaces the workers; some requests wait, and none fails."""
    options: dict[str, Any] = {"worker_class": WORKER, "pythonpath": APPS, "workers": 2, "threads": 4}
    with start_gunicorn("processes:wsgi", cwd=tmp_path, **options) as server:
        until(lambda: len(children_of(server)) == 2)
        before = children_of(server)
        with (
            Callers(server.port, count=2) as kept,
            Callers(server.port, count=2, kept=False) as others,
        ):
            kept.wait_for(50)
            server.signal(signal.SIGHUP)
            until(lambda: len(children_of(server)) == 2 and not children_of(server) & before)
            kept.wait_for(50)
            others.wait_for(50)
    assert kept.failures + others.failures == []
    assert int(kept.answers[-1]) not in before


class Script(GunicornProcess):
    """The program `gunicorn`: started by `python -m gunicorn` it cannot start itself again."""

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return [str(Path(sys.executable).with_name("gunicorn")), *option_arguments(options), *targets]


def test_gunicorn_usr2(tmp_path: Path) -> None:
    """SIGUSR2 starts a second arbiter; after SIGTERM to the first the second goes on: no request fails."""
    options = {
        "worker_class": WORKER,
        "pythonpath": APPS,
        "workers": 2,
        "threads": 4,
        "pid": tmp_path / "pid",
    }
    second = tmp_path / "pid.2"
    with Script(["processes:wsgi"], options, cwd=tmp_path) as server:
        server.wait_until_listening()
        until(lambda: len(children_of(server)) == 2)
        old = {str(pid) for pid in children_of(server)}
        with (
            Callers(server.port, count=2) as kept,
            Callers(server.port, count=2, kept=False) as others,
        ):
            kept.wait_for(50)
            server.signal(signal.SIGUSR2)
            until(lambda: second.exists() and set(others.answers[-20:]) - old)
            arbiter = int(second.read_text(encoding="ascii"))
            server.signal(signal.SIGTERM)
            until(lambda: not server.running)
            kept.wait_for(50)
            others.wait_for(50)
        os.kill(arbiter, signal.SIGTERM)
        until(lambda: living_in_group(server.pid) == [])
    assert kept.failures + others.failures == []
    assert kept.answers[-1] not in old


def test_the_page_has_a_way_to_try_it(serve: Serve, tmp_path: Path) -> None:
    """A server, a load that ends at the first failure, a SIGHUP: the load goes on until the server ends."""
    (block,) = blocks("zero-downtime.md", "sh")
    start, load, reload = (line.removesuffix(" &") for line in block.splitlines())
    verb, *options = shlex.split(start.replace("hybrid ", "", 1))
    assert verb == "serve"
    assert options == ["--workers", "2", "--pid", "shop.pid", "shop.wsgi:app"]
    server = serve("processes:wsgi", workers=2, pid="shop.pid")
    server.wait_for_stderr("has 2 workers")
    before = children_of(server)
    there = load.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")
    with subprocess.Popen(["sh", "-c", there], stderr=subprocess.PIPE, text=True) as loop:
        subprocess.run(["sh", "-c", reload], cwd=tmp_path, check=True)
        until(lambda: len(children_of(server)) == 2 and not children_of(server) & before)
        assert loop.poll() is None
        assert server.terminate() == 0
        _, said = loop.communicate(timeout=DEADLINE)
    assert loop.returncode == 0  # of the loop; what ended it is what curl says
    assert re.search(r"curl: \(\d+\)", said)
