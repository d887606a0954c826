"""What two texts of the same place have in common: the rest of it is another each time."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from operator import eq
from typing import Final

#: Texts are cut here; a number, a time or an identifier stays whole.
_BETWEEN: Final = re.compile(r"""([\s"'<>=,;&()\[\]{}]+)""")
#: Pieces of a text that are looked at; of a longer one nothing is expected.
_MOST: Final = 2000
#: Comparisons of two pieces that finding the common ones may begin with. Where many are alike, as in a script
#: full of data, each of as many steps takes as long again.
_MOST_PAIRS: Final = 40_000


@dataclass(frozen=True)
class Template:
    """A text with gaps.

    Attributes:
        pieces: what is always there, in its order; between two of them anything may stand. The first is at
            the beginning and the last at the end; both may be empty.
    """

    pieces: tuple[str, ...]

    @classmethod
    def of(cls, one: str, other: str) -> "Template":
        """Keep what two texts have in common."""
        ones, others = _BETWEEN.split(one), _BETWEEN.split(other)
        if max(len(ones), len(others)) > _MOST:
            return cls(("", ""))
        pieces = [""]
        for are_equal, text in _parts(ones, others):
            if are_equal:
                pieces[-1] += text
            else:
                pieces.append("")
        return cls(tuple(pieces))

    def fits(self, text: str) -> bool:
        """Say whether a text is one of these. Each piece is taken where it is found first, in linear time."""
        head, *middle = self.pieces
        if not middle:
            return text == head
        tail = middle.pop()
        if not text.startswith(head) or not text.endswith(tail) or len(text) < len(head) + len(tail):
            return False
        at, end = len(head), len(text) - len(tail)
        for piece in middle:
            found = text.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return True


def _parts(ones: list[str], others: list[str]) -> Iterator[tuple[bool, str]]:
    """Give what two texts have in common, in its order, with a gap wherever something else stands."""
    if len(ones) == len(others) and 2 * sum(map(eq, ones[::2], others[::2])) >= len(ones[::2]):
        for are_equal, found in groupby(zip(ones, others, strict=True), lambda pair: pair[0] == pair[1]):
            yield are_equal, "".join(one for one, _ in found)
        return
    head = _shared(ones, others)
    tail = _shared(ones[head:][::-1], others[head:][::-1])
    inner, inner_others = ones[head : len(ones) - tail], others[head : len(others) - tail]
    yield True, "".join(ones[:head])
    if len(inner) * len(inner_others) > _MOST_PAIRS:
        yield False, ""
    else:
        for name, i, j, _, _ in SequenceMatcher(None, inner, inner_others, autojunk=False).get_opcodes():
            yield name == "equal", "".join(inner[i:j])
    yield True, "".join(ones[len(ones) - tail :])


def _shared(ones: Sequence[str], others: Sequence[str]) -> int:
    """Return with how many of the same pieces two lists begin."""
    pairs = zip(ones, others, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(ones), len(others)))
