"""Starts uvicorn as a real process: somebody else's ASGI server, to run the bridge under."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.process import ServerProcess, option_arguments


class UvicornProcess(ServerProcess):
    """A `uvicorn` process of a test; see :class:`~tests.support.process.ServerProcess`."""

    listening = re.compile(r"Uvicorn running on (?:socket )?(\S+)")

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return [sys.executable, "-m", "uvicorn", *option_arguments(options), *targets]


def start_uvicorn(
    target: str, *, cwd: Path, env: Mapping[str, str] | None = None, **options: object
) -> UvicornProcess:
    """Start uvicorn on an ASGI application and return once it listens; the caller closes it."""
    if not {"port", "uds", "fd"} & options.keys():
        options["port"] = 0
    server = UvicornProcess([target], {"access_log": False, **options}, cwd=cwd, env=env)
    try:
        return server.wait_until_listening()
    except BaseException:
        server.close()
        raise
