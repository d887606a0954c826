"""The last stage: what proved itself is written down, and what is left is tidied up."""

from collections.abc import Collection, Iterator
from typing import Final

from hybrid.adapters.django.migrate.findings import Finding, FixKind, Level
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.lanes import Lanes, last_table, told
from hybrid.adapters.django.migrate.plan.shell import BASELINE, CONFIG, Shell
from hybrid.adapters.django.migrate.plan.stages.rulesteps import REVERT, by_rule, rules_of
from hybrid.adapters.django.migrate.plan.stages.server import config_text
from hybrid.adapters.django.migrate.plan.step import (
    Block,
    Command,
    Evidence,
    Stage,
    Step,
    advice_of,
    evidence_of,
)
from hybrid.adapters.django.migrate.plan.views import STREAM, View, keeps_off

#: Seconds from which on a view is worth being rewritten, where it waits and does not compute.
_LONG: Final = 0.5
_MOST: Final = 5


def stage_of(known: Known, shell: Shell, lanes: Lanes, done: Collection[str]) -> Stage:
    """Return the stage.

    Args:
        known: the project.
        shell: makes its commands.
        lanes: where its views run.
        done: the rules that other steps are about.
    """
    return Stage(
        "At the end",
        "What has proved itself is written down, and what was in nobody's way is seen to.",
        tuple(_steps(known, shell, lanes, done)),
    )


def _steps(known: Known, shell: Shell, lanes: Lanes, done: Collection[str]) -> Iterator[Step]:
    if lanes.moving:
        yield _write_down(known, lanes)
    if slow := _slow(known):
        yield _rewrite(known, slow)
    of_views = {each for view in known.views for each in view.findings}
    left = [
        each
        for each in known.findings
        if each.rule not in done and not (each in of_views and (keeps_off(each.rule) or each.rule == STREAM))
    ]
    if left:
        yield _tidy(left, shell)
    yield _renew(known, shell)


def _tidy(findings: list[Finding], shell: Shell) -> Step:
    doable = [each for each in findings if each.fix.kind not in (FixKind.NONE, FixKind.LANE)]
    checks = (shell.is_clean(rules_of(doable)),) if doable else ("There is nothing to be done about it.",)
    return Step(
        "Tidy up",
        "None of this keeps a view from its lane.",
        advice_of(each[0] for each in by_rule(doable)) or ("Know of it.",),
        checks,
        REVERT,
        evidence_of(findings),
        rules_of(findings),
    )


def _write_down(known: Known, lanes: Lanes) -> Step:
    return Step(
        "Write the lanes down",
        "Changes by hybrid lanes last until the server is started again: then its file counts.",
        (Block(CONFIG, config_text(known, last_table(known, lanes))),),
        (
            Command(f"hybrid routes --config {CONFIG}", 0, "the file is right"),
            Command("hybrid lanes show", 0, "after a start: every view is where it was moved to"),
        ),
        f"`git revert` the change of {CONFIG}, and start hybrid again.",
        (Evidence(f"{len(lanes.moving)} views move, {len(lanes.staying)} stay"),),
    )


def _slow(known: Known) -> list[View]:
    """Return the synchronous views that hold threads longest, as far as somebody has looked."""
    views = [
        each
        for each in known.views
        if each.lanes == {"wsgi"} and not each.is_foreign and not each.keeps and _takes_long(each)
    ]
    return sorted(views, key=lambda each: -each.held)[:_MOST]


def _takes_long(view: View) -> bool:
    seen = view.all_seen
    return seen is not None and (seen.p50 or 0) >= _LONG


def _rewrite(known: Known, views: list[View]) -> Step:
    evidence = [
        Evidence(
            f"{seen.calls:,} calls of {told(seen.p50 or 0)}, {seen.queries / seen.calls:.1f} queries a call",
            "",
            each.name,
        )
        for each in views
        if (seen := each.all_seen)
    ]
    return Step(
        "Consider to write these views as coroutines",
        "Each holds a thread for as long as it takes. Where it waits, for another service or in a long "
        "poll, a coroutine needs none; where it computes, or asks the database, it gains nothing.",
        (
            "Look at what it waits for. Call other services by an asynchronous client; then plan again.",
            f'Pin it first: "{views[0].name}" = "wsgi" in {CONFIG}, so that it moves when you say so.',
        ),
        (Command("hybrid migrate plan", 0, "has it among the views that move"),),
        REVERT,
        tuple(evidence),
    )


def _renew(known: Known, shell: Shell) -> Step:
    return Step(
        "Accept what is left, and look again from time to time",
        "A shorter baseline lets less come back.",
        (shell.migrate("baseline", 0, f"writes {BASELINE} again; reasons in it are kept"),),
        (shell.migrate(f"audit --baseline {BASELINE} --fail-on warning", 0, "has nothing that is gone"),),
        f"`git revert` the change of {BASELINE}.",
        (Evidence(f"{sum(each.level is Level.NOTE for each in known.findings):,} notes are there today"),),
    )
