"""Django's static files by this server: which they are, where they are, and what is refused."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from tests.support.needs import require_module
from tests.support.process import (
    DEADLINE,
    Serve,
    ServerProcess,
    process_environment,
    run_hybrid,
    start_server,
)

SETTINGS = {"STATIC_URL": "/static/", "DEBUG": False, "INSTALLED_APPS": ["django.contrib.staticfiles"]}
#: A project whose one view writes where a page finds its style; the files have names with a hash.
PROJECT = """
    from pathlib import Path

    HERE = Path(__file__).parent
    DEBUG = False
    ALLOWED_HOSTS = ["*"]
    SECRET_KEY = "for the tests"
    ROOT_URLCONF = "shop.urls"
    INSTALLED_APPS = ["hybrid.adapters.django", "django.contrib.staticfiles"]
    MIDDLEWARE = []
    STATIC_URL = "static/"
    STATICFILES_DIRS = [HERE / "assets"]
    STATIC_ROOT = HERE.parent / "collected"
    MEDIA_URL = "media/"
    MEDIA_ROOT = HERE.parent / "media"
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    try:
        from shop.more import *
    except ImportError:
        pass
"""
URLS = """
    from django.http import HttpResponse
    from django.templatetags.static import static
    from django.urls import path

    urlpatterns = [path("", lambda request: HttpResponse(static("site.css")))]
"""
WSGI = """
    import os

    from django.core.wsgi import get_wsgi_application

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    application = get_wsgi_application()
"""
MANAGE = """
    import os
    import sys

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
"""


def write_project(folder: Path, more: str = "") -> None:
    """Write the project, with further settings."""
    require_module("django")
    shop = folder / "shop"
    (shop / "assets").mkdir(parents=True)
    (folder / "media").mkdir()
    (folder / "media" / "upload").write_text("of a user")
    (shop / "assets" / "site.css").write_text("body {}")
    (shop / "more.py").write_text(more)
    for name, text in {"settings": PROJECT, "urls": URLS, "wsgi": WSGI, "__init__": ""}.items():
        (shop / f"{name}.py").write_text(dedent(text))
    (folder / "manage.py").write_text(dedent(MANAGE))


def collect(folder: Path) -> None:
    """Gather its files."""
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity=0"]
    subprocess.run(command, cwd=folder, env=process_environment(), check=True, timeout=DEADLINE)


def ask(server: ServerProcess, path: str, **fields: str) -> httpx.Response:
    """Ask a server for a path."""
    headers = {
        "Accept-Encoding": "identity",
        **{name.replace("_", "-"): value for name, value in fields.items()},
    }
    return httpx.get(f"{server.url}{path}", headers=headers, timeout=DEADLINE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the project, with its files gathered, and an encoded one beside them."""
    folder = tmp_path_factory.mktemp("project")
    write_project(folder)
    collect(folder)
    (folder / "collected" / "site.css.gz").write_bytes(b"\x1f\x8bcss")
    return folder


@pytest.fixture(scope="module")
def server(shop: Path) -> Iterator[ServerProcess]:
    """Serve it."""
    with start_server(django="shop.settings", django_static=True, cwd=shop, access_log=False) as server:
        yield server
    assert "Traceback" not in server.stderr


def test_what_a_page_links_to_is_there(server: ServerProcess) -> None:
    """A name with a hash, as {% static %} writes it, is kept for a year; one without for a minute."""
    path = ask(server, "/").text
    assert re.fullmatch(r"/static/site\.[0-9a-f]{12}\.css", path)
    for each, cache in (
        (path, "public, max-age=31536000, immutable"),
        ("/static/site.css", "public, max-age=60"),
    ):
        response = ask(server, each)
        assert (response.status_code, response.text) == (200, "body {}")
        assert response.headers["content-type"] == "text/css; charset=utf-8"
        assert response.headers["cache-control"] == cache


