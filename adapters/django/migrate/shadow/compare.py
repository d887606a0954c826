"""Compares answers to one request: those of the old lane among themselves, which is noise, and the new one.

Each part of an answer is a tree (``parts/``), and a place in which two answers of the *old* lane differ is
noise: there the new one may say anything that fits what the old ones have in common.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hybrid.adapters.django.migrate.shadow.addresses import addresses_of, without
from hybrid.adapters.django.migrate.shadow.answers import Answer, trees_of
from hybrid.adapters.django.migrate.shadow.differences import Difference, What
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome
from hybrid.adapters.django.migrate.shadow.masks import BUILT_IN, ETAG, LEARNED, Masks, Tally
from hybrid.adapters.django.migrate.shadow.noise import Noise
from hybrid.adapters.django.migrate.shadow.parts.timing import RATIO, time_differences
from hybrid.adapters.django.migrate.shadow.parts.trees import Change, Comparison, Leaf, Node, Path
from hybrid.adapters.django.migrate.shadow.telling import general, told, told_together, where_of

#: Places in one body that are told of one by one.
_MOST: Final = 5


@dataclass(frozen=True)
class Compared:
    """What came of comparing the answers to one request.

    Attributes:
        differences: those that are notes only too.
        hidden: what was no difference, by the masks and the noise.
    """

    differences: tuple[Difference, ...]
    hidden: Tally

    @property
    def same(self) -> bool:
        """Whether the answers are the same, but for notes."""
        return all(each.note for each in self.differences)


def compare(
    first: Outcome, again: Outcome | None, other: Outcome, masks: Masks | None = None
) -> list[Difference]:
    """Return in what an answer of the new lane differs from those of the old one.

    Args:
        first: an answer of the old lane.
        again: another one; what they do not agree on is noise.
        other: the answer of the new lane.
        masks: what is no difference in any case.
    """
    agains = () if again is None else (again,)
    return [*Comparer(masks or Masks()).compare(first, agains, other).differences]


class Comparer:
    """Compares answers.

    Args:
        masks: what is no difference in any case.
        slower: how many times as long an answer must take for that to be told.
        fails_slower: whether that makes it a different one.
    """

    def __init__(self, masks: Masks, *, slower: float = RATIO, fails_slower: bool = False) -> None:
        self._masks = masks
        self._slower = slower
        self._fails_slower = fails_slower

    def compare(self, first: Outcome, agains: Sequence[Outcome], other: Outcome) -> Compared:
        """Compare the answer of the new lane with those of the old one, of which the first is told of."""
        hidden = Tally()
        addresses = addresses_of(first, other)

        def cover(text: str, tally: Tally | None = None) -> str:
            return self._masks.cover(without(addresses, text), tally)

        old = Answer(first, cover)
        new = Answer(other, lambda text: cover(text, hidden))
        answers = [old, new, *(Answer(each, cover) for each in agains)]
        changes = {what: self._unexplained(what, trees, hidden) for what, trees in trees_of(answers).items()}
        found = [*self._told(changes, old, new, hidden)]
        if not changes[What.STATUS]:
            found += time_differences(
                (first, *agains), other, ratio=self._slower, note=not self._fails_slower
            )
        return Compared(tuple(found), hidden)

    def _unexplained(self, what: What, trees: list[Node], hidden: Tally) -> list[Change]:
        """Return the changes of one part that neither masks nor noise explain."""
        old, new, *agains = trees
        between = Comparison(lambda one, other: one.text == other.text)  # masks may hide that a place varies
        noise = Noise(change for each in agains for change in between.changes(old, each))
        comparison = self._comparison(varies=not agains, unordered=noise.orders, hidden=hidden)
        left: list[Change] = []
        for each in comparison.changes(old, new):
            if noise.explains(each):
                hidden.update(self._explanations(what, each))
            else:
                left.append(each)
        return left

    def _comparison(self, *, varies: bool, unordered: frozenset[Path], hidden: Tally) -> Comparison:
        def same(one: Leaf, other: Leaf) -> bool:
            if one.mask and one.mask == other.mask and one.text and other.text:
                names: tuple[str, ...] | None = (one.mask,) if one.text != other.text else ()
            else:
                names = self._masks.hidden(one.text, other.text, varies=varies)
            if names:
                hidden.update((each, BUILT_IN) for each in names)
            return names is not None

        return Comparison(same, unordered)

    def _explanations(self, what: What, change: Change) -> list[tuple[str, str]]:
        """Say what has hidden a change: a mask for what varies, or what was learned of the place."""
        if isinstance(change.old, Leaf) and isinstance(change.new, Leaf):
            names = self._masks.hidden(change.old.text, change.new.text, varies=True)
            if names:
                return [(each, BUILT_IN) for each in names]
        return [(f"{what} {general(where_of(change.path))}".strip(), LEARNED)]

    def _told(
        self, changes: dict[What, list[Change]], old: Answer, new: Answer, hidden: Tally
    ) -> Iterator[Difference]:
        """Tell of what is left; of another status alone, as the rest comes of that."""
        if changes[What.STATUS]:
            yield Difference(What.STATUS, "", old.said_status, new.said_status)
            return
        for what, found in changes.items():
            if what is What.BODY and _is_explained(old, new):
                continue
            left = [each for each in found if not _follows(what, each, old, new, hidden)]
            if what is What.BODY and len(left) > _MOST:
                yield told_together(what, left)
            else:
                yield from (told(what, each) for each in left)


def _is_explained(old: Answer, new: Answer) -> bool:
    """Say whether the bodies differ for a reason that is told of by itself: their type, or an exception."""
    return old.media_type != new.media_type or (old.is_error_page and new.is_error_page)


def _follows(what: What, change: Change, old: Answer, new: Answer, hidden: Tally) -> bool:
    """Say whether a field differs because the body does."""
    if what is not What.HEADER or change.path != ("etag",) or old.outcome.body == new.outcome.body:
        return False
    if change.old is None or change.new is None:
        return False
    hidden[ETAG, BUILT_IN] += 1
    return True
