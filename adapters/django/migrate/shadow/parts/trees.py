"""Trees that say what is in an answer, and where; and how two of them differ.

A step of a path is written as it is to be read: ``.price``, ``[3]``, `` > li[2]``; a path is put together
without anything between its steps.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto
from functools import cached_property
from itertools import zip_longest
from typing import Final

Path = tuple[str, ...]

#: Comparisons of two elements that aligning a list may take; a longer list is compared by position.
_MOST: Final = 1_000_000


@dataclass(frozen=True)
class Leaf:
    """A text.

    Attributes:
        mask: the mask by whose rule another text is as good, known from where the text stands.
    """

    text: str
    mask: str = ""

    def brief(self) -> str:
        """Say it in short."""
        return self.text


@dataclass(frozen=True)
class Named:
    """Parts that have names, in no order: fields of an object, attributes of an element.

    Attributes:
        parts: by the step that leads to each, sorted.
    """

    parts: tuple[tuple[str, "Node"], ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:  # each list around it asks for it
        return hash(self.parts)

    @classmethod
    def of(cls, parts: dict[str, "Node"]) -> "Named":
        """Put named parts together."""
        return cls(tuple(sorted(parts.items(), key=lambda part: part[0])))

    def brief(self) -> str:
        """Say it in short."""
        return " ".join(f"{step.strip(' .>:')} {node.brief()}".strip() for step, node in self.parts)


@dataclass(frozen=True)
class Item:
    """An element of a list.

    Attributes:
        step: leads to it.
        kind: elements of another kind are not compared with it: the tag, say.
    """

    step: str
    node: "Node"
    kind: str = ""

    @property
    def content(self) -> tuple[str, "Node"]:
        """What it is, wherever it stands."""
        return self.kind, self.node


@dataclass(frozen=True)
class Listed:
    """Elements in an order."""

    items: tuple[Item, ...]

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:  # each list around it asks for it
        return hash(self.items)

    def brief(self) -> str:
        """Say it in short."""
        return " ".join(f"{each.kind} {each.node.brief()}".strip() for each in self.items)


Node = Leaf | Named | Listed


class Sort(Enum):
    """How two trees differ in a place."""

    TEXT = auto()
    """Another text."""
    WHOLE = auto()
    """Something of another kind, or something that only one of them has."""
    ORDER = auto()
    """The same elements in another order."""
    LENGTH = auto()
    """Elements that only one of them has."""


@dataclass(frozen=True)
class Change:
    """A place in which two trees differ, by its path in the first of them.

    Attributes:
        old, new: what stands there; None where nothing does.
        loose: the path of the element around it that cannot be told from its neighbours, as there is another
            number of them.
        inner: where elements stand in another order, how they differ by position; where there is another
            number of them, those that are gone.
    """

    path: Path
    sort: Sort
    old: Node | None
    new: Node | None
    loose: Path | None = None
    inner: tuple["Change", ...] = ()


@dataclass(frozen=True)
class Comparison:
    """How trees are compared.

    Args:
        same: whether two leaves say the same.
        unordered: the paths of lists whose order says nothing.
    """

    same: Callable[[Leaf, Leaf], bool]
    unordered: frozenset[Path] = frozenset()

    def changes(self, old: Node, new: Node, path: Path = ()) -> Iterator[Change]:
        """Give each place in which two trees differ, in the order of the first."""
        match old, new:
            case Leaf(), Leaf():
                if not self.same(old, new):
                    yield Change(path, Sort.TEXT, old, new)
            case Named(), Named():
                yield from self._named(old, new, path)
            case Listed(), Listed():
                yield from self._listed(old, new, path)
            case _:
                yield Change(path, Sort.WHOLE, old, new)

    def _named(self, old: Named, new: Named, path: Path) -> Iterator[Change]:
        olds, news = dict(old.parts), dict(new.parts)
        for step in sorted({*olds, *news}):
            before, after = olds.get(step), news.get(step)
            if before is None or after is None:
                yield Change((*path, step), Sort.WHOLE, before, after)
            else:
                yield from self.changes(before, after, (*path, step))

    def _listed(self, old: Listed, new: Listed, path: Path) -> Iterator[Change]:
        if old == new:
            return
        if path in self.unordered:
            old, new = _paired(old, new)
        if _kinds(old) != _kinds(new):
            yield from self._aligned(old, new, path)
            return
        changes = tuple(
            change
            for before, after in zip(old.items, new.items, strict=True)
            for change in self.changes(before.node, after.node, (*path, before.step))
        )
        if len(changes) > 1 and _is_reordered(old, new):
            yield Change(path, Sort.ORDER, old, new, inner=changes)
        else:
            yield from changes

    def _aligned(self, old: Listed, new: Listed, path: Path) -> Iterator[Change]:
        """Compare lists of different lengths: the same elements go together, others in pairs between them."""
        gone: list[Item] = []
        come: list[Item] = []
        for olds, news in _gaps(old.items, new.items):
            for before, after in _pairs(olds, news):
                if before is not None and after is not None:
                    inner = (*path, before.step)
                    for change in self.changes(before.node, after.node, inner):
                        yield Change(change.path, change.sort, change.old, change.new, inner, change.inner)
                elif before is not None:
                    gone.append(before)
                elif after is not None:
                    come.append(after)
        if gone or come:
            each_gone = tuple(Change((*path, each.step), Sort.WHOLE, each.node, None) for each in gone)
            yield Change(path, Sort.LENGTH, Listed(tuple(gone)), Listed(tuple(come)), inner=each_gone)


def _kinds(of: Listed) -> list[str]:
    return [each.kind for each in of.items]


def _is_reordered(old: Listed, new: Listed) -> bool:
    return Counter(each.content for each in old.items) == Counter(each.content for each in new.items)


def _paired(old: Listed, new: Listed) -> tuple[Listed, Listed]:
    """Bring the second list into the order of the first: what is the same first, the others in theirs."""
    same: dict[tuple[str, Node], deque[Item]] = {}
    for each in new.items:
        same.setdefault(each.content, deque()).append(each)
    found = [same[each.content].popleft() if same.get(each.content) else None for each in old.items]
    taken = {id(each) for each in found}
    rest = deque(each for each in new.items if id(each) not in taken)
    ordered = [each or (rest.popleft() if rest else None) for each in found]
    return old, Listed((*(each for each in ordered if each is not None), *rest))


def _gaps(old: Sequence[Item], new: Sequence[Item]) -> Iterator[tuple[Sequence[Item], Sequence[Item]]]:
    """Give what is not the same in both lists, between what is."""
    head = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a.content != b.content), -1)
    head = min(len(old), len(new)) if head < 0 else head
    old, new = old[head:], new[head:]
    tail = 0
    while tail < min(len(old), len(new)) and old[-1 - tail].content == new[-1 - tail].content:
        tail += 1
    old, new = old[: len(old) - tail], new[: len(new) - tail]
    if len(old) * len(new) > _MOST:
        yield old, new
        return
    numbers: dict[tuple[str, Node], int] = {}  # equal elements have one: the matcher looks at each often
    olds, news = ([numbers.setdefault(each.content, len(numbers)) for each in side] for side in (old, new))
    matcher = SequenceMatcher(None, olds, news, autojunk=False)
    for name, i, j, k, m in matcher.get_opcodes():
        if name != "equal":
            yield old[i:j], new[k:m]


def _pairs(old: Sequence[Item], new: Sequence[Item]) -> Iterator[tuple[Item | None, Item | None]]:
    """Pair elements of the same kind, in their order; what is left has no other."""
    if len({each.kind for each in (*old, *new)}) <= 1 or len(old) * len(new) > _MOST:
        yield from zip_longest(old, new)
        return
    matcher = SequenceMatcher(None, [each.kind for each in old], [each.kind for each in new], autojunk=False)
    for name, i, j, k, m in matcher.get_opcodes():
        if name == "equal":
            yield from zip(old[i:j], new[k:m], strict=True)
        else:
            yield from ((each, None) for each in old[i:j])
            yield from ((None, each) for each in new[k:m])
