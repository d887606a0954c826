"""Writes what happens in the processes of a suite: a line of JSON for each thing, a file for each process.

A line is one of::

    {"process": "/usr/bin/python3"}                       it listens to Django's test client
    {"begin": ID}                                         a test begins, perhaps once more
    {"test": ID, "outcome": O, "error": E}                there may be several: the worst counts
    {"test": ID, "requests": [[METHOD, PATH, STATUS], …], "sent": n, "kept": n, "collected": n,
     "left_out": [KEY, …], "rules": [RULE, …],
     "behind": [E, …]}                                     it is over

``O`` is one of :data:`OUTCOMES`. ``E`` is an exception, ``{"type", "message", "file", "line", "symbol",
"chain": ["TYPE: MESSAGE", …]}``, where ``chain`` is what it came of. STATUS is 0 where the client raised.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

#: The variable that says what to do, as JSON: ``folder`` for the files, ``lane``, and the project's ``root``.
VARIABLE: Final = "HYBRID_MIGRATE_TEST"
#: From the best to the worst.
OUTCOMES: Final = ("passed", "xfailed", "skipped", "xpassed", "failed", "error")

#: Characters that are kept of an id, of a message and of a path.
_ID, _MESSAGE, _PATH = 2000, 600, 200
#: Requests, exceptions behind answers, keys and causes that are kept of a test.
_REQUESTS, _BEHIND, _KEYS, _CHAIN = 20, 3, 10, 4
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{6,}")
_FOREIGN: Final = ("/site-packages/", "/dist-packages/", f"/python{sys.version_info[0]}.")


@dataclass
class Notes:
    """What a test did before it was over; the attributes are those of its line."""

    requests: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    sent: int = 0
    kept: int = 0
    collected: int = 0
    left_out: list[str] = field(default_factory=list[str])
    rules: list[str] = field(default_factory=list[str])
    behind: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


class Recorder:
    """Knows which test runs in this process, and writes.

    Args:
        folder: for the files.
        lane: ``wsgi`` or ``asgi``.
        root: the project's directory.
    """

    def __init__(self, folder: str, lane: str, root: str) -> None:
        self.lane = lane
        self._folder = Path(folder)
        self._root = Path(root)
        self._file: tuple[int, int] = (0, -1)
        self._test = ""
        self._notes = Notes()

    def begin(self, test: str) -> None:
        """Note that a test begins. What was sent since the last one, to set up its class, is its own."""
        if self._test:
            self.end()
        self._test = _short(test)
        self._write({"begin": self._test})

    def end(self) -> None:
        """Note that it is over."""
        if self._test:
            self._flush(self._test)
        self._test = ""

    def outcome(self, test: str, outcome: str, error: BaseException | None = None) -> None:
        """Note what came of a test, or of what prepares tests."""
        name = _short(test)
        line = {"test": name, "outcome": outcome, "error": self._described(error)}
        self._write({key: value for key, value in line.items() if value is not None})
        if not self._test and self._notes.sent:
            self._flush(name)

    def request(self, environ: dict[str, Any], status: int, *, kept: bool = False) -> None:
        """Note a request of the test client.

        Args:
            environ: as the client made it.
            status: of the response; 0 for an exception.
            kept: whether it was answered as without us on the asgi lane too.
        """
        notes = self._notes
        notes.sent += 1
        notes.kept += kept
        if len(notes.requests) < _REQUESTS:
            method, path = str(environ.get("REQUEST_METHOD")), str(environ.get("PATH_INFO"))
            notes.requests.append((method[:20], path[:_PATH], status))

    def stream(self) -> None:
        """Note that a response was a synchronous stream."""
        self._notes.collected += 1

    def ask(self, left_out: list[str], rules: list[str]) -> None:
        """Note what is special about a request.

        Args:
            left_out: keys of the environ that there are none of on ASGI.
            rules: of the catalogue.
        """
        for known, new in ((self._notes.left_out, left_out), (self._notes.rules, rules)):
            known.extend([each[:100] for each in new if each not in known][: _KEYS - len(known)])

    def behind(self, error: BaseException | None) -> None:
        """Note an exception that Django made an answer of."""
        if len(self._notes.behind) < _BEHIND and (said := self._described(error)) is not None:
            self._notes.behind.append(said)

    def say(self, line: dict[str, Any]) -> None:
        """Write a line of another kind."""
        self._write(line)

    def _flush(self, test: str) -> None:
        notes, self._notes = self._notes, Notes()
        self._write({"test": test, **asdict(notes)})

    def _write(self, line: dict[str, Any]) -> None:
        """Append a line in one piece: threads and processes that are forked need no lock for that."""
        if self._file[0] != os.getpid():
            path = self._folder / f"{os.getpid()}.jsonl"
            self._file = (os.getpid(), os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        os.write(self._file[1], json.dumps(line).encode() + b"\n")

    def _described(self, error: BaseException | None) -> dict[str, Any] | None:
        if error is None:
            return None
        file, line, symbol = self._place(error.__traceback__)
        return {
            "type": _name(type(error)),
            "message": _text(error),
            "file": file,
            "line": line,
            "symbol": symbol,
            "chain": [f"{_name(type(each))}: {_text(each)}" for each in _causes(error)],
        }

    def _place(self, traceback: TracebackType | None) -> tuple[str, int, str]:
        """Return the innermost place in the project, or else the innermost of all."""
        frames = list(_frames(traceback))
        own = [each for each in frames if self._is_own(each[0])]
        if not frames:
            return "", 0, ""
        file, line, symbol = (own or frames)[-1]
        path = Path(file)
        inside = path.is_relative_to(self._root)
        return path.relative_to(self._root).as_posix() if inside else file, line, symbol

    def _is_own(self, file: str) -> bool:
        return Path(file).is_relative_to(self._root) and not any(each in file for each in _FOREIGN)


def of_process() -> Recorder | None:
    """Return the recorder of this process; None where nobody asks for one."""
    global _recorder  # noqa: PLW0603 - a process has one
    if _recorder is None and (said := os.environ.get(VARIABLE)):
        _recorder = Recorder(**json.loads(said))
    return _recorder


_recorder: Recorder | None = None


def _short(test: str) -> str:
    """Return an id that is the same in each run: addresses of objects in it are not."""
    return _ADDRESS.sub("0x…", test)[:_ID]


def _frames(traceback: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield code.co_filename, traceback.tb_lineno, code.co_qualname
        traceback = traceback.tb_next


def _causes(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    following = error.__cause__ or error.__context__
    while following is not None and len(causes) < _CHAIN and following not in causes:
        causes.append(following)
        following = following.__cause__ or following.__context__
    return causes


def _name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE]
    except Exception:  # noqa: BLE001 - a class of the project's
        return ""
