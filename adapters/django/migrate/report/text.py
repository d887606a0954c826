"""A report for a terminal: findings by cause, the worst first."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

import click

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Level
from hybrid.adapters.django.migrate.project.facts import Facts, Failure
from hybrid.adapters.django.migrate.report.report import (
    Cause,
    Compared,
    Package,
    Reading,
    Report,
    rules_by_route,
)
from hybrid.adapters.django.migrate.report.words import (
    counted,
    on_lanes,
    routes_in_short,
    versions_told,
    wrapped,
)

_COLOURS: Final = {Level.ERROR: "red", Level.WARNING: "yellow", Level.NOTE: "cyan"}
_MOST: Final = 10  # places of one cause
_NAMES: Final = {"*": "every route", "": "/"}


def render(report: Report, coloured: bool) -> str:
    """Return the report as text; ``coloured`` is for terminals alone."""
    text = "\n\n".join("\n".join(block) for block in _blocks(report) if block)
    return text if coloured else click.unstyle(text)


def _blocks(report: Report) -> Iterator[list[str]]:
    yield _head(report)
    yield from (_failure(each) for each in report.facts.failures)
    yield from map(_rule, _by_rule(report.causes()))
    yield _routes(report)
    yield _packages(report.packages)
    yield _comments(report.reading)
    if report.baseline is not None:
        yield _accepted(report.baseline)
        yield _gone(report.baseline)
    yield _unread(report)
    yield [_total(report)]


def _head(report: Report) -> list[str]:
    facts, reading = report.facts, report.reading
    versions = [f"{each} {facts.versions[each]}" for each in versions_told(facts)]
    how = "" if "import" in reading.levels else ", not imported"
    first = ", ".join([facts.title or str(reading.root), *versions]) + how
    read = f"{counted(reading.files, 'file')}, {counted(reading.lines, 'line')}"
    seen = [counted(len(facts.routes), "route"), *_seen(facts)]
    queries = [f"{counted(len(facts.queries), 'database query')} while importing"] if facts.queries else []
    took = f"{sum(report.seconds.values()):.1f} s"
    return [
        click.style(first, bold=True),
        "; ".join([read, *(seen if facts.is_known else []), *queries, took]),
    ]


def _seen(facts: Facts) -> list[str]:
    """Say what is around the views."""
    if facts.framework != "flask":
        return [counted(len(facts.middleware), "middleware")]
    sockets = [f"{counted(len(facts.socket_routes), 'route')} of WebSockets"] if facts.socket_routes else []
    around = [name.rpartition(".")[2] for name in facts.wsgi.around]
    extensions = [each["name"] for each in facts.of_framework.get("extensions", ())]
    inside = [f"inside {', '.join(around)}"] if around else []
    return [*sockets, *inside, *([f"extensions {', '.join(extensions)}"] if extensions else [])]


def _failure(failure: Failure) -> list[str]:
    place = f" ({failure.where.file}:{failure.where.line})" if failure.where.file else ""
    said = f"The project does not import: {failure.step}: {failure.error}{place}"
    return [click.style(said, fg="red", bold=True), "What follows is what its source alone tells."]


def _rule(causes: list[Cause]) -> list[str]:
    """Write the causes of one rule and level: what it is about once, and each cause with its places."""
    rule = RULES[causes[0].rule]
    findings = [each for cause in causes for each in cause.findings]
    level = click.style(causes[0].level.value, fg=_COLOURS[causes[0].level], bold=True)
    lines = [f"{level} {rule.id}: {rule.title} ({on_lanes(findings[0])})"]
    lines.extend(wrapped(f"{rule.why} {rule.link}"))
    for cause in causes:
        lines.extend(_cause(cause))
    fixes = dict.fromkeys(each.fix.text for each in findings if each.fix.text not in ("", rule.why))
    return [*lines, *(line for text in fixes for line in wrapped(f"fix: {text}"))]


def _cause(cause: Cause) -> Iterator[str]:
    for each in cause.findings[:_MOST]:
        says_routes = each is cause.findings[0] or each.routes != cause.routes
        yield from _finding(each, cause.level, routes=says_routes)
    if more := cause.findings[_MOST:]:
        said = f"… and {counted(len(more), 'more place')} with the same cause: "
        yield from wrapped(said + ", ".join(_in_short(each, cause.level) for each in more))


def _by_rule(causes: Iterable[Cause]) -> Iterator[list[Cause]]:
    for _, group in groupby(causes, key=lambda each: (each.level, each.rule)):
        yield list(group)


def _where(finding: Finding) -> str:
    place = finding.place
    return f"{place.file}:{place.line}" if place.line else place.file or place.symbol or "the project"


def _in_short(finding: Finding, under: Level) -> str:
    return _where(finding) + ("" if finding.level is under else f" ({finding.level})")


def _finding(finding: Finding, under: Level, *, routes: bool) -> Iterator[str]:
    place = finding.place
    symbol = f" in {place.symbol}" if place.symbol and place.file else ""
    level = "" if finding.level is under else finding.level.value
    confidence = "" if finding.confidence is Confidence.CERTAIN else finding.confidence.value
    sure = f" ({words})" if (words := ", ".join(filter(None, (level, confidence)))) else ""
    yield f"  {click.style(_where(finding), bold=True)}{symbol}{sure}"
    yield from wrapped(finding.evidence, "    ")
    if finding.masked_by:
        yield from wrapped(f"{finding.rule} is masked by {finding.masked_by}", "    ")
    if finding.reachable is False:
        yield "    no route reaches it"
    elif finding.routes and routes:
        yield from wrapped(f"routes: {routes_in_short(finding.routes)}", "    ")


def _routes(report: Report) -> list[str]:
    """Name each route that something leads to, once: those with the same rules together."""
    together: dict[tuple[str, ...], list[str]] = {}
    for route, rules in rules_by_route(report.findings).items():
        together.setdefault(rules, []).append(_NAMES.get(route, route))
    groups = [f"{' '.join(rules)}: {', '.join(routes)}" for rules, routes in together.items()]
    return _headed(
        "Routes with findings, by their rules", [line for each in groups for line in wrapped(each)]
    )


def _packages(packages: Iterable[Package]) -> list[str]:
    lines: list[str] = []
    for each in packages:
        found = ", ".join(f"{number:,} of {rule}" for rule, number in each.findings.items())
        head = f"  {each.name} {each.version}".rstrip()
        lines.append(f"{head}: {found}" if found else head)
        lines.extend(wrapped(each.advice, "    "))
    return _headed("Packages of others that the project is made with", lines)


def _comments(reading: Reading) -> list[str]:
    left_out = [
        f"  {each.finding.place.file}:{each.finding.place.line} {each.finding.rule} {each.reason}".rstrip()
        for each in reading.ignored
    ]
    unused = [f"  {each.file}:{each.line} ignore[{', '.join(each.rules)}]" for each in reading.unused_ignores]
    return [
        *_headed("Left out, as comments say", left_out),
        *_headed("Comments that leave nothing out", unused),
    ]


def _accepted(baseline: Compared) -> list[str]:
    """Name the places that are accepted: those with a reason one by one, the others by file and rule."""
    alone: list[str] = []
    together: dict[tuple[str, str], list[str]] = {}
    for each in baseline.accepted:
        place = each.finding.place
        if each.reason:
            alone.extend(wrapped(f"{_where(each.finding)} {each.finding.rule} {each.reason}"))
        else:
            where = place.file or place.symbol or "the project"
            together.setdefault((where, each.finding.rule), []).append(str(place.line or ""))
    for (where, rule), lines in together.items():
        told = ", ".join(filter(None, lines))
        alone.extend(wrapped(f"{where}{':' if told else ''}{told} {rule}"))
    return _headed(f"Accepted, as {baseline.file} says: {len(baseline.accepted):,}", alone)


def _gone(baseline: Compared) -> list[str]:
    lines: list[str] = []
    for each in baseline.gone:
        times = f" ({each.count} times)" if each.count > 1 else ""
        where = each.identity.file or each.identity.symbol or "the project"
        lines.extend(wrapped(f"{where} {each.identity.rule}: {each.identity.text}{times}"))
    return _headed(f"Not found any more: hybrid migrate baseline takes it out of {baseline.file}", lines)


def _unread(report: Report) -> list[str]:
    unread = [
        f"  {each.file}:{each.line}: {each.error}" if each.line else f"  {each.file}: {each.error}"
        for each in report.reading.unread
    ]
    broken = [
        f"  {each.rule}: a check of ours failed, please report it: {each.error}" for each in report.broken
    ]
    return _headed("Not looked at", [*unread, *broken])


def _headed(title: str, lines: list[str]) -> list[str]:
    return [click.style(title, bold=True), *lines] if lines else []


def _total(report: Report) -> str:
    counts = ", ".join(counted(report.count(each), each.value) for each in Level)
    causes = f"; {counted(len(report.causes()), 'cause')}" if report.findings else ""
    accepted = f"; {len(report.baseline.accepted):,} accepted" if report.baseline else ""
    nothing = "nothing new" if accepted else "nothing that is known to break"
    hint = "" if report.findings else f": {nothing} was found"
    return click.style(f"{counts}{causes}{hint}{accepted}", bold=True)
