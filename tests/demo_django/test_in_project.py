"""The project's own tests, and what it says of itself."""

import re
from pathlib import Path

from tests.support.demo_desk import MANAGE, run_python


def test_its_own_tests_pass(project: Path) -> None:
    """As its README says."""
    said = run_python("-W", "error::ResourceWarning", MANAGE, "test", "demo_django", cwd=project)
    assert re.search(r"^Ran [1-9]\d* tests? .*\n\nOK$", said, re.MULTILINE), said


def test_the_migrations_fit_the_models(project: Path) -> None:
    """And nothing else is found wrong."""
    run_python(MANAGE, "makemigrations", "--check", cwd=project)
    run_python(MANAGE, "check", "--fail-level", "WARNING", cwd=project)


def test_the_database_is_what_the_environment_says(project: Path) -> None:
    """SQLite, or PostgreSQL with all parts of its address; another is an error that names the variable."""
    code = (
        "from demo_django.settings import database;"
        "print(*database('postgresql://me:p%40ss@db:5433/desk').values());"
        "print(database('')['ENGINE'])\n"
        "try: database('mysql://x')\n"
        "except ValueError as error: print(error)"
    )
    said = run_python("-c", code, cwd=project).splitlines()
    assert said[0] == "django.db.backends.postgresql desk me p@ss db 5433"
    assert said[1] == "django.db.backends.sqlite3"
    assert said[2].startswith("DATABASE_URL: ")
