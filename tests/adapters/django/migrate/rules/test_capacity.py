"""What the planted project cannot show of the rules on capacity: other chains, settings, and code."""

from dataclasses import replace
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.findings import Confidence, Level
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact, RouteFact, Where
from hybrid.adapters.django.migrate.source.sources import Sources
from tests.support.sources import findings_in, rules_at, write_sources

MIXIN = MiddlewareFact(
    "lib.Mixin",
    is_mixin=True,
    async_capable=True,
    becomes_async=True,
    hooks={"process_request": False, "process_response": False},
)
OLD = MiddlewareFact("lib.Old")
VIEW = RouteFact("a/", view="shop.a", is_async=True)


@pytest.fixture
def nothing(tmp_path: Path) -> Sources:
    """Give the sources of a project without any."""
    return write_sources(tmp_path, {})


def test_hops_are_counted_for_the_whole_chain(nothing: Sources) -> None:
    """Two synchronous methods are two changes of thread, and the finding says of whom."""
    (found,) = findings_in(nothing, Facts(middleware=(MIXIN, replace(MIXIN, path="lib.Other"))))
    assert found.rule == "HM301"
    assert "Mixin 2, Other 2" in found.evidence


@pytest.mark.parametrize(
    "middleware",
    [(), (replace(MIXIN, hooks={}),), (replace(MIXIN, hooks={"process_request": True}),)],
)
def test_chains_without_hops(nothing: Sources, middleware: tuple[MiddlewareFact, ...]) -> None:
    """Nothing is said of a chain that costs nothing."""
    assert findings_in(nothing, Facts(middleware=middleware)) == []


@pytest.mark.parametrize(
    ("middleware", "said"),
    [
        ((OLD,), "each request goes to a thread for it"),
        ((MIXIN, OLD), "1 of the 1 around it is so too"),
        ((MIXIN, replace(MIXIN, path="lib.Other"), OLD), "2 of the 2 around it are so too"),
    ],
)
def test_synchronous_middleware(nothing: Sources, middleware: tuple[MiddlewareFact, ...], said: str) -> None:
    """The finding says how much of the chain it takes along."""
    found = [each for each in findings_in(nothing, Facts(middleware=middleware)) if each.rule == "HM302"]
    assert [(each.level, said in each.evidence) for each in found] == [(Level.NOTE, True)]


def test_synchronous_middleware_around_asynchronous_views(nothing: Sources) -> None:
    """Where a view is asynchronous it costs a thread, which is a warning."""
    found = findings_in(nothing, Facts(middleware=(OLD,), routes=(VIEW,)))
    assert [each.level for each in found if each.rule == "HM302"] == [Level.WARNING]


@pytest.mark.parametrize(
    "fact",
    [replace(OLD, used=False), replace(OLD, async_capable=True, becomes_async=True)],
)
def test_middleware_that_is_not_in_the_way(nothing: Sources, fact: MiddlewareFact) -> None:
    """One that is not used, or can be both."""
    assert findings_in(nothing, Facts(middleware=(fact,))) == []


def test_where_a_middleware_of_others_is_found(tmp_path: Path) -> None:
    """Its place is its line in the settings, because the project cannot change its source."""
    settings = 'MIDDLEWARE = [\n    "lib.Other",\n    "lib.Old",\n]\n'
    sources = write_sources(tmp_path, {"shop/settings.py": settings})
    facts = Facts(
        settings_module="shop.settings",
        middleware=(replace(OLD, distribution="lib", where=Where("/lib/old.py", 9)),),
    )
    found = [each for each in findings_in(sources, facts) if each.rule == "HM302"]
    assert rules_at(found) == [("HM302", "shop/settings.py", 3)]
    assert found[0].place.symbol == "MIDDLEWARE"


@pytest.mark.parametrize(
    ("database", "rules"),
    [
        ({"ENGINE": "django.db.backends.postgresql"}, ["HM303"]),
        ({"ENGINE": "django.contrib.gis.db.backends.postgis"}, ["HM303"]),
        ({"ENGINE": "django.db.backends.mysql"}, ["HM303"]),
        ({"ENGINE": "django.db.backends.postgresql", "OPTIONS": {"pool": True}}, []),
        ({"ENGINE": "dj_db_conn_pool.backends.postgresql"}, []),
        ({"ENGINE": "django.db.backends.sqlite3"}, []),
        ({"ENGINE": "django.db.backends.sqlite3", "CONN_MAX_AGE": 600}, ["HM304"]),
        ({"ENGINE": "django.db.backends.sqlite3", "CONN_MAX_AGE": None}, ["HM304"]),
        ({"ENGINE": "django.db.backends.sqlite3", "CONN_MAX_AGE": 0}, []),
    ],
)
def test_databases(nothing: Sources, database: dict[str, object], rules: list[str]) -> None:
    """Servers have a limit of connections; a pool keeps to it; an age keeps what nobody uses again."""
    found = findings_in(nothing, Facts(settings={"DATABASES": {"default": database}}))
    assert [each.rule for each in found] == rules


