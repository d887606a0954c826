"""Reads a report back from what ``audit --format json`` has written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybrid.adapters.django.migrate.findings import Confidence, Finding, Fix, FixKind, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import VERSION, Facts
from hybrid.adapters.django.migrate.report.json import SCHEMA
from hybrid.adapters.django.migrate.report.report import Accepted, Compared, Package, Reading, Report

#: Of the facts, what is in a report by the same name.
_FACTS = ("routes", "socket_routes", "middleware", "receivers", "failures")
_PROJECT = ("settings_module", "framework", "versions", "first_party")


def report_from_json(said: Mapping[str, Any]) -> Report:
    """Make a report of what JSON says: findings, accepted ones too, facts and packages; not how it was read.

    Raises:
        ValueError: it is no such report, in one line.
    """
    if said.get("schema") != SCHEMA or not isinstance(said.get("findings"), list):
        raise ValueError(f"it is no report of an audit with the schema {SCHEMA}")
    try:
        return _report(said)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"it is no report of an audit: {type(error).__name__}: {error}") from None


def _report(said: Mapping[str, Any]) -> Report:
    project = said["project"]
    facts = {name: said[name] for name in _FACTS if name in said}
    facts |= {name: project[name] for name in _PROJECT if name in project}
    facts |= {name: said["applications"][name] for name in ("wsgi", "asgi")}
    return Report(
        tuple(finding_from_json(each) for each in said["findings"]),
        Facts.from_json({"version": VERSION, **facts}),
        Reading(Path(project["root"]), tuple(project["levels"]), project["files"], project["lines"]),
        tuple(_package(each) for each in said["packages"]),
        baseline=_baseline(said["baseline"]) if said.get("baseline") else None,
    )


def _baseline(said: Mapping[str, Any]) -> Compared:
    accepted = (Accepted(finding_from_json(each["finding"]), each["reason"]) for each in said["accepted"])
    return Compared(said["file"], tuple(accepted))


def finding_from_json(said: Mapping[str, Any]) -> Finding:
    """Make a finding of what JSON says.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    fix = said["fix"]
    return Finding(
        said["rule"],
        Level(said["level"]),
        Confidence(said["confidence"]),
        Place(said["file"], said["line"], said["end_line"], said["symbol"]),
        said["evidence"],
        Seen(said["seen"]),
        Fix(FixKind(fix["kind"]), fix["text"], fix["patch"]),
        tuple(said["lanes"]),
        said["cause"],
        tuple(said["routes"]),
        said["reachable"],
        said["masked_by"],
    )


def _package(said: Mapping[str, Any]) -> Package:
    return Package(
        said["name"],
        said["version"],
        tuple(said["apps"]),
        tuple(said["middleware"]),
        dict(said["findings"]),
        said["advice"],
    )
