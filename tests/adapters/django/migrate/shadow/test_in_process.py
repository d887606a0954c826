"""Requests through both lanes of a real project, and nothing that they leave behind."""

import json
import os
import subprocess
import sys
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.shadow.elsewhere import Elsewhere, Settings
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.adapters.django.migrate.shadow.in_process import UnsafeRequest
from hybrid.bridge.errors import LoadError
from tests.support.needs import require_module
from tests.support.process import DEADLINE
from tests.support.till import PROJECT, Till
from tests.support.waiting import until

require_module("django")
require_module("celery")

#: Seconds that views without an end are given.
MOMENT = 0.3
UNTOUCHED = ["1 cached", ""]


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Till:
    """The project's data."""
    return Till(tmp_path_factory.mktemp("till"))


def lanes_of(till: Till, **said: object) -> Elsewhere:
    """Return what runs requests of the project; a limit of a few seconds, as machines can be slow."""
    return Elsewhere(Settings(directory=str(PROJECT), **{"limit": 20.0, **said}))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lanes(till: Till) -> Generator[Elsewhere]:
    """Both lanes, for all tests that none of them is stuck after."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in till.environment.items():
            patch.setenv(name, value)
        with lanes_of(till) as found:
            yield found


@pytest.fixture(params=["wsgi", "asgi"])
def lane(request: pytest.FixtureRequest) -> str:
    """Each lane."""
    name: str = request.param
    return name


def get(lanes: Elsewhere, lane: str, path: str, **said: object) -> Outcome:
    """Ask for a page."""
    return lanes.run(Request("GET", path, **said), lane)  # type: ignore[arg-type]


def body(outcome: Outcome) -> object:
    """Return the body, read as JSON."""
    return json.loads(outcome.body)


def test_an_answer(lanes: Elsewhere, lane: str) -> None:
    """Status, fields and body are those of the lane's application, with what the project has around it."""
    outcome = get(lanes, lane, "/")
    assert (outcome.lane, outcome.status, outcome.body, outcome.size) == (lane, 200, b"till", 4)
    assert outcome.complete
    assert len(outcome.chunks) == 1
    assert 0 < outcome.first_byte == outcome.chunks[0]
    assert dict(outcome.headers).get("x-around") == ("wsgi" if lane == "wsgi" else None)
    assert outcome.queries == outcome.warnings == outcome.sent == outcome.notes == ()
    assert outcome.exception == ""


def test_what_the_view_gets(lanes: Elsewhere, lane: str) -> None:
    """The host is one that the project allows; path, query and body come as they were sent."""
    request = Request("POST", "/echoes/?a=%C3%A9&b", body=b"penny")
    assert body(lanes.run(request, lane, unsafe=True)) == {
        "method": "POST",
        "body": "penny",
        "host": "till.example",
        "query": "a=%C3%A9&b=",
        "path": "/echoes/",
    }


def test_head(lanes: Elsewhere, lane: str) -> None:
    """A response to HEAD has no body, whatever the view has written."""
    outcome = lanes.run(Request("HEAD", "/"), lane)
    assert (outcome.status, outcome.body, outcome.size, outcome.chunks) == (200, b"", 0, ())


def test_methods_that_change_something(lanes: Elsewhere) -> None:
    """They are refused, unless somebody says otherwise."""
    with pytest.raises(UnsafeRequest, match=r"^POST /echoes/ may change something"):
        lanes.run(Request("POST", "/echoes/"), "wsgi")


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/writes/", ["penny"]),
        ("/writes_async/", ["penny"]),
        ("/writes_twice/", ["penny", "groat"]),
        ("/closes/", ["penny"]),
        ("/closes_within/", ["ProgrammingError"]),
        ("/fails_once/", ["groat", "penny"]),
        ("/gives_up/", ["groat"]),
        ("/manages/", ["groat"]),
        ("/knows_transactions/", [False, True, True, False]),
        ("/locks/", []),
        ("/iterates/", [f"coin {number}" for number in range(5)]),
        ("/on_a_thread/", []),
        ("/commits/", ["GuardError", "GuardError", "DatabaseError", "DatabaseError"]),
    ],
    ids=lambda each: each.strip("/") if isinstance(each, str) else "answer",
)
def test_databases_stay_as_they_are(
    lanes: Elsewhere, till: Till, lane: str, path: str, answer: list[object]
) -> None:
    """A view sees what it has written, as in production, and nobody else ever does."""
    for _ in range(2):
        outcome = get(lanes, lane, path)
        assert (outcome.status, outcome.exception) == (200, "")
        assert body(outcome) == answer
        assert till.rows() == 0


