"""``hybrid migrate shadow`` and ``replay``, from end to end."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from hybrid.adapters.django.migrate.commands.shadow import command
from tests.support.demo_desk import Agent, prepare, serve_desk
from tests.support.django_projects import write_project
from tests.support.needs import require_module
from tests.support.process import ROOT, ServerProcess, run_hybrid, run_program, start_server

require_module("django")

SETTINGS = """
DEBUG = True
LOGGING_CONFIG = None
INSTALLED_APPS = ["hybrid.adapters.django", "shop"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
"""
VIEWS = """
import logging
import random
import time
import uuid

from django.core.mail import send_mail
from django.db import connection
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import path


def is_new(request):
    return hasattr(request, "scope")


def status(request):
    if is_new(request):
        raise KeyError("RAW_URI")
    return HttpResponse("fine")


def header(request):
    return HttpResponse("fine", headers={"Vary": "Cookie" if is_new(request) else "Cookie, Accept"})


def cookie(request):
    response = HttpResponse("fine")
    response.set_cookie("theme", "dark", samesite="Strict" if is_new(request) else "Lax")
    return response


def data(request):
    return JsonResponse({"items": [{"price": 1}, {"price": 3 if is_new(request) else 2}]})


def page(request):
    return HttpResponse(f"<h1>Hello {'AnonymousUser' if is_new(request) else 'bob'}</h1>")


def text(request):
    return HttpResponse(f"a\\n{is_new(request)}\\n", content_type="text/plain")


def queries(request):
    with connection.cursor() as cursor:
        for each in range(9 if is_new(request) else 1):
            cursor.execute("SELECT %s + 1", [each])
    return HttpResponse("fine")


def warning(request):
    if is_new(request):
        logging.getLogger("shop").warning("the cache is gone")
    return HttpResponse("fine")


def sent(request):
    if is_new(request):
        send_mail("Hello", "you", "a@example.org", ["b@example.org"])
    return HttpResponse("fine")


def exception(request):
    raise ValueError("new" if is_new(request) else "old")


def same(request):
    rows = random.sample(range(10**9), 5)
    said = {"uuid": str(uuid.uuid4()), "at": time.time(), "rows": rows, "token": get_token(request)}
    return JsonResponse(said, headers={"X-Runtime": str(random.random()), "X-Request-ID": str(uuid.uuid4())})


def stream(request):
    return StreamingHttpResponse((f"{each}\\n" for each in range(3)), content_type="text/csv")


urlpatterns = [
    path(f"{view.__name__}/", view, name=view.__name__)
    for view in (status, header, cookie, data, page, text, queries, warning, sent, exception, same, stream)
]
"""
FILES = {"+shop/settings.py": SETTINGS, "shop/urls.py": VIEWS}
HANDLERS = {
    "shop/wsgi.py": "from django.core.wsgi import get_wsgi_application\n",
    "shop/asgi.py": "from django.core.asgi import get_asgi_application\n",
}
for each in ("wsgi", "asgi"):
    HANDLERS[f"shop/{each}.py"] += (
        "import os\n"
        "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
        f"application = get_{each}_application()\n"
    )

#: What differs at each view of the project, in this process and as two servers see it.
PLANTED = {
    "status": ("status", "", "HM102"),
    "header": ("header", "vary", ""),
    "cookie": ("header", "set-cookie theme: samesite", ""),
    "data": ("body", "$.items[].price", ""),
    "page": ("body", "h1 > text", ""),
    "text": ("body", "line n", ""),
    "exception": ("exception", "", ""),
}
#: What nobody sees from outside.
INSIDE = {
    "queries": ("queries", "default: SELECT ? + ?", ""),
    "warning": ("warning", "shop: the cache is gone", ""),
    "sent": ("sent", "mail", ""),
}


def migrate(folder: Path, *arguments: str, code: int = 0) -> str:
    """Return what a command prints, which ends with this exit code."""
    done = run_hybrid("migrate", *arguments, cwd=folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code not in (2, 3) else done.stderr


def results(folder: Path, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Return the same for programs, which is as its schema says."""
    said: dict[str, Any] = json.loads(migrate(folder, *arguments, "--format", "json", code=code))
    schema = files("hybrid") / "adapters/django/migrate/shadow/schema.json"
    jsonschema.validate(said, json.loads(schema.read_text()))
    assert said["requests"] == said["same"] + said["different"] + said["unreachable"]
    return said


def causes(said: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    """Return the group of each view; views have one each."""
    groups = [each for each in said["groups"] if not each["note"]]
    found = {each["view"]: (each["what"], each["where"], each["rule"]) for each in groups}
    assert len(found) == len(groups), groups
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a project with a view for each kind of difference."""
    return write_project(tmp_path_factory.mktemp("shop"), {**FILES, **HANDLERS})


@pytest.fixture(scope="module")
def servers(shop: Path) -> Iterator[tuple[ServerProcess, ServerProcess]]:
    """Serve it twice: on WSGI, and with Django's own handler on ASGI."""
    with ExitStack() as stack:
        targets = ("shop.wsgi:application", "shop.asgi:application")
        started = [
            stack.enter_context(start_server(each, cwd=shop, app_dir=shop, access_log=False))
            for each in targets
        ]
        yield started[0], started[1]


def urls(servers: tuple[ServerProcess, ServerProcess]) -> tuple[str, ...]:
    """Return the options that name both."""
    return "--old", servers[0].url, "--new", servers[1].url


def test_in_process(shop: Path) -> None:
    """Every planted difference is found, at its view and in its place, and there is none besides."""
    said = results(shop, "shadow", code=4)
    found = causes(said)
    assert found.pop("sent")[0] == INSIDE["sent"][0]
    assert found == PLANTED | {name: INSIDE[name] for name in ("queries", "warning")}
    views = {each["name"]: (each["requests"], each["same"], each["different"]) for each in said["views"]}
    assert views["same"] == views["stream"] == (1, 1, 0)
    assert views["status"] == (1, 0, 1)
    (queries,) = (each for each in said["groups"] if each["what"] == "queries")
    assert queries["cause"] == "runs a statement 9 times instead of once, as for each row (N+1)"
    hows = {(each["what"], each["how"]) for each in said["masks"]}
    assert {("UUID", "built in"), ("CSRF token", "built in"), ("header x-runtime", "learned")} <= hows


def test_two_servers(shop: Path, servers: tuple[ServerProcess, ServerProcess]) -> None:
    """What can be seen from outside is found there too; routes and names are those of the settings."""
    said = results(shop, "shadow", *urls(servers), "--settings", "shop.settings", code=4)
    assert causes(said) == PLANTED
    assert (said["requests"], said["same"]) == (12, 5)


def test_one_server_twice(shop: Path, servers: tuple[ServerProcess, ServerProcess]) -> None:
    """A server is no different from itself."""
    both = urls((servers[0], servers[0]))
    assert results(shop, "shadow", *both, "--settings", "shop.settings")["same"] == 12


def test_text(shop: Path, servers: tuple[ServerProcess, ServerProcess]) -> None:
    """The report names the view, the cause, both values, the rule, and a line to try."""
    old, new = (each.url for each in servers)
    text = migrate(shop, "shadow", *urls(servers), "/status/", "/header/", "/same/", code=4)
    lines = [" ".join(each.split()) for each in text.splitlines()]
    assert lines[0] == f"{old} and {new}: 3 requests, 1 the same, 2 different"
    assert "/status/ answers 500, KeyError: 'RAW_URI' instead of 200" in lines
    assert any(each.startswith("HM102: ") for each in lines)
    assert f"{old}: accept, cookie" in lines
    assert f"{new}: cookie" in lines
    host = old.partition("//")[2]
    assert f"curl -ig --path-as-is {new}/header/ -H 'Host: {host}'" in lines
    assert "UUID (built in): 1" in lines


def test_replay(shop: Path, servers: tuple[ServerProcess, ServerProcess], tmp_path: Path) -> None:
    """The requests of a file are sent; options choose among them, and add to them."""
    (tmp_path / "log").write_text(
        '::1 - - [x] "GET /data/ HTTP/1.1" 200 -\n'
        '::1 - - [x] "POST /page/ HTTP/1.1" 200 -\n'
        '::1 - - [x] "GET /page/?a=b HTTP/1.1" 200 -\n'
    )
    said = results(shop, "replay", str(tmp_path / "log"), *urls(servers), code=4)
    assert [*causes(said)] == ["/data/", "/page/"]
    chosen = (
        "--exclude",
        "/page/*",
        "--mask",
        r'"price": (\d)',
        "--header",
        "Accept: a/b",
        "--cookie",
        "a=b",
    )
    assert results(shop, "replay", str(tmp_path / "log"), *urls(servers), *chosen)["requests"] == 1
    inside = results(shop, "replay", str(tmp_path / "log"), "--path", "/page/*", code=4)
    assert [*causes(inside)] == ["page"]


def test_with_manage(shop: Path, tmp_path: Path) -> None:
    """``manage.py hybrid_migrate shadow`` is the same; ``--output`` writes a file."""
    report = tmp_path / "report.txt"
    env = {"DJANGO_SETTINGS_MODULE": "shop.settings", "PYTHONPATH": str(shop)}
    arguments = ("hybrid_migrate", "shadow", "/stream/", "--output", str(report))
    done = run_program("django", *arguments, cwd=shop, env=env)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert report.read_text().startswith("wsgi and asgi: 1 request, 1 the same, 0 different\n")


def test_nobody_is_there(shop: Path, servers: tuple[ServerProcess, ServerProcess]) -> None:
    """Exit code 5, and no more than one request."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    said = results(shop, "shadow", "--old", servers[0].url, "--new", url, "/data/", "/page/", code=5)
    assert (said["requests"], said["unreachable"]) == (1, 1)
    assert said["stopped"].startswith(f"{url} is not reachable: ConnectionRefusedError")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--old", "http://a"), "--new: two servers are compared, and one is named"),
        (
            ("--old", "a:1", "--new", "http://b"),
            "'a:1' is no address of a server, such as http://127.0.0.1:8000",
        ),
        (("--old", "http://a", "--new", "http://b"), "name paths, or --from, or --settings"),
        (
            ("--old", "http://a", "--new", "http://b", "--wsgi", "a:b"),
            "--wsgi, --asgi, --user: these are for the lanes",
        ),
        (("a",), "a is no path that begins with /"),
        (("/a", "--mask", "("), "--mask: '(' is no regular expression"),
        (("/a", "--header", "a"), "'a' is no field, such as 'Accept-Language: de'"),
        (("/a", "--from", __file__), "--from: paths are named as well"),
        (
            ("--old", "http://a", "--new", "http://b", "--from", str(ROOT / "LICENSE")),
            "LICENSE has no request",
        ),
        (
            ("/a", "--output", "/nowhere/a", "--old", "http://[::1]:1", "--new", "http://[::1]:1"),
            "cannot write /nowhere/a",
        ),
    ],
    ids=[
        "one server",
        "address",
        "no paths",
        "project",
        "path",
        "mask",
        "header",
        "two sources",
        "file",
        "output",
    ],
)
def test_wrong_options(arguments: tuple[str, ...], said: str) -> None:
    """One line that names the option, and exit code 2."""
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2, done.output
    assert said in " ".join(done.output.split())


def test_a_project_that_does_not_import(tmp_path: Path) -> None:
    """Exit code 3, with what is wrong."""
    write_project(tmp_path, {"+shop/settings.py": "\nINSTALLED_APPS.append('shop.missing')\n"})
    assert "shop.missing" in migrate(tmp_path, "shadow", code=3)


@pytest.mark.slow
def test_the_demonstration(tmp_path: Path) -> None:
    """Signed in, with forms, the admin, a streamed table and an API: one lane is as itself."""
    prepare(tmp_path)
    paths = ["/", "/tickets/new/", "/tickets/1/", "/tickets/1/edit/", "/tickets/export.csv", "/systems/"]
    paths += ["/api/tickets/", "/api/tickets/1/", "/api/tickets/999/", "/admin/login/", "/accounts/sign-in/"]
    paths += ["/admin/", "/nowhere/", "/static/desk/desk.css", "/?status=open&page=2"]
    rules = tmp_path / "wsgi.toml"
    rules.write_text('django = "demo_django.settings"\n[lanes]\n"/*" = "wsgi"\n')
    with serve_desk(tmp_path, config=rules) as server, Agent(server.url, "ada") as agent:
        cookies = [f"--cookie={name}={value}" for name, value in agent.client.cookies.items()]
        both = ("--old", server.url, "--new", server.url)
        signed_in = results(tmp_path, "shadow", *both, *cookies, *paths)
        strangers = results(tmp_path, "shadow", *both, "--header", "Accept-Encoding: gzip", *paths)
    assert (signed_in["same"], strangers["same"]) == (len(paths), len(paths))
    assert "CSRF token" in {each["what"] for each in signed_in["masks"]}
    lanes = results(tmp_path, "shadow", "--settings", "demo_django.settings", "--user", "ada", *paths)
    assert lanes["same"] == len(paths)
