"""The Django project whose requests are tried on both lanes, and what is in its databases."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from tests.support.process import DEADLINE, ROOT

PROJECT = ROOT / "tests/adapters/django/migrate/shadow/project"
_PREPARE = """
import django
django.setup()
from django.core.management import call_command
for alias in ("default", "archive"):
    call_command("migrate", run_syncdb=True, verbosity=0, database=alias)
from django.contrib.auth.models import User
from django.core.cache import cache
User.objects.get_or_create(username="ada")
cache.set("before", "kept")
"""


class Till:
    """The project's data, in a folder of a test.

    Args:
        folder: for all that the project writes.
        env: of the database, if that is another than a file.
    """

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.environment = {"TILL_DATA": str(folder), **(env or {})}
        said = {"DJANGO_SETTINGS_MODULE": "till.settings", "PYTHONPATH": str(PROJECT)}
        subprocess.run(
            [sys.executable, "-c", _PREPARE],
            env={**os.environ, **self.environment, **said},
            cwd=PROJECT,
            check=True,
            timeout=DEADLINE,
        )

    def __repr__(self) -> str:
        return f"<Till in {self.folder}>"

    def rows(self, table: str = "till_coin") -> int:
        """Count the rows of a table in both databases, where both are files."""
        return sum(self._rows(alias, table) for alias in ("default", "archive"))

    def empty(self) -> None:
        """Take all coins out of the database."""
        with closing(sqlite3.connect(self.folder / "default.sqlite3")) as connection, connection:
            connection.execute("DELETE FROM till_coin")

    def _rows(self, alias: str, table: str) -> int:
        with closing(sqlite3.connect(self.folder / f"{alias}.sqlite3")) as connection:
            count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
            return count

    def left(self) -> list[str]:
        """Return the files that there are beside the databases, and how many there are in the cache."""
        names = [
            each.name for each in self.folder.iterdir() if not each.name.startswith(("default", "archive"))
        ]
        cached = len(list((self.folder / "cache").iterdir()))
        logged = (self.folder / "log").read_text(encoding="utf-8")
        return [*sorted(name for name in names if name not in ("cache", "log")), f"{cached} cached", logged]
