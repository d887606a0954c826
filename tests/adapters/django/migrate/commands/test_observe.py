"""``hybrid migrate observe``: each fact is provoked on a real server and read back through the command."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

import hybrid
from hybrid.adapters.django.migrate.plan.observed import observation_of
from tests.support.control import short_folder
from tests.support.django_projects import write_project
from tests.support.needs import require_module
from tests.support.observed_project import ObservedServer, findings_of, lane_of, observed
from tests.support.process import DEADLINE, run_hybrid, start_server
from tests.support.waiting import asking, until

require_module("django")

#: What is asked for, and how often.
REQUESTS = (
    ("plain", 5),
    ("hopping", 2),
    ("twice", 3),
    ("to_loop", 1),
    ("blocking", 1),
    ("blocking_there", 1),
    ("child", 1),
    ("stream", 1),
    ("stream?collect=1", 1),
    ("async_stream?collect=1", 1),
    ("unsafe", 2),
    ("careless", 2),
    ("careless_async", 1),
    ("broken", 1),
    ("%ff", 1),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObservedServer]:
    """Serve the project and provoke all of it, once."""
    with (
        short_folder(is_emptied=False) as control,
        observed(tmp_path_factory.mktemp("shop"), control / "c") as found,
    ):
        with httpx.Client(timeout=DEADLINE) as client:
            for path, count in REQUESTS:
                for _ in range(count):
                    client.get(f"{found.server.url}/{path}")
        leave(found)
        yield found


def leave(found: ObservedServer) -> None:
    """Have clients leave while a view waits, once where it changes something."""
    waits = found.folder / "waiting"
    waits.mkdir()
    with asking(found.server, "/waiting"):
        until((waits / "GET").exists)
    with asking(found.server, "/plain") as client:
        client.sendall(b"POST /waiting HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        until((waits / "POST").exists)
    until(lambda: lane_of(found.seen(), "waiting", "asgi")["cancelled"] == 2)


@pytest.fixture(scope="module")
def said(server: ObservedServer) -> dict[str, Any]:
    """Return what the command tells of it."""
    return server.seen()


def test_calls_and_times(said: dict[str, Any]) -> None:
    """Calls, failures and percentiles of each view on the lane that it ran on."""
    plain = lane_of(said, "plain", "wsgi")
    assert (plain["calls"], plain["failed"]) == (6, 0)
    assert 0 < plain["p50"] <= plain["p95"] <= plain["p99"]
    broken = lane_of(said, "broken", "wsgi")
    assert (broken["calls"], broken["failed"]) == (1, 1)


def test_hops_and_threads(said: dict[str, Any]) -> None:
    """A synchronous view has none; a coroutine those of Django besides its own three."""
    plain, hopping = lane_of(said, "plain", "wsgi"), lane_of(said, "hopping", "asgi")
    assert (plain["hops"], plain["threads"] >= 1) == (0, True)
    django = lane_of(said, "careless_async", "asgi")["hops"]
    assert (hopping["hops"], hopping["threads"] in (1, 2)) == (2 * (django + 3), True)
    assert lane_of(said, "to_loop", "wsgi")["hops"] == 1


def test_queries_and_connections(said: dict[str, Any]) -> None:
    """Those that code of a view makes, on whatever thread that is."""
    hopping = lane_of(said, "hopping", "asgi")
    assert (hopping["queries"], hopping["connections"]) == (6, hopping["threads"])
    twice = lane_of(said, "twice", "wsgi")
    assert (twice["queries"], twice["connections"]) == (6, twice["threads"])
    assert lane_of(said, "plain", "wsgi")["queries"] == 0


def test_stalls(server: ObservedServer, said: dict[str, Any]) -> None:
    """A stall has its stack, the innermost frame first, and its finding the line of the project."""
    stalls = lane_of(said, "blocking", "asgi")["stalls"]
    line = server.line("blocks")
    # A machine that is slow may have others.
    (stack,) = (each for each in stalls["stacks"] if each["frames"][0] == f"shop/urls.py:{line} in block")
    assert stack["count"] == 1
    assert stalls["longest"] >= stack["longest"] > 0.2
    assert stack["frames"][1].endswith("in blocking")
    found = next(each for each in findings_of(said, "HM307") if each["line"] == line)
    assert (found["file"], found["symbol"], found["seen"]) == ("shop/urls.py", "shop.urls.block", "run")
    assert found["routes"] == ["blocking"]
    assert lane_of(said, "plain", "wsgi")["stalls"]["count"] == 0


def test_stalls_from_the_wsgi_lane(server: ObservedServer, said: dict[str, Any]) -> None:
    """A coroutine of a view on the wsgi lane runs on the server's loop too; what that holds up is of it."""
    stacks = lane_of(said, "blocking_there", "wsgi")["stalls"]["stacks"]
    line = server.line("blocks from a thread")
    (stack,) = (each for each in stacks if each["frames"][0].startswith(f"shop/urls.py:{line} in "))
    assert stack["count"] == 1
    (found,) = (each for each in findings_of(said, "HM307") if each["line"] == line)
    assert found["routes"] == ["blocking_there"]


