"""Reads the lines that the processes of a run have written."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hybrid.adapters.django.migrate.suite.recorder import OUTCOMES
from hybrid.adapters.django.migrate.suite.running import Ended


@dataclass
class Test:
    """What a run says of a test, or of what prepares tests.

    Attributes:
        outcome: one of :data:`.recorder.OUTCOMES`; ``""`` for one that has begun and not ended.
        error: the exception of a test that went wrong; ``behind``: those that Django made answers of.
        sent: requests that went through the client; ``kept`` of them were answered as without us.
        requests: the first of them, as method, path and status.
        collected: responses that were synchronous streams.
        left_out: keys of the environ that there are none of on ASGI.
        rules: those that its requests are of.
    """

    outcome: str = ""
    error: dict[str, Any] | None = None
    sent: int = 0
    kept: int = 0
    collected: int = 0
    requests: list[list[Any]] = field(default_factory=list[list[Any]])
    left_out: list[str] = field(default_factory=list[str])
    rules: list[str] = field(default_factory=list[str])
    behind: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def verdict(self) -> str:
        """What counts in a comparison: ``passed``, ``skipped``, ``failed``, or ``unfinished``."""
        if self.outcome in ("failed", "error", "xpassed"):
            return "failed"
        return {"xfailed": "passed", "": "unfinished"}.get(self.outcome, self.outcome)

    def come(self, outcome: str, error: dict[str, Any] | None) -> None:
        """Take one more outcome: the worst counts, and the first exception of it that has a place: from one
        process to another it may lose that.
        """
        better = bool(error and error["file"]) and not (self.error and self.error["file"])
        if (_worth(outcome), better) > (_worth(self.outcome), False):
            self.outcome, self.error = outcome, error

    def do(self, line: dict[str, Any]) -> None:
        """Take what it did."""
        self.sent += line["sent"]
        self.kept += line["kept"]
        self.collected += line["collected"]
        self.requests += line["requests"]
        self.left_out += line["left_out"]
        self.rules += line["rules"]
        self.behind += line["behind"]

    def join(self, other: "Test") -> None:
        """Take what another process says of it."""
        self.come(other.outcome, other.error)
        self.do(vars(other))


@dataclass
class Run:
    """A run of the command.

    Attributes:
        tests: by id, in the order in which they were first told of.
        processes: in how many processes Django's client was listened to.
        problems: why it could not be, elsewhere.
    """

    ended: Ended
    tests: dict[str, Test] = field(default_factory=dict[str, Test])
    processes: int = 0
    problems: list[str] = field(default_factory=list[str])

    @property
    def sent(self) -> int:
        """Requests that went through the client."""
        return sum(each.sent for each in self.tests.values())


def read(ended: Ended, folder: Path) -> Run:
    """Read what the processes of a run have written, into the folder that :func:`.running.run` was given."""
    run = Run(ended)
    for path in sorted((folder / "lines").iterdir(), key=lambda each: int(each.stem)):
        with path.open("rb") as file:
            tests = _tests_of(_lines(file), run)
        for name, test in tests.items():
            run.tests.setdefault(name, Test()).join(test)
    return run


def _tests_of(lines: Iterable[dict[str, Any]], run: Run) -> dict[str, Test]:
    """Return what one process says of its tests, of which one that begins again counts anew."""
    tests: dict[str, Test] = {}
    for line in lines:
        match line:
            case {"begin": name}:
                tests[name] = Test()
            case {"test": name, "outcome": outcome}:
                tests.setdefault(name, Test()).come(outcome, line.get("error"))
            case {"test": name}:
                tests.setdefault(name, Test()).do(line)
            case {"process": _}:
                run.processes += 1
            case _:
                run.problems.append(str(line.get("problem")))
    return tests


def _lines(file: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in file:
        try:
            yield json.loads(line)
        except ValueError:  # cut off, as its process was
            return


def _worth(outcome: str) -> int:
    return OUTCOMES.index(outcome) if outcome else -1
