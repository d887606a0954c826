"""Files beside a project: servers that are started, and versions that are asked for."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.source.beside import commands_beside, pins_beside


def write(root: Path, name: str, text: str) -> None:
    """Write a file below a directory."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize(
    ("name", "line", "server", "workers"),
    [
        ("Procfile", "web: gunicorn -w 4 shop.wsgi", "gunicorn", "4"),
        ("Dockerfile", 'CMD ["uvicorn", "--workers", "2", "shop.asgi:application"]', "uvicorn", "2"),
        ("docker/Dockerfile.web", "CMD /venv/bin/gunicorn --workers=3 shop.wsgi", "gunicorn", "3"),
        ("compose.yaml", "  command: daphne shop.asgi:application", "daphne", None),
        ("deploy/shop.service", "ExecStart=/usr/bin/granian --interface asgi shop", "granian", None),
    ],
)
def test_commands(tmp_path: Path, name: str, line: str, server: str, workers: str | None) -> None:
    """A server by its name, however the command is written, and the value of an option."""
    write(tmp_path, name, f"{line}\n")
    (found,) = commands_beside(tmp_path)
    assert (found.server, found.value("-w", "--workers"), found.place.line) == (server, workers, 1)
    assert found.shown == name


@pytest.mark.parametrize(
    "line",
    [
        "# gunicorn shop.wsgi",
        "RUN pip install gunicorn uvicorn",
        "pip install gunicorn-extra",
        "web: python a.py",
        "- daphne",
        "container_name: daphne",
    ],
)
def test_what_is_no_command(tmp_path: Path, line: str) -> None:
    """Remarks, and names that only begin so."""
    write(tmp_path, "Procfile", f"{line}\n")
    assert list(commands_beside(tmp_path)) == []


def test_options_without_a_value(tmp_path: Path) -> None:
    """An option that is followed by another one is there, and has none."""
    write(tmp_path, "Procfile", "web: gunicorn --preload --timeout 60 shop.wsgi\n")
    (found,) = commands_beside(tmp_path)
    assert (found.value("--preload"), found.value("--timeout"), found.value("--reload")) == ("", "60", None)


@pytest.mark.parametrize(
    ("name", "text", "pins"),
    [
        ("requirements.txt", "Django==5.2.1\nasgiref>=3\n# Django==4\n", [("django", "5.2.1", 1)]),
        (
            "requirements/live.txt",
            "-r a.txt\ndjango[argon2] == 5.2.1 ; python_version > '3'\n",
            [("django", "5.2.1", 2)],
        ),
        ("requirements-dev.txt", "Django==4.2\n", []),
        ("requirements/test.txt", "Django==4.2\n", []),
        (
            "uv.lock",
            (
                '[[package]]\nname = "Django_Ninja"\nversion = "1.4"\n\n'
                '[[package]]\nname = "django"\nversion = "5.2.1"\n'
            ),
            [("django-ninja", "1.4", 3), ("django", "5.2.1", 7)],
        ),
    ],
)
def test_pins(tmp_path: Path, name: str, text: str, pins: list[tuple[str, str, int]]) -> None:
    """Versions that are exact; lists for tests and development aside."""
    write(tmp_path, name, text)
    assert [(each.name, each.version, each.line) for each in pins_beside(tmp_path)] == pins
