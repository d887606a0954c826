"""The project with Channels in `tests/apps/channels_site`: copied, moved to other imports, and talked to."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.typing import Origin, Subprotocol

from tests.support.process import APPS, DEADLINE, ServerProcess, process_environment
from tests.support.websocket_clients import close_of, opened


def copy_project(folder: Path, *, moved: bool = False) -> Path:
    """Copy the project, and change its imports if it is to be moved; nothing else of it changes."""
    project = folder / ("moved" if moved else "project")
    shutil.copytree(
        APPS / "channels_site", project, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3")
    )
    for file in project.rglob("*.py") if moved else ():
        text = re.sub(r"\bchannels\.(?=\w)", "hybrid.adapters.django.", file.read_text())
        file.write_text(text.replace('    "channels",\n', ""))
    return project


def manage(project: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run a command of the project, which must succeed; return what it says."""
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "manage.py", *arguments],
        cwd=project,
        env=process_environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class Visitor:
    """A browser: it keeps its cookies, and opens WebSockets with them."""

    def __init__(self, server: ServerProcess) -> None:
        self.server = server
        self.http = httpx.Client(base_url=server.url, timeout=DEADLINE)

    def get(self, path: str) -> str:
        """Return what a page says, which must be there."""
        response = self.http.get(path)
        assert response.status_code == 200, response.text
        return response.text

    @contextmanager
    def socket(self, path: str, origin: str | None = "", **options: Any) -> Iterator[ClientConnection]:
        """Open a WebSocket from a page of the server, or another one, or from no page."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        if cookie:
            options["additional_headers"] = {"Cookie": cookie}
        if origin is not None:
            options["origin"] = Origin(origin or self.server.url)
        with opened(self.server, path, **options) as websocket:
            yield websocket

    def status(self, path: str, origin: str | None = "") -> int:
        """Return the status of a handshake."""
        try:
            with self.socket(path, origin):
                return 101
        except InvalidStatus as error:
            return error.response.status_code


@contextmanager
def visiting(server: ServerProcess) -> Iterator[Visitor]:
    """Be a visitor while the block runs."""
    visitor = Visitor(server)
    with visitor.http:
        yield visitor


def ask(websocket: ClientConnection, **message: Any) -> Any:
    """Send a message and return the answer."""
    websocket.send(json.dumps(message))
    return heard(websocket)


def heard(websocket: ClientConnection) -> Any:
    """Receive JSON."""
    return json.loads(websocket.recv(timeout=DEADLINE))


def conversation(server: ServerProcess) -> list[Any]:
    """Do with a fresh server all that the project can do, and return what came of it, the same wherever."""
    said: list[Any] = []
    for part in (_strangers, _users, _rooms, _echoes, _sessions):
        part(server, said.append)
    return said


def _strangers(server: ServerProcess, note: Callable[[Any], None]) -> None:
    with visiting(server) as visitor:
        origins = ("", "http://chat.example", "https://chat.example:8443", "http://evil.example", None)
        note([visitor.status("/ws/chat/origins/", each) for each in origins])
        note(visitor.status("/ws/private/"))
        with visitor.socket(
            "/ws/chat/one/", subprotocols=[Subprotocol("x"), Subprotocol("chat")]
        ) as websocket:
            note(websocket.subprotocol)
            note(ask(websocket, do="who"))
            note(ask(websocket, do="count"))


def _users(server: ServerProcess, note: Callable[[Any], None]) -> None:
    with visiting(server) as visitor:
        note(visitor.get("/in/ann"))
        note(visitor.get("/in/ann"))
        with visitor.socket("/ws/private/") as websocket:
            note(websocket.recv(timeout=DEADLINE))
        with visitor.socket("/ws/chat/two/") as websocket:
            note(ask(websocket, do="who"))
            websocket.send(json.dumps({"do": "close", "code": 4321}))
            note(close_of(websocket))


def _rooms(server: ServerProcess, note: Callable[[Any], None]) -> None:
    with visiting(server) as ann, visiting(server) as bob, ThreadPoolExecutor() as pool:
        ann.get("/in/ann")
        with ann.socket("/ws/chat/room/") as hers, bob.socket("/ws/chat/room/") as his:
            note(ask(hers, do="say", text="é"))
            note(heard(his))
            note(bob.get("/say/room?text=hello"))
            note([heard(hers), heard(his)])
            # The view waits for an event that is set by whoever has heard what it has published.
            waiting = pool.submit(bob.get, "/say-and-wait/room")
            note([heard(hers), heard(his)])
            his.send(json.dumps({"do": "hear"}))
            note(waiting.result(DEADLINE))


def _echoes(server: ServerProcess, note: Callable[[Any], None]) -> None:
    with visiting(server) as me, me.socket("/ws/echo/a/") as first, me.socket("/ws/echo/b/") as second:
        note([each.recv(timeout=DEADLINE) for each in (first, second)])
        first.send(b"\x00\xff" * 40_000)
        note(first.recv(timeout=DEADLINE) == b"\x00\xff" * 40_000)
        first.send("to all!")
        note([each.recv(timeout=DEADLINE) for each in (first, second)])
        second.send("bye!")
        note([each.recv(timeout=DEADLINE) for each in (first, second)])
        codes = [close_of(each) for each in (first, second)]
        note([code and code[0] for code in codes])


def _sessions(server: ServerProcess, note: Callable[[Any], None]) -> None:
    with visiting(server) as visitor:
        visitor.get("/in/cid")
        with visitor.socket("/ws/chat/three/") as websocket:
            note(ask(websocket, do="logout"))
            note(ask(websocket, do="who"))
            note(ask(websocket, do="login", name="ann"))
            note(ask(websocket, do="who"))
        note(visitor.status("/ws/private/"))  # the session that the cookie names has been ended