def test_a_view_that_fails(lanes: Elsewhere, till: Till, lane: str) -> None:
    """The exception is told, also what is logged of it, and what was written is gone."""
    outcome = get(lanes, lane, "/writes_and_fails/")
    assert outcome.status == 500
    assert outcome.exception == "ValueError: no change"
    assert outcome.warnings == ("django.request: Internal Server Error: /writes_and_fails/",)
    assert till.rows() == 0


def test_what_django_refuses_on_a_loop(lanes: Elsewhere, lane: str) -> None:
    """A coroutine that asks the database by a function fails as in production."""
    assert get(lanes, lane, "/waits/").exception.startswith("SynchronousOnlyOperation: ")


def test_an_exception_that_is_answered(lanes: Elsewhere, lane: str) -> None:
    """What a middleware makes an answer of is none."""
    outcome = get(lanes, lane, "/handled/")
    assert (outcome.status, outcome.exception) == (404, "")


def test_queries(lanes: Elsewhere, lane: str) -> None:
    """They come in order, each with its database; transactions and savepoints are among them."""
    queries = get(lanes, lane, "/writes_twice/").queries
    assert queries is not None
    assert [each.split("(")[0].split("VALUES")[0].strip() for each in queries][:8] == [
        "default: BEGIN",
        "archive: BEGIN",
        'default: INSERT INTO "till_coin"',
        'archive: INSERT INTO "till_coin"',
        'default: SAVEPOINT "s_x1"',
        'default: INSERT INTO "till_coin"',
        'default: ROLLBACK TO SAVEPOINT "s_x1"',
        'default: RELEASE SAVEPOINT "s_x1"',
    ]
    assert queries[8:10] == ("archive: COMMIT", "default: COMMIT")


def test_what_ends_transactions(lanes: Elsewhere, lane: str) -> None:
    """That it was refused is noted."""
    assert get(lanes, lane, "/commits/").notes == (
        "default: COMMIT was refused, as it could not be undone",
        "default: ROLLBACK was refused, as it could not be undone",
    )


def test_connections_on_several_threads(lanes: Elsewhere, lane: str) -> None:
    """That a thread of the project's own has had another transaction is noted."""
    (note,) = get(lanes, lane, "/on_a_thread/").notes
    assert note.startswith("default: 2 connections, on ")
    assert "till-thread: each was in a transaction of its own" in note


def test_mail(lanes: Elsewhere, till: Till, lane: str) -> None:
    """None goes out, by whatever backend, and each message is a line."""
    assert get(lanes, lane, "/mails/").sent == (
        "mail to a@till.example, b@till.example: 'Till', 8 characters",
        "mail to c@till.example: 'Again', 5 characters",
        "mail to d@till.example: 'Own', 0 characters",
        "mail to e@till.example: 'Filed', 0 characters",
    )
    assert till.left() == UNTOUCHED


def test_tasks(lanes: Elsewhere, lane: str) -> None:
    """No broker is asked, and each task is a line; who sends it has its number."""
    outcome = get(lanes, lane, "/tasks/")
    assert (outcome.exception, body(outcome)) == ("", [True, True])
    assert outcome.sent == (
        "task till.count(1)",
        "task till.count(2, of='notes')",
        "task till.elsewhere(a=1)",
        "task till.count(3)",
        "task till.count(4)",
        "task till.count(5)",
        "task till.count(6)",
        "task till.total, after these, with their results()",
    )


