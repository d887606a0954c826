"""What requests and WebSockets are counted in."""

import pytest

from hybrid.bridge.types import ROUTE
from hybrid.server.ops.metrics import tallies as module
from hybrid.server.ops.metrics.tallies import OTHER, RouteTally, SocketTally, Tallies


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
            assert tally.begin_timed() > 0
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
    for made in (RouteTally("a", ""), SocketTally("a", ""), Tallies({}, None)):
        assert repr(made).startswith(f"<{type(made).__name__} ")
