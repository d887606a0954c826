"""``hybrid migrate chain``."""

import json
from typing import TYPE_CHECKING

import click

from hybrid.adapters.django.migrate.commands.project import end, import_options, imported

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.chain.changes import Change

EPILOG = """\b
A middleware is named by its path in MIDDLEWARE, or by the last part of it:
  hybrid migrate chain --if LegacyMiddleware=async
  hybrid migrate chain --move GZipMiddleware:1 --run --url /accounts/login/
\b
Exit codes:
  0  the chain is printed
  2  an option is wrong
  3  the project does not import, or --run has counted other hops than the chain says
"""


@click.command("chain", epilog=EPILOG, short_help="Show the middleware chain on both lanes, hop by hop.")
@import_options
@click.option(
    "--if",
    "ifs",
    metavar="NAME=async|gone",
    multiple=True,
    help="What if this middleware became asynchronous, or were gone? May be repeated.",
)
@click.option(
    "--move",
    "moves",
    metavar="NAME:POSITION",
    multiple=True,
    help="What if this middleware stood elsewhere? 1 is the outermost. May be repeated.",
)
@click.option("--run", is_flag=True, help="Serve a GET request by each handler too, and count its hops.")
@click.option("--url", metavar="PATH", default="/", show_default=True, help="What --run asks for.")
def command(  # noqa: PLR0913, PLR0917 - as many as there are options
    settings: str,
    wsgi: str,
    asgi: str,
    timeout: float,
    form: str,
    ifs: tuple[str, ...],
    moves: tuple[str, ...],
    run: bool,
    url: str,
) -> None:
    """Show what WSGI, ASGI and the asgi lane of hybrid make of MIDDLEWARE, and what each request pays for it.

    A hop is a change between a thread and the event loop. The project is imported in a process of its own,
    without migrations; --run lets it answer a request, with all that its views do.
    """
    from hybrid.adapters.django.migrate.commands.chain_report import ChainReport
    from hybrid.bridge.errors import ConfigError

    if not url.startswith("/"):
        raise click.UsageError(f"--url: {url} is no path that begins with /")
    changes = [*map(_changed_kind, ifs), *map(_moved, moves)]
    found = imported(settings, wsgi, asgi, timeout, url if run else "")
    try:
        report = ChainReport(found, changes, url)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    click.echo(json.dumps(report.as_json(), indent=2) if form == "json" else report.as_text())
    end(found.facts, agrees=report.agrees)


def _changed_kind(text: str) -> "Change":
    from hybrid.adapters.django.migrate.chain.changes import Change

    name, _, to = text.partition("=")
    if name and to == "async":
        return Change(name, "async")
    if name and to == "gone":
        return Change(name, "gone")
    raise click.UsageError(f"--if: {text!r} is neither NAME=async nor NAME=gone")


def _moved(text: str) -> "Change":
    from hybrid.adapters.django.migrate.chain.changes import Change

    name, _, position = text.rpartition(":")
    if not name or not position.isdecimal():
        raise click.UsageError(f"--move: {text!r} is not NAME:POSITION")
    return Change(name, int(position))
