"""Applications of real frameworks behind a real `hybrid serve`, and what they have noted."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection

from tests.support.bridges import COMPLAINTS
from tests.support.process import DEADLINE, ROOT, ServerProcess, start_server
from tests.support.waiting import asking, until

#: What the applications of `tests/frameworks/apps` say when they fail because a test wants it.
ON_PURPOSE = "on purpose"

#: A traceback down to the line that names the exception. Some are indented, those of groups with bars.
_TRACEBACK = re.compile(
    r"^([ |+-]*)Traceback \(most recent call last\):\n(?:\1[ |+-].*\n)*\1([^ ].*)$", re.MULTILINE
)


@contextmanager
def served(
    folder: Path, *targets: str, ignored: tuple[str, ...] = (), **options: Any
) -> Iterator[ServerProcess]:
    """Serve targets, whose modules are named from the root of the repository; the end must be in good order.

    Args:
        folder: where the process runs.
        targets: as on the command line.
        ignored: complaints that the framework makes by itself, under other servers too.
        options: as on the command line.
    """
    options = {"access_log": False, **options}
    with start_server(*targets, cwd=folder, env={"PYTHONPATH": str(ROOT)}, **options) as server:
        yield server
        if server.running:
            server.terminate()
        assert server.wait() == 0
    for complaint in set(COMPLAINTS).difference(ignored):
        assert complaint not in server.stderr, server.stderr
    known = (ON_PURPOSE, *ignored)
    assert [each for each in tracebacks(server.stderr) if not any(map(each.count, known))] == [], (
        server.stderr
    )


def tracebacks(text: str) -> list[str]:
    """Give the last line of each traceback in a log."""
    found = [each[2] for each in _TRACEBACK.finditer(text)]
    assert len(found) == text.count("Traceback (most recent call last)"), text
    return found


def noted(server: ServerProcess, event: str) -> None:
    """Return once an application has noted an event; fail after the deadline."""
    server.wait_for_stderr(re.compile(rf"^note: {re.escape(event)}$", re.MULTILINE))


def notes(server: ServerProcess, name: str) -> list[str]:
    """Give what applications have noted about a name so far."""
    return re.findall(rf"^note: {re.escape(name)} (.*)$", server.stderr, re.MULTILINE)


def tell(websocket: ClientConnection, **message: Any) -> None:
    """Send an object as JSON."""
    websocket.send(json.dumps(message))


def heard(websocket: ClientConnection) -> Any:
    """Receive JSON."""
    return json.loads(websocket.recv(timeout=DEADLINE))


def settled(server: ServerProcess, name: str) -> int:
    """Count what an application has noted about a name, once it does so no more."""
    count = -1
    while (now := len(notes(server, name))) != count:
        count = now
        time.sleep(0.2)
    return count


def check_unread(server: ServerProcess, path: str, name: str) -> None:
    """See that a stream rests while its client does not read, in little memory, and goes on when it does.

    Args:
        server: where it is.
        path: of a stream without an end.
        name: by which the application notes each part that it sends.
    """
    before = server.peak_memory()
    with asking(server, path) as client:
        noted(server, f"{name} part")
        parts = settled(server, name)
        assert server.peak_memory() - before < 16 << 20
        for _ in range(parts):
            assert client.recv(1 << 20)
        until(lambda: len(notes(server, name)) > parts)
