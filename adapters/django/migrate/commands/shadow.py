"""``hybrid migrate shadow``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybrid.adapters.django.migrate.commands.lanes_asked import (
    EXIT_CODES,
    asked_for,
    comparison_options,
    write_and_end,
)
from hybrid.adapters.django.migrate.commands.running import control_option

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.shadow.recordings import Recorded

EPILOG = f"""\b
The lanes of a project in one process, or two servers:
  hybrid migrate shadow /shop/ /shop/cart/
  hybrid migrate shadow --old http://127.0.0.1:8000 --new http://127.0.0.1:8001 --from access.log
What a server has found that runs with --shadow PERCENT:
  hybrid migrate shadow --live
{EXIT_CODES}"""


@click.command(
    "shadow", epilog=EPILOG, short_help="Send requests through both lanes, and compare the answers."
)
@click.argument("targets", metavar="[PATH]...", nargs=-1)
@click.option(
    "--from",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Send the requests of this file: a recording, an HTTP archive (HAR), an access log, or paths.",
)
@click.option("--live", is_flag=True, help="Print what a server that runs with --shadow has found so far.")
@control_option
@comparison_options
def command(
    targets: tuple[str, ...], file: Path | None, live: bool, control: str | None, **options: Any
) -> None:
    """Send each request through the wsgi lane twice and through the asgi lane, and compare what comes back.

    Without PATH and --from, the paths are those of all routes that need no arguments. Run it in the project's
    directory, with the Python that has the project's packages. What requests change in databases is rolled
    back, and mail, tasks and messages are kept back. With --old and --new servers that run are asked instead,
    which nothing guards. With --live, or --control, nothing is sent: a running server that tries some of its
    requests again by itself says what it has found.
    """
    if live or control is not None:
        from hybrid.adapters.django.migrate.commands.shadow_live import print_live

        print_live(control, options["form"], options["output"])
        return
    from hybrid.adapters.django.migrate.commands.lanes_compared import compared
    from hybrid.adapters.django.migrate.shadow.sources.files import read_requests

    asked = asked_for(options)
    if targets and file is not None:
        raise click.UsageError("--from: paths are named as well")
    for each in targets:
        if not each.startswith("/"):
            raise click.UsageError(f"{each} is no path that begins with /")
    if targets:
        results = compared(asked, lambda: _requests(targets, asked.choice.methods))
    else:
        results = compared(asked, (lambda: read_requests(file)) if file is not None else None)
    write_and_end(results, options["form"], options["output"])


def _requests(targets: tuple[str, ...], methods: frozenset[str]) -> Iterator["Recorded"]:
    from hybrid.adapters.django.migrate.shadow.exchanges import Request
    from hybrid.adapters.django.migrate.shadow.recordings import Recorded

    for target in targets:
        for method in sorted(methods) or ["GET"]:
            yield Recorded(Request(method, target))
