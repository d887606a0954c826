"""Serving the Django project of ``tests/apps/django_desk``."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, ROOT, ServerProcess, process_environment, start_server

SETTINGS = "tests.apps.django_desk.settings"
DESK = APPS / "django_desk"
MANAGE = DESK / "manage.py"
HANDLERS = ("tests.apps.django_desk.wsgi:application", "tests.apps.django_desk.asgi:with_sockets")


def desk_environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables that the project needs, and others."""
    return {"PYTHONPATH": str(ROOT), **(env or {})}


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, MANAGE, "migrate", "--verbosity=0"],
            cwd=folder,
            env=process_environment(desk_environment()),
            check=True,
            timeout=DEADLINE,
        )
        return (Path(folder) / "desk.sqlite3").read_bytes()


def prepare(folder: Path) -> None:
    """Put a database with tables into a folder, which is where the server is to run."""
    require_module("django")
    (folder / "desk.sqlite3").write_bytes(_migrated())


def desk(folder: Path, *targets: str, env: Mapping[str, str] | None = None, **options: Any) -> ServerProcess:
    """Start `hybrid serve --django`, or on targets, with a database in a folder."""
    prepare(folder)
    if not targets:
        options = {"django": SETTINGS, **options}
    return start_server(*targets, cwd=folder, env=desk_environment(env), **{"access_log": False, **options})


def copy_of_project(folder: Path) -> Path:
    """Copy `manage.py` into a folder, as that of a project, and return the folder."""
    shutil.copy(MANAGE, folder)
    return folder
