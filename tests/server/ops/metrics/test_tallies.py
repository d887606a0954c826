"""What requests and WebSockets are counted in."""

from collections.abc import Mapping
from typing import Any

import pytest

from hybrid.bridge.types import ROUTE
from hybrid.server.ops.metrics import tallies as module
from hybrid.server.ops.metrics.tallies import (
    OTHER,
    RoutedTally,
    RouteTally,
    SocketTally,
    Tallies,
    UnroutedTally,
)


class Application:
    """One of many."""


@pytest.fixture
def labels() -> dict[int, tuple[str, str]]:
    """Give the names of applications, by id."""
    return {}


@pytest.fixture
def tallies(labels: dict[int, tuple[str, str]]) -> Tallies:
    """Give what finds them."""
    return Tallies(labels, object())


def test_each_has_its_own(tallies: Tallies, labels: dict[int, tuple[str, str]]) -> None:
    """By application, whatever it is called and wherever it runs, and by route."""
    shop, chat = Application(), Application()
    labels |= {id(shop): ("shop:app", "wsgi"), id(chat): ("chat:app", "")}
    found = tallies.of_request(shop, {})
    assert (found.application, found.runs_on, found.route) == ("shop:app", "wsgi", "")
    assert tallies.of_request(shop, {}) is found
    assert tallies.of_request(chat, {}) is not found
    below = tallies.of_request(shop, {ROUTE: "/a/<id>"})
    assert (below.application, below.route) == ("shop:app", "/a/<id>")
    assert tallies.of_request(shop, {ROUTE: "/a/<id>"}) is below
    assert tallies.of_socket(shop, {ROUTE: "/a/<id>"}).route == "/a/<id>"


def test_who_has_no_label_is_called_as_what_it_is(tallies: Tallies) -> None:
    """And those that are called alike are one: a router may wrap an application anew for each request."""
    first, second = tallies.of_request(Application(), {}), tallies.of_request(Application(), {})
    assert first is second
    assert first.application.endswith("test_tallies.Application")


def test_what_is_tapped_is_what_is_below(tallies: Tallies, labels: dict[int, tuple[str, str]]) -> None:
    """Somebody may look at the requests of a lane."""

    class Tap:
        def __init__(self, tapped: object) -> None:
            self.tapped = tapped

    lane = Application()
    labels[id(lane)] = "shop", "wsgi"
    assert tallies.of_request(lane, {}) is tallies.of_request(Tap(lane), {})


def test_there_is_room_for_so_many(tallies: Tallies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Applications, and routes of each; those that come later are one."""
    monkeypatch.setattr(module, "_ROOM", 3)
    for count in (tallies.of_request, tallies.of_socket):
        names = [count(type(f"A{number}", (), {})(), {}).application for number in range(6)]
        assert names[-2:] == [OTHER, OTHER]
        one = Application()
        routes = [count(one, {ROUTE: str(number)}).route for number in range(6)]
        assert routes == ["0", "1", "2", OTHER, OTHER, OTHER]


def test_all_of_them_are_given_once(tallies: Tallies) -> None:
    """However many ids one has."""
    tallies.of_request(Application(), {ROUTE: "/a"})
    tallies.of_request(Application(), {ROUTE: "/b"})
    tallies.of_socket(Application(), {})
    assert [each.route for each in tallies.requests()] == ["", "", "/a", "/b"]
    assert len(tallies.sockets()) == 1


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
    found = Tallies({}, None, lambda application: rule_of if application else None).of_request("app", {})
    assert isinstance(found, RoutedTally)
    return found


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
    monkeypatch.setattr(module, "_ROOM", 2)
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


def test_close_codes_are_bounded() -> None:
    """A client chooses among thousands; those that there is no room for are 0."""
    tally = SocketTally("chat", "")
    for code in [*range(3000, 3100), 3000]:
        tally.close(code)
    assert (len(tally.closes), tally.closes[3000], tally.closes[0]) == (65, 2, 36)


def test_repr() -> None:
    """Says what they are."""
    routed = RoutedTally("a", "", rule_of, on_threads=True)
    unrouted = routed.begin_timed(has_body=False)
    for made in (routed, unrouted, RouteTally("a", ""), SocketTally("a", ""), Tallies({}, None)):
        assert repr(made).startswith(f"<{type(made).__name__} ")
