"""Asking running servers for their figures; as a program it writes the schema of what they answer."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from hybrid.bridge.control import ControlError
from hybrid.server.ops.control.client import find_server
from hybrid.server.ops.metrics.snapshot import Route, Snapshot, WebSockets, json_schema
from tests.support.process import ROOT
from tests.support.waiting import until

SCHEMA = ROOT / "server" / "ops" / "metrics" / "schema.json"


def status_of(folder: Path) -> Snapshot:
    """Return the figures of the only server below a folder, all of its processes together."""
    return Snapshot.from_json(json_of(folder))


def route_of(snapshot: Snapshot, route: str = "", runs_on: str = "") -> Route:
    """Return the figures of the only route that is called so, and runs there."""
    (found,) = [
        each
        for each in snapshot.routes.values()
        if each.route == route and (not runs_on or each.runs_on == runs_on)
    ]
    return found


def sockets_of(folder: Path) -> WebSockets:
    """Return the figures of the only application with WebSockets of the only server below a folder."""
    (found,) = status_of(folder).websockets.values()
    return found


def json_of(folder: Path) -> Mapping[str, Any]:
    """Return the answer as it is; once more where the process that was asked has just ended."""
    answers: list[Mapping[str, Any]] = []

    def answered() -> bool:
        with suppress(ControlError):
            answers.append(find_server(str(folder)).ask("status.show", {}))
        return bool(answers)

    until(answered)
    return answers[0]


if __name__ == "__main__":
    SCHEMA.write_text(f"{json.dumps(json_schema(), indent=2)}\n", encoding="utf-8")
