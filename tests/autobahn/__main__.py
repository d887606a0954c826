"""Puts Autobahn's WebSocket cases to a server, and says what it got wrong: `python -m tests.autobahn`."""

import argparse
import contextlib
import os
import shlex
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

from benchmarks.servers import ServerError, free_port, running
from tests.autobahn.environment import NoPython, Unavailable, find_python, prepare
from tests.autobahn.fuzzing import FuzzingError, fuzz
from tests.autobahn.report import EXCUSES, judge, read_results, render
from tests.support.process import ROOT, start_server

#: Sends every message back.
MODULE = "websocket_echo"

#: All cases but most of those of compression, which send a thousand messages each: one minute, not twenty.
#: Of each kind of compression there is the smallest message, and of some the largest.
QUICK = (
    *("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"),
    *(f"12.{kind}.1" for kind in range(1, 6)),
    *(f"13.{kind}.1" for kind in range(1, 8)),
    *("12.1.10", "12.5.18", "13.2.10", "13.3.18"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases; 0 when nothing is wrong, 1 when something is, 2 when they cannot run here."""
    options = _parser().parse_args(arguments)
    try:
        wstest = prepare(options.environment, find_python())
    except Unavailable as why:
        sys.stderr.write(f"{why}\n")
        return 0 if options.if_available and isinstance(why, NoPython) else 2
    name = shlex.split(options.server)[0] if options.server else "hybrid"
    reports = options.environment.parent / f"{options.environment.name}-reports" / name
    try:
        with _peer(options.server) if options.server else _hybrid() as url:
            announced = fuzz(wstest, url, name, options.cases, reports, progress=_say)
    except (FuzzingError, ServerError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    results = read_results(reports, name)
    judgement = judge(results, announced, () if options.server else EXCUSES)
    good = sum(each.good for each in results)
    _say(render(results, judgement))
    _say(f"\n{name}: {good} of {announced} cases passed. All about them: {reports / 'index.html'}")
    return 0 if judgement.passed else 1


@contextlib.contextmanager
def _hybrid() -> Generator[str]:
    """Serve with this project, as users start it."""
    with start_server(f"{MODULE}:app", cwd=ROOT, access_log=False) as server:
        yield f"ws://127.0.0.1:{server.port}"
        if "Traceback" in server.stderr:
            raise ServerError(f"the server wrote a traceback:\n{server.stderr}")


@contextlib.contextmanager
def _peer(command: str) -> Generator[str]:
    """Serve with another server: a module with its arguments, `{port}` and `{app}` among them."""
    port = free_port()
    arguments = [
        each.replace("{port}", str(port)).replace("{app}", f"tests.apps.{MODULE}:app")
        for each in shlex.split(command)
    ]
    with running(arguments, port, os.environ):
        yield f"ws://127.0.0.1:{port}"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m tests.autobahn", description="Put Autobahn's WebSocket cases to a server."
    )
    parser.add_argument(
        "--cases",
        nargs="+",
        default=["*"],
        metavar="PATTERN",
        help="which of them, such as 6.* 7.1.1; otherwise all",
    )
    parser.add_argument(
        "--quick",
        action="store_const",
        dest="cases",
        const=QUICK,
        help="leave out most cases of compression, which take twenty minutes",
    )
    parser.add_argument(
        "--server",
        metavar="COMMAND",
        help="ask another server: a module and its arguments, with {port} and {app} where they go",
    )
    parser.add_argument(
        "--environment",
        type=Path,
        default=ROOT / ".venv-autobahn",
        metavar="FOLDER",
        help="where Autobahn is installed, and beside which its reports are kept",
    )
    parser.add_argument(
        "--if-available", action="store_true", help="do nothing, successfully, where there is no Python 2.7"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
