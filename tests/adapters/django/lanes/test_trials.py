"""Views on trial, and how they step back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hybrid.adapters.django.lanes.budget import Budget
from hybrid.adapters.django.lanes.change import Said
from hybrid.adapters.django.lanes.rules import Rule
from hybrid.adapters.django.lanes.state import State
from hybrid.adapters.django.lanes.trials import trials_of
from tests.support.http_peer import on_loop
from tests.support.lanes import FakeServer, made, project

BUDGET = Budget(window=60.0, requests=20)


def on_trial(**lanes: Any) -> dict[str, tuple[str, str, list[str]]]:
    """Return what is on trial: by rule, from where to where, and which views."""
    trials = trials_of(State(project(**lanes), []), 7.0)
    assert all((trial.number, trial.since, trial.baseline) == (0, 7.0, None) for trial in trials)
    return {trial.rule.name: (trial.old, trial.new, sorted(trial.keys)) for trial in trials}


def test_what_is_moved_off_its_lane_is_on_trial() -> None:
    """As a whole or a share; not where it would be anyway, and not a share of nobody."""
    half = {"lane": "wsgi", "percent": 50}
    nobody = {"lane": "asgi", "percent": 0}
    assert on_trial(shop__cart="asgi", shop__live=half, shop__one="wsgi", shop__two=nobody) == {
        "shop:cart": ("wsgi", "asgi", ["shop:cart"]),
        "shop:live": ("asgi", "wsgi", ["shop:live"]),
    }


def test_a_dotted_path_is_on_trial_with_the_views_that_it_decides_for() -> None:
    """Those by whose names figures are kept, without those that have a rule for that."""
    rules: dict[str, Any] = {"shop.views.shared": "asgi", "shop.views.legacy": "asgi", "shop__one": "wsgi"}
    assert on_trial(**rules) == {
        "shop.views.shared": ("wsgi", "asgi", ["shop:two"]),
        "shop.views.legacy": ("wsgi", "asgi", ["shop.views.legacy"]),
    }


def test_paths_are_on_trial() -> None:
    """The views below may be of any kind."""
    assert on_trial(**{"/api/*": "asgi"}) == {"/api/*": ("wsgi", "asgi", ["/api/*"])}


def test_a_pin_of_the_configuration_is_not_on_trial() -> None:
    """What is kept on the wsgi lane as a whole would step onto the one that it is kept off: no figure of the
    wsgi lane proves that it does no harm there. A share is tried, and what a rule takes to the asgi lane.
    """
    share = {"lane": "wsgi", "percent": 99}
    assert on_trial(shop__live="wsgi", **{"/api/*": "wsgi"}) == {}
    assert list(on_trial(shop__live=share, **{"/api/*": share, "/new/*": "asgi"})) == [
        "shop:live",
        "/api/*",
        "/new/*",
    ]


def last(server: FakeServer) -> tuple[str, str]:
    """Return who has made the last change, and why."""
    change = server.processes[0].running.state.changes[-1]
    return change.by, change.reason


@on_loop
async def test_a_share_that_fails_more_often_steps_back(tmp_path: Path) -> None:
    """In all processes, as soon as there are enough requests in them together; the reason has figures."""
    server = FakeServer(tmp_path, 2, BUDGET)
    await server.start()
    server.clock.now += 1
    await server.call("percent", view="shop:cart", percent=5)
    server.clock.now += 1
    for process in server.processes:
        process.serve("shop:cart", "wsgi", 500, failed=1)
    server.processes[0].serve("shop:cart", "asgi", 10, failed=5)
    await server.look()
    assert last(server) == ("ada", "")
    server.processes[1].serve("shop:cart", "asgi", 10)
    await server.look()
    by, reason = last(server)
    assert by == "hybrid"
    assert reason.startswith("errors 25.0 % of 20 requests, on wsgi 0.2 % of 1")
    assert server.rule("shop:cart") == [None, None]
    await server.stop()


@on_loop
async def test_a_healthy_share_stays(tmp_path: Path) -> None:
    """With as many errors as on the old lane, and as slow."""
    server = FakeServer(tmp_path, 2, BUDGET)
    await server.start()
    await server.call("percent", view="shop:cart", percent=50)
    for process in server.processes:
        process.serve("shop:cart", "wsgi", 200, failed=20)
        process.serve("shop:cart", "asgi", 200, failed=20)
    await server.look()
    assert last(server) == ("ada", "")
    await server.stop()


@on_loop
async def test_a_whole_view_is_compared_with_what_was_before(tmp_path: Path) -> None:
    """With the old lane in the window before the change, of all processes; it stays with the trial, whoever
    leads, and also when the view is moved on.
    """
    server = FakeServer(tmp_path, 2, BUDGET)
    await server.start()
    server.processes[1].serve("shop:cart", "wsgi", 100, failed=10)
    await server.call("percent", view="shop:cart", percent=99)
    server.clock.now += 3600
    await server.look()
    await server.call("set", view="shop:cart", lane="asgi")
    server.clock.now += 3600
    await server.look()
    server.let_lead(1)
    for process in server.processes:
        process.serve("shop:cart", "asgi", 100, failed=10)
        process.serve("shop:cart", "wsgi", 100)  # late ones, which say nothing of the view as it was
    await server.look()
    assert last(server) == ("ada", "")
    assert [trial.baseline and trial.baseline.requests for trial in server.processes[0].running.trials] == [
        100
    ]
    await server.stop()


@on_loop
async def test_a_whole_view_with_nothing_to_compare_is_judged_by_itself(tmp_path: Path) -> None:
    """One that the configuration has moved, for example: by errors, and not by how long it takes."""
    server = FakeServer(tmp_path, 1, BUDGET, shop__cart="asgi", shop__two="asgi")
    await server.start()
    server.processes[0].serve("shop:two", "asgi", 100, seconds=3.0)
    server.processes[0].serve("shop:cart", "asgi", 100, failed=10)
    await server.look()
    assert server.rule("shop:cart") == [None]
    assert server.rule("shop:two") != [None]
    await server.stop()


@on_loop
async def test_a_pin_that_fails_stays(tmp_path: Path) -> None:
    """An asynchronous view that is kept on the wsgi lane is not sent to the other by errors there."""
    server = FakeServer(tmp_path, 1, BUDGET, shop__live="wsgi")
    await server.start()
    before = server.rule("shop:live")
    server.processes[0].serve("shop:live", "wsgi", 100, failed=50)
    await server.look()
    assert before != [None]
    assert server.rule("shop:live") == before
    await server.stop()


@on_loop
async def test_a_slow_share_is_compared_with_before_where_hardly_anybody_is_left(tmp_path: Path) -> None:
    """A few requests on the old lane say nothing."""
    server = FakeServer(tmp_path, 1, BUDGET)
    await server.start()
    (process,) = server.processes
    process.serve("shop:cart", "wsgi", 100, seconds=0.01)
    server.clock.now += 1
    await server.call("percent", view="shop:cart", percent=99)
    process.serve("shop:cart", "wsgi", 2, seconds=9.0)
    process.serve("shop:cart", "asgi", 100, seconds=1.0)
    await server.look()
    assert last(server)[0] == "hybrid"
    await server.stop()


@on_loop
async def test_a_second_trial_is_judged_by_what_it_does(tmp_path: Path) -> None:
    """And not by what the first one has done in the same window."""
    server = FakeServer(tmp_path, 2, BUDGET)
    await server.start()
    await server.call("percent", view="shop:cart", percent=5)
    server.processes[0].serve("shop:cart", "wsgi", 100)
    server.processes[0].serve("shop:cart", "asgi", 100, failed=50)
    await server.look()
    assert server.rule("shop:cart") == [None, None]
    server.clock.now += 1
    await server.call("rollback", view="shop:cart")
    server.processes[1].serve("shop:cart", "wsgi", 100)
    server.processes[1].serve("shop:cart", "asgi", 100)
    await server.look()
    assert last(server) == ("ada", "takes back change 2")
    await server.stop()


@on_loop
async def test_whoever_leads_next_goes_on(tmp_path: Path) -> None:
    """It asks all what it needs to know, and nothing has to be handed over."""
    server = FakeServer(tmp_path, 3, BUDGET)
    await server.start()
    await server.call("percent", view="shop:cart", percent=5)
    server.processes[1].serve("shop:cart", "wsgi", 100)
    server.processes[1].serve("shop:cart", "asgi", 19, failed=19)
    await server.look()
    server.missing.add(0)  # it has ended
    server.let_lead(1)
    server.processes[2].serve("shop:cart", "asgi", 1)
    await server.look()
    assert server.rule("shop:cart")[1:] == [None, None]
    await server.stop()


@on_loop
async def test_a_process_that_does_not_answer_is_left_out(tmp_path: Path) -> None:
    """It does not hold up the judgement, takes up the change when it can, and is named to who asks."""
    server = FakeServer(tmp_path, 2, BUDGET)
    await server.start()
    await server.call("set", view="shop:cart", lane="asgi")
    server.missing.add(1)
    server.processes[0].serve("shop:cart", "asgi", 100, failed=50)
    await server.look()
    assert server.rule("shop:cart")[0] is None
    assert server.rule("shop:cart")[1] is not None
    answer = await server.call("percent", view="shop:live", percent=5)
    assert (answer["processes"], answer["missing"]) == (1, [1])
    server.processes[1].running.take_up()
    assert server.rule("shop:cart") == [None, None]
    await server.stop()


@on_loop
async def test_two_that_lead_at_once_step_back_once(tmp_path: Path) -> None:
    """Both find the same at the same time; the second one sees in the journal that it has been done."""
    server = FakeServer(tmp_path, 2, BUDGET)
    await server.start()
    server.let_lead(0, 1)
    await server.call("set", view="shop:cart", lane="asgi")
    server.processes[0].serve("shop:cart", "asgi", 100, failed=50)
    server.asked.clear()
    await asyncio.gather(*(process.running.look() for process in server.processes))
    assert server.asked == ["lanes.snapshot", "lanes.snapshot", "lanes.reload"]
    assert len(server.processes[0].running.state.changes) == 2
    assert server.rule("shop:cart") == [None, None]
    await server.stop()


@on_loop
async def test_a_step_back_is_a_warning_in_each_process(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What somebody has asked for is none."""
    caplog.set_level("INFO", "hybrid.django")
    server = FakeServer(tmp_path, 2, BUDGET)
    await server.start()
    await server.call("set", view="shop:cart", lane="asgi", reason="trying the new cache")
    server.processes[0].serve("shop:cart", "asgi", 100, failed=50)
    await server.look()
    said = [(record.levelname, record.getMessage()) for record in caplog.records]
    told, stepped = "lanes: shop:cart: asgi (was wsgi: sync-view), by ada: trying the new cache", said[-1]
    assert said == [("INFO", told)] * 2 + [stepped] * 2
    assert stepped[0] == "WARNING"
    assert stepped[1].startswith(
        "lanes: shop:cart: wsgi (was asgi: change 1), by hybrid: errors 50.0 % of 100"
    )
    await server.stop()