@pytest.mark.parametrize(
    ("backend", "found"),
    [
        ("django.core.cache.backends.redis.RedisCache", True),
        ("django.core.cache.backends.memcached.PyMemcacheCache", True),
        ("django_redis.cache.RedisCache", False),
        ("django.core.cache.backends.db.DatabaseCache", False),
    ],
)
def test_caches(nothing: Sources, backend: str, found: bool) -> None:
    """django-redis has its pools for the whole process; Django's own backends have one in each object."""
    findings = findings_in(nothing, Facts(settings={"CACHES": {"default": {"BACKEND": backend}}}))
    assert [each.rule for each in findings] == (["HM309"] if found else [])


def test_whitenoise(tmp_path: Path) -> None:
    """Its files are iterators that Django collects on ASGI."""
    path = "whitenoise.middleware.WhiteNoiseMiddleware"
    facts = Facts(middleware=(MiddlewareFact(path, async_capable=True, becomes_async=True),))
    assert [each.rule for each in findings_in(write_sources(tmp_path, {}), facts)] == ["HM305"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("self.rows()", "HM305"),
        ("self.later()", "HM306"),
        ("self.unknown()", None),
        ("iter([b'1'])", None),
        ("iter(rows)", "HM305"),
        ("requests.get('a', stream=True).iter_content(8)", "HM305"),
        ("queryset.iterator()", "HM305"),
        ("content", None),
        ("()", None),
        ("content=rows", None),
    ],
)
def test_streams(tmp_path: Path, content: str, rule: str | None) -> None:
    """By what a generator function is, and by methods that give iterators; what is unknown is left alone."""
    text = f"""\
        import requests
        from django.http import StreamingHttpResponse

        class View:
            def rows(self):
                yield b"1"

            async def later(self):
                yield b"1"

            def get(self, request, queryset, rows):
                return StreamingHttpResponse({content})
        """
    found = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert [each.rule for each in found] == ([rule] if rule else [])


def test_files_of_unknown_kind_are_possible(tmp_path: Path) -> None:
    """FileResponse is nearly always given a file, and now and then what is in memory."""
    text = "from django.http import FileResponse\n\ndef f(request, thing):\n    return FileResponse(thing)\n"
    found = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert [(each.rule, each.confidence) for each in found] == [("HM305", Confidence.POSSIBLE)]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("boto3.client('s3')", True),
        ("s3.get_object()", True),
        ("s3.close()", False),
        ("redis.from_url('redis://').get('a')", True),
        ("psycopg2.connect('')", True),
        ("Image.open('a').save('b')", True),
        ("socket.gethostbyname('a')", True),
        ("other.get('a')", False),
        ("await redis.from_url('redis://').get('a')", False),
    ],
)
def test_libraries_that_block(tmp_path: Path, line: str, found: bool) -> None:
    """Functions by name, and methods of objects whose class is known."""
    text = f"""\
        import boto3, psycopg2, redis, socket
        from PIL import Image

        s3 = boto3.client("s3")

        async def f(other):
            {line}
        """
    findings = findings_in(write_sources(tmp_path, {"a.py": text}))
    assert bool(findings) is found
    assert {each.rule for each in findings} <= {"HM307"}


def test_names_of_both_kinds_do_not_block(tmp_path: Path) -> None:
    """A name that may stand for something else is left alone."""
    text = """\
        import httpx

        async def f(client=None):
            client = client or httpx.Client()
            client.get("a")

        async def g(given):
            client = given
            if given is None:
                client = httpx.Client()
            client.get("a")
        """
    assert findings_in(write_sources(tmp_path, {"a.py": text})) == []


def test_commands_are_not_served(tmp_path: Path) -> None:
    """A management command may run a loop as it likes."""
    text = "from asgiref.sync import async_to_sync\n\ndef handle(f):\n    async_to_sync(f)()\n"
    files = {"shop/management/commands/a.py": text, "shop/b.py": text}
    assert rules_at(findings_in(write_sources(tmp_path, files))) == [("HM308", "shop/b.py", 4)]
