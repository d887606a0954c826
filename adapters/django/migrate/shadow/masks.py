"""What may be another thing in each answer, and is no difference: tokens, times, identifiers."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import pairwise
from typing import Final

CSRF: Final = "CSRF token"
NONCE: Final = "nonce"
DATE: Final = "date"
UUID: Final = "UUID"
DURATION: Final = "duration"
ADDRESS: Final = "memory address"
SESSION: Final = "session id"
REQUEST_ID: Final = "request id"
ETAG: Final = "ETag of another body"

BUILT_IN: Final = "built in"
LEARNED: Final = "learned"
OPTION: Final = "option"
NOT_REPEATED: Final = "not repeated"

#: What masks have hidden: (what, how) and how often.
Tally = Counter[tuple[str, str]]

#: Seconds by which two times may differ that both mean "now". Times that are data are the same each time.
_NOW: Final = 600.0
_DAY: Final = 86_400.0
#: Seconds by which durations may differ that were measured; a tenth of them may be more.
_MEASURED: Final = 0.05
_LENGTH: Final = re.compile(r"([\d.]+) ?(m?)")

#: Written over what a mask of the user's own covers.
COVERED: Final = "[masked]"

_FOUND: Final = re.compile(
    r"""
      (?P<csrf>  (?i:csrf)[\w-]{0,30} ["']? \s{0,4} [:=,] \s{0,4} ["'] [A-Za-z0-9]{32,64} ["'] )
    | (?P<nonce> 'nonce-[^'\s]+' )
    | (?P<uuid>  \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b )
    | (?P<http>  \b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),[ ]\d\d[ -][A-Z][a-z]{2}[ -]\d{4}[ ]\d\d:\d\d:\d\d[ ]GMT )
    | (?P<iso>   \b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)? )
    | (?P<unix>  (?<![\w.])1\d{9}(?:\d{3})?(?:\.\d{1,9})?(?![\w]) )
    | (?P<address> \b0x[0-9a-f]{6,16}\b )
    | (?P<duration> (?<![\w.])\d+(?:\.\d+)?[ ]?(?:ms|milliseconds|s|secs?|seconds)\b )
    """,
    re.VERBOSE,
)
_NAMES: Final = {
    "csrf": CSRF,
    "nonce": NONCE,
    "uuid": UUID,
    "http": DATE,
    "iso": DATE,
    "unix": DATE,
    "address": ADDRESS,
    "duration": DURATION,
}


class Masks:
    """Those that are always there, and those that the user adds.

    Args:
        own: expressions; what they match, or their first group does, is covered in both answers.
        clock: gives seconds since 1970.
    """

    def __init__(self, own: Iterable[re.Pattern[str]] = (), clock: Callable[[], float] = time.time) -> None:
        self._own = tuple(own)
        self._clock = clock

    def hidden(self, one: str, other: str, *, varies: bool) -> tuple[str, ...] | None:
        """Name the masks by which two texts are the same; None where they are not.

        Args:
            one: of the old answer.
            other: what stands in the same place of the new one.
            varies: whether this place is known to differ between answers of one lane, or nobody can know. An
                identifier that one lane gives twice is data, and another one in its place a difference.
        """
        if one == other:
            return ()
        ones, others = [*_FOUND.finditer(one)], [*_FOUND.finditer(other)]
        if not ones or [each.lastgroup for each in ones] != [each.lastgroup for each in others]:
            return None
        if _between(one, ones) != _between(other, others):
            return None
        names: list[str] = []
        for before, after in zip(ones, others, strict=True):
            if before[0] != after[0]:
                if not self._is_as_good(before, after, varies=varies):
                    return None
                names.append(_NAMES[str(before.lastgroup)])
        return tuple(names)

    def cover(self, text: str, tally: Tally | None = None) -> str:
        """Write over what the user's own masks match."""
        for each in self._own:
            text, count = each.subn(_covered, text)
            if count and tally is not None:
                tally[each.pattern, OPTION] += count
        return text

    @staticmethod
    def plain(text: str) -> str:
        """Write names over what is another in each answer, for texts that are counted."""
        return _FOUND.sub(lambda found: f"[{_NAMES[str(found.lastgroup)]}]", text)

    def _is_as_good(self, one: re.Match[str], other: re.Match[str], *, varies: bool) -> bool:
        match one.lastgroup:
            case "uuid":
                return varies
            case "http":
                return _are_close(parsedate_to_datetime, one[0], other[0])
            case "iso":
                return _are_close(datetime.fromisoformat, one[0], other[0])
            case "duration":
                return _are_as_long(one[0], other[0])
            case "unix":
                return self._are_both_now(one[0], other[0])
            case _:
                return True

    def _are_both_now(self, one: str, other: str) -> bool:
        now = self._clock()
        times = [float(each[:10]) for each in (one, other)]
        return len(one.partition(".")[0]) == len(other.partition(".")[0]) and (
            abs(times[0] - times[1]) <= _NOW and abs(times[0] - now) <= _DAY
        )


def own_masks(texts: Sequence[str]) -> list[re.Pattern[str]]:
    """Compile the user's own.

    Raises:
        ValueError: one of them is no expression; says which.
    """
    masks: list[re.Pattern[str]] = []
    for each in texts:
        try:
            masks.append(re.compile(each))
        except re.error as error:
            raise ValueError(f"{each!r} is no regular expression: {error}") from None
    return masks


def _covered(found: re.Match[str]) -> str:
    if not found.re.groups or found[1] is None:
        return COVERED
    start, end = found.start(1) - found.start(), found.end(1) - found.start()
    return found[0][:start] + COVERED + found[0][end:]


def _between(text: str, found: list[re.Match[str]]) -> list[str]:
    ends = [0, *(at for each in found for at in each.span()), len(text)]
    return [text[start:end] for start, end in [*pairwise(ends)][::2]]


def _are_as_long(one: str, other: str) -> bool:
    """Say whether two durations are nearly the same: what was measured says so by chance only."""
    found = [_LENGTH.findall(each)[0] for each in (one, other)]
    seconds = [float(number) * (0.001 if milli else 1.0) for number, milli in found]
    return abs(seconds[0] - seconds[1]) <= max(_MEASURED, max(seconds) / 10)


def _are_close(read: Callable[[str], datetime], one: str, other: str) -> bool:
    """Say whether two times are written for the same zone, and are nearly the same."""
    try:
        times = read(one), read(other)
    except ValueError:
        return False
    if times[0].utcoffset() != times[1].utcoffset():
        return False
    return abs((times[0] - times[1]).total_seconds()) <= _NOW
