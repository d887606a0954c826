"""A report as SARIF 2.1.0 (OASIS), which code hosts and editors show beside the source."""

import json
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.findings import FixKind, Level
from hybrid.adapters.django.migrate.report.json import as_json
from hybrid.adapters.django.migrate.report.places import Addresses
from hybrid.adapters.django.migrate.report.report import Report
from hybrid.adapters.django.migrate.report.sarif_results import SRCROOT, Results, message
from hybrid.adapters.django.migrate.rule import Rule, is_of_flask

#: What is in the report besides findings: properties of the run, named as in the JSON report.
_PROPERTIES: Final = (
    *("schema", "project", "counts", "routes", "socket_routes", "middleware", "applications", "packages"),
    *("seconds", "flask"),
)
_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_DISTRIBUTION: Final = "hybrid-gateway"
#: GitHub's names of levels, for rules.
_SEVERITY: Final = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "recommendation"}
_TAGS: Final = {
    "1": "correctness",
    "2": "security",
    "3": "performance",
    "4": "behavior",
    "5": "websocket",
}
_FIXES: Final = {
    FixKind.AUTO: "The change can be made by rote.",
    FixKind.SUGGEST: "The change needs a look at what is around it.",
    FixKind.LANE: "It is a matter of the lane that the view is on.",
    FixKind.SETTING: "It is a matter of a setting, or of a version.",
    FixKind.NONE: "",
}
_NOTIFICATIONS: Final = {
    "import": "The project does not import",
    "unread": "A file could not be read",
    "check": "A check of hybrid's has failed",
    "unused-ignore": "A comment leaves no finding out",
}


def render(report: Report, coloured: bool) -> str:
    """Return the report as SARIF."""
    return json.dumps(as_sarif(report), indent=2, ensure_ascii=False, default=str)


def as_sarif(report: Report) -> dict[str, Any]:
    """Return the report as a SARIF log with one run."""
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(report)]}


def _run(report: Report) -> dict[str, Any]:
    rules = sorted(_rules(report))
    said = as_json(report)
    results = Results(report, rules)
    return {
        "tool": {"driver": _driver(rules)},
        "automationDetails": {"id": f"hybrid-migrate-audit/{report.facts.title or 'source'}/"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": _bases(results.addresses),
        "invocations": [_invocation(report, results)],
        "results": results.all(),
        "properties": {name: said[name] for name in _PROPERTIES if name in said},
    }


def _rules(report: Report) -> set[str]:
    found = {each.rule for each in report.findings}
    found |= {each.finding.rule for each in report.reading.ignored}
    if report.baseline is not None:
        found |= {each.finding.rule for each in report.baseline.accepted}
        found |= {each.identity.rule for each in report.baseline.gone}
    return found


def _driver(rules: list[str]) -> dict[str, Any]:
    return {
        "name": "hybrid migrate audit",
        "version": version(_DISTRIBUTION),
        "rules": [_rule(RULES[each]) for each in rules],
        "notifications": [
            {"id": name, "shortDescription": message(text)} for name, text in _NOTIFICATIONS.items()
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    fix = _FIXES[rule.fix]
    leave_out = f"To leave a finding out, with a reason: # hybrid: ignore[{rule.id}] reason"
    text = "\n\n".join(filter(None, (rule.why, f"Where: on {rule.where}. {fix}".rstrip(), leave_out)))
    return {
        "id": rule.id,
        "shortDescription": message(rule.title),
        "fullDescription": message(rule.why),
        "helpUri": rule.link,
        "help": {
            **message(f"{text}\n\n{rule.link}"),
            "markdown": message(f"{text}\n\n[Documentation]({rule.link})", links=True)["text"],
        },
        "defaultConfiguration": {"level": rule.level.value},
        "properties": {
            "tags": ["flask" if is_of_flask(rule.id) else "django", "migration", _TAGS[rule.id[2]]],
            "problem.severity": _SEVERITY[rule.level],
        },
    }


def _bases(addresses: Addresses) -> dict[str, Any]:
    return {
        SRCROOT: {
            "uri": f"{addresses.base.as_uri().rstrip('/')}/",
            "description": message("The repository that the project is in; without one, the project"),
        }
    }


def _invocation(report: Report, results: Results) -> dict[str, Any]:
    return {
        "executionSuccessful": report.imported and not report.broken,
        "workingDirectory": {"uri": f"{report.reading.root.as_uri().rstrip('/')}/"},
        "toolExecutionNotifications": list(_notifications(report, results)),
    }


def _notifications(report: Report, results: Results) -> Iterator[dict[str, Any]]:
    """Tell of what was not looked at, and why."""
    for failure in report.facts.failures:
        where = results.located(failure.where.file, failure.where.line)
        told = _notification("import", Level.ERROR, f"{failure.step}: {failure.error}", where)
        yield {**told, "properties": {"traceback": failure.traceback}}
    for broken in report.broken:
        yield _notification("check", Level.ERROR, f"{broken.rule}: {broken.error}")
    for unread in report.reading.unread:
        where = results.located(unread.file, unread.line)
        yield _notification("unread", Level.WARNING, unread.error, where)
    for unused in report.reading.unused_ignores:
        where = results.located(unused.file, unused.line)
        yield _notification("unused-ignore", Level.NOTE, f"ignore[{', '.join(unused.rules)}]", where)


def _notification(name: str, level: Level, text: str, where: dict[str, Any] | None = None) -> dict[str, Any]:
    told = {
        "descriptor": {"id": name, "index": [*_NOTIFICATIONS].index(name)},
        "level": level.value,
        "message": message(f"{_NOTIFICATIONS[name]}: {text}"),
    }
    return {**told, "locations": [where]} if where else told
