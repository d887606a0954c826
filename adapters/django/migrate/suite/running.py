"""Runs the command of a suite, with what listens in its processes."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hybrid.adapters.django.migrate.suite import startup
from hybrid.adapters.django.migrate.suite.recorder import VARIABLE
from hybrid.bridge.errors import ConfigError

_PLUGIN: Final = "hybrid.adapters.django.migrate.suite.pytest_watch"
#: The descriptor of standard error: the suite writes there, so that standard output is the report's.
_STDERR: Final = 2
#: Seconds that the command has to end, each of the two times that it is asked to.
_GRACE: Final = 5.0


@dataclass(frozen=True)
class Ended:
    """How a run of the command ended.

    Attributes:
        lane: ``wsgi`` or ``asgi``.
        code: the command's exit code; None where it was ended, as its time was over.
    """

    lane: str
    code: int | None
    seconds: float


def run(command: Sequence[str], lane: str, folder: Path, timeout: float) -> Ended:
    """Run the command to its end, or to the end of its time, with all that it starts.

    Args:
        command: the program and its arguments.
        lane: ``wsgi`` for the tests as they are, or ``asgi``.
        folder: private and empty; the lines of :mod:`.recorder` are in ``lines`` there afterwards.
        timeout: in seconds.

    Raises:
        ConfigError: it cannot be started.
    """
    begun = time.monotonic()
    process = _start(command, _environment(lane, folder, os.environ))
    code: int | None = None
    try:
        with _termination_heard(), suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout)
    except BaseException:
        _ask_to_end(process)
        raise
    finally:
        _end(process)
    return Ended(lane, code, time.monotonic() - begun)


def _environment(lane: str, folder: Path, ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the command, and put what it starts with into the folder."""
    site, lines = folder / "site", folder / "lines"
    site.mkdir()
    lines.mkdir()
    shutil.copyfile(startup.__file__, site / "sitecustomize.py")
    said = {"folder": str(lines), "lane": lane, "root": str(Path.cwd())}
    return {
        **ours,
        VARIABLE: json.dumps(said),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(site), ours.get("PYTHONPATH")))),
        "PYTEST_PLUGINS": ",".join(filter(None, (ours.get("PYTEST_PLUGINS"), _PLUGIN))),
        # Sets are in the same order in each run, so that tests which depend on that are steady.
        "PYTHONHASHSEED": ours.get("PYTHONHASHSEED", "0"),
    }


def _start(command: Sequence[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(  # noqa: S603 - what the user wants to be run
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=_STDERR,
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigError(f"cannot start {command[0]}: {error.strerror}") from None


@contextmanager
def _termination_heard() -> Generator[None]:
    """Let SIGTERM end this as Ctrl-C does, so that what was started ends too."""

    def end(*args: Any) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _ask_to_end(process: "subprocess.Popen[bytes]") -> None:
    """Send what Ctrl-C would have sent, so that the tests take down what they have set up. At the first,
    Django's runner lets a test come to its end, and at the second it ends. Ctrl-C here cuts the wait short.
    """
    for _ in range(2):
        with suppress(ProcessLookupError, PermissionError, subprocess.TimeoutExpired, KeyboardInterrupt):
            os.killpg(process.pid, signal.SIGINT)
            process.wait(_GRACE)
        if process.poll() is not None:
            return


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End what is left of the command's processes."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