@on_loop
async def test_without_a_budget_nothing_steps_back(tmp_path: Path) -> None:
    """Nobody has said what is too much."""
    server = FakeServer(tmp_path, 1)
    await server.start()
    await server.call("set", view="shop:cart", lane="asgi")
    server.processes[0].serve("shop:cart", "asgi", 100, failed=100)
    await server.look()
    assert last(server)[0] == "ada"
    await server.stop()


@pytest.mark.parametrize(
    ("rule", "trial"),
    [
        (Rule("shop:live", "asgi"), ("wsgi", "asgi")),
        (Rule("shop:live", "asgi", 5.0, "wsgi"), ("wsgi", "asgi")),
        (Rule("shop:live", "wsgi"), None),
        ("none", None),
        ("file", None),
    ],
    ids=["all", "share", "same", "none", "file"],
)
def test_a_change_is_tried_against_the_configuration(rule: Said, trial: tuple[str, str] | None) -> None:
    """Not against the kind of the view, where the configuration says something of all clients; what is taken
    back to it is not on trial any more.
    """
    state = State(project(shop__live="wsgi"), [made(3, "shop:live", rule)])
    found = [(each.old, each.new, each.number, each.since) for each in trials_of(state, 7.0)]
    assert found == ([(*trial, 3, 1003.0)] if trial else [])
