"""Starts gunicorn as a real process: somebody else's WSGI server, to run `ASGIToWSGI` under."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.process import ServerProcess, option_arguments


class GunicornProcess(ServerProcess):
    """A `gunicorn` process of a test; see :class:`~tests.support.process.ServerProcess`."""

    listening = re.compile(r"Listening at: (\S+) \(")

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return [sys.executable, "-m", "gunicorn", *option_arguments(options), *targets]


def start_gunicorn(
    target: str, *, cwd: Path, env: Mapping[str, str] | None = None, **options: object
) -> GunicornProcess:
    """Start gunicorn on a WSGI application and return once it listens; the caller closes it."""
    settings = {"bind": "127.0.0.1:0", "worker_tmp_dir": cwd, "no_control_socket": True, **options}
    server = GunicornProcess([target], settings, cwd=cwd, env=env)
    try:
        return server.wait_until_listening()
    except BaseException:
        server.close()
        raise
