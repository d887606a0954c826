"""The commands of the control socket that say how a server is: ``status.show``, ``status.snapshot`` and
``status.ready``.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hybrid.bridge.control import Command, Fleet
from hybrid.server.status.sources import Sources

if TYPE_CHECKING:
    from hybrid.server.ops.metrics.snapshot import Snapshot
    from hybrid.server.status.past import Past

logger = logging.getLogger("hybrid.control")

#: What a process is asked by another one.
_ONE: Final = "status.snapshot"
_READY: Final = "status.ready"


class Status:
    """Answers how a server is: of this process, or of all of them together. Loop thread only; one of the
    things that can be asked while a server serves (:class:`~hybrid.bridge.control.Controllable`).

    What it takes to read figures is loaded when somebody asks for them.

    Args:
        sources: where the figures of this process are.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._fleet: Fleet | None = None
        self._past: Past | None = None

    def __repr__(self) -> str:
        return f"<Status of process {os.getpid()}>"

    def commands(self) -> Mapping[str, Command]:
        """Return the commands by name."""
        return {"status.show": self.show, _ONE: self.snapshot, _READY: self.ready}

    async def join(self, fleet: Fleet) -> None:
        """Know the other processes."""
        self._fleet = fleet
        if fleet.directory.name != str(os.getpid()):  # others come after this one
            from hybrid.server.status.past import Past

            self._past = Past(fleet.directory)

    def hand_over(self) -> None:
        """Leave the figures where the other processes find them: this one is about to be out of reach. Waits
        for the disk.
        """
        if self._past is not None:
            self._past.leave(self.read())

    async def leave(self) -> None:
        """Leave the last figures. The others are known still: whoever asks at the address for that is told of
        all, while the applications of this process shut down.
        """
        self.hand_over()

    async def show(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the figures of all processes together, as ``schema.json`` describes them."""
        return (await self.read_all()).to_json()

    async def snapshot(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the figures of this process."""
        return self.read().to_json()

    async def ready(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return whether this process takes new requests, and where."""
        return {"ready": self._sources.ready(), "urls": [*self._sources.urls()]}

    async def is_any_ready(self) -> bool:
        """Return whether any process takes new requests: this one may be the only one that does not. It may
        be one of another server that has the same sockets, and replaces this one.
        """
        if self._sources.ready():
            return True
        if self._fleet is None:
            return False
        if any(answer.get("ready") for answer in await self._fleet.ask(_READY, {})):
            return True
        from hybrid.server.ops.control.fleet import ask_neighbours

        urls = set(self._sources.urls())
        answers = await ask_neighbours(self._fleet.directory, _READY)
        return any(each.get("ready") and not urls.isdisjoint(each.get("urls", ())) for each in answers)

    def read(self) -> "Snapshot":
        """Take a reading of this process."""
        from hybrid.server.status.reading import read

        return read(self._sources)

    async def read_all(self) -> "Snapshot":
        """Take a reading of every process, and add them up. One that gives none, or one of another version
        that cannot be read, is missing.
        """
        from hybrid.server.ops.metrics.snapshot import SCHEMA, Snapshot, total

        if self._fleet is None:
            return self.read()
        answers = await self._fleet.ask(_ONE, {})
        missing = tuple(answers.missing)
        readings: list[Snapshot] = []
        for answer in answers:
            if answer.get("schema") == SCHEMA:
                readings.append(Snapshot.from_json(answer))
            else:  # a worker of the version before, while all are replaced
                missing = (*missing, *(each["pid"] for each in answer.get("processes", ())))
        if self._past is not None:
            readings = [*await asyncio.to_thread(self._past.complete, readings)]
        return total([*readings, Snapshot(missing=missing)])
