"""Starts a worker of Celery as a real process."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.process import ServerProcess, option_arguments


class CeleryProcess(ServerProcess):
    """A `celery worker` process of a test; see :class:`~tests.support.process.ServerProcess`."""

    listening = re.compile(r"(celery@\S+) ready")

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return [sys.executable, "-m", "celery", "-A", *targets, "worker", *option_arguments(options)]


def start_celery(module: str, *, cwd: Path, env: Mapping[str, str]) -> CeleryProcess:
    """Start a worker for the tasks of a module and return once it takes some; the caller closes it."""
    options = {"pool": "solo", "concurrency": 1, "loglevel": "INFO"}
    worker = CeleryProcess([module], options, cwd=cwd, env=env)
    try:
        return worker.wait_until_listening()
    except BaseException:
        worker.close()
        raise
