"""Sending requests to two lanes: how often each is asked, and when no more are sent."""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from hybrid.adapters.django.migrate.shadow.compare import Comparer
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request, Unreachable
from hybrid.adapters.django.migrate.shadow.masks import Masks
from hybrid.adapters.django.migrate.shadow.results import Results
from hybrid.adapters.django.migrate.shadow.sending import Sender
from tests.support.outcomes import answer

REQUESTS = [Request("GET", f"/{each}") for each in "abcdefgh"]


def sent(
    run: Callable[[Request, str], Outcome], requests: list[Request] = REQUESTS, jobs: int = 1
) -> Results:
    """Send requests, and return what came of them."""
    results = Results("old", "new", "")
    Sender(run, Comparer(Masks()), results, jobs=jobs).send(requests)
    return results


def test_the_old_lane_is_asked_twice() -> None:
    """And the new one once, where both say the same."""
    asked: Counter[str] = Counter()

    def run(request: Request, lane: str) -> Outcome:
        asked[lane] += 1
        return answer("a")

    results = sent(run)
    assert asked == {"old": 16, "new": 8}
    assert (results.requests, results.same, results.different) == (8, 8, 0)


def test_a_difference_must_come_again() -> None:
    """Both are asked once more; what is the same then was chance, and is told of as that."""
    asked: Counter[str] = Counter()

    def run(request: Request, lane: str) -> Outcome:
        asked[lane] += 1
        first = lane == "new" and asked["new"] == 1
        return answer('{"a": 2}' if first else '{"a": 1}', "application/json")

    results = sent(run, REQUESTS[:1])
    assert asked == {"old": 3, "new": 2}
    assert results.same == 1
    assert results.hidden == {("body $.a", "not repeated"): 1}


def test_a_difference_that_comes_again() -> None:
    """It is one, in the request that it came with."""
    results = sent(lambda request, lane: answer(lane if request.target == "/b" else ""))
    assert (results.same, results.different) == (7, 1)
    assert [each.view for each in results.groups.all()] == ["/b"]


def test_several_at_the_same_time() -> None:
    """As many requests as there are jobs are under way, and never more; results come in their order."""
    together, most = 0, 0
    lock, both = threading.Lock(), threading.Barrier(2)

    def run(request: Request, lane: str) -> Outcome:
        nonlocal together, most
        with lock:
            together += 1
            most = max(most, together)
        if lane == "new":
            both.wait(20)
        with lock:
            together -= 1
        return answer(status=200)

    results = sent(run, jobs=2)
    assert most == 2
    assert [*results.views] == [each.target for each in REQUESTS]


def test_nobody_is_there() -> None:
    """After the first request without an answer, where none has had one, no more are sent."""

    def run(request: Request, lane: str) -> Outcome:
        raise Unreachable("http://a is not reachable")

    results = sent(run)
    assert (results.requests, results.unreachable) == (1, 1)
    assert results.stopped == "http://a is not reachable"


def test_a_server_that_goes_away() -> None:
    """After three requests in a row no more are sent; those before count."""

    def run(request: Request, lane: str) -> Outcome:
        if request.target > "/b":
            raise Unreachable("gone")
        return answer()

    results = sent(run)
    assert (results.requests, results.same, results.unreachable, results.stopped) == (5, 2, 3, "gone")


def test_no_answer() -> None:
    """The new lane's silence is a difference, the old one's leaves nothing to compare with."""

    def run(request: Request, lane: str) -> Outcome:
        is_silent = (request.target, lane) in {("/b", "old"), ("/c", "new")}
        return replace(answer(), status=0, exception="TimeoutError: 1 s") if is_silent else answer()

    results = sent(run)
    assert (results.unreachable, results.different, results.same, results.stopped) == (1, 1, 6, "")
    assert [each.new for each in results.groups.all()] == ["no answer, TimeoutError: 1 s"]
