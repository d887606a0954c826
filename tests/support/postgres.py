"""A PostgreSQL server of the tests' own: started, asked who is connected, and stopped."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.support.needs import missing, require_module
from tests.support.process import DEADLINE
from tests.support.waiting import poll

#: Where Debian has the programs, which are not on PATH there.
_DEBIAN = "/usr/lib/postgresql"
#: Who runs the server where the tests are run by root, which PostgreSQL refuses.
_OTHERS = ("postgres", "nobody")
#: The role that applications have, and the database that belongs to it.
ROLE = "desk"


def _programs() -> Path:
    """Return the folder of `initdb` and `postgres`, the newest of several."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = sorted(Path(_DEBIAN).glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not installed:
        missing("the program initdb, of PostgreSQL,")
    return installed[-1].parent


def _other_user() -> dict[str, Any]:
    """Return what makes a process another user's, where we are root."""
    if os.geteuid() != 0:
        return {}
    users = {user.pw_name: user for user in pwd.getpwall()}
    user = next((users[name] for name in _OTHERS if name in users), None)
    if user is None:
        missing(f"a user to run PostgreSQL as, {' or '.join(_OTHERS)},")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class PostgresServer:
    """A server with one database, on a Unix socket in its folder. A context manager.

    Args:
        folder: for all that it has; the user who runs it must be able to reach it.
    """

    def __init__(self, folder: Path) -> None:
        require_module("psycopg")
        self.folder = folder
        self._programs = _programs()
        self._user = _other_user()
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<PostgresServer in {self.folder}>"

    def __enter__(self) -> Self:
        try:
            self._create()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which libpq finds it, as the role of applications."""
        return {"PGHOST": str(self.folder), "PGUSER": ROLE, "PGDATABASE": ROLE}

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """Have a query run by a role that may do everything, and return the rows; `$ROLE` is that of
        applications.
        """
        import psycopg

        address = f"host={self.folder} user=owner dbname=postgres connect_timeout={DEADLINE:.0f}"
        with psycopg.connect(address, autocommit=True) as connection:
            cursor = connection.execute(query.replace("$ROLE", ROLE).encode())
            return cursor.fetchall() if cursor.description else []

    def connected(self) -> int:
        """Count the connections of applications."""
        return int(self.ask("SELECT count(*) FROM pg_stat_activity WHERE usename = '$ROLE'")[0][0])

    def connects(self) -> int:
        """Count how often applications have connected since the start."""
        return self.log.count(f"connection authorized: user={ROLE} ")

    def allow(self, connections: int) -> None:
        """Refuse applications more connections than this at a time."""
        self.ask(f"ALTER ROLE $ROLE CONNECTION LIMIT {connections}")

    def disconnect_all(self) -> int:
        """End the connections of applications, as an administrator does; return how many there were."""
        ended = self.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '$ROLE'")
        return len(ended)

    def stop(self) -> None:
        """End it, however it feels."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)  # without waiting for those who are connected
        try:
            self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(DEADLINE)
        self._process = None

    def _create(self) -> None:
        """Make what it keeps on disk."""
        if self._user:
            os.chown(self.folder, self._user["user"], self._user["group"])
        self.folder.chmod(0o755)
        created = subprocess.run(
            [
                self._programs / "initdb",
                f"--pgdata={self.folder / 'data'}",
                *("--username=owner", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=DEADLINE * 3,
            check=False,
            **self._user,
        )
        assert created.returncode == 0, created.stderr

    def _start(self) -> None:
        """Start it, and return when it answers."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "log_connections": "on",
            "max_connections": "250",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", *options],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._user,
            )
        assert poll(self._is_ready), self.log
        self.ask("CREATE ROLE $ROLE LOGIN")
        self.ask("CREATE DATABASE $ROLE OWNER $ROLE")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        return "ready to accept connections" in self.log


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests of this process, in a folder with a short name, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder, PostgresServer(Path(folder)) as server:
        yield server
