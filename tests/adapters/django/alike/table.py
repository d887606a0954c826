"""Differences between servers: found in what came of requests, explained in a table, shown in a document."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.adapters.django.alike.cases import Case
from tests.adapters.django.alike.observing import Observation
from tests.support.process import ROOT

TABLE = Path(__file__).with_name("differences.toml")
PAGE = ROOT / "docs" / "django-differences.md"
START, END = "<!-- made by `make differences` -->", "<!-- end of what is made -->"

#: The runs that are compared. How hybrid is by itself is one of its lanes in each case.
COMPARED = ("gunicorn", "uvicorn", "wsgi", "asgi")
#: What stands for an aspect that a response does not have.
NOTHING = "none"
_ALWAYS = ("status", "events")


Version = tuple[int, ...]


def _version(text: str) -> Version:
    return tuple(map(int, text.split(".")))


@dataclass(frozen=True)
class Difference:
    """One aspect of what came of one request that is not the same everywhere; values are by run."""

    case: str
    aspect: str
    values: Mapping[str, str]

    def __str__(self) -> str:
        lines = (f"  {run} = {value!r}" for run, value in self.values.items())
        return "\n".join((f"{self.case}: {self.aspect}", *lines))


@dataclass(frozen=True)
class Entry:
    """One line of the table.

    Attributes:
        about: the heading that it stands under.
        what: the aspects.
        where: names of requests, with ``*`` for any text; ``*`` alone for all that no other entry names.
        values: what is to be found, by run; ``*`` stands for any text. Runs that are not compared have none.
        why: the reason, in one sentence.
        since, until: versions of Django, the first with it and the first without it; all if there is none.
    """

    about: str
    what: tuple[str, ...]
    where: tuple[str, ...]
    values: Mapping[str, str]
    why: str
    since: str = ""
    until: str = ""

    def counts_for(self, version: Version) -> bool:
        """Tell whether it is there with a version of Django."""
        return (not self.since or _version(self.since) <= version) and (
            not self.until or version < _version(self.until)
        )

    @property
    def is_general(self) -> bool:
        """Whether it is for all requests that no other entry names."""
        return self.where == ("*",)

    def is_about(self, difference: Difference) -> bool:
        """Tell whether it is meant for a difference, whatever the values are."""
        return difference.aspect in self.what and any(fits(each, difference.case) for each in self.where)

    def explains(self, difference: Difference) -> bool:
        """Tell whether the values are those that it says."""
        return all(
            run in self.values and fits(self.values[run], value) for run, value in difference.values.items()
        )


def fits(pattern: str, text: str) -> bool:
    """Tell whether a text is what a pattern says, in which ``*`` is any text."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def read_table() -> list[Entry]:
    """Read the table."""
    return [_entry(each) for each in tomllib.loads(TABLE.read_text(encoding="utf-8"))["difference"]]


def _entry(said: Mapping[str, object]) -> Entry:
    values = {run: str(said.get(run, said.get("hybrid"))) for run in COMPARED if run in said}
    if "hybrid" in said:
        values |= dict.fromkeys(("wsgi", "asgi"), str(said["hybrid"]))
    lists = [tuple(map(str, said[key])) for key in ("what", "where")]  # type: ignore[call-overload]
    versions = str(said.get("since", "")), str(said.get("until", ""))
    return Entry(str(said["about"]), lists[0], lists[1], values, str(said["why"]), *versions)


def differences(cases: Sequence[Case], observed: Mapping[str, Sequence[Observation]]) -> Iterator[Difference]:
    """Find what is not the same everywhere.

    Statuses and events are compared among all runs; all else among those that have the same status and in
    which Django was asked, since the answer to an error is not that to a success.
    """
    for number, case in enumerate(cases):
        found = {run: observed[run][number] for run in COMPARED}
        for aspect in sorted({aspect for each in found.values() for aspect in each}):
            groups = [list(COMPARED)] if aspect in _ALWAYS else _alike(found)
            values = {run: found[run].get(aspect, NOTHING) for group in groups for run in group}
            if any(len({values[run] for run in group}) > 1 for group in groups):
                yield Difference(case.name, aspect, values)


