"""The third stage: what breaks on ASGI alone is put right while everything is on the wsgi lane still."""

from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.findings import Level
from hybrid.adapters.django.migrate.plan.compared import Difference
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.shell import COMPARED, Shell
from hybrid.adapters.django.migrate.plan.stages.rulesteps import REVERT, by_rote, rule_steps
from hybrid.adapters.django.migrate.plan.step import Command, Evidence, Stage, Step
from hybrid.adapters.django.migrate.report.words import counted

#: What breaks, or keeps views off the asgi lane, in the order in which one hides another.
_RULES: Final = (
    *("HM101", "HM103", "HM104", "HM401", "HM102", "HM414"),
    *("HM402", "HM504", "HM503"),
)
_SAFE: Final = "These changes are known to be safe, and mean the same on WSGI."
_MARKED: Final = (
    " A middleware of HM104 says from then on that it is synchronous: that comes before another one becomes "
    "asynchronous, which would let it fail."
)
_MOST: Final = 10  # causes that are told of one by one


def stage_of(known: Known, shell: Shell) -> Stage:
    """Return the stage."""
    return Stage(
        "The code",
        "What breaks on the asgi lane is put right while nothing is on it.",
        tuple(_steps(known, shell)),
    )


def _steps(known: Known, shell: Shell) -> Iterator[Step]:
    found = [each for each in known.of(_RULES) if each.level is not Level.NOTE]
    marks = any(each.rule == "HM104" for each in by_rote(found))
    why = _SAFE + (_MARKED if marks else "")
    yield from rule_steps(shell, found, title="Let what breaks on ASGI be put right", why=why)
    yield _tests(known)
    if known.compared is None:
        yield _compare(shell)
    elif known.compared.different or known.compared.unreachable:
        yield _settle(known, shell)


def _tests(known: Known) -> Step:
    found = known.of(["HM412"])
    return Step(
        "Run the tests through both handlers",
        "The test client calls Django's WSGI handler alone: tests that pass say nothing of the other lane.",
        (Command("hybrid migrate test -- python manage.py test", None, "or whatever runs the tests"),),
        (Command("hybrid migrate test -- python manage.py test", 0, "no test differs"),),
        "There is nothing to take back: the project has not changed.",
        tuple(Evidence(each.evidence, each.rule, each.place.file) for each in found)
        or (Evidence("nothing was said to this plan of tests through ASGI"),),
        ("HM412",) if found else (),
    )


def _compare(shell: Shell) -> Step:
    return Step(
        "Send safe requests through both lanes, and plan again",
        "What no rule knows of shows in the answers. With that, this plan keeps those views on wsgi whose "
        "answers differ, and says why.",
        (
            shell.migrate(
                f"shadow --format json --output {COMPARED}", None, "asks every route without arguments"
            ),
        ),
        (
            shell.migrate("shadow", 0, "finds no difference; with 4 there are some"),
            shell.migrate(f"plan --shadow {COMPARED}", 0, "has the differences"),
        ),
        "There is nothing to take back: what it does is rolled back.",
        (Evidence("no comparison of the lanes was given to this plan"),),
    )


def _settle(known: Known, shell: Shell) -> Step:
    assert known.compared is not None
    compared = known.compared
    told = [_told(each) for each in compared.differences[:_MOST]]
    more = len(compared.differences) - _MOST
    told += [Evidence(counted(more, "more cause"))] if more > 0 else []
    unreachable = f", {compared.unreachable:,} were not answered" if compared.unreachable else ""
    asked = [Command(each.curl, None, each.cause) for each in compared.differences[:_MOST] if each.curl]
    return Step(
        "Settle what differs between the lanes",
        f"Of {counted(compared.requests, 'request')} {compared.different:,} had different answers"
        f"{unreachable}. Each of these has a cause that somebody should know before clients see it.",
        ("Find the cause of each, and put it right, or mask it where it is meant to be so.", *asked),
        (shell.migrate("shadow", 0, "finds no difference"),),
        REVERT,
        tuple(told),
        tuple(dict.fromkeys(each.rule for each in compared.differences if each.rule)),
    )


def _told(difference: Difference) -> Evidence:
    seen = f": {difference.old} on wsgi, {difference.new} on asgi" if difference.old or difference.new else ""
    times = f", {difference.count:,} times" if difference.count > 1 else ""
    return Evidence(f"{difference.what}: {difference.cause}{seen}{times}", difference.rule, difference.view)
