"""What finds what a request or a WebSocket is counted in."""

import pytest

from hybrid.bridge.types import ROUTE
from hybrid.server.ops.metrics import route_tally, socket_tally
from hybrid.server.ops.metrics import tallies as module
from hybrid.server.ops.metrics.route_tally import OTHER, RoutedTally, RouteTally
from hybrid.server.ops.metrics.tallies import Tallies


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
    for each in (module, route_tally, socket_tally):
        monkeypatch.setattr(each, "ROOM", 3)
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


def test_who_has_no_room_has_no_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are one count without rules: there is no telling whose they would be."""
    monkeypatch.setattr(module, "ROOM", 2)
    tallies = Tallies({}, object(), lambda _application: lambda _scope: "/a")
    found = [tallies.of_request(type(f"A{number}", (), {})(), {}) for number in range(3)]
    assert [type(each) for each in found] == [RoutedTally, RouteTally, RouteTally]
    assert found[1] is found[2]


def test_repr() -> None:
    """Says how many there are."""
    assert repr(Tallies({}, None)).startswith("<Tallies of 1 ")