def test_stalls_of_tasks(server: ObservedServer, said: dict[str, Any]) -> None:
    """Those of a task that a view has started are of no request, but have their line all the same."""
    line = server.line("blocks in a task")
    (found,) = (each for each in findings_of(said, "HM307") if each["line"] == line)
    assert found["file"] == "shop/urls.py"


def test_collected_streams(server: ObservedServer, said: dict[str, Any]) -> None:
    """A stream is collected where a middleware iterates over it from the other side, and not by the lanes."""
    assert lane_of(said, "stream", "asgi")["collected"] == 1
    assert lane_of(said, "async_stream", "wsgi")["collected"] == 1
    (found,) = findings_of(said, "HM305")
    assert (found["file"], found["line"]) == ("shop/middleware.py", server.line("collected", found["file"]))
    (found,) = findings_of(said, "HM306")
    assert found["line"] == server.line("collected on a thread", found["file"])


def test_synchronous_only(server: ObservedServer, said: dict[str, Any]) -> None:
    """Each is counted, also one that is swallowed, and found at its line."""
    assert lane_of(said, "unsafe", "asgi")["synchronous_only"] == 2
    places = {(each["file"], each["symbol"]) for each in findings_of(said, "HM107")}
    assert places == {("shop/urls.py", "shop.urls.select")}


def test_cancellations(server: ObservedServer, said: dict[str, Any]) -> None:
    """A client that leaves cancels a coroutine; that is a finding where the method changes something."""
    waiting = lane_of(said, "waiting", "asgi")
    assert (waiting["cancelled"], waiting["calls"]) == (2, 2)
    (found,) = findings_of(said, "HM402")
    assert (found["line"], found["routes"]) == (server.line("cancelled"), ["waiting"])


def test_unfinished(said: dict[str, Any]) -> None:
    """A response that does not end its request is one that was started and not finished."""
    assert lane_of(said, "careless", "wsgi")["unfinished"] == 2
    assert lane_of(said, "careless_async", "asgi")["unfinished"] == 1
    assert lane_of(said, "plain", "wsgi")["unfinished"] == 0
    assert {route for each in findings_of(said, "HM410") for route in each["routes"]} == {
        "careless",
        "careless_async",
    }


def test_paths(said: dict[str, Any]) -> None:
    """A path that is no UTF-8 is noted."""
    (found,) = findings_of(said, "HM405")
    assert found["routes"] == ["(no route)"]


def test_the_schema_and_a_plan(said: dict[str, Any]) -> None:
    """JSON is as the schema beside the code says, and ``plan`` can read it."""
    folder = Path(hybrid.__file__).parent / "adapters/django/migrate/observe"
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(said)
    stalls = lane_of(said, "blocking", "asgi")["stalls"]["count"]
    assert observation_of(said).views["blocking"]["asgi"].stalls == stalls > 0