def test_they_are_served_as_other_directories_are(server: ServerProcess) -> None:
    """Ranges, conditional requests, and encoded files."""
    tag = ask(server, "/static/site.css").headers["etag"]
    assert ask(server, "/static/site.css", If_None_Match=tag).status_code == 304
    part = ask(server, "/static/site.css", Range="bytes=0-3")
    assert (part.status_code, part.text) == (206, "body")
    with httpx.stream(
        "GET", f"{server.url}/static/site.css", headers={"Accept-Encoding": "gzip"}, timeout=DEADLINE
    ) as encoded:
        assert b"".join(encoded.iter_raw()) == b"\x1f\x8bcss"


@pytest.mark.parametrize("path", ["/media/upload", "/static/../media/upload", "/static/%2e%2e/media/upload"])
def test_nothing_else_is_served(server: ServerProcess, path: str) -> None:
    """What users have uploaded is none of them."""
    assert ask(server, path).status_code == 404


def row_of_files(*arguments: str, cwd: Path, **env: str) -> list[str]:
    """Return the row of the route table that is for files."""
    done = run_hybrid("routes", *arguments, cwd=cwd, env=env)
    assert done.returncode == 0, done.stderr
    (row,) = (line for line in done.stdout.splitlines() if "files in" in line)
    return re.split("  +", row)


@pytest.mark.parametrize("targets", [["--django=shop.settings"], ["shop.wsgi:application"]])
def test_routes(shop: Path, targets: list[str]) -> None:
    """The table shows them, for a project on both lanes and for its WSGI application alone."""
    expected = ["/static", "http", f"files in {shop / 'collected'}", "asgi3", "event loop"]
    assert row_of_files(*targets, "--django-static", cwd=shop) == expected
    assert row_of_files(*targets, cwd=shop, HYBRID_DJANGO_STATIC="1") == expected


def test_a_file_of_settings_says_it(shop: Path, tmp_path: Path) -> None:
    """As it does all settings, and `hybrid config` says where it was given."""
    file = tmp_path / "hybrid.toml"
    file.write_text('django = "shop.settings"\ndjango_static = true\n')
    assert row_of_files(f"--config={file}", cwd=shop)[0] == "/static"
    said = run_hybrid("config", f"--config={file}", cwd=shop).stdout
    assert re.search(r"^django_static +true +.*hybrid\.toml:django_static$", said, re.MULTILINE)


@pytest.mark.parametrize(
    ("more", "options", "paths"),
    [
        ("", {"root_path": "/app"}, ("/app/static/", "/static/")),
        ("FORCE_SCRIPT_NAME = '/app'", {}, ("/app/static/", "/static/")),
        ("FORCE_SCRIPT_NAME = '/app'", {"root_path": "/inside"}, ("/app/static/", "/static/")),
        ("STATIC_URL = '/app/files/'", {"root_path": "/app"}, ("/app/files/", "/files/")),
        ("STATIC_URL = '/files/'", {"root_path": "/app"}, ("/files/", "/files/")),
        ("", {"workers": 2}, ("/static/", "/static/")),
    ],
    ids=["root-path", "forced", "forced-and-root-path", "below-root-path", "beside-root-path", "workers"],
)
def test_below_a_path(
    tmp_path: Path, serve: Serve, more: str, options: dict[str, object], paths: tuple[str, str]
) -> None:
    """Pages link to them as they are called outside, and this server is asked for what a proxy leaves."""
    write_project(tmp_path, more)
    collect(tmp_path)
    server = serve(django="shop.settings", django_static=True, access_log=False, **options)
    page = ask(server, "/").text
    assert page.startswith(f"{paths[0]}site.")
    assert ask(server, page.replace(*paths)).text == "body {}"


def test_below_a_prefix(shop: Path, serve: Serve) -> None:
    """Those of a project that is mounted below a path are below it."""
    target = "/shop=shop.wsgi:application"
    server = serve(target, django_static=True, access_log=False, cwd=shop)
    page = ask(server, "/shop/").text
    assert page.startswith("/shop/static/site.")
    assert ask(server, page).text == "body {}"


