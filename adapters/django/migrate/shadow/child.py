"""The process of :mod:`.elsewhere`: ``python -m hybrid.adapters.django.migrate.shadow.child``."""

import json
import os
import resource
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hybrid.adapters.django.migrate.shadow.in_process import InProcess
from hybrid.bridge.errors import HybridError, LoadError


def main() -> None:
    """Answer until nobody asks any more, and end, whatever threads the project has left behind."""
    said: dict[str, Any] = json.loads(sys.argv[1])
    os.set_inheritable(said["descriptor"], False)
    os.nice(said["nice"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    line = Connection(said["descriptor"])
    sys.path[:] = dict.fromkeys([*sys.path, *said["path"]])
    sys.argv = [os.path.join(said["directory"], "manage.py"), "check"]  # noqa: PTH118 - as projects look at it
    try:
        lanes = InProcess(
            *(said["settings"], said["wsgi"], said["asgi"]),
            user=said["user"],
            directory=Path(said["directory"]),
            limit=said["limit"],
        ).__enter__()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, it is to be said
        said_so = isinstance(error, HybridError)
        line.send(LoadError(str(error) if said_so else f"{type(error).__name__}: {error}"))
        os._exit(0)
    line.send("ready")
    try:
        while True:
            line.send(_answer(lanes, *line.recv()))
    except (EOFError, OSError):
        os._exit(0)


def _answer(lanes: InProcess, what: str, *asked: Any) -> Any:
    if what == "routes":
        return lanes.routes_without_arguments(*asked)
    if what == "view":
        return lanes.view_of(*asked)
    request, lane, unsafe, limit = asked
    try:
        return lanes.run(request, lane, unsafe=unsafe, limit=limit)
    except (LoadError, ValueError) as error:
        return error


if __name__ == "__main__":
    main()
