"""Functions of Django and asgiref in whose place others are while somebody observes."""

from collections.abc import Callable, Sequence
from typing import Any, Final

_ABSENT: Final = object()


class Patch:
    """One function that is replaced.

    Args:
        owner: the class that has it.
        name: what it is called.
        make: returns the new one for the old one, which is that of a base where the class has none itself.
    """

    def __init__(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        self._owner = owner
        self._name = name
        self._make = make
        self._before: Any = _ABSENT

    def __repr__(self) -> str:
        return f"<Patch of {self._owner.__name__}.{self._name}>"

    def make(self) -> None:
        """Put the new one in."""
        self._before = self._owner.__dict__.get(self._name, _ABSENT)
        setattr(self._owner, self._name, self._make(getattr(self._owner, self._name)))

    def undo(self) -> None:
        """Put the old one back."""
        if self._before is _ABSENT:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._before)


class Patches:
    """Several of them, made while at least one wants them. Loop thread, or before there is one."""

    def __init__(self, patches: Sequence[Patch]) -> None:
        self._patches = patches
        self.wanted = 0

    def __repr__(self) -> str:
        return f"<Patches {self._patches}, wanted {self.wanted} times>"

    def make(self) -> None:
        """Somebody wants them."""
        self.wanted += 1
        if self.wanted == 1:
            for each in self._patches:
                each.make()

    def undo(self) -> None:
        """Somebody wants them no more."""
        self.wanted -= 1
        if self.wanted == 0:
            for each in reversed(self._patches):
                each.undo()
