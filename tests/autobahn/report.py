"""Reads the reports that Autobahn's fuzzing client has written, judges them, and prints them."""

import html
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

#: What a case may come to, in both respects. The rest fails, NON-STRICT included.
GOOD: Final = frozenset({"OK", "INFORMATIONAL"})

_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True)
class Excuse:
    """A behaviour that is allowed although it is not OK, of cases that a pattern names, and why."""

    cases: str
    behavior: str
    reason: str

    def covers(self, result: "Result") -> bool:
        """Whether this is what became of a case."""
        return fnmatchcase(result.case, self.cases) and result.behavior == self.behavior


#: What this project has chosen not to do, each with its reason: nothing. One that no case needs fails, too.
EXCUSES: Final[tuple[Excuse, ...]] = ()


@dataclass(frozen=True)
class Result:
    """What became of one case.

    Attributes:
        case: its id, such as ``6.4.1``.
        behavior: what the messages came to, in Autobahn's words.
        behavior_close: what the end of the connection came to.
        code: the close code that the server sent, if any.
        milliseconds: how long it took.
        expected: what should have happened, in a sentence; known of cases that went wrong.
        seen: what happened instead, likewise.
    """

    case: str
    behavior: str
    behavior_close: str
    code: int | None
    milliseconds: int
    expected: str = ""
    seen: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing has to be said about it."""
        return self.behavior in GOOD and self.behavior_close in GOOD


def read_results(folder: Path, agent: str) -> list[Result]:
    """Read what became of a server's cases, in their order.

    Raises:
        FileNotFoundError: there is no report.
        KeyError: there is none of this server.
    """
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))[agent]
    results = [_result(folder, case, facts) for case, facts in index.items()]
    return sorted(results, key=lambda each: _order(each.case))


def _order(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def _result(folder: Path, case: str, facts: dict[str, object]) -> Result:
    behavior, behavior_close = str(facts["behavior"]), str(facts["behaviorClose"])
    code, duration = facts["remoteCloseCode"], facts["duration"]
    assert isinstance(duration, int)
    result = Result(case, behavior, behavior_close, code if isinstance(code, int) else None, duration)
    if result.good:
        return result
    details = json.loads((folder / str(facts["reportfile"])).read_text(encoding="utf-8"))
    seen = f"{_received(details['received'])}. {_plain(details['result'])} {_plain(details['resultClose'])}"
    return Result(
        case, behavior, behavior_close, result.code, result.milliseconds, _plain(details["expectation"]), seen
    )


def _received(events: list[list[object]]) -> str:
    """Name the first of the messages and control frames that came back."""
    named = [f"{event[0]} {str(event[1])[:20]!r}" for event in events[:3]]
    return "Received " + (", ".join(named) or "nothing") + (" …" if len(events) > 3 else "")


def _plain(text: str | None) -> str:
    """Take the markup out of a text."""
    if text is None:
        return ""
    return " ".join(html.unescape(_TAG.sub(" ", text)).split())


@dataclass(frozen=True)
class Judgement:
    """What a run amounts to.

    Attributes:
        failures: results that are neither good nor excused.
        excused: results that are not good, with what excuses them.
        unneeded: excuses whose cases ran and needed none.
        missing: how many cases have no result.
    """

    failures: Sequence[Result]
    excused: Sequence[tuple[Result, Excuse]]
    unneeded: Sequence[Excuse]
    missing: int

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.failures or self.unneeded or self.missing)


def judge(results: Sequence[Result], announced: int, excuses: Sequence[Excuse] = EXCUSES) -> Judgement:
    """Judge results, of which there should be `announced`."""
    failures: list[Result] = []
    excused: list[tuple[Result, Excuse]] = []
    for result in results:
        if result.good:
            continue
        excuse = next((each for each in excuses if each.covers(result)), None)
        if excuse is None or result.behavior_close not in GOOD:
            failures.append(result)
        else:
            excused.append((result, excuse))
    needed = {excuse for _, excuse in excused}
    unneeded = [
        excuse
        for excuse in excuses
        if excuse not in needed and any(fnmatchcase(each.case, excuse.cases) for each in results)
    ]
    return Judgement(failures, excused, unneeded, announced - len(results))


def render(results: Sequence[Result], judgement: Judgement) -> str:
    """Write what a person wants to read: a line for each group of cases, then what is wrong."""
    lines = list(_groups(results))
    lines += _failures(judgement.failures)
    for excuse, count in Counter(excuse for _, excuse in judgement.excused).items():
        lines.append(f"{count} of {excuse.cases} are {excuse.behavior} by choice: {excuse.reason}")
    lines += [
        f"no case of {each.cases} is {each.behavior} any more: remove the excuse"
        for each in judgement.unneeded
    ]
    if judgement.missing:
        lines.append(f"{judgement.missing} cases have no result: the server was gone")
    return "\n".join(lines)


def _groups(results: Iterable[Result]) -> Iterator[str]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.case.partition(".")[0], []).append(result)
    yield "GROUP  CASES  SECONDS  BEHAVIOUR"
    for group, members in groups.items():
        behaviors = Counter(each.behavior if each.behavior_close in GOOD else "CLOSE" for each in members)
        counts = ", ".join(f"{count} {behavior}" for behavior, count in behaviors.most_common())
        seconds = sum(each.milliseconds for each in members) / 1000
        yield f"{group + '.*':<5}  {len(members):>5}  {seconds:>7.1f}  {counts}"


def _failures(failures: Sequence[Result]) -> Iterator[str]:
    if failures:
        yield ""
        yield f"{'CASE':<8} {'BEHAVIOUR':<13} {'CLOSE':<13} {'CODE':<5} EXPECTED, AND WHAT IT CAME TO"
    for each in failures:
        code = "none" if each.code is None else str(each.code)
        row = f"{each.case:<8} {each.behavior:<13} {each.behavior_close:<13} {code:<5} "
        expected = textwrap.wrap(each.expected, 90) or [""]
        yield row + expected[0]
        for line in (*expected[1:], *textwrap.wrap(f"→ {each.seen}", 90)):
            yield " " * len(row) + line
