"""What answers of one lane to one request do not agree on, which is no difference between lanes."""

from collections.abc import Iterable

from hybrid.adapters.django.migrate.shadow.masks import Masks
from hybrid.adapters.django.migrate.shadow.parts.templates import Template
from hybrid.adapters.django.migrate.shadow.parts.trees import Change, Leaf, Path, Sort


class Noise:
    """The places, of one part of the answers, in which one lane differs from itself.

    Args:
        changes: between one answer of the lane and others of it.
    """

    def __init__(self, changes: Iterable[Change]) -> None:
        self._templates: dict[Path, list[Template]] = {}
        self._whole: set[Path] = set()
        self._lengths: set[Path] = set()
        self._orders: set[Path] = set()
        for each in changes:
            self._learn(each)

    @property
    def orders(self) -> frozenset[Path]:
        """The paths of lists that come in any order."""
        return frozenset(self._orders)

    def explains(self, change: Change) -> bool:
        """Say whether a change is no other than those of the lane itself."""
        if any(change.path[:length] in self._whole for length in range(len(change.path) + 1)):
            return True
        match change.sort:
            case Sort.TEXT:
                text = Masks.plain(change.new.text) if isinstance(change.new, Leaf) else ""
                return any(each.fits(text) for each in self._templates.get(change.path, ()))
            case Sort.ORDER:
                return change.path in self._orders or all(map(self.explains, change.inner))
            case Sort.LENGTH:
                return change.path in self._lengths
            case Sort.WHOLE:
                return False

    def _learn(self, change: Change) -> None:
        match change.sort:
            case Sort.TEXT if isinstance(change.old, Leaf) and isinstance(change.new, Leaf):
                template = Template.of(Masks.plain(change.old.text), Masks.plain(change.new.text))
                self._templates.setdefault(change.path, []).append(template)
            case Sort.ORDER:  # the elements are the same: how they differ by position says nothing
                self._orders.add(change.path)
                return
            case Sort.LENGTH:
                self._lengths.add(change.path)
            case _:
                self._whole.add(change.path)
        if change.loose is not None:
            self._whole.add(change.loose)
        for each in change.inner:
            self._learn(each)
