"""Fetching what the processes of a running server record: for the command line. It waits, without a loop."""

import os
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.recordings import RecordingWriter
from hybrid.bridge.control import ControlError
from hybrid.server.ops.control.client import Gone, Running
from hybrid.server.ops.control.lines import Refused

#: Seconds between two looks, when nothing waits.
_PAUSE: Final = 0.25
#: Seconds that one process may take to answer.
_ANSWER_SECONDS: Final = 5.0


class Fetching:
    """One recording, of all processes of a server.

    Args:
        server: which one.
        options: ``seconds``, ``requests``, ``percent``, ``paths`` and ``with_secrets``.

    Attributes:
        problem: what has gone wrong meanwhile, in one line; ``""`` where nothing has.
    """

    def __init__(self, server: Running, options: Mapping[str, Any]) -> None:
        self._server = server
        self._name = f"{os.getpid()}-{uuid.uuid4()}"
        self._wanted: dict[str, Any] = {**options, "name": self._name, "paths": [*options["paths"]]}
        self._until = time.monotonic() + options["seconds"]
        self._recording: set[int] = set()
        self._known: set[int] = set()
        self._dropped: dict[int, int] = {}
        self._written = 0
        self._is_ending = self._is_enough = self._is_full = False
        self.problem = ""

    def __repr__(self) -> str:
        return f"<Fetching of {len(self._recording)} processes, {self._written} requests>"

    def begin(self) -> None:
        """Let all processes record.

        Raises:
            ControlError: one refuses, or there is none; then none of them records.
        """
        try:
            for pid in self._server.pids:
                self._begin(pid)
        except ControlError:
            self.forget()
            raise
        if not self._recording:
            raise ControlError(f"{self._server.directory}: the server has just ended")

    def _begin(self, pid: int) -> None:
        self._known.add(pid)
        wanted = {**self._wanted, "seconds": max(0.1, self._until - time.monotonic())}
        if self._ask(pid, "record.begin", wanted) is not None:
            self._recording.add(pid)

    def run(self, writer: RecordingWriter) -> None:
        """Write what is recorded until it is over everywhere, or as much as the file takes."""
        while self._recording:
            waits = False
            for pid in sorted(self._recording):
                waits |= self._fetch(pid, writer)
            if self._written >= self._wanted["requests"]:
                self.wind_up()
            if self._is_enough and not self._is_ending:
                self.end()
            elif not waits:
                self._take_in_new_ones()
                time.sleep(_PAUSE if self._recording else 0)

    def wind_up(self) -> None:
        """Let :meth:`run` end the recording, and fetch what is left of it. In a signal handler too."""
        self._is_enough = True

    def end(self) -> None:
        """Let no process record any more; what each has can still be fetched."""
        self._end({"name": self._name})

    def forget(self) -> None:
        """Let no process record any more, nor keep anything: somebody else may at once."""
        self._end({"name": self._name, "forget": True})

    def _end(self, arguments: Mapping[str, Any]) -> None:
        self._is_ending = True
        for pid in sorted(self._recording):
            with suppress(ControlError):  # then it ends by itself
                self._ask(pid, "record.end", arguments)

    def summary(self) -> str:
        """Say what there is now."""
        dropped = sum(self._dropped.values())
        requests = f"{self._written:,} request{'s' if self._written != 1 else ''}"
        processes = f"{len(self._known)} process{'es' if len(self._known) != 1 else ''}"
        rest = (f", {dropped:,} more were dropped" if dropped else "") + (
            ", with which the file is full" if self._is_full else ""
        )
        return f"{requests} of {processes}{rest}"

    def _fetch(self, pid: int, writer: RecordingWriter) -> bool:
        """Write what one process has; return whether it has more."""
        try:
            answer = self._ask(pid, "record.fetch", {"name": self._name})
        except ControlError as error:
            self.problem = f"process {pid}: {error}"
            answer = None
        if answer is None:
            self._recording.discard(pid)
            return False
        for line in answer["lines"]:
            if writer.write_line(line.encode(errors="surrogateescape")):
                self._written += 1
            elif self._written < self._wanted["requests"]:
                self._is_full = True
                self.wind_up()
        self._dropped[pid] = answer["dropped"]
        if not (answer["on"] or answer["waiting"]):
            self._recording.discard(pid)
        return bool(answer["waiting"])

    def _take_in_new_ones(self) -> None:
        """Let processes record that have come in the place of others."""
        if self._is_ending or time.monotonic() >= self._until:
            return
        for pid in self._server.now():
            if pid not in self._known:
                with suppress(ControlError):
                    self._begin(pid)

    def _ask(self, pid: int, command: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return what a process answers; None where it has ended."""
        try:
            return self._server.ask_process(pid, command, arguments, _ANSWER_SECONDS)
        except Gone:
            return None
        except Refused:
            raise
        except ControlError:
            if pid not in self._server.now():
                return None
            raise
