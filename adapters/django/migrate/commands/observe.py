"""``hybrid migrate observe``."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from hybrid.adapters.django.migrate.commands.output import output_options, paired, write
from hybrid.bridge.control import ControlError
from hybrid.bridge.errors import ConfigError

if TYPE_CHECKING:
    from hybrid.adapters.django.migrate.observe.report import Limits

EPILOG = """\b
The server has to be started with --observe. What it has seen since, or since
the last --reset, is told, in all its processes together.
\b
Exit codes:
  0  nothing is over what is allowed
  1  something is: one of the limits, --fail-on, or [lane_budget] of the server
  2  an option is wrong, or there is no server that observes
"""

_POSITIVE = click.FloatRange(min=0)


@click.command("observe", epilog=EPILOG, short_help="Tell what a server started with --observe has seen.")
@click.option(
    "--control",
    metavar="DIR",
    show_default="as for hybrid serve, or else the only server of this user",
    help="The control directory of the server, or the one that was named to it.",
)
@click.option(
    "--seconds",
    metavar="N",
    type=click.FloatRange(min=0, max=86_400),
    help="Let the server forget what it has seen, and tell what it sees in so many seconds.",
)
@click.option("--reset", is_flag=True, help="Let the server forget what it has seen, once it is told.")
@click.option(
    "--max-stall",
    metavar="SECONDS",
    type=_POSITIVE,
    help="The longest that a request may hold the event loop.",
)
@click.option(
    "--max-p95",
    metavar="SECONDS",
    type=_POSITIVE,
    help="How long 95 % of a view's responses may take at most.",
)
@click.option(
    "--max-failed", metavar="PERCENT", type=_POSITIVE, help="How many of a view's requests may fail."
)
@click.option(
    "--max-queries",
    metavar="N",
    type=_POSITIVE,
    help="How many queries a view may make for a call, on average.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note", "never"]),
    default="error",
    show_default=True,
    help="Findings as bad as this are over what is allowed.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@output_options(("text", "json"))
def command(  # noqa: PLR0913, PLR0917 - one for each option
    control: str | None,
    seconds: float | None,
    reset: bool,
    as_json: bool,
    formats: tuple[str, ...],
    outputs: tuple[str, ...],
    **allowed: Any,
) -> None:
    """Tell what requests to a running server have done, view by view, and what of it is a problem."""
    from hybrid.adapters.django.migrate.observe.asking import ask
    from hybrid.adapters.django.migrate.observe.report import Observed
    from hybrid.adapters.django.migrate.observe.text import as_text
    from hybrid.server.ops.escape import tame

    pairs = paired(formats, outputs, "json" if as_json else "text", str)
    try:
        answer = ask(control, seconds, reset=reset)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    except ControlError as error:
        click.echo(f"hybrid: {tame(str(error))}", err=True)
        sys.exit(2)
    observed = Observed(answer, _limits(**allowed))
    writers: dict[str, Callable[[bool], str]] = {
        "text": lambda _: as_text(observed),
        "json": lambda _: observed.as_json(),
    }
    for name, output in pairs:
        write(output, writers[name])
    if observed.missing:
        click.echo(f"hybrid: no answer from process {', '.join(map(str, observed.missing))}", err=True)
    sys.exit(1 if observed.over else 0)


def _limits(
    max_stall: float | None,
    max_p95: float | None,
    max_failed: float | None,
    max_queries: float | None,
    fail_on: str,
) -> "Limits":
    from hybrid.adapters.django.migrate.findings import Level
    from hybrid.adapters.django.migrate.observe.report import Limits

    level = None if fail_on == "never" else Level(fail_on)
    return Limits(max_stall, max_p95, max_failed, max_queries, level)