def _alike(found: Mapping[str, Observation]) -> list[list[str]]:
    groups: dict[str, list[str]] = {}
    for run in COMPARED:
        if "sender" in found[run]:
            groups.setdefault(found[run]["status"], []).append(run)
    return [group for group in groups.values() if len(group) > 1]


def complaints_now(found: Sequence[Difference]) -> list[str]:
    """Compare what is found with what the table says for the version of Django that is installed."""
    import django  # type: ignore[import-untyped]

    return complaints([each for each in read_table() if each.counts_for(django.VERSION[:2])], found)


def complaints(entries: Sequence[Entry], found: Sequence[Difference]) -> list[str]:
    """Say what is not in the table, what it says otherwise, and what in it is true no more."""
    said: list[str] = []
    used: set[tuple[int, str]] = set()
    for difference in found:
        entry = _entry_for(entries, difference)
        if entry is None:
            said.append(f"not in the table: {difference}")
        elif not entry.explains(difference):
            said.append(f"the table says {dict(entry.values)}: {difference}")
        else:
            used |= {(id(entry), each) for each in entry.where if fits(each, difference.case)}
            used.add((id(entry), difference.aspect))
    stale = [
        f"differs no more: {name} ({', '.join(entry.what)})"
        for entry in entries
        for name in (*entry.where, *entry.what)
        if (id(entry), name) not in used
    ]
    return said + stale


def _entry_for(entries: Sequence[Entry], difference: Difference) -> Entry | None:
    """Return the entry for a difference: one that names the request, or else one for all."""
    meant = [entry for entry in entries if entry.is_about(difference)]
    return min(meant, key=lambda entry: entry.is_general, default=None)


# The document.


def rendered() -> str:
    """Return the document as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    entries = read_table()
    headings = dict.fromkeys(entry.about for entry in entries)
    made = "\n\n".join(_section(heading, entries) for heading in headings)
    return f"{text.partition(START)[0]}{START}\n\n{made}\n\n{END}{text.partition(END)[2]}"


def _section(heading: str, entries: Sequence[Entry]) -> str:
    rows = [_row(entry) for entry in entries if entry.about == heading]
    columns = ["request", "what", "gunicorn", "uvicorn", "hybrid", "why"]
    lines = [columns, ["---"] * len(columns), *rows]
    table = "\n".join(f"| {' | '.join(each.replace('|', chr(92) + '|') for each in row)} |" for row in lines)
    return f"## {heading}\n\n{table}"


def _row(entry: Entry) -> list[str]:
    where = "all" if entry.is_general else ", ".join(_folded(entry.where))
    versions = f" (Django {entry.since} and later)" if entry.since else ""
    versions += f" (Django before {entry.until})" if entry.until else ""
    what = (
        ", ".join(f"`{each.removeprefix('META ')}`" if "META" in each else each for each in entry.what)
        + versions
    )
    wsgi, asgi = (_shown(entry, run) for run in ("wsgi", "asgi"))
    both = wsgi if wsgi == asgi else f"wsgi: {wsgi}<br>asgi: {asgi}"
    return [where, what, _shown(entry, "gunicorn"), _shown(entry, "uvicorn"), both, entry.why]


def _folded(where: Sequence[str]) -> list[str]:
    """Name a request once that is asked of a function and of a coroutine function."""
    return [each.replace("*", "…") for each in where if each.replace(", async", "", 1) == each
            or each.replace(", async", "", 1) not in where]  # fmt: skip


def _shown(entry: Entry, run: str) -> str:
    value = entry.values.get(run)
    if value is None:
        return "\N{EN DASH}"
    if value == NOTHING:
        return "none"
    return f"`{value.strip().replace('*', '…')}`" if value.strip() else "empty"
