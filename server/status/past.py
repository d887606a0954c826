"""What processes of a server have counted that do not tell it any more, so that no count ever becomes less.

A worker is replaced, or killed, and its figures would go with it; a collector takes a counter that becomes
less for one that has begun anew, and adds all of it once more. So whoever takes a reading of all processes
leaves in their directory what each of them has told, and a process that stops leaves its last figures itself.
Of one that is killed, what it has done since the last reading is lost: nobody has seen it.
"""

import fcntl
import json
import os
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from hybrid.server.ops.metrics.snapshot import SCHEMA, Snapshot
from hybrid.server.pidfile import is_running

_SUFFIX: Final = ".figures"
_ENDED: Final = "ended.json"
_LOCK: Final = "figures.lock"
#: Seconds that another process may take with the files; then they are read as they are.
_LOCK_SECONDS: Final = 0.5
_STEP: Final = 0.002
#: Of so many processes that have ended it is known that they are in the sum of those.
_REMEMBERED: Final = 256


class Past:
    """The files, in the directory that the processes of a server share. Waits for the disk.

    Args:
        directory: of the server.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __repr__(self) -> str:
        return f"<Past in {self._directory}>"

    def leave(self, reading: Snapshot) -> None:
        """Leave the figures of a process that is about to be out of reach, or to end."""
        with suppress(OSError, ValueError), self._locked():
            self._note(_name(reading), reading)

    def complete(self, readings: Sequence[Snapshot]) -> Sequence[Snapshot]:
        """Return readings of processes, and what those have counted that gave none."""
        try:
            with self._locked():
                return self._complete(readings)
        except (OSError, ValueError):  # the directory has gone with the server, for one
            return readings

    def _complete(self, readings: Sequence[Snapshot]) -> Sequence[Snapshot]:
        ended, names = self._read_ended()
        # Somebody else may have seen the end of one that has answered here.
        told = {name: each for each in readings if (name := _name(each)) not in names}
        with suppress(OSError):  # no room is left, for one: what is there counts still
            for name, each in told.items():
                self._note(name, each)
        answering = {process.pid for each in readings for process in each.processes}
        silent: list[Snapshot] = []
        over: list[Path] = []
        for path in self._files():
            if path.name in told:
                continue
            if path.name not in names:
                figures = _read(path)
                if figures is None:
                    continue
                (process,) = figures.processes
                if process.pid not in answering and is_running(process.pid):  # it drains, or its loop is held
                    silent.append(replace(figures, processes=(), urls=(), workers=None))
                    continue
                ended, names = ended + figures.past(), [*names, path.name][-_REMEMBERED:]
            over.append(path)
        if over:
            with suppress(OSError):
                self._write(_ENDED, {"names": names, "figures": ended.to_json()})
                for path in over:
                    path.unlink(missing_ok=True)
        return [*told.values(), *silent, ended]

    def _note(self, name: str, reading: Snapshot) -> None:
        """Write the figures of a process, unless later ones are there."""
        nanoseconds = int(reading.taken * 1e9)
        with suppress(FileNotFoundError):
            if (self._directory / name).stat().st_mtime_ns >= nanoseconds:
                return
        self._write(name, reading.to_json(), nanoseconds)

    def _write(self, name: str, said: object, nanoseconds: int | None = None) -> None:
        part = self._directory / f"{name}.{os.getpid()}"
        part.write_text(json.dumps(said, separators=(",", ":")), encoding="utf-8")
        if nanoseconds is not None:
            os.utime(part, ns=(nanoseconds, nanoseconds))
        part.replace(self._directory / name)

    def _read_ended(self) -> tuple[Snapshot, list[str]]:
        """Return the sum of what those have counted that have ended, and the names of their files."""
        try:
            said = json.loads((self._directory / _ENDED).read_bytes())
        except FileNotFoundError:
            return Snapshot(), []
        return Snapshot.from_json(said["figures"]), said["names"]

    def _files(self) -> Sequence[Path]:
        return [each for each in self._directory.iterdir() if each.name.endswith(_SUFFIX)]

    @contextmanager
    def _locked(self) -> Generator[None]:
        """Have the files for oneself, if that can be had soon: who has them may have been stopped."""
        deadline = time.monotonic() + _LOCK_SECONDS
        with (self._directory / _LOCK).open("w") as lock:
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(_STEP)
            try:
                yield
            finally:  # closing alone would leave it to a child that was forked meanwhile
                fcntl.flock(lock, fcntl.LOCK_UN)


def _read(path: Path) -> Snapshot | None:
    """Return the figures of a process; None where they cannot be read, as those that another version has left
    while all workers are replaced.
    """
    try:
        figures = Snapshot.from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return None
    return figures if figures.schema == SCHEMA and len(figures.processes) == 1 else None


def _name(reading: Snapshot) -> str:
    """Name the file of a process; another one may have its id by and by."""
    (process,) = reading.processes
    return f"{process.pid}-{int(process.since * 1e6)}{_SUFFIX}"
