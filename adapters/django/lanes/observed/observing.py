"""What is put into Django and asgiref while somebody observes, in the whole process, and taken out again."""

from functools import cache

from hybrid.adapters.django.lanes.observed import exceptions, hops, queries, signals, streams
from hybrid.adapters.django.lanes.observed.patches import Patches


class Observing(Patches):
    """All of it."""

    def make(self) -> None:
        """Somebody observes."""
        super().make()
        queries.listen()

    def hear(self) -> None:
        """Listen to signals as well; see :mod:`.signals`."""
        signals.listen()

    def undo(self) -> None:
        """Somebody observes no more."""
        super().undo()
        if not self.wanted:
            queries.stop()
            signals.stop()


@cache
def observing() -> Observing:
    """Return the only one."""
    return Observing([*hops.patches(), *exceptions.patches(), *streams.patches()])
