"""`hybrid status`: how a running server is, all of its processes together.

Exit codes: 0 when it has said so, 1 when no server is there, 2 for a wrong command line.
"""

import json
import time
from contextlib import suppress
from typing import Any

import click

from hybrid.asking import ask, control_options, tell_missing

#: Why a server does not know the command.
_OLDER = "the server does not tell its status: it is of a version before this one"

EPILOG = """\b
Counts are since the start of the server, times are percentiles; NOW is what is
being answered. CUT: responses that were not complete. QUEUED: the share of
their time in which requests have waited for a thread. With --watch, all of it
is since the last look.
\b
Exit codes: 0 when it has said so, 1 when no server is there, 2 for a wrong
command line.
"""


@click.command(epilog=EPILOG, short_help="Show how a running server is.")
@click.option(
    "--watch",
    is_flag=False,
    flag_value=2.0,
    type=click.FloatRange(min=0.1, max=3600),
    metavar="[SECONDS]",
    show_default="once; 2 without a number",
    help="Look again and again, until control-C.",
)
@control_options
def status(watch: float | None, control: str | None, as_json: bool) -> None:
    """Print how a running server is: its connections, thread pools, routes, WebSockets and event loops."""
    answer = _ask(control)
    if watch is None:
        _print(answer, None, as_json=as_json)
        return
    with suppress(KeyboardInterrupt):
        _watch(answer, watch, control, as_json=as_json)


def _ask(control: str | None) -> Any:
    answer = ask("status.show", {}, control, without=_OLDER)
    tell_missing(answer)
    return answer


def _watch(answer: Any, pause: float, control: str | None, *, as_json: bool) -> None:
    """Print what is, and then what is new, each time on a page of its own; as JSON, one answer a line."""
    before = None
    while True:
        if not as_json:
            click.clear()
        _print(answer, before, as_json=as_json, on_one_line=True)
        before = answer
        time.sleep(pause)
        answer = _ask(control)


def _print(answer: Any, before: Any, *, as_json: bool, on_one_line: bool = False) -> None:
    if as_json:
        click.echo(json.dumps(answer, indent=None if on_one_line else 2))
        return
    from hybrid.server.ops.metrics.snapshot import Snapshot
    from hybrid.status_tables import status_text

    earlier = None if before is None else Snapshot.from_json(before)
    click.echo(status_text(Snapshot.from_json(answer), earlier))
