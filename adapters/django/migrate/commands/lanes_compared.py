"""Sends requests to what the options say: two lanes of a project in one process, or two servers."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from hybrid.adapters.django.migrate.commands.lanes_asked import Asked
from hybrid.adapters.django.migrate.commands.project import EXIT_NOT_IMPORTED, end, imported
from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request
from hybrid.adapters.django.migrate.shadow.over_http import OverHttp, as_sent
from hybrid.adapters.django.migrate.shadow.recordings import Recorded, RecordingError
from hybrid.adapters.django.migrate.shadow.results import Results
from hybrid.adapters.django.migrate.shadow.sending import Sender
from hybrid.adapters.django.migrate.shadow.sources.routes import Routes

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.shadow.elsewhere import Elsewhere

#: Where the lines of curl ask, for lanes that nobody serves.
_BASE: Final = "http://127.0.0.1:8000"
#: Seconds that importing a project may take, for its routes.
_IMPORTING: Final = 60.0

#: Gives the requests; for None, those for the routes of the project are wanted.
Source = Callable[[], Iterable[Recorded]] | None


def compared(asked: Asked, source: Source) -> Results:
    """Send the requests and compare.

    Args:
        asked: what the options say.
        source: gives the requests; None for each route of the project that needs no arguments.
    """
    lacking: set[str] = set()
    noting = None if source is None else partial(_noting, source, lacking)
    try:
        results = _servers(asked, noting) if asked.old else _in_process(asked, noting)
    except RecordingError as error:
        raise click.UsageError(str(error)) from None
    if lacking.difference(name for name, _ in asked.choice.headers) and not asked.project["user"]:
        click.echo(
            "hybrid: requests were recorded without their cookies or credentials, and they are sent as "
            "nobody's; --user, --cookie, or a recording --with-secrets makes them somebody's",
            err=True,
        )
    return results


def _noting(source: Callable[[], Iterable[Recorded]], lacking: set[str]) -> Iterator[Recorded]:
    """Give the requests, and note what they lack to be somebody's."""
    for each in source():
        lacking |= each.lacks
        yield each


def _servers(asked: Asked, source: Source) -> Results:
    host = asked.old.partition("://")[2].partition("/")[0]
    routes = _routes(asked, needed=source is None)
    found = map(Recorded, routes.without_arguments()) if source is None else source()
    requests = (as_sent(routes.named(each.request), host) for each in asked.choice.of(found))
    results = Results(asked.old, asked.new, asked.new, asked.own["with_secrets"])
    run = OverHttp(asked.own["timeout"]).run
    Sender(run, asked.comparer(), results, jobs=asked.own["jobs"]).send(requests)
    return results


def _routes(asked: Asked, *, needed: bool) -> Routes:
    """Import the project for its routes, where that is asked for."""
    if not asked.project["settings"]:
        if needed:
            raise click.UsageError("name paths, or --from, or --settings for those of the project's routes")
        return Routes(())
    facts = imported(asked.project["settings"], "", "", _IMPORTING).facts
    end(facts)
    return Routes(facts.routes)


def _in_process(asked: Asked, source: Source) -> Results:
    from hybrid.adapters.django.migrate.shadow.elsewhere import Elsewhere, Settings
    from hybrid.bridge.errors import LoadError

    comparer, results = asked.comparer(), Results("wsgi", "asgi", _BASE, asked.own["with_secrets"])
    said = asked.project
    limit: float = asked.own["timeout"]
    settings = Settings(
        said["settings"] or "manage.py", said["wsgi"], said["asgi"], said["user"], limit=limit
    )
    try:
        with Elsewhere(settings) as lanes:
            _send_in_process(asked, source, lanes, Sender(_runner(asked, lanes), comparer, results))
    except LoadError as error:
        click.echo(f"hybrid: {error}", err=True)
        sys.exit(EXIT_NOT_IMPORTED)
    return results


def _runner(asked: Asked, lanes: "Elsewhere") -> Callable[[Request, str], Outcome]:
    def run(request: Request, lane: str) -> Outcome:
        return lanes.run(request, lane, unsafe=request.method in asked.choice.methods)

    return run


def _send_in_process(asked: Asked, source: Source, lanes: "Elsewhere", sender: Sender) -> None:
    found = map(Recorded, lanes.routes_without_arguments()) if source is None else source()

    def requests() -> Iterator[Request]:
        for each in asked.choice.of(found):
            request = as_sent(each.request)
            yield replace(request, view=request.view or lanes.view_of(request.target) or "")

    sender.send(requests())
