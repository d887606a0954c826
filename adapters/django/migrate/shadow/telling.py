"""Says in words in what a place differs."""

import re
from collections.abc import Sequence
from typing import Final

from hybrid.adapters.django.migrate.shadow.differences import Difference, What
from hybrid.adapters.django.migrate.shadow.parts.trees import Change, Listed, Node, Path, Sort

ABSENT: Final = "not there"
#: Characters of what stands in a place, and of that before the first one that differs.
_MOST, _BEFORE = 160, 40
_NUMBER: Final = re.compile(r"\[\d+\]|(?<=line )\d+")
#: What is counted has the text itself for its path.
_COUNTED: Final = frozenset({What.QUERIES, What.WARNING, What.SENT})


def where_of(path: Path) -> str:
    """Write a path."""
    return "".join(path).strip(" >")


def general(where: str) -> str:
    """Write a place without numbers: the same field of each element is one."""
    return _NUMBER.sub(lambda found: "[]" if found[0].startswith("[") else "n", where)


def told(what: What, change: Change) -> Difference:
    """Tell of one place."""
    where = where_of(change.path)
    if change.sort is Sort.ORDER:
        old, new = _apart(_brief(change.old), _brief(change.new))
        return Difference(what, where, f"in the order {old}", f"in the order {new}")
    if change.sort is Sort.LENGTH:
        return Difference(what, where, _only(change.old), _only(change.new))
    absent = "never" if what in _COUNTED else ABSENT
    return Difference(what, where, *_apart(_brief(change.old, absent), _brief(change.new, absent)))


def told_together(what: What, changes: Sequence[Change]) -> Difference:
    """Tell of many places at once: of the first, and where all of them are."""
    first = told(what, changes[0])
    shared = changes[0].path
    for each in changes:
        while shared != each.path[: len(shared)]:
            shared = shared[:-1]
    places = f"{len(changes)} places, the first is {first.where}: "
    return Difference(what, where_of(shared), places + first.old, places + first.new)


def _brief(node: Node | None, absent: str = ABSENT) -> str:
    return absent if node is None else node.brief() or "empty"


def _only(node: Node | None) -> str:
    """Say what one of two lists has that the other has not."""
    if not isinstance(node, Listed) or not node.items:
        return "nothing more"
    return _cut(f"{len(node.items)} more: {node.brief()}")


def _apart(old: str, new: str) -> tuple[str, str]:
    """Cut two texts to where they begin to differ."""
    shared = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), 0)
    start = shared - _BEFORE if max(len(old), len(new)) > _MOST and shared > _BEFORE else 0
    before = "…" if start else ""
    return before + _cut(old[start:]), before + _cut(new[start:])


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST else f"{line[:_MOST]}…"
