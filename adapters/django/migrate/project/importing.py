"""Starts the process that imports a project, and reads what it says.

The project runs with the Python that runs this, in a session of its own, and is ended with all that it has
started when it has answered, or the time is over. Should this process be gone by then, it ends by itself.
"""

import json
import os
import re
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from hybrid.adapters.django.migrate.project.facts import Facts, Failure, Where
from hybrid.adapters.django.migrate.project.origins import Origins
from hybrid.adapters.django.migrate.project.probe import Asked
from hybrid.adapters.django.migrate.project.values import without_credentials

#: Seconds that importing may take.
TIMEOUT: Final = 60.0

_MODULE: Final = "hybrid.adapters.django.migrate.project.probe"
#: Seconds within which the process says its last words, and its output is read.
_LAST_WORDS: Final = 2.0
#: Seconds after its time at which the process ends by itself: later than it is ended from here.
_ALONE: Final = 3 * _LAST_WORDS
#: Lines that are kept of what the project prints, and bytes of each.
_KEPT_LINES, _KEPT_BYTES = 20, 1000
_FRAME: Final = re.compile(r'\s*File "(?P<file>[^"]+)", line (?P<line>\d+) in ')


@dataclass
class Heard:
    """What the process has said.

    Attributes:
        facts: the attributes of the facts.
        answer: what was asked for besides.
        failures: as JSON.
        step: the last that was begun.
        frames: where it was when the time was nearly over, or when it crashed; the innermost first.
        complete: whether it has said that this is all.
    """

    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    answer: dict[str, Any] = field(default_factory=dict[str, Any])
    failures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    step: str = "start"
    frames: list[Where] = field(default_factory=list[Where])
    complete: bool = False

    def hear(self, line: bytes) -> None:
        """Take a line."""
        text = line.decode("utf-8", "replace")
        if not text.startswith("{"):
            if found := _FRAME.match(text):
                self.frames.append(Where(found["file"], int(found["line"])))
            elif text.startswith(("Thread ", "Current thread ")):
                self.frames.clear()  # of another thread: the main one comes last
            return
        try:
            said: dict[str, Any] = json.loads(text)
        except ValueError:  # cut off, as the process was
            return
        self.step = said.get("step", self.step)
        self.facts |= said.get("facts", {})
        self.answer |= said.get("answer", {})
        self.failures += [said["failure"]] if "failure" in said else []
        self.complete = self.complete or "end" in said

    def as_facts(self, failure: Failure | None) -> Facts:
        """Return the facts, with one more failure if there is one."""
        failures = [*self.failures, *([] if failure is None else [asdict(failure)])]
        return Facts.from_json({"version": Facts().version, **self.facts, "failures": failures})


@dataclass(frozen=True)
class Imported:
    """What importing a project has shown.

    Attributes:
        facts: as far as it came.
        answer: what was asked for besides.
    """

    facts: Facts
    answer: dict[str, Any]


def import_project(
    settings: str, wsgi: str = "", asgi: str = "", directory: Path | None = None, timeout: float = TIMEOUT
) -> Facts:
    """Import a project in a process of its own, and return what there is to know of it.

    Args:
        settings: the settings' module; ``""`` for what the WSGI application sets.
        wsgi: ``module:attribute`` of the application; ``""`` for that of the settings.
        asgi: the same.
        directory: the project's, from which its modules are imported; the current one without it.
        timeout: seconds that it may take. A process that has not ended by then, or that dies, is one of the
            ``failures``, with the step ``process``, and the facts are as far as it came.
    """
    return import_and_ask(settings, wsgi, asgi, directory=directory, timeout=timeout).facts


def import_and_ask(  # noqa: PLR0913 - what a command has as options
    settings: str,
    wsgi: str = "",
    asgi: str = "",
    *,
    url: str = "",
    directory: Path | None = None,
    timeout: float = TIMEOUT,
) -> Imported:
    """Do the same, and have both handlers answer a request for a URL besides, to count hops."""
    folder = str((directory or Path.cwd()).resolve())
    reader, writer = os.pipe()
    try:
        path = tuple(str(Path(each).absolute()) for each in sys.path if isinstance(each, str))
        asked = Asked(writer, folder, settings, wsgi, asgi, url, path, timeout + _ALONE)
        process = _start(asked)
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    heard = Heard()
    tail = _Tail(process.stdout)
    try:
        in_time = _listen(reader, heard, time.monotonic() + timeout)
        if not in_time:
            process.send_signal(signal.SIGABRT)  # on which it writes where it is, whatever it does
            _listen(reader, heard, time.monotonic() + _LAST_WORDS)
    finally:
        os.close(reader)
        _end(process)
        tail.end()
    failure = None if heard.complete else _failure(process, heard, tail, timeout if not in_time else None)
    return Imported(heard.as_facts(failure), heard.answer)


def _start(asked: Asked) -> "subprocess.Popen[bytes]":
    # Without -P the working directory would come first where our own modules are looked for too.
    return subprocess.Popen(  # noqa: S603 - this Python, and our own module
        [sys.executable, "-P", "-m", _MODULE, json.dumps(asdict(asked))],
        cwd=asked.directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(asked.descriptor,),
        start_new_session=True,
    )


def _listen(reader: int, heard: Heard, deadline: float) -> bool:
    """Read until the process has said all, or has closed its end; False when the time is over before."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(reader, selectors.EVENT_READ)
        while not heard.complete:
            if not selector.select(max(deadline - time.monotonic(), 0)):
                return False
            data = os.read(reader, 1 << 16)
            if not data:
                return True
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                heard.hear(line)
    return True


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the process, and what it has started."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(_LAST_WORDS)
    with suppress(ProcessLookupError, PermissionError):  # nobody is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(
    process: "subprocess.Popen[bytes]", heard: Heard, tail: "_Tail", timeout: float | None
) -> Failure:
    origins = Origins()
    own = [each for each in heard.frames if origins.is_own_file(each.file)]
    if timeout is not None:
        said = (
            f"importing the project took longer than {timeout:g} s: it was ended during the step {heard.step}"
        )
    else:
        said = f"the process that imports the project {_how(process.returncode)} during the step {heard.step}"
        printed = tail.last()
        said += f", after it had printed: {printed}" if printed else ""
    return Failure("process", said, own[0] if own else Where())


def _how(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended by itself with the exit code {code}"


class _Tail:
    """The last lines that the project prints; the others are thrown away, so that it need not wait."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        assert stream is not None
        self._stream = stream
        self._lines: deque[bytes] = deque(maxlen=_KEPT_LINES)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Read what is left, as the process has ended. What it has left behind may keep its output open."""
        self._thread.join(_LAST_WORDS)

    def last(self) -> str:
        """Return the last line."""
        lines = [each for each in self._lines if each.strip()]
        return without_credentials(lines[-1].decode("utf-8", "replace").strip()) if lines else ""

    def _read(self) -> None:
        with self._stream:
            while line := self._stream.readline(_KEPT_BYTES):
                self._lines.append(line)
