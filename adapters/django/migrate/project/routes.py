"""Facts on the URLconf: every pattern, those of includes too."""

from collections.abc import Iterator
from typing import Any

from hybrid.adapters.django.lanes.parts import get_resolver
from hybrid.adapters.django.lanes.views import dotted_path_of
from hybrid.adapters.django.migrate.project.facts import RouteFact
from hybrid.adapters.django.migrate.project.origins import Origins
from hybrid.adapters.django.migrate.project.telling import Teller
from hybrid.adapters.django.migrate.project.views import view_facts


def route_facts(teller: Teller, origins: Origins) -> Iterator[RouteFact]:
    """Give a fact for each route, in the order in which they count, and tell of what cannot be read."""
    yield from _below(get_resolver(), "", (), teller, origins)


def _below(
    resolver: Any, before: str, namespaces: tuple[str, ...], teller: Teller, origins: Origins
) -> Iterator[RouteFact]:
    entries: list[Any] = []
    with teller.step("urlconf"):
        entries = list(resolver.url_patterns)
    for entry in entries:
        with teller.step("urlconf"):
            pattern = joined(before, str(entry.pattern))
            if hasattr(entry, "url_patterns"):
                inner = (*namespaces, entry.namespace) if entry.namespace else namespaces
                yield from _below(entry, pattern, inner, teller, origins)
            else:
                name = ":".join((*namespaces, str(entry.name))) if entry.name else ""
                called = name or dotted_path_of(entry.callback)
                yield RouteFact(pattern, name, called=called, **view_facts(entry.callback, origins))


def joined(outer: str, inner: str) -> str:
    """Put patterns together as ``ResolverMatch.route`` has them."""
    return outer + inner.removeprefix("^") if outer else inner
