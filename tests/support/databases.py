"""Databases of the Django project of ``tests/apps/django_desk``: who is connected, and how often."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from tests.support.django_desk import MANAGE, desk_environment, prepare
from tests.support.postgres import PostgresServer
from tests.support.process import DEADLINE, ServerProcess, process_environment


class Sqlite:
    """A file in the folder of the server."""

    def __init__(self, folder: Path) -> None:
        prepare(folder)
        self._file = folder / "desk.sqlite3"
        self.environment: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Sqlite {self._file}>"

    def connected(self, server: ServerProcess) -> int:
        """Count the connections that the server has open (Linux): each has the file open once."""
        count = 0
        for descriptor in Path(f"/proc/{server.pid}/fd").iterdir():
            with suppress(OSError):  # closed meanwhile
                count += descriptor.readlink() == self._file
        return count

    def allow(self, connections: int) -> None:
        """Nothing can be forbidden here."""

    def connects(self, server: ServerProcess) -> int:
        """Count how often the server has connected; the project knows."""
        return int(httpx.get(f"{server.url}/connects", timeout=DEADLINE).json()["connects"])


class Postgres:
    """A database of a PostgreSQL server, which says by itself who is connected."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._before = server.connects()
        self.environment = {
            "DESK_ENGINE": "django.db.backends.postgresql",
            "DESK_DATABASE": "desk",
            **server.environment,
        }
        server.allow(-1)
        subprocess.run(
            [sys.executable, MANAGE, "migrate", "--verbosity=0"],
            env=process_environment(desk_environment(self.environment)),
            check=True,
            timeout=DEADLINE,
        )
        self._before = server.connects()

    def __repr__(self) -> str:
        return f"<Postgres {self._server!r}>"

    def connected(self, server: ServerProcess) -> int:
        """Count the connections that there are."""
        return self._server.connected()

    def allow(self, connections: int) -> None:
        """Have PostgreSQL refuse more connections than this."""
        self._server.allow(connections)

    def connects(self, server: ServerProcess) -> int:
        """Count how often there was a new connection."""
        return self._server.connects() - self._before
