"""What middleware costs on ASGI, by the chain that Django builds."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from hybrid.adapters.django.migrate.catalogue import RULES
from hybrid.adapters.django.migrate.chain.model import Chain, Lane
from hybrid.adapters.django.migrate.chain.simulation import chain_of
from hybrid.adapters.django.migrate.findings import Finding, Level, Place, Seen
from hybrid.adapters.django.migrate.project.facts import Facts, MiddlewareFact
from hybrid.adapters.django.migrate.rules.registry import imported
from hybrid.adapters.django.migrate.source.settings import place_of_entry, place_of_setting
from hybrid.adapters.django.migrate.source.sources import Sources

_SHOWN: Final = 3  # middleware that are named


@imported("HM301")
def hops_of_middleware(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Count the changes between the loop and threads; one finding for the whole chain."""
    chain = chain_of(Lane.ASGI, facts)
    costs = Counter(each.layer for each in chain.hops(is_async=False) if each.layer)
    if chain.error or not costs:
        return
    ours, plain = chain_of(Lane.HYBRID, facts), chain_of(Lane.WSGI, facts)
    numbers = [len(each.hops(is_async=is_async)) for each in (chain, ours) for is_async in (False, True)]
    yield RULES["HM301"].finding(
        place_of_setting(sources, facts.settings_module, "MIDDLEWARE"),
        f"on ASGI a request for a synchronous view changes {numbers[0]} times between the loop and threads, "
        f"for an asynchronous one {numbers[1]}: {_most(costs)}. On the asgi lane of hybrid that is "
        f"{numbers[2]} and {numbers[3]}, and for a synchronous view on its wsgi lane "
        f"{len(plain.hops(is_async=False))}",
        seen=Seen.IMPORT,
    )


def _most(costs: Counter[str]) -> str:
    named = [f"{path.rpartition('.')[2]} {number}" for path, number in costs.most_common(_SHOWN)]
    more = len(costs) - len(named)
    return ", ".join(named) + (f", and {more} more middleware" if more else "")


@imported("HM302")
def synchronous_ones(facts: Facts, sources: Sources) -> Iterator[Finding]:
    """Find middleware that can be synchronous alone: a note as long as no view is asynchronous."""
    chain = chain_of(Lane.ASGI, facts)
    if chain.error:
        return
    has_async = any(each.is_async for each in facts.routes)
    for each in facts.middleware:
        if each.used and each.sync_capable and not each.async_capable:
            yield RULES["HM302"].finding(
                _place(each, facts, sources),
                f"{each.path} is synchronous: on ASGI {_around(chain, each)}, and an asynchronous view holds "
                "a thread for as long as it runs",
                seen=Seen.IMPORT,
                level=None if has_async else Level.NOTE,
                cause=f"HM302 {each.path}",
            )


def _around(chain: Chain, fact: MiddlewareFact) -> str:
    paths = [layer.path for layer in chain.layers]
    outside = chain.layers[: paths.index(fact.path)]
    number = sum(not layer.is_async for layer in outside)
    if not number:
        return "each request goes to a thread for it"
    return f"{number} of the {len(outside)} around it {'is' if number == 1 else 'are'} so too"


def _place(fact: MiddlewareFact, facts: Facts, sources: Sources) -> Place:
    """Return where the project's own class is, or where the settings name somebody else's."""
    if fact.distribution or sources.at(fact.where.file) is None:
        return place_of_entry(sources, facts.settings_module, "MIDDLEWARE", fact.path)
    return sources.place(fact.where.file, fact.where.line, fact.path)
