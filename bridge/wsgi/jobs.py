"""What the threads of a pool are to do, and how it leaves their queue before a thread takes it."""

from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

#: Jobs that nobody waits for are taken out when there may be one for so many queued ones.
_QUEUED_FOR_EACH_GONE = 4


class Overseer(Protocol):
    """Whoever is told that a job takes too long. All on the loop."""

    def waited_too_long(self, argument: Any, /) -> None:
        """The job has left the queue without being run."""
        ...

    def is_gone(self, argument: Any, /) -> bool:
        """Whether nobody waits for the job any more, which has not been run: it is dropped, then, and the
        overseer has let go of it. Asked while it is queued.
        """
        ...

    def last_progress(self, argument: Any, /) -> float:
        """Return when the job last showed that it goes on, by :func:`time.monotonic`: 0 when it has not yet,
        ``inf`` while it waits for somebody whose matter that is.
        """
        ...

    def ran_too_long(self, argument: Any, /) -> None:
        """The job still runs, but its thread has been written off: nobody waits for it any more."""
        ...


#: What a worker is to do: the context to do it in, a function, its argument, who is told when it takes too
#: long, when it was queued, by :func:`time.monotonic`, and the loop that it was queued from. A tuple, because
#: one is made for every request.
Job = tuple[Context, Callable[[Any], object], Any, Overseer | None, float, AbstractEventLoop | None]


class Withdrawals:
    """Takes jobs out of a queue that no worker is to take: nobody waits for them any more, or they have
    waited for too long. All on the loop; workers take the first job at any time, even between two steps of
    what is done here.

    Args:
        jobs: the queue.
    """

    def __init__(self, jobs: deque[Job]) -> None:
        self._jobs = jobs
        self._gone = 0  # jobs that are perhaps queued in vain

    def __repr__(self) -> str:
        return f"<Withdrawals from {len(self._jobs)} jobs, {self._gone} perhaps queued in vain>"

    @property
    def has_gone(self) -> bool:
        """Whether some may be queued in vain."""
        return self._gone > 0

    def note_gone(self) -> bool:
        """Nobody waits any more for a job that may be queued; whether to :meth:`drop_gone` now.

        That costs each of them no more than looking at a few others.
        """
        self._gone += 1
        return self._gone * _QUEUED_FOR_EACH_GONE >= len(self._jobs)

    def drop_gone(self) -> None:
        """Take the jobs out that nobody waits for; the others keep their order. A worker may find the queue
        empty meanwhile.
        """
        self._gone = 0
        jobs, kept = self._jobs, dict[int, Job]()  # by id: what is in a job may have no hash
        while True:
            try:
                job = jobs.popleft()
            except IndexError:  # as workers take some meanwhile
                break
            if id(job) in kept:  # the first of those that are left: workers may have taken others
                jobs.appendleft(job)
                break
            overseer = job[3]
            if overseer is None or not overseer.is_gone(job[2]):
                kept[id(job)] = job
                jobs.append(job)

    def take_late(self, latest: float) -> tuple[Overseer, Any] | None:
        """Take the first job out if it was queued by that time and somebody oversees it; return who, and its
        argument.
        """
        jobs = self._jobs
        try:
            job = jobs.popleft()
        except IndexError:
            return None
        _, _, argument, overseer, queued_at, _ = job
        if queued_at > latest or overseer is None:
            jobs.appendleft(job)
            return None
        return overseer, argument
