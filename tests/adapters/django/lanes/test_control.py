"""The commands of ``hybrid lanes``, in processes that are none."""

from pathlib import Path
from typing import Any

import pytest

from hybrid.adapters.django.lanes.budget import Budget
from hybrid.adapters.django.lanes.journal import NAME, Journal
from hybrid.adapters.django.lanes.rules import Rule
from hybrid.bridge.control import ControlError, Controllable
from tests.support.embedded import until
from tests.support.http_peer import on_loop
from tests.support.lanes import Clock, FakeServer, Process, Requests, project

NOTHING = {"requests": 0, "errors": 0, "stalls": 0, "p50": None, "p95": None}


@on_loop
async def test_a_change_counts_in_all_processes_at_once(tmp_path: Path) -> None:
    """Whichever is told; the answer has what it was, what it is, and how many know it."""
    server = FakeServer(tmp_path, 3)
    await server.start()
    answer = await server.call("percent", 2, view="shop:cart", percent=5, reason="trying\nthe cache")
    assert answer == {
        "change": {
            "number": 1,
            "time": 5000.0,
            "view": "shop:cart",
            "before": {"lane": "wsgi", "percent": None, "reason": "sync-view"},
            "after": {"lane": "asgi", "percent": 5.0, "reason": "change 1"},
            "by": "ada",
            "reason": "trying the cache",
            "undoes": None,
        },
        "processes": 3,
        "missing": [],
    }
    assert server.rule("shop:cart") == [Rule("shop:cart", "asgi", 5.0)] * 3
    await server.call("set", 0, view="shop:cart", lane="asgi")
    back = await server.call("rollback", 1)
    assert (back["change"]["number"], back["change"]["undoes"]) == (3, 2)
    assert server.rule("shop:cart") == [Rule("shop:cart", "asgi", 5.0)] * 3
    await server.stop()


@on_loop
async def test_history_is_of_a_view_or_of_all(tmp_path: Path) -> None:
    """Oldest first; a process that has not heard of the last one yet knows it all the same."""
    server = FakeServer(tmp_path, 2)
    await server.start()
    server.missing.add(1)
    await server.call("set", view="shop:cart", lane="asgi")
    await server.call("set", view="shop:live", lane="wsgi")
    everything = (await server.call("history", 1))["changes"]
    assert [change["view"] for change in everything] == ["shop:cart", "shop:live"]
    assert (await server.call("history", 1, view="shop:live"))["changes"] == everything[1:]
    await server.stop()


@on_loop
async def test_what_is_shown_is_of_all_processes(tmp_path: Path) -> None:
    """Where each view is, why, what has come of it in the last window, and what is on trial."""
    server = FakeServer(tmp_path, 2, Budget(window=60.0), shop__one="wsgi")
    await server.start()
    server.clock.now += 1
    await server.call("percent", view="/api/*", percent=5, lane="asgi")
    for process in server.processes:
        process.serve("/api/*", "asgi", 2, failed=1)
        process.serve("shop:cart", "wsgi", 3)
    shown = await server.call("show")
    views = {view["name"]: view for view in shown["views"]}
    assert list(views) == ["shop:cart", "shop:live", "shop.views.legacy", "shop:one", "shop:two", "/api/*"]
    paths = views["/api/*"]
    assert (paths["lane"], paths["percent"], paths["reason"]) == ("asgi", 5.0, "change 1")
    assert paths["trial"] == {"since": 5001.0, "old": "wsgi", "new": "asgi"}
    assert paths["figures"]["wsgi"] == NOTHING
    assert paths["figures"]["asgi"]["requests"] == 4
    assert paths["figures"]["asgi"]["errors"] == 2
    assert views["shop:cart"]["figures"]["wsgi"]["p95"] == pytest.approx(0.01, rel=0.1)
    assert (views["shop:one"]["reason"], views["shop:one"]["trial"]) == ("configured", None)
    assert (views["shop:live"]["lane"], views["shop:live"]["reason"]) == ("asgi", "async-view")
    assert shown["budget"]["window"] == 60.0
    assert (shown["processes"], shown["missing"]) == (2, [])
    server.clock.now += 3600
    await server.look()
    shown = await server.call("show")
    assert all(view["figures"] == {"wsgi": NOTHING, "asgi": NOTHING} for view in shown["views"])
    await server.stop()


