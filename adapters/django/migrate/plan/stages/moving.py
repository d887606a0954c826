"""The fifth stage: views go to the asgi lane, those first that gain most."""

import shlex
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.lanes import Lanes, Placing, budget_table, told
from hybrid.adapters.django.migrate.plan.shell import CONFIG, Shell
from hybrid.adapters.django.migrate.plan.step import Block, Command, Evidence, Stage, Step, evidence_of
from hybrid.adapters.django.migrate.report.words import counted

#: Views that have a step of their own; the others share one.
_ALONE: Final = 3
_HALF: Final = 50
#: Percent of requests that fail today, from which on a share of few requests may be over the budget by
#: chance: the default of ``errors``.
_FAILS: Final = 1.0


def stage_of(known: Known, lanes: Lanes) -> Stage:
    """Return the stage."""
    return Stage(
        "Views",
        "A few clients first, then all of them; a view that does worse goes back by itself.",
        tuple(_steps(known, lanes)) if lanes.moving else (),
    )


def _steps(known: Known, lanes: Lanes) -> Iterator[Step]:
    yield _budget(lanes)
    alone, others = lanes.moving[:_ALONE], lanes.moving[_ALONE:]
    for each in alone:
        yield _move(known, lanes, each)
    if others:
        yield _move_others(lanes, others)


def _budget(lanes: Lanes) -> Step:
    evidence = [
        Evidence(f"{seen.failures:.1f} % of its requests fail today: see to that first", "", each.view.name)
        for each in lanes.moving
        if (seen := each.view.all_seen) and seen.failures >= _FAILS
    ]
    return Step(
        "Say how much worse is too much",
        "With a budget a view goes back to its old lane by itself, and nobody has to watch.",
        (Block(CONFIG, budget_table(lanes)), "Start hybrid again."),
        (Command("hybrid lanes show", 0, "has a line that begins with budget"),),
        "Take the table out, and start hybrid again.",
        tuple(evidence),
    )


def _unticked(name: str) -> str:
    """Return a name that can stand between ticks."""
    return name.replace("`", "'")


def _move(known: Known, lanes: Lanes, placing: Placing) -> Step:
    view = placing.view
    shares = [each for each in (placing.share, _HALF) if each >= placing.share]
    how = [
        Shell.lanes("percent", view.name, str(each), f"wait for {wait(lanes)} after it")
        for each in dict.fromkeys(shares)
    ]
    return Step(
        f"Move {view.name}",
        f"It is {placing.why}. {_gains(known, placing)}",
        (*how, Shell.lanes("set", view.name, "asgi", "all of them")),
        (
            Shell.lanes("show", says="has it on asgi, with errors, stalls and times of both lanes beside it"),
            Shell.lanes("history", view.name, says="has no change by hybrid, which would be a step back"),
        ),
        f"`hybrid lanes rollback {shlex.quote(_unticked(view.name))}` takes the last change back.",
        (*_seen(placing), *evidence_of(view.findings)),
        tuple(dict.fromkeys(each.rule for each in view.findings)),
    )


def wait(lanes: Lanes) -> str:
    """Say how long a share should be looked at: a few windows."""
    return counted(max(5, 3 * lanes.window // 60), "minute")


def _gains(known: Known, placing: Placing) -> str:
    view = placing.view
    if known.observed is not None and view.held and known.observed.seconds:
        held = view.held / known.observed.seconds
        return f"On the wsgi lane it holds {held:.2g} threads at any time, which wait for it."
    if view.is_stream:
        return "On the wsgi lane it holds a thread until its client leaves."
    return "On the wsgi lane it holds a thread while it waits."


def _seen(placing: Placing) -> Iterator[Evidence]:
    view = placing.view
    yield Evidence(f"{placing.why}: {view.patterns}", "", view.routes[0].view)
    for lane, seen in view.seen:
        if seen.calls and seen.p50 is not None:
            high = f", p95 {told(seen.p95)}" if seen.p95 is not None else ""
            yield Evidence(
                f"on {lane} {seen.calls:,} calls, {seen.failures:.1f} % failed, p50 {told(seen.p50)}{high}, "
                f"{seen.hops / seen.calls:.1f} hops and {seen.queries / seen.calls:.1f} queries a call"
            )
    if view.requests:
        yield Evidence(f"{counted(view.requests, 'request')} had the same answer on both lanes")


def _move_others(lanes: Lanes, placings: tuple[Placing, ...]) -> Step:
    commands = tuple(Shell.lanes("percent", each.view.name, str(each.share), each.why) for each in placings)
    return Step(
        f"Move {counted(len(placings), 'more view')}",
        "By now moving a view is routine: one after another, in this order, each with all of its clients "
        "before the next one.",
        (
            *commands,
            f"Each: wait for {wait(lanes)}, then {_HALF} percent, then `hybrid lanes set VIEW asgi`.",
        ),
        (
            Shell.lanes("show", says="has them on asgi"),
            Shell.lanes("history", says="has no change by hybrid"),
        ),
        "`hybrid lanes rollback VIEW` takes back the last change of a view.",
        tuple(Evidence(f"{each.why}: {each.view.patterns}", "", each.view.name) for each in placings),
    )