def test_the_text(server: ObservedServer) -> None:
    """A row for each view and lane, stacks, and findings; an error among these is over what is allowed."""
    text = server.tell(code=1)
    heading, *rows = text.split("\n\n")[0].splitlines()
    assert heading.split()[:4] == ["VIEW", "LANE", "CALLS", "FAILED"]
    assert [row.split()[:4] for row in rows if row.startswith("plain ")] == [["plain", "wsgi", "6", "0"]]
    assert f"shop/urls.py:{server.line('blocks')} in block" in text
    assert "error HM107" in text
    assert "over budget: HM107 at shop/urls.py:" in text
    assert text.splitlines()[-1].endswith("1 process; hops and queries are of a call")


@pytest.mark.parametrize(
    ("options", "over"),
    [
        ((), []),
        (("--max-stall", "0.2"), ["blocking on asgi: a stall of"]),
        (
            ("--max-queries", "1.5"),
            ["hopping on asgi: 3.0 queries a call", "twice on wsgi: 2.0 queries a call"],
        ),
        (("--max-failed", "50"), ["broken on wsgi: 100.0 % of 1 calls failed"]),
    ],
    ids=["nothing", "stalls", "queries", "failures"],
)
def test_limits(server: ObservedServer, options: tuple[str, ...], over: list[str]) -> None:
    """What is over a limit is named, and is exit code 1."""
    code = 1 if over else 0
    found = json.loads(server.tell("--json", "--fail-on", "never", *options, code=code))["over"]
    assert all(any(each.startswith(wanted) for each in found) for wanted in over)
    assert bool(found) == bool(over)


def views_asked_for(said: dict[str, Any]) -> list[str]:
    """Return the views that had requests: the loop of a busy machine may have stalled in none."""
    return [each["name"] for each in said["views"] if each["name"] != "(no request)"]


def test_two_processes_and_a_new_beginning(tmp_path: Path) -> None:
    """Figures are sums over the processes, and all of them forget what was told with --reset."""
    with short_folder(is_emptied=False) as control, observed(tmp_path, control / "c", workers=2) as found:
        for _ in range(12):  # each on a connection of its own
            assert httpx.get(f"{found.server.url}/twice", timeout=DEADLINE).status_code == 200
        first = found.seen("--reset")
        assert (first["processes"], first["missing"]) == (2, [])
        figures = lane_of(first, "twice", "wsgi")
        assert (figures["calls"], figures["queries"]) == (12, 24)
        assert views_asked_for(found.seen()) == []
        httpx.get(f"{found.server.url}/twice", timeout=DEADLINE)
        assert lane_of(found.seen(), "twice", "wsgi")["queries"] == 2
        assert views_asked_for(found.seen("--seconds", "0")) == []


def test_a_server_that_does_not_observe(tmp_path: Path) -> None:
    """The error names the option. Nothing is loaded, let alone put into Django, without it."""
    watch = """
    import sys
    from asgiref.sync import SyncToAsync
    from django.db import connection
    from django.http import HttpResponse, JsonResponse
    from django.urls import path

    def look(request):
        connection.ensure_connection()
        loaded = [name for name in sys.modules if name.startswith("hybrid.adapters.django.lanes.observed")]
        call = SyncToAsync.__call__.__module__
        return JsonResponse([loaded, call, len(connection.execute_wrappers)], safe=False)

    urlpatterns = [path("", look)]
    """
    write_project(tmp_path, {"shop/urls.py": watch})
    with (
        short_folder(is_emptied=False) as control,
        start_server(
            django="shop.settings", control=control / "c", cwd=tmp_path, app_dir=tmp_path, access_log=False
        ) as server,
    ):
        assert httpx.get(server.url, timeout=DEADLINE).json() == [[], "asgiref.sync", 0]
        done = run_hybrid("migrate", "observe", "--control", str(control / "c"), cwd=tmp_path)
        assert (done.returncode, "started without --observe" in done.stderr) == (2, True)


def test_a_server_that_cannot_observe(tmp_path: Path) -> None:
    """It needs a project on both lanes, and a socket at which it can be asked."""
    write_project(tmp_path)
    done = run_hybrid("serve", "--observe", "--django", "shop.settings", "--control", "none", cwd=tmp_path)
    assert (done.returncode, "observe:" in done.stderr) == (2, True)
    done = run_hybrid("serve", "--observe", "--port", "0", "hello_wsgi:app")
    assert (done.returncode != 0, "observe: nothing is served on two lanes" in done.stderr) == (True, True)
