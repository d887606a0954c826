"""Word from the workers of a pool that they will soon have nothing left to do."""

from collections.abc import Callable, Sized

#: Fewer jobs than this are few: the workers may have done them before the loop has brought more.
_FEW = 4


class Lull:
    """Calls whoever has asked for it once few jobs wait in a queue.

    Args:
        jobs: the queue.

    Attributes:
        listeners: who is to be called; a worker looks at it after each job.
    """

    def __init__(self, jobs: Sized) -> None:
        self._jobs = jobs
        self.listeners: set[Callable[[], object]] = set()

    def __repr__(self) -> str:
        return f"<Lull {'has come' if self.has_come else 'has not come'}, {len(self.listeners)} listeners>"

    @property
    def has_come(self) -> bool:
        """Whether few jobs wait. Any thread."""
        return len(self._jobs) < _FEW

    def call(self, function: Callable[[], object]) -> bool:
        """Have a function called when few jobs are left, once and on a worker; False if that is so already
        (loop).

        First the function, then the look: a worker that takes a job after the look finds it there.
        """
        self.listeners.add(function)
        if not self.has_come:
            return True
        self.listeners.discard(function)
        return False

    def tell(self) -> None:
        """Call them (worker)."""
        while True:
            try:
                listener = self.listeners.pop()
            except KeyError:  # another worker has
                return
            listener()
