"""``hybrid migrate replay``."""

from pathlib import Path
from typing import Any

import click

from hybrid.adapters.django.migrate.commands.lanes_asked import (
    EXIT_CODES,
    asked_for,
    comparison_options,
    write_and_end,
)


@click.command(
    "replay", epilog=EXIT_CODES, short_help="Send recorded requests through both lanes, and compare."
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@comparison_options
def command(file: Path, **options: Any) -> None:
    """Send the requests of FILE through the wsgi lane twice and the asgi lane once, and compare the answers.

    FILE is a recording; an HTTP archive (HAR), an access log and a list of paths will do as well. With --old
    and --new they are sent to two servers.
    """
    from hybrid.adapters.django.migrate.commands.lanes_compared import compared
    from hybrid.adapters.django.migrate.shadow.sources.files import read_requests

    results = compared(asked_for(options), lambda: read_requests(file))
    write_and_end(results, options["form"], options["output"])
