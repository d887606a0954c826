"""What the planted project cannot show of the rules on meaning: other files, settings, and code."""

from dataclasses import replace
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.findings import Seen
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, Where
from tests.support.sources import findings_in, rules_at, write_sources


@pytest.mark.parametrize(
    ("name", "line", "found"),
    [
        ("Procfile", "web: gunicorn shop.wsgi --timeout=60", True),
        ("Procfile", "web: gunicorn shop.wsgi", False),
        ("Procfile", "web: gunicorn -k hybrid.gunicorn.Worker --timeout 60 shop.wsgi", False),
        ("Dockerfile", 'CMD ["gunicorn", "--max-requests", "1000", "shop.wsgi"]', True),
        ("deploy/shop.service", "ExecStart=/srv/venv/bin/gunicorn --preload shop.wsgi", True),
        ("scripts/start.sh", "exec gunicorn -t 60 shop.wsgi", True),
        ("scripts/start.sh", "# exec gunicorn -t 60 shop.wsgi", False),
        ("uwsgi.ini", "harakiri = 30", True),
        ("uwsgi.ini", "processes = 4", False),
        ("notes.md", "gunicorn --timeout 60", False),
    ],
)
def test_settings_of_servers(tmp_path: Path, name: str, line: str, found: bool) -> None:
    """What gunicorn and uWSGI are told beside the project."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(f"\n{line}\n")
    findings = findings_in(write_sources(tmp_path, {}))
    assert rules_at(findings) == ([("HM408", name, 2)] if found else [])


def test_commands_over_several_lines(tmp_path: Path) -> None:
    """A command that goes on is one, and is where it begins."""
    (tmp_path / "run.sh").write_text("#!/bin/sh\nexec gunicorn \\\n  --timeout 60 \\\n  shop.wsgi\n")
    assert rules_at(findings_in(write_sources(tmp_path, {}))) == [("HM408", "run.sh", 2)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("timeout = 60\nmax_requests = 1000\n", [1, 2]),
        ('worker_class = "uvicorn.workers.UvicornWorker"\ntimeout = 60\n', []),
        ("timeout = 0\n", []),
    ],
)
def test_configuration_of_gunicorn(tmp_path: Path, text: str, lines: list[int]) -> None:
    """The same in gunicorn's own file; with workers for ASGI there is nothing to lose."""
    found = findings_in(write_sources(tmp_path, {"gunicorn.conf.py": text}))
    assert [each.place.line for each in found if each.rule == "HM408"] == lines


@pytest.mark.parametrize(("value", "found"), [("/shop", True), (None, False), ("", False)])
def test_script_names(tmp_path: Path, value: str | None, found: bool) -> None:
    """Only a name that is set makes a difference."""
    findings = findings_in(write_sources(tmp_path, {}), Facts(settings={"FORCE_SCRIPT_NAME": value}))
    assert [each.rule for each in findings] == (["HM404"] if found else [])


def test_middleware_of_others_that_chooses_urls(tmp_path: Path) -> None:
    """Found by its code, at its line in the settings; the project's own is found by reading."""
    sources = write_sources(
        tmp_path,
        {
            "shop/settings.py": 'MIDDLEWARE = [\n    "lib.Hosts",\n    "shop.middleware.Hosts",\n]\n',
            "shop/middleware.py": "class Hosts:\n    def f(self, request):\n        request.urlconf = 'a'\n",
        },
    )
    theirs = MiddlewareFact(
        "lib.Hosts", Where("/lib/a.py", 1), sets_urlconf=True, async_capable=True, becomes_async=True
    )
    ours = replace(theirs, path="shop.middleware.Hosts", where=Where(str(tmp_path / "shop/middleware.py"), 1))
    found = findings_in(sources, Facts(settings_module="shop.settings", middleware=(theirs, ours)))
    assert rules_at(found) == [("HM411", "shop/middleware.py", 3), ("HM411", "shop/settings.py", 2)]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"tests/test_a.py": "from django.test import Client\n\nclient = Client()\n"}, True),
        (
            {
                "tests/test_a.py": "from django.test import Client\n\nclient = Client()\n",
                "tests/test_b.py": "from django.test import AsyncClient\n",
            },
            False,
        ),
        ({"tests/test_a.py": "class A:\n    def f(self):\n        self.client.get('/')\n"}, False),
        ({"shop/a.py": "from django.test import Client\n\nclient = Client()\n"}, False),
        ({}, False),
    ],
)
def test_tests(tmp_path: Path, files: dict[str, str], found: bool) -> None:
    """One test that comes near ASGI is enough; a client of something else is none."""
    findings = findings_in(write_sources(tmp_path, files))
    assert [each.rule for each in findings] == (["HM412"] if found else [])


@pytest.mark.parametrize(
    ("apps", "versions", "found"),
    [
        ({"daphne": "/lib/daphne"}, {}, True),
        ({"debug_toolbar": "/lib"}, {"django-debug-toolbar": "4.4.6"}, True),
        ({"debug_toolbar": "/lib"}, {"django-debug-toolbar": "5.0"}, False),
        ({"debug_toolbar": "/lib"}, {"django-debug-toolbar": "10.1"}, False),
        ({"shop": "/srv/shop"}, {"django-debug-toolbar": "4.4.6"}, False),
    ],
)
def test_tools(tmp_path: Path, apps: dict[str, str], versions: dict[str, str], found: bool) -> None:
    """By what is installed and in INSTALLED_APPS."""
    findings = findings_in(write_sources(tmp_path, {}), Facts(apps=apps, versions=versions))
    assert [each.rule for each in findings] == (["HM415"] if found else [])
    assert {each.seen for each in findings} <= {Seen.IMPORT}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("await order.asave()\n    await order.adelete()", True),
        ("await sync_to_async(order.save)()\n    await asyncio.to_thread(order.delete)", True),
        ("await client.post('/a')\n    await order.asave()", True),
        ("await order.asave()\n    await order.arefresh_from_db()", False),
        ("await asyncio.shield(order.asave())\n    await asyncio.shield(order.adelete())", False),
    ],
)
def test_writes_between_which_a_client_may_leave(tmp_path: Path, body: str, found: bool) -> None:
    """Two writes that are awaited; what is shielded is written whatever happens."""
    text = "import asyncio\nfrom asgiref.sync import sync_to_async\n"
    text += f"async def view(request, order, client):\n    {body}\n"
    findings = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert [each.rule for each in findings] == (["HM402"] if found else [])