def test_for_the_hosts_of_the_project(shop: Path, tmp_path: Path) -> None:
    """A host that is named has its own targets and no others; so it has the files as well."""
    file = tmp_path / "hybrid.toml"
    hosts = ("shop.example.org", "www.example.org")
    routes = "".join(f'[[routes]]\napp = "shop.wsgi:application"\nhost = "{host}"\n' for host in hosts)
    file.write_text(f"django_static = true\n{routes}")
    done = run_hybrid("routes", f"--config={file}", cwd=shop)
    rows = [re.split("  +", line) for line in done.stdout.splitlines() if "files in" in line]
    assert [row[:2] for row in rows] == [[host, "/static"] for host in hosts]


def test_reload(tmp_path: Path, serve: Serve) -> None:
    """While developing each request finds the file as it is, and browsers ask."""
    require_module("watchfiles")
    write_project(tmp_path)
    collect(tmp_path)
    server = serve(django="shop.settings", django_static=True, access_log=False, reload=True)
    for word in ("one", "another", "last"):
        (tmp_path / "collected" / "site.css").write_text(word)
        response = ask(server, "/static/site.css")
        assert (response.text, response.headers["cache-control"]) == (word, "no-cache")


def test_manage_py_serve(shop: Path) -> None:
    """It takes the option as it takes all others."""
    command = [sys.executable, "manage.py", "serve", "--django-static", "--static=/static=media"]
    done = subprocess.run(
        command,
        cwd=shop,
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 2
    assert "django_static: STATIC_URL is /static, which static gives to media already" in done.stderr


@pytest.mark.parametrize(
    ("options", "more", "code", "complaint"),
    [
        ([], "STATIC_ROOT = None", 2, "django_static: STATIC_ROOT is not set: it names the directory"),
        ([], "", 2, "/collected: manage.py collectstatic makes it"),
        (
            [],
            "STATIC_URL = 'https://cdn.example.org/'",
            2,
            "django_static: STATIC_URL is https://cdn.example.org/",
        ),
        (["--static=/static=media"], "STATIC_ROOT = 'shop/assets'", 2, "which static gives to media already"),
        (["/static=shop.wsgi"], "STATIC_ROOT, STATIC_URL = 'shop/assets', '/static/x/'", 0, ""),
        (
            ["/static=shop.wsgi"],
            "STATIC_ROOT, STATIC_URL = 'shop/assets', '/static/'",
            2,
            "would be those of files",
        ),
    ],
    ids=["no-root", "not-collected", "other-host", "clash", "beside-a-target", "all-paths"],
)
def test_mistakes(tmp_path: Path, options: list[str], more: str, code: int, complaint: str) -> None:
    """They are found before anything is served, and said in a line that names the setting."""
    write_project(tmp_path, more)
    project = [] if any("=shop" in each for each in options) else ["--django=shop.settings"]
    done = run_hybrid("check", "--no-listen", "--django-static", *project, *options, cwd=tmp_path)
    assert (done.returncode, complaint in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


def test_another_target_at_the_same_path(shop: Path) -> None:
    """It would be left without HTTP."""
    targets = ["--django=shop.settings", "--django-static", "/static=shop.wsgi:application"]
    done = run_hybrid("check", "--no-listen", *targets, cwd=shop)
    assert done.returncode == 3
    assert 'static files and target "shop.wsgi:application" both want HTTP at /static' in done.stderr


def test_without_a_project() -> None:
    """Other applications have no such settings."""
    done = run_hybrid("check", "hello_wsgi:app", "--no-listen", "--django-static")
    assert done.returncode == 2
    assert "django_static: no target is a Django project" in done.stderr


DATABASE = """
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": HERE.parent / "data" / "db.sqlite3"}}
STATIC_ROOT = HERE.parent / "data"
"""


@pytest.mark.parametrize(
    ("command", "more", "file"),
    [
        ("serve", "STATIC_ROOT, MEDIA_ROOT = '.', ''", "shop/settings.py"),
        ("check", "STATIC_ROOT, MEDIA_ROOT = '.', ''", "shop/settings.py"),
        ("check", "STATIC_ROOT = HERE.parent / 'link'", "shop/settings.py"),
        ("check", "STATIC_ROOT, INSTALLED_APPS = HERE.parent / 'cart', ['cart']", "cart"),
        ("check", DATABASE, "data/db.sqlite3"),
    ],
    ids=["serve", "check", "link", "application", "database"],
)
def test_a_directory_with_sources(tmp_path: Path, command: str, more: str, file: str) -> None:
    """What makes a project is not served with its files: the start is refused, which names the setting."""
    write_project(tmp_path, f"from shop.settings import HERE\n{more}")
    for folder in ("cart", "data"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / ("__init__.py" if folder == "cart" else "db.sqlite3")).touch()
    (tmp_path / "link").symlink_to(tmp_path / "shop")
    done = run_hybrid(command, "--django=shop.settings", "--django-static", "--port=0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "django_static: STATIC_ROOT, " in done.stderr
    assert (
        f"has files of the project in it, such as {tmp_path / file}, which anybody could read" in done.stderr
    )
    assert "Traceback" not in done.stderr


def run(folder: Path, program: str, **settings: object) -> str:
    """Run a program in a process of its own, as Django is set up once in each, and return what it prints."""
    require_module("django")
    lines = [
        "from django.conf import settings",
        f"settings.configure(**{ {**SETTINGS, **settings}!r})",
        "import django",
        "django.setup()",
        "from hybrid.adapters.django.static import static_mount",
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


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"STATIC_URL": None}, "STATIC_URL is not set: static files have no path"),
        (
            {"STATIC_URL": "https://cdn.example.org/static/"},
            "STATIC_URL is https://cdn.example.org/static/, on",
        ),
        ({"STATIC_URL": "//cdn.example.org/"}, "STATIC_URL is //cdn.example.org/, on another host"),
        ({"STATIC_URL": "/"}, "STATIC_URL is /: all paths of the project would be those of files"),
        ({"STATIC_URL": "/a//b/"}, "STATIC_URL: the prefix"),
        ({}, "STATIC_ROOT is not set: it names the directory that manage.py collectstatic fills"),
        ({"STATIC_ROOT": "no-such"}, "STATIC_ROOT: there is no directory no-such: manage.py collectstatic"),
        ({"STATIC_ROOT": ".", "MEDIA_ROOT": "uploads"}, "MEDIA_ROOT, uploads, is in STATIC_ROOT"),
        ({"STATIC_ROOT": ".", "MEDIA_ROOT": "."}, "MEDIA_ROOT, ., is in STATIC_ROOT"),
    ],
)
def test_settings_that_name_no_files(tmp_path: Path, settings: dict[str, object], complaint: str) -> None:
    """The message says which setting, before anything is served."""
    program = """
    try:
        static_mount()
    except ConfigError as error:
        print(error)
    """
    assert run(tmp_path, program, **settings).startswith(complaint)


