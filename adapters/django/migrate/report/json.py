"""A report for programs. ``schema.json``, beside this, says what is in it; ``schema`` is its version."""

import json
from dataclasses import asdict
from typing import Any, Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.project.facts import Facts
from hybrid.adapters.django.migrate.report.report import Compared, Report

#: Of what is written here. It grows by one whenever something is taken away or means something else.
SCHEMA: Final = 1


def render(report: Report, coloured: bool) -> str:
    """Return the report as JSON."""
    return json.dumps(as_json(report), indent=2, ensure_ascii=False, default=str)


def as_json(report: Report) -> dict[str, Any]:
    """Return the report as what JSON can say."""
    rules = sorted({each.rule for each in report.findings})
    return {
        "schema": SCHEMA,
        "project": _project(report),
        "counts": {each.value: report.count(each) for each in Level},
        "rules": {each: _rule(each) for each in rules},
        "causes": [_cause(each.findings) for each in report.causes()],
        "findings": [as_finding(each) for each in report.findings],
        "ignored": [
            {"finding": as_finding(each.finding), "reason": each.reason} for each in report.reading.ignored
        ],
        "unused_ignores": [asdict(each) for each in report.reading.unused_ignores],
        "routes": [asdict(each) for each in report.facts.routes],
        "socket_routes": [asdict(each) for each in report.facts.socket_routes],
        "middleware": [asdict(each) for each in report.facts.middleware],
        "receivers": [asdict(each) for each in report.facts.receivers],
        "applications": {"wsgi": asdict(report.facts.wsgi), "asgi": asdict(report.facts.asgi)},
        "packages": [asdict(each) for each in report.packages],
        "unread": [asdict(each) for each in report.reading.unread],
        "failures": [asdict(each) for each in report.facts.failures],
        "broken": [asdict(each) for each in report.broken],
        "baseline": None if report.baseline is None else _baseline(report.baseline),
        "seconds": {step: round(each, 3) for step, each in report.seconds.items()},
        **({"flask": report.facts.of_framework} if report.facts.framework == "flask" else {}),
    }


def as_finding(finding: Finding) -> dict[str, Any]:
    """Return one finding."""
    place = finding.place
    return {
        "rule": finding.rule,
        "level": finding.level.value,
        "confidence": finding.confidence.value,
        "file": place.file,
        "line": place.line,
        "end_line": place.end_line,
        "symbol": place.symbol,
        "evidence": finding.evidence,
        "link": RULES[finding.rule].link,
        "lanes": [*finding.lanes],
        "seen": finding.seen.value,
        "fix": {"kind": finding.fix.kind.value, "text": finding.fix.text, "patch": finding.fix.patch},
        "cause": finding.group,
        "routes": [*finding.routes],
        "reachable": finding.reachable,
        "masked_by": finding.masked_by,
    }


def _project(report: Report) -> dict[str, Any]:
    facts: Facts = report.facts
    reading = report.reading
    return {
        "root": str(reading.root),
        "settings_module": facts.settings_module,
        "framework": facts.framework,
        "levels": [*reading.levels],
        "versions": facts.versions,
        "apps": [*facts.apps],
        "first_party": [*facts.first_party],
        "files": reading.files,
        "lines": reading.lines,
        "queries_at_import": [*facts.queries],
    }


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    return {
        "title": rule.title,
        "why": rule.why,
        "group": rule.group,
        "level": rule.level.value,
        "link": rule.link,
    }


def _baseline(baseline: Compared) -> dict[str, Any]:
    return {
        "file": baseline.file,
        "accepted": [
            {"finding": as_finding(each.finding), "reason": each.reason} for each in baseline.accepted
        ],
        "gone": [
            {**vars(each.identity), "level": each.level.value, "count": each.count, "reason": each.reason}
            for each in baseline.gone
        ],
    }


def _cause(findings: tuple[Finding, ...]) -> dict[str, Any]:
    first = findings[0]
    return {"cause": first.group, "rule": first.rule, "findings": len(findings)}
