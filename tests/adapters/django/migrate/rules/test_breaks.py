"""What the planted project cannot show of the rules that break: other projects, and facts alone."""

from dataclasses import replace
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.checks import without_duplicates
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level, Seen
from hybrid.adapters.django.migrate.project.facts import (
    ApplicationFact,
    Facts,
    MiddlewareFact,
    ReceiverFact,
    RouteFact,
    Where,
)
from hybrid.adapters.django.migrate.source.sources import Sources
from tests.support.sources import findings_in, rules_at, write_sources

WSGI = "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n"
ASGI = WSGI.replace("wsgi", "asgi")


@pytest.fixture
def nothing(tmp_path: Path) -> Sources:
    """Give the sources of a project without any."""
    return write_sources(tmp_path, {})


def only(findings: list[Finding]) -> Finding:
    """Return the one finding that there is."""
    (found,) = findings
    return found


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"shop/wsgi.py": WSGI}, [("HM115", "shop/wsgi.py", 1)]),
        ({"shop/wsgi.py": WSGI, "shop/asgi.py": ASGI}, []),
        ({"shop/wsgi.py": WSGI, "shop/routing.py": ASGI}, []),
        ({"shop/wsgi.py": WSGI, "shop/asgi.py": "broken(\n"}, []),
        ({"tests/wsgi.py": WSGI}, []),
        ({"shop/handlers.py": WSGI}, []),
    ],
)
def test_asgi_file_missing(tmp_path: Path, files: dict[str, str], found: list[object]) -> None:
    """There is a wsgi.py, and nothing calls get_asgi_application()."""
    assert rules_at(findings_in(write_sources(tmp_path, files))) == found


@pytest.mark.parametrize(
    ("protocols", "lines"),
    [
        ('{"https": django}', [6]),
        ('{"http": django, "ws": None}', [6]),
        ('{"http": django, "websocket": None}', []),
        ('{"lifespan": django}', [6]),
        ('{"lifespan": get_asgi_application()}', [6]),
        ('{"lifespan": starting}', []),
    ],
)
def test_protocols(tmp_path: Path, protocols: str, lines: list[int]) -> None:
    """What no server sends, and a lifespan that Django is given."""
    text = f"""\
        from channels.routing import ProtocolTypeRouter
        from django.core.asgi import get_asgi_application

        django = get_asgi_application()

        application = ProtocolTypeRouter({protocols})
        """
    found = findings_in(write_sources(tmp_path, {"asgi.py": text}))
    assert [each.place.line for each in found if each.rule == "HM115" and each.level is Level.ERROR] == lines


@pytest.mark.parametrize(
    ("before", "lines"),
    [
        ("import shop.models", [1]),
        ("from shop import models", [1]),
        ("from shop import consumers", [1]),
        ("from shop import lazy", []),
        ("from shop import typed", []),
        ("from django.contrib.auth.models import User", [1]),
        ("import os", []),
        ("import django; django.setup()\nimport shop.models", []),
    ],
)
def test_imported_too_early(tmp_path: Path, before: str, lines: list[int]) -> None:
    """Whatever comes to a model when it is imported, before Django is set up."""
    files = {
        "asgi.py": f"{before}\n{ASGI}",
        "shop/models.py": "from django.db import models\n\nclass Order(models.Model): ...\n",
        "shop/consumers.py": "from django.contrib.auth import get_user_model\n\nUser = get_user_model()\n",
        "shop/lazy.py": "def f():\n    from shop import models\n",
        "shop/typed.py": "import typing\n\nif typing.TYPE_CHECKING:\n    from shop import models\n",
    }
    found = findings_in(write_sources(tmp_path, files))
    assert [each.place.line for each in found if each.rule == "HM115"] == lines


@pytest.mark.parametrize(
    ("file", "found"),
    [("shop/settings.py", True), ("shop/management/commands/x.py", False), ("manage.py", False)],
)
def test_unsafe_access(tmp_path: Path, file: str, found: bool) -> None:
    """The switch is a fault where a server may come by, and not in a command."""
    text = 'import os\n\nos.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")\n'
    assert bool(findings_in(write_sources(tmp_path, {file: text}))) is found


