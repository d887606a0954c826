"""What is counted in an answer: queries, warnings, and what was sent; each text with how often it came."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from hybrid.adapters.django.migrate.shadow.masks import Masks
from hybrid.adapters.django.migrate.shadow.parts.trees import Leaf, Named

_LITERAL: Final = re.compile(
    r"""
      '(?:[^']|'')*'                                   # a text
    | (?<![\w."])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?\b    # a number
    | %s | %\(\w+\)s | \$\d+ | (?<![\w?]):\w+\b        # the place of a parameter
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PLACES: Final = re.compile(r"\(\s*\?(?:\s*,\s*\?)*\s*\)(?:\s*,\s*\(\s*\?(?:\s*,\s*\?)*\s*\))*")
_SAVEPOINT: Final = re.compile(r'(SAVEPOINT\s+)["`]?[\w.]+["`]?', re.IGNORECASE)
#: What a connection runs when it is opened; which request that falls to is chance.
_OPENING: Final = re.compile(
    r"^(\w+: )?\s*(PRAGMA|SET|SHOW|SELECT\s+(VERSION|SET_CONFIG|@@))\b", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_SPACE: Final = re.compile(r"\s+")


def statement(sql: str) -> str:
    """Write a statement without its values: those of two requests, or two rows, become one."""
    text = _SPACE.sub(" ", _LITERAL.sub("?", sql)).strip()
    return _SAVEPOINT.sub(r"\1?", _PLACES.sub("(?)", text))


def query_tree(queries: Iterable[str]) -> Named:
    """Return how often each statement was sent."""
    return _tree(statement(each) for each in queries if not _OPENING.match(each))


def warning_tree(warnings: Iterable[str], cover: Callable[[str], str]) -> Named:
    """Return how often each message was logged; numbers in it say nothing."""
    return _tree(_NUMBER.sub("#", Masks.plain(cover(each))) for each in warnings)


def sent_tree(sent: Iterable[str], cover: Callable[[str], str]) -> Named:
    """Return how often each message was sent."""
    return _tree(Masks.plain(cover(each)) for each in sent)


def _tree(texts: Iterable[str]) -> Named:
    return Named.of({text: Leaf(times(count)) for text, count in Counter(texts).items()})


def times(count: int) -> str:
    """Say how often."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
