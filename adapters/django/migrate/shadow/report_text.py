"""The results for people: causes first, then what is worth a word, then what was no difference."""

from collections.abc import Iterator
from typing import Final

import click

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.report.words import counted, routes_in_short, wrapped
from hybrid.adapters.django.migrate.shadow.differences import What
from hybrid.adapters.django.migrate.shadow.groups import Group
from hybrid.adapters.django.migrate.shadow.results import Results

#: Lines of a list that may be long.
_MOST: Final = 20
#: What the cause says all of.
_SAID: Final = frozenset({What.STATUS, What.TIME, What.QUERIES, What.WARNING, What.SENT, What.EXCEPTION})


def render_text(results: Results, *, coloured: bool = False) -> str:
    """Return the results as text; ``coloured`` is for terminals alone."""
    text = "\n\n".join("\n".join(block) for block in _blocks(results) if block)
    return text if coloured else click.unstyle(text)


def _blocks(results: Results) -> Iterator[list[str]]:
    yield [click.style(_total(results), bold=True)]
    yield _missing(results)
    groups = results.groups.all()
    yield from (_cause(each, results) for each in _by_cause([each for each in groups if not each.note]))
    yield _notes([each for each in groups if each.note], results)
    yield _hidden(results)


def _total(results: Results) -> str:
    sums = [f"{results.same:,} the same", f"{results.different:,} different"]
    sums += [f"{results.unreachable:,} without an answer"] if results.unreachable else []
    asked = counted(results.requests, "request")
    return f"{results.old} and {results.new}: {asked}, {', '.join(sums)}"


def _missing(results: Results) -> list[str]:
    lines = [f"{counted(count, 'request')}: {reason}" for reason, count in results.reasons.most_common(_MOST)]
    stopped = ["No more requests were sent."] if results.stopped else []
    dropped = (
        [f"{counted(results.groups.dropped, 'difference')} more than fit"] if results.groups.dropped else []
    )
    return [click.style(each, fg="red") for each in (*lines, *stopped, *dropped)]


def _by_cause(groups: list[Group]) -> list[list[Group]]:
    """Put those together that only differ in the view."""
    together: dict[tuple[str, str], list[Group]] = {}
    for each in groups:
        together.setdefault((each.cause, each.rule), []).append(each)
    return sorted(together.values(), key=lambda same: -sum(each.count for each in same))


def _cause(groups: list[Group], results: Results) -> list[str]:
    first = groups[0]
    views = routes_in_short(tuple(each.view for each in groups))
    lines = wrapped(f"{click.style(views, fg='red', bold=True)} {first.cause}", "")
    if first.what not in _SAID:
        lines += wrapped(f"{results.old}: {first.old}") + wrapped(f"{results.new}: {first.new}")
    if first.rule:
        rule = RULES[first.rule]
        lines += wrapped(f"{rule.id}: {rule.title}. {rule.why} {rule.link}")
    count = sum(each.count for each in groups)
    first_of = "" if count == 1 else ", the first is"
    return [*lines, f"  {counted(count, 'request')}{first_of}:", f"  {first.curl}"]


def _notes(groups: list[Group], results: Results) -> list[str]:
    lines = [f"{each.view} {each.cause} ({counted(each.count, 'request')})" for each in groups]
    lines += [f"{note} ({counted(count, 'time')})" for note, count in results.notes.most_common()]
    return _headed("Worth knowing, and no difference", lines)


def _hidden(results: Results) -> list[str]:
    lines = [f"{what} ({how}): {count:,}" for (what, how), count in results.hidden.most_common()]
    return _headed("Differs each time, and was left out", lines)


def _headed(heading: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    more = [f"and {len(lines) - _MOST} more"] if len(lines) > _MOST else []
    shown = [line for each in (*lines[:_MOST], *more) for line in wrapped(each)]
    return [click.style(heading, bold=True), *shown]