RESTORES = """\
import os

def unsafely(function):
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    try:
        return function()
    finally:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before
"""


def test_unsafe_access_for_a_while(tmp_path: Path) -> None:
    """Where the switch gets back what it had, only what came before that is a fault."""
    found = findings_in(write_sources(tmp_path, {"shop/columns.py": RESTORES}))
    assert rules_at(found) == [("HM115", "shop/columns.py", 5)]


def test_templates_of_projects(tmp_path: Path) -> None:
    """What `startproject` makes a project of, with names yet to be filled in, is none."""
    text = WSGI.replace(
        "\n\n", '\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "{{ project_name }}.settings")\n'
    )
    files = {"shop/project_template/project_name/wsgi.py": f"import os\n{text}"}
    assert findings_in(write_sources(tmp_path, files)) == []


LOOP = "import asyncio\n\ndef work({0}):\n    asyncio.get_event_loop().run_until_complete(fetch())\n"


@pytest.mark.parametrize(
    ("file", "argument", "level"),
    [
        ("shop/views.py", "request", Level.ERROR),
        ("shop/services.py", "number", Level.WARNING),
        ("shop/management/commands/repair.py", "request", Level.WARNING),
    ],
)
def test_loops_outside_of_views(tmp_path: Path, file: str, argument: str, level: Level) -> None:
    """A command, and a task that a queue's worker runs, have the main thread, where older Pythons make a
    loop for whoever asks: outside of views it is not known.
    """
    found = only(findings_in(write_sources(tmp_path, {file: LOOP.format(argument)})))
    assert (found.rule, found.level) == ("HM113", level)


NO_INIT = """\
from django.utils.deprecation import MiddlewareMixin

class Base(MiddlewareMixin):
    def __init__(self, get_response):
        self.get_response = get_response

class Stamp(Base):
    pass
"""


@pytest.mark.parametrize("name", ["Base", "Stamp"])
def test_one_finding_of_one_init(tmp_path: Path, name: str) -> None:
    """Reading and importing tell of the same ``__init__``, inherited or not: it is one finding."""
    sources = write_sources(tmp_path, {"shop/middleware.py": NO_INIT})
    where = Where(str(tmp_path / "shop/middleware.py"), 3 if name == "Base" else 7)
    fact = MiddlewareFact(
        f"shop.middleware.{name}", where, is_mixin=True, async_capable=True, calls_super_init=False
    )
    found = without_duplicates(findings_in(sources, Facts(middleware=(fact,))))
    assert rules_at(each for each in found if each.rule == "HM104") == [("HM104", "shop/middleware.py", 4)]


@pytest.mark.parametrize(
    ("name", "line", "found"),
    [
        ("Dockerfile", 'CMD ["gunicorn", "-k", "gevent", "shop.wsgi"]', True),
        ("docker-compose.yml", "    command: gunicorn --worker-class=eventlet shop.wsgi", True),
        ("docker-compose.override.yaml", "    command: gunicorn -k gevent shop.wsgi", True),
        ("shop.service", "ExecStart=/srv/shop/bin/gunicorn -k gevent shop.wsgi", True),
        ("Procfile", "web: gunicorn shop.wsgi", False),
        ("Procfile", "# web: gunicorn -k gevent shop.wsgi", False),
        ("notes.txt", "gunicorn -k gevent", False),
    ],
)
def test_how_it_is_served(tmp_path: Path, name: str, line: str, found: bool) -> None:
    """The files beside a project that start gunicorn say with which workers."""
    (tmp_path / name).write_text(f"\n{line}\n")
    findings = findings_in(write_sources(tmp_path, {}))
    assert rules_at(findings) == ([("HM112", name, 2)] if found else [])


