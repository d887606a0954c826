"""Findings that a project has accepted, in a file beside it: only what is new fails an audit then.

A finding is known again by its rule, its file, its symbol and the text of its line. So many of those that are
alike are accepted as the file says, and none that has become worse.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, cast

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.report.identities import Identity, identity_of
from hybrid.adapters.django.migrate.report.places import Texts
from hybrid.adapters.django.migrate.report.report import LEVELS, Accepted, Compared, Gone, Reading, Report
from hybrid.bridge.errors import ConfigError

#: Of the file. It grows by one whenever something means something else.
SCHEMA: Final = 1

_KEYS: Final = ("file", "rule", "level", "symbol", "text")


@dataclass(frozen=True)
class Entry:
    """Findings that are alike.

    Attributes:
        level: which they may have at worst.
        count: how many there may be.
        reason: what somebody has written beside them.
    """

    identity: Identity
    level: Level
    count: int = 1
    reason: str = ""

    @property
    def key(self) -> tuple[Identity, int]:
        """By what entries are sorted; no two of a file have the same."""
        return self.identity, LEVELS.index(self.level)


@dataclass(frozen=True)
class Baseline:
    """All that is accepted.

    Attributes:
        looked: how the audit had looked that it was made of, see :func:`looked`.
    """

    entries: tuple[Entry, ...]
    looked: Mapping[str, Any]

    @property
    def count(self) -> int:
        """How many findings that are."""
        return sum(each.count for each in self.entries)

    def beyond(self, other: "Baseline") -> int:
        """Return how many of them the other does not accept."""
        counts = {each.key: each.count for each in other.entries}
        return sum(max(each.count - counts.get(each.key, 0), 0) for each in self.entries)

    def as_text(self) -> str:
        """Write it: sorted, an entry on each line, so that a difference shows what has changed."""
        lines = [
            json.dumps(_as_json(each), ensure_ascii=False).encode(errors="backslashreplace").decode()
            for each in sorted(self.entries, key=_key)
        ]
        findings = "".join(f"\n    {line}," for line in lines).removesuffix(",")
        head = f'  "schema": {SCHEMA},\n  "looked": {json.dumps(self.looked)},\n'
        return f'{{\n{head}  "findings": [{findings}\n  ]\n}}\n'


def _key(entry: Entry) -> tuple[Identity, int]:
    return entry.key


def _as_json(entry: Entry) -> dict[str, Any]:
    said = {**vars(entry.identity), "level": entry.level.value}
    several = {"count": entry.count} if entry.count > 1 else {}
    return {**{name: said[name] for name in _KEYS}, **several, "reason": entry.reason}


def looked(reading: Reading) -> dict[str, Any]:
    """Say how an audit has looked, as far as that decides on what it can find."""
    return {
        "levels": sorted(reading.levels),
        "third_party": reading.third_party,
        "src": sorted(each.as_posix() for each in reading.src),
    }


def baseline_of(report: Report, before: Baseline | None = None) -> Baseline:
    """Accept all that an audit has found.

    Args:
        report: of the audit.
        before: what was accepted until now, of which reasons are kept, and all that checks are for which have
            failed this time.
    """
    texts = Texts(report.reading.root)
    reasons = {each.identity: each.reason for each in before.entries if each.reason} if before else {}
    counts = Counter((identity_of(each, texts), each.level) for each in report.findings)
    unknown = {rule for each in report.broken for rule in each.rule.split(", ")}
    for each in before.entries if before else ():
        if each.identity.rule in unknown:
            same = each.identity, each.level
            counts[same] = max(counts[same], each.count)
    entries = (
        Entry(identity, level, count, reasons.get(identity, ""))
        for (identity, level), count in counts.items()
    )
    return Baseline(tuple(sorted(entries, key=_key)), looked(report.reading))


def without_accepted(report: Report, baseline: Baseline, file: str) -> Report:
    """Return a report with what is new, beside what is accepted and what of that is not found any more.

    The latter is only said by an audit that has looked as the one that the baseline was made of, and has
    seen everything.

    Args:
        report: of the audit.
        baseline: what is accepted.
        file: the name of its file.
    """
    texts = Texts(report.reading.root)
    left = _Left(baseline)
    new: set[int] = set()
    accepted: list[Accepted] = []
    numbered = sorted(enumerate(report.findings), key=lambda each: LEVELS.index(each[1].level))
    for number, each in numbered:  # the worst first, so that it is they that the worst entries are for
        entry = left.take(identity_of(each, texts), each.level)
        if entry is None:
            new.add(number)
        else:
            accepted.append(Accepted(each, entry.reason))
    findings = tuple(each for number, each in enumerate(report.findings) if number in new)
    is_whole = report.imported and not report.broken and looked(report.reading) == dict(baseline.looked)
    gone = tuple(left.gone()) if is_whole else ()
    return replace(report, findings=findings, baseline=Compared(file, _in_order(accepted), gone))


def _in_order(accepted: Iterable[Accepted]) -> tuple[Accepted, ...]:
    return tuple(
        sorted(
            accepted, key=lambda each: (each.finding.place.file, each.finding.place.line, each.finding.rule)
        )
    )


class _Left:
    """What of a baseline has not been found yet."""

    def __init__(self, baseline: Baseline) -> None:
        self._counts = {each.key: each.count for each in baseline.entries}
        self._entries: dict[Identity, list[Entry]] = {}
        for each in sorted(baseline.entries, key=_key):
            self._entries.setdefault(each.identity, []).append(each)

    def take(self, identity: Identity, level: Level) -> Entry | None:
        """Return the worst entry that is left for a finding, None if it accepts nothing as bad as that."""
        left = (each for each in self._entries.get(identity, ()) if self._counts[each.key])
        entry = next(left, None)
        if entry is None or LEVELS.index(entry.level) > LEVELS.index(level):
            return None
        self._counts[entry.key] -= 1
        return entry

    def gone(self) -> Iterable[Gone]:
        """Give what is left."""
        for entries in self._entries.values():
            for each in entries:
                if left := self._counts[each.key]:
                    yield Gone(each.identity, each.level, left, each.reason)


class _MistakeError(Exception):
    """What is wrong with one finding of a file."""


def read_baseline(path: Path) -> Baseline:
    """Read the file.

    Raises:
        ConfigError: it cannot be read, or says what no baseline can; the message begins with its name.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from None
    said = cast("dict[str, Any]", read if isinstance(read, dict) else {})
    if not isinstance(said.get("findings"), list):
        raise ConfigError(f"{path} is no baseline: it has no list of findings")
    if said.get("schema") != SCHEMA:
        raise ConfigError(f"{path}: its schema is {said.get('schema')!r}, and this hybrid knows {SCHEMA}")
    entries: dict[tuple[Identity, int], Entry] = {}
    for number, each in enumerate(cast("list[Any]", said["findings"]), 1):
        try:
            entry = _entry(each)
        except _MistakeError as error:
            raise ConfigError(f"{path}: finding {number}: {error}") from None
        same = entries.get(entry.key)  # which two branches have added, say
        entries[entry.key] = entry if same is None else replace(same, count=same.count + entry.count)
    how = said.get("looked")
    return Baseline(tuple(entries.values()), cast("dict[str, Any]", how if isinstance(how, dict) else {}))


def _entry(said: Any) -> Entry:
    if not isinstance(said, dict):
        raise _MistakeError(f"{said!r} is no object")
    given = cast("dict[str, Any]", said)
    for name in _KEYS:
        if not isinstance(given.get(name), str):
            raise _MistakeError(f"{name} is missing, or no text")
    if given["rule"] not in RULES:
        raise _MistakeError(f"{given['rule']} is no rule")
    if given["level"] not in LEVELS:
        raise _MistakeError(f"{given['level']} is no level")
    count, reason = given.get("count", 1), given.get("reason", "")
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise _MistakeError(f"{count!r} is no count")
    if not isinstance(reason, str):
        raise _MistakeError(f"{reason!r} is no reason")
    identity = Identity(*(given[name] for name in ("file", "rule", "symbol", "text")))
    return Entry(identity, Level(given["level"]), count, reason)