def test_tasks_of_django(lanes: Elsewhere, lane: str) -> None:
    """So it is with those that Django has from 6.0 on."""
    if find_spec("django.tasks") is None:
        pytest.skip("this Django has no tasks")
    outcome = get(lanes, lane, "/own_tasks/")
    assert (outcome.exception, body(outcome)) == ("", ["READY", "READY"])
    assert outcome.sent == (
        "task till.own_tasks.weigh('penny')",
        "task till.own_tasks.weigh('groat', times=2)",
    )


def test_a_broker_that_is_asked(lanes: Elsewhere, lane: str) -> None:
    """Anything else of Celery that needs it fails."""
    outcome = get(lanes, lane, "/asks_broker/")
    assert outcome.status == 500
    assert "a broker was to be asked" in outcome.exception


def test_messages(lanes: Elsewhere, lane: str) -> None:
    """What is sent to a channel layer is a line."""
    assert get(lanes, lane, "/messages/").sent == (
        "message on the layer 'default' to channel till: {'type': 'ring'}",
        "message on the layer 'default' to group tills: {'type': 'ring', 'times': 2}",
    )


def test_hooks(lanes: Elsewhere, till: Till, lane: str) -> None:
    """What waits for a commit is told where Django would do it, and not done."""
    assert get(lanes, lane, "/on_commit/").sent == ("on commit: till.views.after",) * 2
    assert till.left() == UNTOUCHED


def test_caches(lanes: Elsewhere, till: Till, lane: str) -> None:
    """A run reads what there is and what it has written itself; the next one begins as it did."""
    for _ in range(2):
        assert get(lanes, lane, "/counts/").body == b"1 {'visits': 1, 'before': 'kept'}"
    assert till.left() == UNTOUCHED


def test_a_cache_that_keeps_nothing(lanes: Elsewhere, lane: str) -> None:
    """It stays so: what a request writes to it is not there afterwards, and need not be of a kind."""
    outcome = get(lanes, lane, "/forgets/")
    assert (outcome.exception, outcome.body) == ("", b"[null]")


def test_logs(lanes: Elsewhere, till: Till, lane: str) -> None:
    """Warnings are told, of loggers that do not propagate too, and no handler gets anything."""
    assert get(lanes, lane, "/logs/").warnings == ("till: the till has 3 coins",)
    assert till.left() == UNTOUCHED


@pytest.mark.parametrize("path", ["/streams/", "/streams_async/"], ids=["iterator", "asynchronous"])
def test_streams(lanes: Elsewhere, lane: str, path: str) -> None:
    """Each piece that the application gives has its time."""
    outcome = get(lanes, lane, path)
    assert (outcome.body, outcome.size, len(outcome.chunks)) == (b"one two three", 13, 3)
    assert list(outcome.chunks) == sorted(outcome.chunks)
    assert (outcome.complete, outcome.notes) == (True, ())


def test_a_stream_that_breaks_off(lanes: Elsewhere, lane: str) -> None:
    """It is not complete, and has its exception."""
    outcome = get(lanes, lane, "/breaks_off/")
    assert (outcome.status, outcome.body, outcome.complete) == (200, b"one ", False)
    assert outcome.exception == "ValueError: the rest is missing"


def test_what_is_done_after_the_answer(lanes: Elsewhere, till: Till, lane: str) -> None:
    """What a response does when it is closed belongs to its run."""
    outcome = get(lanes, lane, "/leaves_late/")
    assert outcome.warnings == ("till: 1 coins when the answer is gone",)
    assert outcome.notes == ()
    assert till.rows() == 0


def test_a_large_file(lanes: Elsewhere, lane: str) -> None:
    """All of it is counted, and the beginning is kept."""
    outcome = get(lanes, lane, "/sends_file/")
    assert (outcome.size, len(outcome.body), outcome.complete) == (2_000_000, 1024 * 1024, True)