@pytest.mark.parametrize(
    ("file", "text", "level"),
    [
        ("shop/patches.py", "def patch():\n    monkey.patch_all()\n", Level.NOTE),
        ("shop/patches.py", "def patch():\n    monkey.patch_all()\n\npatch()\n", Level.ERROR),
        ("shop/patches.py", "if OLD:\n    monkey.patch_all()\n", Level.ERROR),
        ("gunicorn.conf.py", "def post_fork(server, worker):\n    monkey.patch_all()\n", Level.ERROR),
    ],
    ids=["not called", "called", "condition", "hook of gunicorn"],
)
def test_patches_in_functions(tmp_path: Path, file: str, text: str, level: Level) -> None:
    """A function that nothing calls when its module is imported patches nothing: Celery has such, which
    patch its own workers when its command line says so.
    """
    found = only(findings_in(write_sources(tmp_path, {file: f"from gevent import monkey\n{text}"})))
    assert (found.rule, found.level) == ("HM112", level)


def test_patched_when_imported(nothing: Sources) -> None:
    """The facts say so."""
    found = only(findings_in(nothing, Facts(monkey="gevent")))
    assert (found.rule, found.seen, found.evidence.startswith("importing the project has gevent")) == (
        "HM112",
        Seen.IMPORT,
        True,
    )


def test_receivers(nothing: Sources) -> None:
    """Only those of request_started that need environ, wherever they come from."""
    receivers = (
        ReceiverFact("request_started", "shop.a", Where("/lib/a.py", 3), needs_environ=True),
        ReceiverFact("request_started", "shop.b"),
        ReceiverFact("request_finished", "shop.c", needs_environ=True),
    )
    found = only(findings_in(nothing, Facts(receivers=receivers)))
    assert (found.rule, found.place.file, found.place.line, found.place.symbol) == (
        "HM103",
        "/lib/a.py",
        3,
        "shop.a",
    )


OWN_CALL = MiddlewareFact(
    "lib.Own",
    Where("/lib/a.py", 3),
    is_mixin=True,
    async_capable=True,
    own_call=Where("/lib/a.py", 5),
    keeps_response=True,
)


@pytest.mark.parametrize(
    ("fact", "found"),
    [
        (OWN_CALL, True),
        (replace(OWN_CALL, async_capable=False), False),
        (replace(OWN_CALL, is_mixin=False), False),
        (replace(OWN_CALL, dual=True), False),
        (replace(OWN_CALL, call_is_async=True), False),
        (replace(OWN_CALL, keeps_response=False), False),
        (replace(OWN_CALL, own_call=None), False),
        (replace(OWN_CALL, own_call=None, calls_super_init=False), True),
    ],
)
def test_middleware_of_others(nothing: Sources, fact: MiddlewareFact, found: bool) -> None:
    """What is not in the project's source is judged by what its objects say."""
    findings = findings_in(nothing, Facts(middleware=(fact,)))
    assert [each.rule for each in findings if each.rule == "HM104"] == (["HM104"] if found else [])


@pytest.mark.parametrize(
    ("response", "found"), [("return response", False), ("return self.sign(response)", True)]
)
def test_middleware_of_others_is_read(nothing: Sources, tmp_path: Path, response: str, found: bool) -> None:
    """Where its source is, that tells whether it hands on what it is answered."""
    path = tmp_path / "lib.txt"
    path.write_text(
        "class Own:\n    def __call__(self, request):\n"
        f"        response = self.get_response(request)\n        {response}\n"
    )
    facts = Facts(middleware=(replace(OWN_CALL, own_call=Where(str(path), 2)),))
    assert [each.rule for each in findings_in(nothing, facts)] == (["HM104"] if found else [])


VIEW = RouteFact("a/", "a", "shop.a", Where("/srv/a.py", 3), is_async=True, inner_is_async=True)


