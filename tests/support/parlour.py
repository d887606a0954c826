"""Serves the demonstration chat in a real process, as its README says, and plays the people in it."""

import json
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.support.needs import require_module
from tests.support.process import DEADLINE, ROOT, ServerProcess, start_server

PASSWORD = "correct horse"


def serve_parlour(database: Path, port: int = 0, **options: Any) -> ServerProcess:
    """Start the chat's server on a database file that need not exist; the caller closes it.

    Options are those of `start_server`, its `env` too.
    """
    require_module("flask")
    env = {"DEMO_DATABASE": str(database), **options.pop("env", {})}
    return start_server(
        "demo_flask.wsgi:app", cwd=database.parent, env=env, app_dir=ROOT, port=port, **options
    )


class Window:
    """An open page's WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        #: Who was there when it opened, by name.
        self.people = [each["metadata"]["name"] for each in self.hear("people")["people"]]

    def hear(self, *types: str) -> Any:
        """Return the next thing that the page is told, of these types only, if any are given."""
        while True:
            news = json.loads(self.connection.recv(timeout=DEADLINE))
            if not types or news["type"] in types:
                return news

    def ping(self) -> Any:
        """Ask whether the server is there, as a page does now and then, and return its answer."""
        self.connection.send("ping")
        return self.hear("pong")


class Person:
    """Somebody who is signed in: a browser's cookies, and what its pages do.

    Args:
        url: of the chat.
        name: of an account, which is made.
        room: where they are.
    """

    def __init__(self, url: str, name: str, room: str = "lobby") -> None:
        self.name = name
        self.room = room
        self.client = httpx.Client(base_url=url, timeout=DEADLINE, headers={"Accept": "application/json"})
        answer = self.client.post("/sign-up", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.client.close()

    def say(self, text: str, **form: str) -> Any:
        """Post a message and return it as it is kept."""
        answer = self.client.post(f"/rooms/{self.room}/messages", data={"text": text, **form})
        assert answer.status_code == 201, answer.text
        return answer.json()["message"]

    def missed(self, after: int = 0) -> Any:
        """Return the messages after one."""
        return self.client.get(f"/rooms/{self.room}/messages", params={"after": after}).json()["messages"]

    def socket(
        self, path: str | None = None, origin: str | None = None
    ) -> AbstractContextManager[ClientConnection]:
        """Open a WebSocket with the cookies; by default with the Origin of the chat's own pages."""
        url = self.client.base_url
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        return connect(
            f"ws://{url.host}:{url.port}{path or f'/ws/{self.room}'}",
            origin=Origin(origin or str(url).rstrip("/")),
            additional_headers={"Cookie": cookies} if cookies else None,
            open_timeout=DEADLINE,
            proxy=None,
        )

    @contextmanager
    def window(self) -> Generator[Window]:
        """Open a page's WebSocket and wait until it belongs to the room."""
        with self.socket() as connection:
            yield Window(connection)
