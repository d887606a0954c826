"""A sample of requests, tried beside the server."""

import logging
import threading
from collections.abc import Iterator

import pytest

from hybrid.adapters.django.migrate.shadow.exchanges import Request
from hybrid.adapters.django.migrate.shadow.sampling import Sample
from tests.support.process import DEADLINE
from tests.support.waiting import until

REQUEST = Request("GET", "/")


class Slow:
    """Tries nothing before it may."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.begun: list[Request] = []

    def __call__(self, request: Request) -> None:
        """Wait."""
        self.begun.append(request)
        assert self.may.wait(DEADLINE)


def test_a_share_is_tried() -> None:
    """Of the requests that are offered, those for which the draw is below the share."""
    draws: Iterator[float] = iter([0.0, 0.24, 0.25, 0.9])
    tried: list[str] = []
    sample = Sample(lambda request: tried.append(request.target), 25, chance=lambda: next(draws))
    assert [sample.offer(Request("GET", f"/{number}")) for number in range(4)] == [True, True, False, False]
    until(lambda: sample.counts.tried == 2)
    assert tried == ["/0", "/1"]
    assert sample.counts == (4, 2, 0, 2, 0)
    assert sample.close()


@pytest.mark.parametrize("percent", [0, 100], ids=["none", "all"])
def test_all_or_nothing(percent: float) -> None:
    """With a hundred percent each request is taken, with none no request is."""
    sample = Sample(lambda _: None, percent, queue=1000)
    assert {sample.offer(REQUEST) for _ in range(500)} == {percent == 100}
    assert sample.close()


@pytest.mark.parametrize(
    "request_",
    [Request("POST", "/"), Request("DELETE", "/"), Request("GET", "/", body=b"x")],
    ids=["POST", "DELETE", "body"],
)
def test_what_is_never_tried(request_: Request) -> None:
    """Methods that change something, and bodies."""
    sample = Sample(lambda _: pytest.fail("it was tried"), 100)
    assert not sample.offer(request_)
    assert sample.counts == (1, 0, 0, 0, 0)
    assert sample.close()


def test_no_room() -> None:
    """What finds the queue full is dropped and counted, and whoever offers it does not wait."""
    slow = Slow()
    sample = Sample(slow, 100, queue=2)
    assert sample.offer(REQUEST)
    until(lambda: slow.begun)
    assert [sample.offer(REQUEST) for _ in range(4)] == [True, True, False, False]
    assert sample.counts == (5, 5, 2, 0, 0)
    slow.may.set()
    until(lambda: sample.counts.tried == 3)
    assert sample.close()


def test_an_attempt_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and counted, and the next request is tried."""

    def fails(request: Request) -> None:
        raise ValueError(request.target)

    sample = Sample(fails, 100)
    with caplog.at_level(logging.ERROR, "hybrid.django"):
        sample.offer(REQUEST)
        sample.offer(REQUEST)
        until(lambda: sample.counts.failed == 2)
    assert [each.getMessage() for each in caplog.records] == ["GET /: the sample could not be tried"] * 2
    assert sample.close()


def test_the_end() -> None:
    """What waits is dropped, what is being tried is waited for, and nothing is taken any more."""
    slow = Slow()
    sample = Sample(slow, 100, queue=2)
    sample.offer(REQUEST)
    until(lambda: slow.begun)
    sample.offer(REQUEST)
    sample.offer(REQUEST)
    assert not sample.close(timeout=0)
    assert not sample.offer(REQUEST)
    slow.may.set()
    until(lambda: sample.counts.tried == 1)
    assert sample.close()
    assert sample.counts == (4, 3, 2, 1, 0)
    assert len(slow.begun) == 1


@pytest.mark.parametrize(
    ("percent", "queue", "said"),
    [(101, 1, "0 to 100 percent"), (-1, 1, "0 to 100 percent"), (1, 0, "room for at least one")],
    ids=["more", "less", "no-room"],
)
def test_what_is_no_sample(percent: float, queue: int, said: str) -> None:
    """Shares and queues that cannot be are refused."""
    with pytest.raises(ValueError, match=said):
        Sample(lambda _: None, percent, queue=queue)