@pytest.mark.parametrize(
    ("databases", "route", "found"),
    [
        ({"default": {"ATOMIC_REQUESTS": True}}, VIEW, True),
        ({"default": {"ATOMIC_REQUESTS": False}}, VIEW, False),
        ({"default": {}, "old": {"ATOMIC_REQUESTS": True}}, VIEW, True),
        ({"old": {"ATOMIC_REQUESTS": True}}, replace(VIEW, non_atomic=("old",)), False),
        ({"old": {"ATOMIC_REQUESTS": True}}, replace(VIEW, non_atomic=("default",)), True),
        ({"default": {"ATOMIC_REQUESTS": True}}, replace(VIEW, is_async=False, inner_is_async=False), False),
    ],
)
def test_atomic_requests(
    nothing: Sources, databases: dict[str, object], route: RouteFact, found: bool
) -> None:
    """An asynchronous view is refused for any database that the view has not been taken out of."""
    facts = Facts(settings={"DATABASES": databases}, routes=(route,))
    assert [each.rule for each in findings_in(nothing, facts)] == (["HM106"] if found else [])


@pytest.mark.parametrize(
    ("route", "rules"),
    [
        (replace(VIEW, error="HTTP handlers must either be all sync or all async."), ["HM108"]),
        (replace(VIEW, is_async=False, decorators=("lib.stamped",)), ["HM105"]),
        (replace(VIEW, is_async=False, decorators=("asgiref.sync.async_to_sync",)), []),
        (replace(VIEW, handlers={"get": True}, bases=("a.A", "rest_framework.views.APIView")), ["HM110"]),
        (replace(VIEW, handlers={"get": False}, bases=("a.A", "rest_framework.views.APIView")), []),
        (
            replace(
                VIEW, handlers={"get": True}, bases=("adrf.views.APIView", "rest_framework.views.APIView")
            ),
            [],
        ),
    ],
)
def test_views_of_others(nothing: Sources, route: RouteFact, rules: list[str]) -> None:
    """Each view once, however many routes lead to it."""
    facts = Facts(routes=(route, replace(route, pattern="b/")))
    assert [each.rule for each in findings_in(nothing, facts)] == rules


@pytest.mark.parametrize(
    ("wsgi", "asgi", "missing"),
    [
        (("a.SentryWsgiMiddleware",), ("b.SentryAsgiMiddleware",), []),
        (("a.Prefix", "a.Sentry"), ("a.Sentry",), ["a.Prefix"]),
        (("a.Prefix",), (), ["a.Prefix"]),
        ((), ("a.Prefix",), []),
    ],
)
def test_around_applications(
    nothing: Sources, wsgi: tuple[str, ...], asgi: tuple[str, ...], missing: list[str]
) -> None:
    """What is around WSGI alone; two of one name but for the kind are a pair."""
    handler = "django.core.handlers.wsgi.WSGIHandler"
    facts = Facts(
        wsgi=ApplicationFact("a.w", around=wsgi, handler=handler), asgi=ApplicationFact("a.a", around=asgi)
    )
    found = findings_in(nothing, facts)
    assert [each.evidence.partition(" ")[0] for each in found] == missing
    assert {each.rule for each in found} <= {"HM114"}


def test_a_handler_of_the_project(nothing: Sources) -> None:
    """A subclass of WSGIHandler has no twin."""
    facts = Facts(wsgi=ApplicationFact("a.w", handler="shop.Handler"), asgi=ApplicationFact("a.a"))
    found = only(findings_in(nothing, facts))
    assert (found.rule, found.confidence, "shop.Handler" in found.evidence) == (
        "HM114",
        Confidence.LIKELY,
        True,
    )


def test_without_an_asgi_application_there_is_nothing_to_compare(nothing: Sources) -> None:
    """That it is missing is said by another rule."""
    assert findings_in(nothing, Facts(wsgi=ApplicationFact("a.w", around=("a.Prefix",)))) == []


@pytest.mark.parametrize(
    "text",
    [
        "from django.http import HttpRequest\n\ndef f(req: 'HttpRequest'):\n    return req.environ\n",
        "def f(view):\n    return view.request.environ\n",
        "def f(context):\n    return context['request'].environ\n",
        "def f(self):\n    request = self.request\n    return request.environ\n",
        "def f(request):\n    return (lambda: request.environ)()\n",
    ],
)
def test_requests(tmp_path: Path, text: str) -> None:
    """By annotation, by attribute, in a context, under a local name, in a closure."""
    assert only(findings_in(write_sources(tmp_path, {"a.py": text}))).rule == "HM101"