@on_loop
async def test_a_process_that_comes_later_knows_what_was_changed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that takes another one's place; it says so in one line."""
    caplog.set_level("INFO", "hybrid.django")
    server = FakeServer(tmp_path, 1)
    await server.start()
    await server.call("set", view="shop:cart", lane="asgi")
    later = FakeServer(tmp_path, 1)
    caplog.clear()
    await later.start()
    assert later.rule("shop:cart") == server.rule("shop:cart")
    assert [record.getMessage() for record in caplog.records] == [
        "lanes: changes 1 to 1 of this server count here too"
    ]
    await later.stop()
    await server.stop()


@on_loop
async def test_a_change_is_found_without_being_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a look at the journal now and then; what goes wrong there is logged, and tried again."""
    monkeypatch.setattr("hybrid.adapters.django.lanes.running._FOLLOW", 0.001)
    server = FakeServer(tmp_path, 2)
    await server.start()
    server.missing.add(1)
    await server.call("set", view="shop:cart", lane="asgi")
    await until(lambda: server.rule("shop:cart") == [Rule("shop:cart", "asgi")] * 2)
    await server.stop()


@on_loop
async def test_looking_goes_on_after_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is in the log, and the next look is as if nothing had been."""
    monkeypatch.setattr("hybrid.adapters.django.lanes.running._FOLLOW", 0.001)
    server = FakeServer(tmp_path, 2)
    await server.start()
    (tmp_path / NAME).mkdir()
    await until(lambda: "could not be looked at" in caplog.text)
    (tmp_path / NAME).rmdir()
    server.missing.add(1)
    await server.call("set", view="shop:cart", lane="asgi")
    await until(lambda: server.rule("shop:cart")[1] is not None)
    await server.stop()


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        (
            "set",
            {"view": "shop:crat", "lane": "asgi"},
            "there is no view of this name: did you mean shop:cart",
        ),
        ("set", {"view": "shop:cart"}, "say which lane"),
        ("set", {"view": "shop:cart", "lane": "uwsgi"}, "'uwsgi' is no lane"),
        ("set", {"view": 5, "lane": "asgi"}, "view: at most 200 characters"),
        ("set", {"view": "/" * 201, "lane": "asgi"}, "view: at most 200 characters"),
        ("set", {"view": "", "lane": "asgi"}, "there is no view of this name"),
        ("percent", {"view": "shop:cart"}, "None is not a share"),
        ("percent", {"view": "shop:cart", "percent": True}, "True is not a share"),
        ("percent", {"view": "shop:cart", "percent": 101}, "101 is not a share"),
        ("percent", {"view": "/x", "percent": 5}, "/x: say which lane"),
        ("set", {"view": "shop:cart", "lane": "asgi", "reason": "x" * 501}, "reason: at most 500 characters"),
        ("rollback", {}, "nothing has been changed"),
        ("rollback", {"view": "shop:crat"}, "there is no view of this name"),
        ("history", {"view": "shop:crat"}, "there is no view of this name"),
    ],
)
@on_loop
async def test_what_cannot_be_done_is_refused(
    command: str, arguments: dict[str, Any], said: str, tmp_path: Path
) -> None:
    """The message says what is wrong, and nothing is changed."""
    server = FakeServer(tmp_path, 1)
    await server.start()
    with pytest.raises(ControlError, match=said):
        await server.call(command, **arguments)
    assert not (tmp_path / NAME).exists() or not (tmp_path / NAME).read_bytes()
    await server.stop()


