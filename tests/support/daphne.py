"""Starts daphne as a real process: the server that Channels projects come from."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.process import ServerProcess, option_arguments


class DaphneProcess(ServerProcess):
    """A `daphne` process of a test; see :class:`~tests.support.process.ServerProcess`."""

    listening = re.compile(r"Listening on TCP address (\S+)")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{super().url}"

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return [sys.executable, "-m", "daphne", *option_arguments(options), *targets]


def start_daphne(target: str, *, cwd: Path, env: Mapping[str, str] | None = None) -> DaphneProcess:
    """Start daphne on an ASGI application and return once it listens; the caller closes it."""
    server = DaphneProcess([target], {"port": 0, "bind": "127.0.0.1"}, cwd=cwd, env=env)
    try:
        return server.wait_until_listening()
    except BaseException:
        server.close()
        raise
