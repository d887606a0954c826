"""``hybrid migrate routes``."""

import json
from pathlib import Path

import pytest

from tests.support.django_projects import write_project
from tests.support.needs import require_module
from tests.support.process import ROOT, run_hybrid

require_module("django")

URLS = """
import functools
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

def careless(view):
    return lambda request: view(request)

async def on_loop(request):
    return HttpResponse()

@csrf_exempt
def streams(request):
    return StreamingHttpResponse(iter([]))

urlpatterns = [path("on_loop/", on_loop), path("hidden/", careless(on_loop)), path("streams/", streams)]
"""


def test_the_table(tmp_path: Path) -> None:
    """One row for each route, with the settings of ``manage.py`` in the current folder."""
    write_project(tmp_path, {"shop/urls.py": URLS})
    done = run_hybrid("migrate", "routes", cwd=tmp_path, env={"DJANGO_SETTINGS_MODULE": ""})
    assert done.returncode == 0, done.stderr
    heading, *rows = [line.split() for line in done.stdout.splitlines() if line]
    assert heading == ["PATTERN", "VIEW", "KIND", "METHODS", "CSRF", "ATOMIC", "STREAMING", "LANE"]
    assert rows[0] == ["/on_loop/", "shop.urls.on_loop", "async", "function", "all", "asgi;", "async-view"]
    assert " ".join(rows[1]) == "/hidden/ shop.urls.on_loop sync function around async all wsgi; sync-view"
    assert " ".join(rows[2]) == (
        "/streams/ shop.urls.streams sync function all exempt StreamingHttpResponse wsgi; sync-view"
    )
    assert done.stdout.splitlines()[-1] == (
        "3 routes to 2 views: 2 for the wsgi lane, 1 for the asgi lane; 0 of WebSockets"
    )


def test_json_of_the_demonstration() -> None:
    """The same for programs, with the WebSockets of its ASGI application."""
    require_module("rest_framework")
    arguments = ("migrate", "routes", "--settings", "demo_django.settings", "--format", "json")
    done = run_hybrid(*arguments, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["schema"] == 1
    assert said["settings"] == "demo_django.settings"
    systems = next(each for each in said["routes"] if each["name"] == "desk:systems")
    assert systems["lane"] == "asgi; async-view"
    assert systems["atomic"] == []
    assert [each["pattern"] for each in said["socket_routes"]] == [
        "ws/tickets/<int:pk>/",
        "ws/tickets/<int:pk>/edit/",
    ]


def test_transactions(tmp_path: Path) -> None:
    """A database with ATOMIC_REQUESTS is named, where the view is not taken out of that."""
    urls = """
        from django.db import transaction
        from django.http import HttpResponse
        from django.urls import path
        def view(request):
            return HttpResponse()
        @transaction.non_atomic_requests
        def without(request):
            return HttpResponse()
        urlpatterns = [path("a", view), path("b", without)]
    """
    more = "\nDATABASES['default']['ATOMIC_REQUESTS'] = True\n"
    write_project(tmp_path, {"shop/urls.py": urls, "+shop/settings.py": more})
    done = run_hybrid("migrate", "routes", "--settings", "shop.settings", "--format", "json", cwd=tmp_path)
    atomic = {each["pattern"]: each["atomic"] for each in json.loads(done.stdout)["routes"]}
    assert atomic == {"a": ["default"], "b": []}


def test_databases_that_are_no_tables(tmp_path: Path) -> None:
    """A URL in the place of a table is a failure like others, and the routes are printed all the same."""
    more = "\nDATABASES = {'default': 'postgres://me@db/shop'}\nDEFAULT_AUTO_FIELD = 'x'\n"
    models = "from django.db import connection\n\nconnection.vendor\n"
    write_project(tmp_path, {"+shop/settings.py": more, "shop/models.py": models})
    done = run_hybrid("migrate", "routes", "--settings", "shop.settings", cwd=tmp_path)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("hybrid: the project does not import: setup: AttributeError: ")
    assert "1 routes to 1 views" in done.stdout


def test_a_project_that_does_not_import(tmp_path: Path) -> None:
    """Exit code 3, and one line with the place; what was found is printed all the same."""
    write_project(tmp_path, {"shop/urls.py": "\nraise ValueError('no routes today')\n"})
    done = run_hybrid("migrate", "routes", "--settings", "shop.settings", cwd=tmp_path)
    assert done.returncode == 3
    place = f"{tmp_path / 'shop/urls.py'}:2"
    said = f"hybrid: the project does not import: urlconf: ValueError: no routes today at {place}"
    assert done.stderr.splitlines() == [said]
    assert "0 routes" in done.stdout


def test_a_project_that_hangs(tmp_path: Path) -> None:
    """The same, when the time is over."""
    write_project(tmp_path, {"+shop/settings.py": "\nwhile True: pass\n"})
    done = run_hybrid("migrate", "routes", "--settings", "shop.settings", "--timeout", "3", cwd=tmp_path)
    assert done.returncode == 3
    assert "importing the project took longer than 3 s" in done.stderr


@pytest.mark.parametrize("seconds", ["inf", "nan"])
def test_a_time_without_end(tmp_path: Path, seconds: str) -> None:
    """It is a wrong option: importing always ends."""
    done = run_hybrid("migrate", "routes", "--settings", "shop.settings", "--timeout", seconds, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"Error: Invalid value for '--timeout': {seconds} ")


def test_an_application_that_is_not_there(tmp_path: Path) -> None:
    """One line says so: without it nothing says which settings there are."""
    done = run_hybrid("migrate", "routes", "--wsgi", "nope:app", cwd=tmp_path)
    assert done.returncode == 3
    (said,) = done.stderr.splitlines()
    assert said.startswith('hybrid: the project does not import: wsgi: LoadError: target "nope:app": ')


def test_no_project(tmp_path: Path) -> None:
    """Without ``manage.py`` and without settings it is a matter of options."""
    done = run_hybrid("migrate", "routes", cwd=tmp_path, env={"DJANGO_SETTINGS_MODULE": ""})
    assert done.returncode == 2
    assert "--settings: " in done.stderr
    assert "name the settings module" in done.stderr
