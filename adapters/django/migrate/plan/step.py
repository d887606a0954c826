"""What a step of a plan is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.report.words import counted

#: Places of one rule that a step names; more are counted.
_MOST: Final = 5


@dataclass(frozen=True)
class Evidence:
    """Why a step is one: one sentence, without a full stop.

    Attributes:
        text: the sentence.
        rule: that it is of, or ``""``.
        where: the file and line, or the setting; ``""`` for none.
    """

    text: str
    rule: str = ""
    where: str = ""


@dataclass(frozen=True)
class Command:
    """Something to type.

    Attributes:
        line: for a shell.
        code: the exit code that is expected; None where that is no matter, or for a server, which goes on.
        says: what it does, or shows, in a few words.
    """

    line: str
    code: int | None = None
    says: str = ""


@dataclass(frozen=True)
class Block:
    """Something to write into a file.

    Attributes:
        file: its name.
        text: without a line end after the last line.
    """

    file: str
    text: str


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        title: what to do, in a line.
        why: why now, in a sentence or two.
        evidence: what that is known by.
        how: what to do about it: sentences, commands, texts for files.
        check: by what one knows that it has worked.
        back: how to go back, in a sentence.
        rules: those that it is about.
    """

    title: str
    why: str
    how: tuple[str | Command | Block, ...]
    check: tuple[str | Command, ...]
    back: str
    evidence: tuple[Evidence, ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """Steps that belong together.

    Attributes:
        about: what they are for, in a sentence.
    """

    title: str
    about: str
    steps: tuple[Step, ...]


def evidence_of(findings: Iterable[Finding], most: int = _MOST) -> tuple[Evidence, ...]:
    """Return what findings say; of many places of a rule the first, and which others there are."""
    by_rule: dict[str, list[Finding]] = {}
    for each in findings:
        by_rule.setdefault(each.rule, []).append(each)
    return tuple(told for rule, several in by_rule.items() for told in _of_rule(rule, several, most))


def _of_rule(rule: str, findings: list[Finding], most: int) -> Iterator[Evidence]:
    for each in findings[:most]:
        masked = f"; {rule} is masked by {each.masked_by}" if each.masked_by else ""
        yield Evidence(f"{each.evidence.rstrip('.')}{masked}", rule, place_of(each))
    if more := findings[most:]:
        yield Evidence(f"{counted(len(more), 'more place')}: {', '.join(map(place_of, more))}", rule)


def place_of(finding: Finding) -> str:
    """Name the place of a finding: the file and line, or the setting."""
    place = finding.place
    return f"{place.file}:{place.line}" if place.line else place.file or place.symbol


def advice_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return what can be done about findings, each piece of advice once, and where one may read of it."""
    told = [*findings]
    said = dict.fromkeys(each.fix.text for each in told if each.fix.text not in ("", RULES[each.rule].why))
    links = dict.fromkeys(f"{each.rule}: {RULES[each.rule].link}" for each in told)
    return (*said, *links)
