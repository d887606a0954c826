"""What requests are counted in, with and without routes that are known only at their end."""

from collections.abc import Mapping
from typing import Any

import pytest

from hybrid.server.ops.metrics import route_tally as module
from hybrid.server.ops.metrics.route_tally import OTHER, RoutedTally, RouteTally, UnroutedTally


def begin(tally: RouteTally, requests: int = 1) -> list[bool]:
    """Have requests begin, as they do when they are answered; whether each of them is timed."""
    timed = []
    for _ in range(requests):
        tally.untimed -= 1
        timed.append(not tally.untimed)
        if not tally.untimed:
            assert tally.begin_timed(has_body=False) is tally
    return timed


@pytest.mark.parametrize(("rate", "step"), [(0, 1), (999, 1), (1000, 7), (9999, 7), (10_000, 61)])
def test_of_many_requests_few_are_timed(rate: int, step: int) -> None:
    """As many as there were in the last second say; each counts for those that are not."""
    tally = RouteTally("shop", "")
    begin(tally, 50)
    tally.look()
    begin(tally, rate)
    tally.look()
    assert (tally.step, tally.begun) == (step, 50 + rate)
    tally.time(0.0)
    assert sum(tally.seconds) == step
    tally.time_on_thread(1.0, 2.0)
    assert tally.queue_seconds == step
    assert tally.run_seconds > 0


def test_all_are_counted_whether_timed_or_not() -> None:
    """Each as it begins, while ever fewer of them are timed, and then all of them again at once."""
    tally = RouteTally("shop", "")
    assert begin(tally, 3) == [True] * 3
    begin(tally, 1000)
    tally.look()
    assert (tally.step, begin(tally)) == (7, [True])
    for number in range(1, 8):
        assert begin(tally) == [number == 7]
        assert tally.begun == 1004 + number
    begin(tally, 10_000)
    tally.look()
    assert tally.step == 61
    begin(tally, 70)
    assert tally.untimed > 1
    begun = tally.begun
    tally.look()
    assert (tally.begun, begin(tally)) == (begun, [True])


def rule_of(scope: Mapping[str, Any]) -> str | None:
    """Find the rule that a framework has left."""
    return scope.get("rule")


@pytest.fixture
def routed() -> RoutedTally:
    """Give what counts an application with rules of its own."""
    return RoutedTally("app", "", rule_of, on_threads=False)


def answer(tally: RouteTally, rule: str | None, status: int = 200) -> RouteTally:
    """Have a request begin and end; return what has counted it."""
    tally.untimed -= 1
    assert tally.untimed == 0
    one = tally.begin_timed(has_body=True)
    one.bytes_in += 10
    known = one.known({"rule": rule})
    known.end(status, 5)
    return known


def test_a_route_that_is_known_at_the_end(routed: RoutedTally) -> None:
    """Until then the request is in flight for the application, then it is the route's with all that it had;
    of what none was found for it is the application's. Nothing becomes less.
    """
    routed.untimed -= 1
    one = routed.begin_timed(has_body=True)
    assert (routed.in_flight, routed.begun) == (1, 0)
    one.bytes_in += 7
    known = one.known({"rule": "/a/<id>"})
    known.end(499, 3)
    assert (known.route, known.begun, known.in_flight, known.statuses) == ("/a/<id>", 1, 0, {499: 1})
    assert (known.bytes_in, known.bytes_out) == (7, 3)
    assert (routed.begun, routed.in_flight, routed.bytes_in) == (0, 0, 0)
    assert answer(routed, "/a/<id>") is known
    assert answer(routed, None, 404) is routed
    assert (routed.begun, routed.bytes_in) == (1, 10)
    assert routed.begin_timed(has_body=False).known({"rule": "/a/<id>"}) is known
    assert routed.in_flight == 0


def test_a_route_below_a_prefix(routed: RoutedTally) -> None:
    """Has it in front, and is one of the application's, wherever else that is mounted."""
    below = routed.of_route("/shop")
    assert answer(below, "/a") is routed.of_route("/shop/a")
    assert answer(routed, "/shop/a") is routed.of_route("/shop/a")
    assert answer(below, None) is below
    assert sorted(routed.routes) == ["/shop", "/shop/a"]


def test_rules_are_bounded(routed: RoutedTally, monkeypatch: pytest.MonkeyPatch) -> None:
    """As all routes are."""
    monkeypatch.setattr(module, "ROOM", 2)
    found = [answer(routed, f"/{number}").route for number in range(5)]
    assert found == ["/0", "/1", OTHER, OTHER, OTHER]


@pytest.mark.parametrize("on_threads", [False, True])
def test_of_many_that_are_over_few_are_timed(on_threads: bool) -> None:
    """Of each route as many as there were in the last second say."""
    routed = RoutedTally("app", "", rule_of, on_threads=on_threads)

    def times(count: int) -> int:
        found = routed.of_route("/a")
        before = sum(found.seconds)
        for _ in range(count):
            known = answer(routed, "/a")
            known.time_on_thread(1.0, 2.0) if on_threads else known.time(1.0)
        return sum(found.seconds) - before

    assert times(1500) == 1500
    routed.of_route("/a").look()
    assert routed.of_route("/a").step == 7
    assert (times(1), times(6), times(1)) == (7, 0, 7)
    routed.of_route("/a").look()
    assert times(2) == 2


def test_what_a_worker_has_seen() -> None:
    """Counts, as what has been left in the environ is gone when the request is over."""
    routed = RoutedTally("app", "wsgi", rule_of, on_threads=True)
    for environ in ({"rule": "/w"}, {}):
        one = routed.begin_timed(has_body=False)
        assert isinstance(one, UnroutedTally)
        one.note(environ)
        assert one.known({}).route == environ.get("rule", "")


@pytest.mark.parametrize("on_threads", [False, True])
def test_what_cannot_be_read_is_no_route(on_threads: bool) -> None:
    """What a framework leaves behind may be anything in another version: the request is counted without a
    route, and its response is not disturbed.
    """
    routed = RoutedTally("app", "", lambda scope: str(scope["rule"].path), on_threads=on_threads)
    one = routed.begin_timed(has_body=False)
    if isinstance(one, UnroutedTally):
        one.note({"rule": None})
    assert one.known({"rule": None}) is routed
    assert routed.in_flight == 0


def test_statuses() -> None:
    """All of them, however many have each; those that nobody had are not there."""
    tally = RouteTally("shop", "")
    assert tally.statuses == {}
    for status in (404, 404, 503):
        tally.end(status, 10)
    assert tally.statuses == {404: 2, 503: 1}
    tally.end(200, 10)
    assert (tally.statuses, tally.bytes_out) == ({404: 2, 503: 1, 200: 1}, 40)


def test_one_that_no_thread_has_taken_has_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of its time."""
    tally = RouteTally("shop", "")
    monkeypatch.setattr(module, "monotonic", lambda: 5.0)
    tally.time_on_thread(2.0, 0.0)
    assert (tally.queue_seconds, tally.run_seconds) == (3.0, 0.0)
    tally.time_on_thread(2.0, 3.0)
    assert (tally.queue_seconds, tally.run_seconds) == (4.0, 2.0)


def test_repr() -> None:
    """Says what they are."""
    routed = RoutedTally("a", "", rule_of, on_threads=True)
    for made in (routed, routed.begin_timed(has_body=False), RouteTally("a", "")):
        assert repr(made).startswith(f"<{type(made).__name__} ")
