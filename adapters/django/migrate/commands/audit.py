"""``hybrid migrate audit``."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from hybrid.adapters.django.migrate.commands.auditing import (
    audit_of,
    audit_options,
    read_accepted,
    tell_of_broken,
)
from hybrid.adapters.django.migrate.commands.output import output_options, paired, write
from hybrid.adapters.django.migrate.commands.project import end
from hybrid.adapters.django.migrate.report import FORMATS, renderer, rendering

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.audit import Audit
    from hybrid.adapters.django.migrate.report.report import Report

#: The formats that show what could be changed.
_PATCHED: Final = {"html", "json", "sarif"}

EPILOG = """\b
Exit codes:
  0  nothing as bad as --fail-on was found
  1  something was
  2  an option is wrong
  3  the project does not import; what its source tells is printed all the same
\b
Several reports at once: a --format for each --output, in the same order.
  hybrid migrate audit --format text --format json --output - --output audit.json
\b
To fail on what is new alone:
  hybrid migrate baseline
  hybrid migrate audit --baseline hybrid-baseline.json
"""


def _rules(context: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    from hybrid.adapters.django.migrate.catalogue import RULES

    for each in names:
        if each not in RULES:
            raise click.BadParameter(f"{each} is no rule")
    return names


@click.command("audit", epilog=EPILOG, short_help="Find what breaks, slows down or changes on ASGI.")
@audit_options
@click.option(
    "--rule",
    "rules",
    metavar="RULE",
    multiple=True,
    callback=_rules,
    help="Tell of this rule alone, such as HM104. May be repeated.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note", "never"]),
    default="error",
    show_default=True,
    help="The exit code is 1 where something as bad as this is found.",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Fail on nothing that this file accepts: hybrid migrate baseline writes it.",
)
@output_options(FORMATS)
def command(
    rules: tuple[str, ...],
    fail_on: str,
    baseline: Path | None,
    formats: tuple[str, ...],
    outputs: tuple[str, ...],
    **asked: Any,
) -> None:
    """Find what breaks, slows down or changes when a Django project is served by ASGI, or a Flask application
    (--wsgi MODULE:ATTR) by threads.

    Run it in the project's directory, with the Python that has the project's packages.
    """
    from hybrid.adapters.django.migrate.baseline import without_accepted

    pairs = paired(formats, outputs, "text", renderer)
    accepted = None if baseline is None else read_accepted("--baseline", baseline)
    audit = audit_of(**asked, flask=True)
    report = audit.report()
    if accepted is not None:
        report = without_accepted(report, accepted, str(baseline))
    if rules:
        report = report.of_rules(rules)
    if any(name in _PATCHED for name, _ in pairs):
        report = _with_patches(audit, report)
    for name, output in pairs:
        write(output, rendering(report, name))
    _end(report, fail_on)


def _with_patches(audit: "Audit", report: "Report") -> "Report":
    """Tell of the changes that hybrid migrate fix would make, where what makes them is installed."""
    try:
        from hybrid.adapters.django.migrate.fixes.draft import Project
        from hybrid.adapters.django.migrate.fixes.told import told_of_patches
    except ImportError as error:
        if error.name != "libcst":
            raise
        return report
    findings = told_of_patches(report.findings, Project(audit.sources, report.facts))
    return replace(report, findings=findings)


def _end(report: "Report", fail_on: str) -> None:
    from hybrid.adapters.django.migrate.findings import Level

    tell_of_broken(report)
    end(report.facts)
    if fail_on != "never" and report.reaches(Level(fail_on)):
        sys.exit(1)