@on_loop
async def test_views_cannot_be_moved_where_paths_do_not_tell_them(tmp_path: Path) -> None:
    """It would have no effect; paths can, and what has been moved before can be taken back."""
    server = FakeServer(tmp_path, 1)
    await server.start()
    await server.call("set", view="shop:cart", lane="asgi")
    server.processes[0].requests.sets_urlconf = True
    with pytest.raises(ControlError, match=r"shop:live: a middleware sets request\.urlconf"):
        await server.call("set", view="shop:live", lane="wsgi")
    await server.call("set", view="/live", lane="wsgi")
    await server.call("rollback", view="shop:cart")
    await server.stop()


@on_loop
async def test_a_process_alone_ends_trials_too() -> None:
    """Where nobody can reach it, and nothing is kept in a file."""
    clock = Clock()
    process = Process(0, project(shop__cart="asgi"), Budget(), clock)
    process.control.start()
    process.serve("shop:cart", "asgi", 100, failed=50)
    await process.running.look()
    assert process.requests.rules.named("shop:cart") is None
    await process.control.leave()


@on_loop
async def test_a_process_alone_does_nothing_without_a_budget(tmp_path: Path) -> None:
    """There is nothing to look after; nor is there where it has joined others already."""
    process = Process(0, project(), None, Clock())
    process.control.start()
    assert process.running.idle
    server = FakeServer(tmp_path, 1, Budget())
    await server.start()
    await server.call("set", view="shop:cart", lane="asgi")
    server.processes[0].control.start()
    assert server.rule("shop:cart") != [None]
    assert await server.call("history") != {"changes": []}
    await server.stop()
    server.processes[0].control.start()
    assert not server.processes[0].running.idle, "another server of it, that joins nobody"
    await server.stop()


@on_loop
async def test_a_process_that_cannot_join_goes_on_alone(tmp_path: Path) -> None:
    """It looks after its own trials as before."""
    server = FakeServer(tmp_path, 1, Budget(), shop__cart="asgi")
    process = server.processes[0]
    process.control.start()
    (tmp_path / NAME).mkdir()
    with pytest.raises(IsADirectoryError):
        await server.start()
    assert not process.running.idle
    process.serve("shop:cart", "asgi", 100, failed=50)
    await process.running.look()
    assert server.rule("shop:cart") == [None]
    await server.stop()


def test_lanes_can_be_controlled() -> None:
    """A server finds that out by what they are."""
    assert isinstance(Process(0, project(), None, Clock()).control, Controllable)


@on_loop
async def test_requests_that_come_to_a_process_later_go_where_the_rules_say(tmp_path: Path) -> None:
    """Of a project that is mounted at another place too."""
    server = FakeServer(tmp_path, 1)
    await server.start()
    await server.call("set", view="shop:cart", lane="asgi")
    other = Requests()
    server.processes[0].running.attach(other)
    assert other.rules.named("shop:cart") == Rule("shop:cart", "asgi")
    await server.stop()


@on_loop
async def test_a_change_that_nobody_knew_of_is_seen_before_the_next(tmp_path: Path) -> None:
    """What a process answers rests on all that has been changed."""
    server = FakeServer(tmp_path, 1)
    await server.start()
    elsewhere = FakeServer(tmp_path, 1)
    await elsewhere.start()
    await elsewhere.call("set", view="shop:cart", lane="asgi")
    with pytest.raises(ControlError, match="asgi already"):
        await server.call("set", view="shop:cart", lane="asgi")
    journal = Journal(tmp_path / NAME)
    journal.read()
    assert len(journal.changes) == 1
    await server.stop()
    await elsewhere.stop()


@on_loop
async def test_stalls_are_looked_for_where_views_are_on_trial(tmp_path: Path) -> None:
    """All processes time the views that a change has moved, and none of them when they are back."""
    server = FakeServer(tmp_path, 2)
    await server.start()
    timed = [process.requests.timed for process in server.processes]
    assert timed == [frozenset()] * 2
    await server.call("percent", view="shop:cart", percent=5)
    assert [process.requests.timed for process in server.processes] == [{"shop:cart"}] * 2
    await server.call("rollback")
    assert [process.requests.timed for process in server.processes] == [frozenset()] * 2
    await server.stop()
