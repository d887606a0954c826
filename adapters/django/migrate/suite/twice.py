"""Runs a suite on both sides, and again where that tells more."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from hybrid.adapters.django.migrate.suite.comparison import Comparison, compare
from hybrid.adapters.django.migrate.suite.records import Run, read
from hybrid.adapters.django.migrate.suite.running import run

Say = Callable[[int, str, tuple[str, ...]], None]


class SuiteError(Exception):
    """The suite as it is tells nothing that could be compared."""


def run_on_both(command: tuple[str, ...], timeout: float, *, again: bool, say: Say) -> Comparison:
    """Run the command as it is and on ASGI, and compare.

    The sides are compared by whole runs rather than by sending each request to both of them: requests change
    what the next one finds, and a test would find it changed twice.

    Args:
        command: the program and its arguments.
        timeout: seconds for each run.
        again: whether a side on which tests differ runs once more. Those that then come to what they came to
            on the other are unsteady, and do not count.
        say: is told of each run before it begins: its number, what it is, the command.

    Raises:
        ConfigError: the command cannot be started.
        SuiteError: no test could be listened to on WSGI, or that run took too long.
    """
    say(1, "on WSGI, as it is", command)
    wsgi = _run(command, "wsgi", timeout)
    _check(wsgi, command, timeout)
    if not wsgi.sent:
        return Comparison(wsgi, None)
    say(2, "on ASGI", command)
    asgi = _run(command, "asgi", timeout)
    found = compare(wsgi, asgi)
    if again and asgi.ended.code is not None:
        _confirm(found, command, timeout, say)
    return found


def _confirm(found: Comparison, command: tuple[str, ...], timeout: float, say: Say) -> None:
    for number, side in enumerate(found.doubtful(), 3):
        tests = len(found.differing)
        differ = "a test differs" if tests == 1 else f"{tests} tests differ"
        say(number, f"on {side.upper()} again, as {differ}", command)
        found.confirm(_run(command, side, timeout))


def _run(command: Sequence[str], lane: str, timeout: float) -> Run:
    with tempfile.TemporaryDirectory(prefix="hybrid-migrate-test-") as folder:
        return read(run(command, lane, Path(folder), timeout), Path(folder))


def _check(wsgi: Run, command: Sequence[str], timeout: float) -> None:
    if wsgi.ended.code is None:
        running = next((name for name, each in wsgi.tests.items() if not each.outcome), "")
        during = f", during {running}" if running else ""
        raise SuiteError(f"{command[0]}: took longer than {timeout:g} s on WSGI, and was ended{during}")
    if wsgi.tests:
        return
    if wsgi.problems:
        raise SuiteError(f"{command[0]}: its tests could not be listened to: {wsgi.problems[0]}")
    raise SuiteError(
        f"{command[0]}: no test was heard of, and it ended with the exit code {wsgi.ended.code}: it has to "
        "run Django's tests with a Python that has hybrid, in the environment that it is given"
    )
