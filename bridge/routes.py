"""What is mounted where: as it was asked for, and as it turned out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hybrid.bridge.interface import Interface

#: The protocols that an application can take, as scope types, in the order in which they are shown.
PROTOCOLS = ("http", "websocket")

_HEADINGS = ("HOST", "PATH", "PROTOCOLS", "APPLICATION", "INTERFACE", "RUNS ON")


@dataclass(frozen=True)
class Target:
    """An application and where it is to be mounted.

    ``prefix`` is ``""`` for none, which lets the gateway choose by interface, ``"/"`` for the whole of the
    root, or a path. ``name`` is what messages and the route table call the application; without one, its
    module and qualified name. For WSGI applications ``pool`` names the threads, ``""`` being the gateway's
    own, and ``stream`` says whether the application is called before the request's body is complete.

    ``host`` is a name, or ``*.example.org`` for all below it; ``""`` is every host that no target names.
    ``protocols`` are those that the application takes there, of :data:`PROTOCOLS`; without any, the gateway
    chooses. ``interface`` says what the application is where that cannot be found out, or is wrong.
    """

    application: object
    prefix: str = ""
    name: str = ""
    pool: str = ""
    stream: bool = False
    host: str = ""
    protocols: Sequence[str] = ()
    interface: Interface | None = None


class Route(NamedTuple):
    """A row of the route table: an application and what it answers.

    ``path`` is a mount's prefix; ``protocols`` are the scope types taken there, of :data:`PROTOCOLS`;
    ``interface`` is a value of :class:`~hybrid.bridge.interface.Interface`; ``runs_on`` is ``"event loop"``,
    ``"thread pool"``, or ``"thread pool NAME"``, the latter two with ``", streaming"``; of an application
    with two lanes, how many views are on each. ``host`` is ``""`` for every host that has no routes of its
    own.
    """

    path: str
    protocols: tuple[str, ...]
    application: str
    interface: str
    runs_on: str
    host: str = ""


def format_routes(routes: Iterable[Route]) -> str:
    """Write a route table as aligned text: a line of headings, then a line for each route.

    Hosts have a column where there are any.
    """
    rows = [_HEADINGS, *map(_cells, routes)]
    if all(row[0] == "*" for row in rows[1:]):
        rows = [row[1:] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _cells(route: Route) -> tuple[str, ...]:
    protocols = ", ".join(route.protocols)
    return route.host or "*", route.path, protocols, route.application, route.interface, route.runs_on
