"""The fourth stage: the chain of middleware, from the inside to the outside."""

from collections.abc import Iterator, Sequence

from hybrid.adapters.django.migrate.chain.changes import Change, changed
from hybrid.adapters.django.migrate.chain.model import Lane
from hybrid.adapters.django.migrate.chain.simulation import chain_of
from hybrid.adapters.django.migrate.findings import Finding
from hybrid.adapters.django.migrate.plan.known import Known
from hybrid.adapters.django.migrate.plan.lanes import Lanes
from hybrid.adapters.django.migrate.plan.shell import Shell
from hybrid.adapters.django.migrate.plan.stages.rulesteps import REVERT
from hybrid.adapters.django.migrate.plan.step import Evidence, Stage, Step, evidence_of
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact


def stage_of(known: Known, shell: Shell, lanes: Lanes) -> Stage:
    """Return the stage; without steps where no view is on the asgi lane, as then nothing gains by it."""
    steps = _steps(known, shell) if lanes.moving or lanes.staying else iter(())
    return Stage(
        "Middleware",
        "From the inside to the outside: one that is synchronous makes all around it so, and holds a thread "
        "while an asynchronous view waits.",
        tuple(steps),
    )


def _steps(known: Known, shell: Shell) -> Iterator[Step]:
    done: list[Change] = []
    for each in reversed(known.facts.middleware):
        if each.used and each.sync_capable and (each.taken_sync or not each.async_capable):
            change = Change(each.path, "async")
            yield _step(known, shell, each, [*done, change])
            done.append(change)


def _step(known: Known, shell: Shell, fact: MiddlewareFact, changes: Sequence[Change]) -> Step:
    is_foreign = bool(fact.distribution)
    name = fact.path.rpartition(".")[2]
    found = [each for each in known.of(["HM302", "HM104"]) if _is_of(each, fact)]
    unmasked = [each for each in known.findings if each.masked_by.startswith(f"HM302 in {fact.path},")]
    offers = () if is_foreign else (shell.migrate("fix HM302 --suggest", 1, "shows how it may look"),)
    how = (
        f"Look for a version of {fact.distribution} whose middleware is asynchronous, or leave it as it is."
        if is_foreign
        else "Let it be both: process_request and process_response of a MiddlewareMixin, or a function under "
        "@sync_and_async_middleware."
    )
    return Step(
        f"Make {name} able to be asynchronous",
        _why(known.facts, changes, unmasked),
        (how, *offers, shell.migrate(f"chain --if {fact.path}=async", 0, "shows what comes of it, before")),
        (
            shell.migrate("chain", 0, "has async beside it, in the column of the asgi lane"),
            shell.migrate("chain --run", 0, "counts as many hops as it says"),
        ),
        REVERT if not is_foreign else "Install the version of before.",
        (*evidence_of(found), *evidence_of(unmasked))
        or (Evidence("it is synchronous alone", "", fact.path),),
        ("HM302",),
    )


def _why(facts: Facts, changes: Sequence[Change], unmasked: Sequence[Finding]) -> str:
    before = chain_of(Lane.HYBRID, facts, changed(facts.middleware, changes[:-1]))
    after = chain_of(Lane.HYBRID, facts, changed(facts.middleware, changes))
    now, then = (len(each.hops(is_async=True)) for each in (before, after))
    hops = f"{now} hops now, and {then} then" if now != then else f"{now} hops, as now"
    told = f"On the asgi lane a request of an asynchronous view makes {hops}"
    if before.holds_thread and not after.holds_thread:
        told += ", and holds no thread any more"
    if unmasked:
        rules = ", ".join(dict.fromkeys(each.rule for each in unmasked))
        told += f". What it hides must be put right before: {rules}"
    return f"{told}."


def _is_of(finding: Finding, fact: MiddlewareFact) -> bool:
    symbols = {fact.path, *fact.bases[:1]}
    symbol = finding.place.symbol
    return (
        finding.cause in {f"{finding.rule} {each}" for each in symbols}
        or symbol in symbols
        or symbol.rpartition(".")[0] in symbols
    )