@pytest.mark.parametrize(
    ("url", "arguments", "expected"),
    [
        ("/app/files/", "", "/app/files"),
        ("/app/files/", "root_path='/app'", "/files"),
        ("/app/files/", "root_path='/ap'", "/app/files"),
        ("files/", "", "/files"),
        ("files/", "root_path='/app'", "/files"),
        ("files/", "root_path='/app', prefix='/shop'", "/shop/files"),
        ("/app/files/", "root_path='/app', prefix='/shop'", "/files"),
    ],
)
def test_mount(tmp_path: Path, url: str, arguments: str, expected: str) -> None:
    """Path and directory are what --static takes; what a proxy takes off is not in the path."""
    program = f"print(*static_mount({arguments})[:2])"
    assert run(tmp_path, program, STATIC_URL=url, STATIC_ROOT=str(tmp_path)) == f"{expected} {tmp_path}"


def test_what_is_asked_of_django_changes_nothing(tmp_path: Path) -> None:
    """Not even what it puts before the paths of pages."""
    program = """
    from django.urls import get_script_prefix
    static_mount(root_path="/app")
    print(get_script_prefix())
    """
    assert run(tmp_path, program, STATIC_ROOT=str(tmp_path)) == "/"


def test_django_is_not_imported() -> None:
    """Importing the module costs nobody Django."""
    program = "import sys, hybrid.adapters.django.static; print('django' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False\n"