def test_routes_without_arguments(lanes: Elsewhere) -> None:
    """Each has a request with the name of its view; those with arguments have none."""
    found = lanes.routes_without_arguments(exclude=["/never*", "/w*"])
    assert all(each.method == "GET" and not each.headers for each in found)
    named = {each.target: each.view for each in found}
    assert named["/"] == "home"
    assert named["/deep/er/"] == "deep:er"
    assert named["/old/"] == "till.views.home"
    assert not [path for path in named if path.startswith(("/never", "/w", "/coins"))]


def test_views_of_paths(lanes: Elsewhere) -> None:
    """Routes with arguments have views too; nothing has none."""
    said = [lanes.view_of(target) for target in ("/coins/3/?a=1", "/x/old", "/nowhere")]
    assert said == ["coin", "till.views.home", None]


def test_a_process_that_is_killed(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is the outcome of the request, and the next one has a new process."""
    for name, value in till.environment.items():
        monkeypatch.setenv(name, value)
    with lanes_of(till) as lanes:
        outcome = get(lanes, "wsgi", "/kills/")
        assert (outcome.status, outcome.complete) == (0, False)
        assert outcome.exception == "the process of the project was ended by SIGSEGV"
        assert get(lanes, "wsgi", "/").body == b"till"


@pytest.fixture(scope="module")
def signed_in(till: Till) -> Generator[Elsewhere]:
    """Both lanes, with a user for all requests."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in till.environment.items():
            patch.setenv(name, value)
        with lanes_of(till, user="ada") as found:
            yield found


def test_a_user(signed_in: Elsewhere, till: Till, lane: str) -> None:
    """The view sees the user; the session is nowhere afterwards, and making it is no query of the view's."""
    outcome = get(signed_in, lane, "/who/", headers=(("cookie", "a=b; sessionid=old"),))
    assert (outcome.body, outcome.exception) == (b"ada", "")
    assert outcome.queries is not None
    assert "django_session" not in outcome.queries[0]
    assert till.rows("django_session") == 0
    assert till.left() == UNTOUCHED


def test_a_user_of_an_application_of_its_own(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cookies that the request has by itself are no hindrance under Django's own handler either."""
    for name, value in till.environment.items():
        monkeypatch.setenv(name, value)
    with lanes_of(till, user="ada", asgi="till.asgi:around") as lanes:
        outcome = get(lanes, "asgi", "/who/", headers=(("cookie", "a=b; sessionid=old"),))
    assert outcome.body == b"ada"


def test_a_user_that_there_is_not(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said before anything is asked."""
    for name, value in till.environment.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(LoadError, match=r"there is no user 'bob' \(by username\)"),
        lanes_of(till, user="bob"),
    ):
        pass


@pytest.fixture(scope="module")
def others(till: Till) -> Generator[Elsewhere]:
    """Both lanes, in a process of which much is stuck soon."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in till.environment.items():
            patch.setenv(name, value)
        with lanes_of(till) as found:
            yield found


class TestWithoutEnd:
    """Views that go on for ever, each cut off after a moment, and what comes after them."""

    @pytest.fixture(autouse=True)
    def tidy(self, till: Till) -> Generator[None]:
        """Leave no file to the next test, and nothing that waits for one."""
        yield
        (till.folder / "stop").touch()
        for name in ("stop", "late"):
            (till.folder / name).unlink(missing_ok=True)

    def cut_off(self, others: Elsewhere, lane: str, path: str, limit: float = MOMENT) -> Outcome:
        """Ask for a page that has no end."""
        outcome = others.run(Request("GET", path), lane, limit=limit)
        assert not outcome.complete
        assert f"it had not ended after {limit:g} s, when the client left" in outcome.notes
        return outcome

    def test_a_coroutine(self, others: Elsewhere, till: Till, lane: str) -> None:
        """There is no answer; what was written is gone at once, and the next request is as any other."""
        assert self.cut_off(others, lane, "/never_ends_async/").status == 0
        assert till.rows() == 0
        assert body(get(others, lane, "/writes/")) == ["penny"]

    def test_a_thread(self, others: Elsewhere, till: Till, lane: str) -> None:
        """So it is with a view on a thread, which has no part in the database any more when it goes on."""
        assert self.cut_off(others, lane, "/never_ends/").status == 0
        assert till.rows() == 0
        assert body(get(others, lane, "/writes/")) == ["penny"]
        (till.folder / "stop").touch()
        until((till.folder / "late").exists)
        assert (till.folder / "late").read_text() == "GuardError"
        assert till.rows() == 0

    def test_a_loop_that_is_held(self, others: Elsewhere) -> None:
        """It is left behind, and the next request has another."""
        assert self.cut_off(others, "asgi", "/holds_the_loop/").status == 0
        assert get(others, "asgi", "/").body == b"till"

    def test_a_stream(self, others: Elsewhere, lane: str) -> None:
        """Its beginning is there."""
        outcome = self.cut_off(others, lane, "/streams_async/?endless", limit=3.0)  # in which it begins
        assert outcome.status == 200
        assert outcome.body.startswith(b"one two three..")


def test_an_application_of_its_own(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """The asgi lane is the application that is named, with what is around it. One that fails is answered in
    its place, as by a server. Sessions in files are not written.
    """
    for name, value in {**till.environment, "TILL_SESSIONS": "django.contrib.sessions.backends.file"}.items():
        monkeypatch.setenv(name, value)
    with lanes_of(till, asgi="till.asgi:around") as lanes:
        outcome = get(lanes, "asgi", "/who/")
        failed = get(lanes, "asgi", "/outside/")
    assert (outcome.body, dict(outcome.headers)["x-around"]) == (b"AnonymousUser", "asgi")
    assert outcome.notes == ("a session in a file was not saved",)
    assert (failed.status, failed.body) == (500, b"Internal Server Error")
    assert failed.exception == "ValueError: no answer"
    assert till.left() == UNTOUCHED


def test_a_database_that_rolls_nothing_back(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything is asked."""
    for name, value in {**till.environment, "TILL_ARCHIVE": "till.keeping"}.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(LoadError, match=r"the database 'archive' \(till.keeping\) does not roll back"),
        lanes_of(till),
    ):
        pass


AFTERWARDS = """
import os, sys
import django
django.setup()
from till.models import Coin
from django.core.cache import cache
print(Coin.objects.count(), end=" ")
from hybrid.adapters.django.migrate.shadow.exchanges import Request
from hybrid.adapters.django.migrate.shadow.in_process import InProcess
with InProcess("till.settings") as lanes:
    print(lanes.run(Request("GET", "/writes/"), "wsgi").body.decode(), end=" ")
    Coin.objects.create(name="inside")
    print(lanes.run(Request("GET", "/writes/"), "asgi").body.decode(), end=" ")
    print(Coin.objects.count(), lanes.is_stuck, end=" ")
coin = Coin.objects.create(name="after")
print(Coin.objects.count(), end=" ")
"""


def test_before_and_afterwards(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process that has used the project before, connections that there are get guarded too; afterwards
    they do what they did.
    """
    env = {**os.environ, **till.environment, "DJANGO_SETTINGS_MODULE": "till.settings"}
    done = subprocess.run(
        [sys.executable, "-c", AFTERWARDS],
        check=False,
        env=env,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert done.stdout == '0 ["penny"] ["penny"] 0 False 1 ', done.stderr
    assert till.rows() == 1
    till.empty()


def test_settings_that_are_not_there(tmp_path: Path) -> None:
    """The error is the project's, in one line."""
    with (
        pytest.raises(
            LoadError, match=r"^\"nowhere.settings\": setting up the project failed: ModuleNotFound"
        ),
        Elsewhere(Settings("nowhere.settings", directory=str(tmp_path))),
    ):
        pass
