"""The ticket desk of `demo_django`: copied, so that it writes elsewhere, served, and worked with."""

import re
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import httpx
from websockets.sync.client import ClientConnection
from websockets.typing import Origin

from tests.support.needs import require_module
from tests.support.process import (
    DEADLINE,
    ROOT,
    ServerProcess,
    option_arguments,
    process_environment,
    start_server,
)
from tests.support.websocket_clients import opened

PASSWORD = "correct horse"
MANAGE = "demo_django/manage.py"


def run_python(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run Python, which must succeed, and return what it says."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=process_environment(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def _copy(folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "var")
    shutil.copytree(ROOT / "demo_django", folder / "demo_django", ignore=ignored)


@cache
def _database() -> bytes:
    """Make a database with the people and tickets of the demonstration, once."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _copy(folder)
        for command in ("migrate", "demo_data"):
            run_python(MANAGE, command, cwd=folder)
        return (folder / "demo_django/var/desk.sqlite3").read_bytes()


def prepare(folder: Path) -> Path:
    """Copy the project into a folder, with a database that has been made, and return the folder."""
    for name in ("django", "rest_framework"):
        require_module(name)
    _copy(folder)
    (folder / "demo_django/var").mkdir()
    (folder / "demo_django/var/desk.sqlite3").write_bytes(_database())
    return folder


def serve_desk(folder: Path, **options: Any) -> ServerProcess:
    """Serve a copy on both lanes; the caller closes it."""
    return start_server(cwd=folder, app_dir=folder, **{"django": "demo_django.settings", **options})


class CommandServer(ServerProcess):
    """A server that a command line of the README starts; what it writes to stdout is read with the rest."""

    listening = re.compile(r"(?:Listening at:|^hybrid: listening on) (\S+)", re.MULTILINE)

    @staticmethod
    def command(targets: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Give the command line."""
        return ["/bin/sh", "-c", 'exec "$@" >&2', "sh", *targets, *option_arguments(options)]


class Agent:
    """Somebody who works at the desk: a browser's cookies, and what its pages do.

    Args:
        url: of the desk.
        name: of one of those that `demo_data` has made.
    """

    def __init__(self, url: str, name: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=DEADLINE)
        answer = self.post("/accounts/sign-in/", {"username": name, "password": PASSWORD})
        assert answer.headers.get("location") == "/", answer.text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.close()

    def get(self, path: str) -> httpx.Response:
        """Return a page, which must be there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer

    def post(self, path: str, data: Mapping[str, str], page: str = "", **options: Any) -> httpx.Response:
        """Fill in a form, of the page that has it."""
        answer = self.client.get(page or path)
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.text)
        assert token is not None, (answer.status_code, answer.text)
        return self.client.post(path, data={"csrfmiddlewaretoken": token[1], **data}, **options)

    def say(self, ticket: int, text: str) -> None:
        """Comment on a ticket."""
        page = f"/tickets/{ticket}/"
        answer = self.post(f"{page}comments/", {"text": text}, page)
        assert answer.status_code == 302, answer.text

    @contextmanager
    def window(self, server: ServerProcess, path: str) -> Generator[ClientConnection]:
        """Open the WebSocket of a page."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        origin = Origin(f"http://127.0.0.1:{server.port}")
        headers = {"Cookie": cookies}
        with opened(server, path, origin=origin, additional_headers=headers) as connection:
            yield connection
