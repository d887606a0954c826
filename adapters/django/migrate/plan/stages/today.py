"""The first stage: what is wrong today already, whichever server there is."""

from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.findings import Finding, Level
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.shell import BASELINE, Shell
from hybrid.adapters.django.migrate.plan.stages.rulesteps import (
    by_rule,
    rule_steps,
    rules_of,
    step_by_hand,
)
from hybrid.adapters.django.migrate.plan.step import Command, Evidence, Stage, Step, advice_of, evidence_of
from hybrid.adapters.django.migrate.report.words import counted

_VERSIONS: Final = ("HM202", "HM311", "HM410")
_SECURITY: Final = ("HM201", "HM205")
#: What breaks on both lanes, in the order in which one hides another: what is hidden first, so that it is not
#: there when what hides it goes.
_BOTH: Final = (
    *("HM106", "HM113", "HM116", "HM107", "HM109", "HM110", "HM105", "HM108", "HM111"),
    "HM501",
)


def stage_of(known: Known, shell: Shell) -> Stage:
    """Return the stage."""
    return Stage(
        "Today",
        "What is insecure or broken already, before anything is moved.",
        tuple(_steps(known, shell)),
    )


def _steps(known: Known, shell: Shell) -> Iterator[Step]:
    if known.facts.failures:
        yield _import(known, shell)
    if versions := known.of(_VERSIONS):
        yield _upgrade(versions, shell)
    for findings in by_rule(known.of(_SECURITY)):
        yield step_by_hand(shell, findings)
    both = [each for each in known.of(_BOTH) if "wsgi" in each.lanes and each.level is Level.ERROR]
    yield from rule_steps(
        shell,
        both,
        title="Let what is broken on both lanes be put right",
        why="It fails on WSGI too, or would if anybody asked for it, and the change is known to be safe.",
    )
    yield _baseline(known, shell)


def _import(known: Known, shell: Shell) -> Step:
    evidence = [
        Evidence(
            f"{each.step}: {each.error}",
            "",
            f"{each.where.file}:{each.where.line}" if each.where.file else "",
        )
        for each in known.facts.failures
    ]
    return Step(
        "Let the project import",
        "Routes, middleware and what importing alone shows are not known, and most of this plan with them.",
        ("Set what the settings ask of the environment, or name others with --settings; then plan again.",),
        (shell.migrate("routes", 0, "lists the views"), shell.migrate("plan")),
        "There is nothing to take back.",
        tuple(evidence),
    )


def _upgrade(findings: list[Finding], shell: Shell) -> Step:
    rules = rules_of(findings)
    return Step(
        "Upgrade Django and asgiref",
        "What is known to be wrong with these versions comes to light on ASGI, and is mended in later ones.",
        (*advice_of(findings), "Change what pins the versions, and install that."),
        (Command("python -m pip check", 0, "finds nothing that does not go together"), shell.is_clean(rules)),
        "Install the versions of before, which the last commit pins.",
        evidence_of(findings),
        rules,
    )


def _baseline(known: Known, shell: Shell) -> Step:
    return Step(
        "Let CI refuse what is new",
        "The move takes weeks, in which others go on writing: what is new should not add to it.",
        (shell.migrate("baseline", 0, f"writes {BASELINE}, which is for the repository"),),
        (shell.migrate(f"audit --baseline {BASELINE} --fail-on warning", 0, "is for CI"),),
        f"Take the job out of CI, and {BASELINE} out of the repository.",
        (Evidence(f"{counted(len(known.report.findings), 'finding')} today, with those in packages"),),
    )
