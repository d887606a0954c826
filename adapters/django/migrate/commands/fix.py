"""``hybrid migrate fix``."""

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from hybrid.adapters.django.migrate.commands.auditing import audit_of, reading_options, tell_of_broken
from hybrid.adapters.django.migrate.commands.project import end

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.audit import Audit
    from hybrid.adapters.django.migrate.fixes.runner import Change, Fixes
    from hybrid.adapters.django.migrate.report.report import Report

EPILOG = """\b
Exit codes:
  0  there is nothing to change
  1  changes were shown, or written with --write
  2  an option is wrong, git would lose changes, or a file could not be written
  3  the project does not import; what its source tells is put right all the same
\b
The diff goes to standard output and everything else to standard error, so that this works:
  hybrid migrate fix HM101 | git apply
"""


@click.command("fix", epilog=EPILOG, short_help="Change the source where that can be done safely.")
@click.argument("rules", nargs=-1, metavar="[RULE]...")
@reading_options
@click.option("--write", is_flag=True, show_default=False, help="Write the files, instead of showing a diff.")
@click.option(
    "--suggest",
    is_flag=True,
    show_default=False,
    help="Make changes as well that somebody has to read and test.",
)
@click.option(
    "--allow-dirty",
    is_flag=True,
    show_default=False,
    help="Write even where git has changes that are not committed, does not have a file, or is not there.",
)
def command(rules: tuple[str, ...], write: bool, suggest: bool, allow_dirty: bool, **asked: Any) -> None:
    """Put right what hybrid migrate audit finds, in the source, and show that as a diff.

    All rules that have a codemod are, or those that are named. What is left alone is said, with the reason.
    """
    _check(rules, suggest=suggest)
    guarded = write and not allow_dirty
    audit = _audit(asked, guarded=guarded)
    report = audit.report()
    fixes = _fixes(audit, report, rules, suggest=suggest)
    if guarded:
        _refuse_dirty(audit, fixes.changes)
    failed = _write(fixes.changes) if write else _show(fixes.changes)
    _say(fixes, failed, written=write)
    tell_of_broken(report)
    if failed:
        sys.exit(2)
    end(report.facts)
    sys.exit(1 if fixes.changes else 0)


def _check(rules: tuple[str, ...], *, suggest: bool) -> None:
    """Refuse rules that are not there, or that nothing puts right."""
    from hybrid.adapters.django.migrate.catalogue import RULES

    try:
        from hybrid.adapters.django.migrate.fixes.runner import fixable_rules
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "libcst":
            raise
        raise click.UsageError("fix needs libcst: pip install 'hybrid-gateway[migrate]'") from None
    known, offered = fixable_rules(suggest=suggest), fixable_rules(suggest=True)
    for each in rules:
        if each not in RULES:
            raise click.UsageError(f"RULE: there is no rule {each!r}; docs/migrate-rules.md has all of them")
        if each not in known:
            why = "only with --suggest" if each in offered else "by hand"
            raise click.UsageError(f"RULE: {each} is put right {why}; without that: {', '.join(known)}")


def _audit(asked: dict[str, Any], *, guarded: bool) -> "Audit":
    from hybrid.adapters.django.migrate.fixes.git import why_not
    from hybrid.adapters.django.migrate.gather import project_directory
    from hybrid.adapters.django.migrate.project.facts import Facts

    if guarded and (reason := why_not(project_directory(Facts()))):
        _refuse(reason)  # before all the work
    return audit_of(third_party="names", **asked)


def _fixes(audit: "Audit", report: "Report", rules: tuple[str, ...], *, suggest: bool) -> "Fixes":
    from hybrid.adapters.django.migrate.fixes.draft import Project
    from hybrid.adapters.django.migrate.fixes.runner import fix

    findings = [each for each in report.findings if not rules or each.rule in rules]
    return fix(findings, Project(audit.sources, report.facts), suggest=suggest)


def _refuse_dirty(audit: "Audit", changes: "list[Change]") -> None:
    from hybrid.adapters.django.migrate.fixes.git import why_not

    paths = [each.path for each in changes if each.before is not None]
    if paths and (reason := why_not(audit.sources.root, paths)):
        _refuse(reason)


def _refuse(reason: str) -> None:
    raise click.UsageError(f"--write: {reason}; commit that first, or say --allow-dirty")


def _say(fixes: "Fixes", failed: set[str], *, written: bool) -> None:
    """Tell what to know of each change, and what is left alone; not of files that could not be written."""
    fixed = [each for each in fixes.fixed if each.finding.place.file not in failed]
    for each in fixed:
        if each.remark:
            _tell(f"{_where(each)}: {each.remark}")
    for left in fixes.left:
        _tell(f"left alone: {_where(left)}: {left.reason}")
    counts = Counter(each.finding.rule for each in fixed)
    done = ", ".join(f"{count} of {rule}" for rule, count in sorted(counts.items())) or "nothing"
    changed = len(fixes.changes) - len(failed)
    files = f" in {changed} file{'s' if changed != 1 else ''}" if counts else ""
    how = "put right" if written else "to put right"
    _tell(f"{done} {how}{files}, {len(fixes.left)} left alone")


def _where(each: Any) -> str:
    place = each.finding.place
    return f"{each.finding.rule} {place.file}:{place.line}"


def _show(changes: "list[Change]") -> set[str]:
    from hybrid.adapters.django.migrate.fixes.diff import unified

    click.echo(unified(changes), nl=False)
    return set()


def _write(changes: "list[Change]") -> set[str]:
    """Write the files, and return the names of those that could not be."""
    from hybrid.adapters.django.migrate.fixes.writing import write

    reasons = [(each.shown, write(each)) for each in changes]
    for shown, reason in reasons:
        if reason:
            _tell(f"{shown} is not written: {reason}")
    return {shown for shown, reason in reasons if reason}


def _tell(text: str) -> None:
    click.echo(f"hybrid: {text}", err=True)
