"""What leaves the queue of a pool before a worker takes it, and what stays in which order."""

from collections import deque
from contextvars import copy_context
from typing import Any

import pytest

from hybrid.bridge.wsgi.jobs import Job, Withdrawals


class Overseen:
    """Knows for which jobs nobody waits."""

    def __init__(self, *gone: object) -> None:
        self.gone = gone

    def waited_too_long(self, argument: Any, /) -> None:
        """Not asked here."""

    def is_gone(self, argument: Any, /) -> bool:
        """Say so."""
        return argument in self.gone

    def last_progress(self, argument: Any, /) -> float:
        """Not asked here."""
        return 0.0

    def ran_too_long(self, argument: Any, /) -> None:
        """Not asked here."""


def job(argument: object, overseer: Overseen | None, queued_at: float = 0.0) -> Job:
    """Make a job that does nothing."""
    return copy_context(), repr, argument, overseer, queued_at, None


def arguments(jobs: deque[Job]) -> list[object]:
    """Return what is queued."""
    return [each[2] for each in jobs]


def test_gone_ones_are_looked_for_when_there_may_be_enough() -> None:
    """It is time with one for four that are queued, and then again with the next so many."""
    overseer = Overseen()
    withdrawals = Withdrawals(deque(job(number, overseer) for number in range(8)))
    assert [withdrawals.note_gone(), withdrawals.note_gone()] == [False, True]
    withdrawals.drop_gone()
    assert not withdrawals.note_gone()


def test_whether_there_are_any_is_known() -> None:
    """Each look is for all of them."""
    withdrawals = Withdrawals(deque())
    known = [withdrawals.has_gone]
    withdrawals.note_gone()
    known.append(withdrawals.has_gone)
    withdrawals.drop_gone()
    known.append(withdrawals.has_gone)
    assert known == [False, True, False]


@pytest.mark.parametrize("gone", [(), (0,), (4,), (0, 1), (1, 3), (0, 2, 4), (0, 1, 2, 3, 4)])
def test_the_others_keep_their_order(gone: tuple[int, ...]) -> None:
    """Wherever the gone ones are; what nobody oversees is never one of them."""
    overseer = Overseen(*gone)
    jobs = deque([*(job(number, overseer) for number in range(5)), job(0, None)])
    Withdrawals(jobs).drop_gone()
    assert arguments(jobs) == [*(number for number in range(5) if number not in gone), 0]


def test_late_ones_are_taken_from_the_front() -> None:
    """One after the other, up to the first that is not late, or that may wait for ever."""
    overseer = Overseen()
    jobs = deque([job("a", overseer, 1.0), job("b", overseer, 3.0), job("c", overseer, 2.0)])
    withdrawals = Withdrawals(jobs)
    assert withdrawals.take_late(2.0) == (overseer, "a")
    assert withdrawals.take_late(2.0) is None
    assert arguments(jobs) == ["b", "c"]
    jobs.appendleft(job("d", None, 1.0))
    assert withdrawals.take_late(9.0) is None
    assert arguments(jobs) == ["d", "b", "c"]


def test_an_empty_queue() -> None:
    """There is nothing to take."""
    withdrawals = Withdrawals(deque())
    withdrawals.drop_gone()
    assert withdrawals.take_late(9.0) is None
    assert repr(withdrawals) == "<Withdrawals from 0 jobs, 0 perhaps queued in vain>"


class Raced(Overseen):
    """Lets workers take what is queued while it is asked for the second time."""

    def __init__(self, jobs: deque[Job]) -> None:
        super().__init__()
        self.jobs = jobs
        self.asked: list[object] = []

    def is_gone(self, argument: Any, /) -> bool:
        """Nothing is gone."""
        self.asked.append(argument)
        assert len(self.asked) <= 3, "the same jobs are looked at again and again"
        if len(self.asked) == 2:
            for _ in range(2):
                self.jobs.popleft()
        return False


def test_workers_that_take_what_was_looked_at_first() -> None:
    """The look at the others has an end all the same, and they keep their order."""
    jobs: deque[Job] = deque()
    raced = Raced(jobs)
    jobs.extend(job(number, raced) for number in range(3))
    Withdrawals(jobs).drop_gone()
    assert raced.asked == [0, 1]
    assert arguments(jobs) == [1]
