"""What is told of a pool of threads."""

from typing import NamedTuple


class PoolStats(NamedTuple):
    """One reading of a pool.

    Attributes:
        threads: the most threads it may have.
        busy: threads with a job.
        blocked: those of them that wait for something else than the CPU.
        queued: jobs that no thread has taken yet.
        highest_queue: the most that there have been.
        oldest_wait: seconds that the next job has been waiting.
        completed: jobs that are done.
        refused: jobs that found no room, or waited in vain.
        stuck: threads written off whose jobs still run.
    """

    threads: int
    busy: int
    blocked: int
    queued: int
    highest_queue: int
    oldest_wait: float
    completed: int
    refused: int
    stuck: int
