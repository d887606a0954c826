"""How the process that imports a project says what it has found: one line of JSON for each thing, at once.

What it has said stays said, whatever becomes of the process afterwards. :mod:`.importing` reads it.
"""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any, Final, cast

from hybrid.adapters.django.migrate.project.facts import Failure, Where
from hybrid.adapters.django.migrate.project.origins import Origins, in_one_line
from hybrid.adapters.django.migrate.project.values import without_credentials

#: What comes of a failure of ``setup`` in all that needs the applications, and tells nothing more.
_FOLLOWS: Final = ("AppRegistryNotReady", "RuntimeError: populate() isn't reentrant")


class Teller:
    """Says facts on a descriptor that the project knows nothing of.

    Args:
        descriptor: open for writing.
        origins: tells which frames of a traceback are the project's.

    Attributes:
        failed: the steps that have failed.
    """

    def __init__(self, descriptor: int, origins: Origins) -> None:
        self._descriptor = descriptor
        self._origins = origins
        self.failed: list[str] = []
        self._told: set[tuple[str, Where]] = set()

    def facts(self, **values: Any) -> None:
        """Say attributes of the facts."""
        self._say({"facts": {name: _plain(value) for name, value in values.items()}})

    def answer(self, **values: Any) -> None:
        """Say what was asked for besides the facts."""
        self._say({"answer": {name: _plain(value) for name, value in values.items()}})

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Do something that may fail in any way: that is said, and the next step comes nevertheless."""
        self._say({"step": name})
        try:
            yield
        except BaseException as error:  # noqa: BLE001 - SystemExit too: a project may call sys.exit()
            self.fail(name, error)

    def fail(self, step: str, error: BaseException) -> None:
        """Say that something has failed."""
        said = without_credentials(in_one_line(error))
        if self.failed and said.startswith(_FOLLOWS):
            return
        where, traceback = self._origins.traceback_of(error)
        failure = Failure(step, said, where, without_credentials(traceback))
        self.failed.append(step)
        if (
            failure.error,
            where,
        ) not in self._told:  # once: handlers make the middleware that has failed before
            self._told.add((failure.error, where))
            self._say({"failure": asdict(failure)})

    def end(self) -> None:
        """Say that this was all."""
        self._say({"end": True})

    def _say(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, default=str).encode("ascii") + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in cast("list[Any]", value)]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
