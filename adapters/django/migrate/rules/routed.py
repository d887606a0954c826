"""Views as their routes lead to them."""

from collections.abc import Iterable, Iterator

from hybrid.adapters.django.migrate.findings import Place
from hybrid.adapters.django.migrate.project.facts import RouteFact
from hybrid.adapters.django.migrate.source.sources import Sources


def once_a_view(routes: Iterable[RouteFact]) -> Iterator[RouteFact]:
    """Give the first of the routes that lead to each view."""
    seen = set[str]()
    for route in routes:
        if route.view not in seen:
            seen.add(route.view)
            yield route


def place_of_view(sources: Sources, route: RouteFact) -> Place:
    """Return where the view of a route is."""
    return sources.place(route.where.file, route.where.line, route.view)
