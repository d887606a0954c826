"""Django's static files by this server: which they are, and what is refused."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.needs import require_module
from tests.support.process import DEADLINE, process_environment

SETTINGS = {"STATIC_URL": "/static/", "DEBUG": False, "INSTALLED_APPS": ["django.contrib.staticfiles"]}


def run(folder: Path, program: str, **settings: object) -> str:
    """Run a program in a process of its own, as Django is set up once in each, and return what it prints."""
    require_module("django")
    lines = [
        "from django.conf import settings",
        f"settings.configure(**{ {**SETTINGS, **settings}!r})",
        "import django",
        "django.setup()",
        "from hybrid.adapters.django.static import static_mount, static_prefix, static_target",
        "from hybrid.bridge.errors import ConfigError",
        dedent(program),
    ]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(lines)],
        cwd=folder,
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


ASK = """
import asyncio
target = static_target()
async def ask(path):
    sent = []
    async def send(message):
        sent.append(message)
    root_path = target.prefix
    scope = {"type": "http", "method": "GET", "path": root_path + path, "root_path": root_path, "headers": []}
    await target.application(scope, None, send)
    return sent[0]["status"], dict(sent[0]["headers"])[b"cache-control"].decode(), sent[1]["body"]
print(target.prefix, target.name)
for path in ("/site.css", "/shop/cart.js", "/base.27e20196a850.css", "/../x", "/none.css"):
    print(path, *asyncio.run(ask(path))[:2])
"""


def test_collected_files(tmp_path: Path) -> None:
    """Without DEBUG they are where collectstatic has put them, and those with a hash are kept for good."""
    root = tmp_path / "collected"
    (root / "shop").mkdir(parents=True)
    for name in ("site.css", "shop/cart.js", "base.27e20196a850.css"):
        (root / name).write_text(name)
    assert run(tmp_path, ASK, STATIC_ROOT=str(root)).splitlines() == [
        f"/static files in {root}",
        "/site.css 200 public, max-age=60",
        "/shop/cart.js 200 public, max-age=60",
        "/base.27e20196a850.css 200 public, max-age=31536000, immutable",
        "/../x 404 no-store",
        "/none.css 404 no-store",
    ]


def test_found_files(tmp_path: Path) -> None:
    """With DEBUG they are found where they are written: in the project, and in its apps."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "site.css").write_text("css")
    (tmp_path / "shop" / "static" / "shop").mkdir(parents=True)
    (tmp_path / "shop" / "__init__.py").write_text("")
    (tmp_path / "shop" / "static" / "shop" / "cart.js").write_text("js")
    apps = ["django.contrib.staticfiles", "shop"]
    said = run(tmp_path, ASK, DEBUG=True, INSTALLED_APPS=apps, STATICFILES_DIRS=[str(tmp_path / "assets")])
    assert said.splitlines() == [
        "/static static files, found",
        "/site.css 200 no-cache",
        "/shop/cart.js 200 no-cache",
        "/base.27e20196a850.css 404 no-store",
        "/../x 404 no-store",
        "/none.css 404 no-store",
    ]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"STATIC_URL": None}, "STATIC_URL is not set: static files have no path"),
        (
            {"STATIC_URL": "https://cdn.example.org/static/"},
            "STATIC_URL is https://cdn.example.org/static/, on",
        ),
        ({"STATIC_URL": "//cdn.example.org/"}, "STATIC_URL is //cdn.example.org/, on another host"),
        ({"STATIC_URL": "/"}, "STATIC_URL is /: all paths would be those of files"),
        ({"STATIC_URL": "/a//b/"}, "STATIC_URL: the prefix"),
        ({}, "STATIC_ROOT is not set: it names the directory that collectstatic fills"),
        ({"STATIC_ROOT": "no-such"}, "STATIC_ROOT: there is no directory no-such: manage.py collectstatic"),
        ({"DEBUG": True, "INSTALLED_APPS": []}, "INSTALLED_APPS has no django.contrib.staticfiles"),
    ],
)
def test_settings_that_name_no_files(tmp_path: Path, settings: dict[str, object], complaint: str) -> None:
    """The message says which setting, before anything is served."""
    program = """
    try:
        static_target()
    except ConfigError as error:
        print(error)
    """
    assert run(tmp_path, program, **settings).startswith(complaint)


def test_mount(tmp_path: Path) -> None:
    """Path and directory are what --static takes; what a proxy takes off is not in the path."""
    program = """
    print(*static_mount())
    print(*static_mount(root_path="/app"))
    print(*static_mount(root_path="/ap"))
    """
    said = run(tmp_path, program, STATIC_URL="/app/files/", STATIC_ROOT=str(tmp_path))
    assert said.splitlines() == [f"{path} {tmp_path}" for path in ("/app/files", "/files", "/app/files")]


def test_relative_url(tmp_path: Path) -> None:
    """Django writes a slash before it."""
    assert run(tmp_path, "print(static_prefix())", STATIC_URL="files/") == "/files"


def test_django_is_not_imported() -> None:
    """Importing the module costs nobody Django."""
    program = "import sys, hybrid.adapters.django.static; print('django' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"
