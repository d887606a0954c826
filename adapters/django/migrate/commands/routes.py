"""``hybrid migrate routes``."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click

from hybrid.adapters.django.migrate.commands.project import end, import_options, imported, table

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.project.facts import Facts, RouteFact

_HEADINGS: Final = (
    *("PATTERN", "VIEW", "KIND", "METHODS", "CSRF", "ATOMIC", "STREAMING"),
    "LANE",
)
_FLASK_HEADINGS: Final = ("PATTERN", "VIEW", "KIND", "METHODS", "ENDPOINT", "STREAMING", "LANE")
_SOCKET_HEADINGS: Final = ("WEBSOCKET", "CONSUMER", "KIND", "AROUND")

EPILOG = """\b
Exit codes:
  0  the routes are printed
  2  an option is wrong
  3  the project does not import; what was found is printed all the same
"""


@click.command("routes", epilog=EPILOG, short_help="List the views with their kind and their lane.")
@import_options
def command(settings: str, wsgi: str, asgi: str, timeout: float, form: str) -> None:
    """List every URL pattern with what answers it and the lane it would have, and the routes of WebSockets.

    The project is imported in a process of its own, without migrations. Run it in the project's directory,
    with the Python that has the project's packages.
    """
    facts = imported(settings, wsgi, asgi, timeout, flask=True).facts
    click.echo(json.dumps(_as_json(facts), indent=2) if form == "json" else _as_text(facts))
    end(facts)


def _as_json(facts: "Facts") -> dict[str, Any]:
    routes = [{**asdict(each), "atomic": _atomic(each, facts)} for each in facts.routes]
    return {
        "schema": 1,
        "settings": facts.settings_module,
        "framework": facts.framework,
        "routes": routes,
        "socket_routes": [asdict(each) for each in facts.socket_routes],
        "failures": [asdict(each) for each in facts.failures],
    }


def _as_text(facts: "Facts") -> str:
    is_flask = facts.framework == "flask"
    rows = [_flask_row(each) if is_flask else _row(each, facts) for each in facts.routes]
    sockets = [
        (
            each.pattern or "*",
            each.consumer,
            each.kind,
            " ".join(name.rpartition(".")[2] for name in each.around),
        )
        for each in facts.socket_routes
    ]
    parts = [table(_FLASK_HEADINGS if is_flask else _HEADINGS, rows)] if rows else []
    parts += [table(_SOCKET_HEADINGS, sockets)] if sockets else []
    return "\n\n".join([*parts, _summary(facts)])


def _row(route: "RouteFact", facts: "Facts") -> tuple[str, ...]:
    return (
        f"/{route.pattern}" if not route.pattern.startswith("^") else route.pattern,
        route.view,
        _kind(route),
        " ".join(route.methods) or "all",
        "exempt" if route.csrf_exempt else "",
        " ".join(_atomic(route, facts)),
        route.streaming,
        route.lane,
    )


def _flask_row(route: "RouteFact") -> tuple[str, ...]:
    return (
        f"/{route.pattern}",
        route.view,
        _kind(route),
        " ".join(route.methods),
        route.name,
        route.streaming,
        route.lane,
    )


def _kind(route: "RouteFact") -> str:
    """Say the kind of a view; where a decorator hides a coroutine function, that too."""
    kind = f"{'async' if route.is_async else 'sync'} {route.kind}"
    hidden = route.inner_is_async and not route.is_async
    return f"{kind} around async" if hidden else kind


def _atomic(route: "RouteFact", facts: "Facts") -> list[str]:
    """Return the databases that have a transaction around the view."""
    from hybrid.adapters.django.migrate.rules.tables import tables_of

    return [
        alias
        for alias, said in tables_of(facts, "DATABASES")
        if said.get("ATOMIC_REQUESTS") and alias not in route.non_atomic
    ]


def _summary(facts: "Facts") -> str:
    lanes = [each.lane.partition(";")[0] for each in facts.routes]
    views = {each.view for each in facts.routes}
    if facts.framework == "flask":
        on_loop = sum(each.inner_is_async for each in facts.routes)
        return (
            f"{len(lanes)} routes to {len(views)} views, on threads; {on_loop} of them run on the event loop "
            f"while their thread waits; {len(facts.socket_routes)} of WebSockets"
        )
    return (
        f"{len(lanes)} routes to {len(views)} views: {lanes.count('wsgi')} for the wsgi lane, "
        f"{lanes.count('asgi')} for the asgi lane; {len(facts.socket_routes)} of WebSockets"
    )