@pytest.mark.parametrize(
    "text",
    [
        "from flask import request\n\ndef f():\n    return request.environ\n",
        "from werkzeug import Request\n\ndef f(request: Request):\n    return request.environ\n",
        "import requests\n\ndef f(request: requests.Request):\n    return request.environ\n",
        "def f():\n    request = make()\n    return request.environ\n",
        "import os as request\n\ndef f():\n    return request.environ\n",
        "def f(request):\n    if isinstance(request, WSGIRequest):\n        return request.environ\n",
        "def f(request):\n    return getattr(request, 'environ', None) and request.environ\n",
    ],
)
def test_no_requests(tmp_path: Path, text: str) -> None:
    """Of another framework or library, made by something unknown, or asked for first."""
    assert findings_in(write_sources(tmp_path, {"a.py": text})) == []


@pytest.mark.parametrize(
    ("base", "import_", "confidence"),
    [
        ("models.Model", "from django.db import models", Confidence.CERTAIN),
        ("Page", "from wagtail.models import Page", Confidence.LIKELY),
        ("Document", "from mongoengine import Document", None),
    ],
)
def test_models(tmp_path: Path, base: str, import_: str, confidence: Confidence | None) -> None:
    """A class is a model by what it is made of; other libraries have managers of the same name."""
    text = f"{import_}\n\nclass Order({base}): ...\n\nasync def f():\n    return Order.objects.get(pk=1)\n"
    found = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert [each.confidence for each in found] == ([confidence] if confidence else [])


def test_helpers_with_generators_inside(tmp_path: Path) -> None:
    """A function that has a generator in it is none itself: calling it runs its query."""
    text = """\
        from django.contrib.auth.models import User

        def names():
            def each():
                yield 3
            return User.objects.first(), each()

        def later():
            yield User.objects.first()

        async def f():
            return names(), later()
        """
    found = only(findings_in(write_sources(tmp_path, {"a.py": text})))
    assert (found.rule, "a.names() runs" in found.evidence) == ("HM107", True)


def test_consumers_have_a_rule_of_their_own(tmp_path: Path) -> None:
    """HM504, not HM107."""
    text = """\
        from channels.generic.websocket import AsyncWebsocketConsumer
        from django.contrib.auth.models import User

        def count():
            return User.objects.count()

        class Chat(AsyncWebsocketConsumer):
            async def connect(self):
                User.objects.get(pk=1)
                count()
        """
    found = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert [each for each in found if each.rule == "HM107"] == []


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ("loop = asyncio.get_event_loop()\n    return loop.run_until_complete(g())", Level.ERROR),
        ("return asyncio.get_event_loop().run_until_complete(g())", Level.ERROR),
        ("loop = asyncio.get_event_loop()\n    return loop.run_in_executor(None, g)", Level.WARNING),
        ("asyncio.set_event_loop(asyncio.new_event_loop())\n    return asyncio.get_event_loop()", None),
    ],
)
def test_loops(tmp_path: Path, body: str, level: Level | None) -> None:
    """Who runs the loop is where none runs; who does something else with it may be called by a coroutine."""
    text = f"import asyncio\n\ndef f(request):\n    {body}\n"
    found = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert [each.level for each in found] == ([level] if level else [])


def test_signing_in_within_a_coroutine(tmp_path: Path) -> None:
    """Users and sessions are in the database: as settings may say otherwise, that is likely alone."""
    code = """
        from django.contrib.auth import aauthenticate, alogin, authenticate, login


        async def sign_in(request):
            login(request, authenticate(request, username="a"))
            await alogin(request, await aauthenticate(request, username="a"))


        def sign_in_synchronously(request):
            login(request, authenticate(request, username="a"))
    """
    found = findings_in(write_sources(tmp_path, {"shop/views.py": code}))
    assert [(each.rule, each.place.line, each.confidence) for each in found] == [
        ("HM107", 6, Confidence.LIKELY),
        ("HM107", 6, Confidence.LIKELY),
    ]
    assert {each.fix.text for each in found} == {"await alogin(…)", "await aauthenticate(…)"}
