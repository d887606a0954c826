"""`hybrid lanes`: on which lane the views of a running server are, and what is changed about that.

Exit codes: 0 when it was done, 1 when it was not, as no server is there or as it refuses, 2 for a wrong
command line.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import click

from hybrid.asking import ask, control_options, tell_missing

LANES = ("wsgi", "asgi")
#: Why a server does not know these commands.
_NO_LANES = "the server has no lanes: it does not serve a Django project on both"

EPILOG = """\b
A VIEW is the name of a view, as in reverse(), its dotted path, or a path
pattern that begins with a slash.
\b
Changes count from the next request on, in all processes of the server, until
it is started again; then hybrid.toml says what counts.
\b
Exit codes: 0 when it was done, 1 when it was not, 2 for a wrong command line.
"""


@click.group(epilog=EPILOG, short_help="Show and change the lanes of a running server.")
def lanes() -> None:
    """Show on which lane each view of a running server is, and change that."""


def _reason_option(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--reason", metavar="TEXT", default="", show_default="none", help="Why, for the log and the history."
    )(command)


@lanes.command(short_help="Print where each view runs, and how it does there.")
@control_options
def show(control: str | None, as_json: bool) -> None:
    """Print the lane of each view, why it is on that, and its figures on both."""
    _ask("show", {}, control, as_json=as_json)


@lanes.command("set", short_help="Move a view to a lane.")
@click.argument("view")
@click.argument("lane", type=click.Choice(LANES))
@_reason_option
@control_options
def set_lane(view: str, lane: str, reason: str, control: str | None, as_json: bool) -> None:
    """Serve all requests for VIEW on LANE, from the next one on."""
    _change("set", {"view": view, "lane": lane}, reason, control, as_json=as_json)


def _refuse_nan(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuse what is in no range, which click lets pass."""
    if math.isnan(value):
        raise click.BadParameter(f"{value} is not in the range 0<=x<=100.", context, parameter)
    return value


@lanes.command(short_help="Move a share of a view's clients to a lane.")
@click.argument("view")
@click.argument("percent", metavar="N", type=click.FloatRange(0, 100), callback=_refuse_nan)
@click.option(
    "--lane",
    type=click.Choice(LANES),
    show_default="the one that the view is not on by itself",
    help="The lane that they move to.",
)
@_reason_option
@control_options
def percent(  # noqa: PLR0913, PLR0917 - one for each option
    view: str, percent: float, lane: str | None, reason: str, control: str | None, as_json: bool
) -> None:
    """Serve N percent of the clients of VIEW on the other lane. Each client stays on its lane."""
    _change("percent", {"view": view, "percent": percent, "lane": lane}, reason, control, as_json=as_json)


@lanes.command(short_help="Take the last change of a view, or of any, back.")
@click.argument("view", required=False)
@_reason_option
@control_options
def rollback(view: str | None, reason: str, control: str | None, as_json: bool) -> None:
    """Take the last change of VIEW back; without VIEW, the last one of all."""
    _change("rollback", {"view": view}, reason, control, as_json=as_json)


@lanes.command(short_help="Print what was changed, by whom and why.")
@click.argument("view", required=False)
@control_options
def history(view: str | None, control: str | None, as_json: bool) -> None:
    """Print the changes since the server has started, of VIEW or of all."""
    _ask("history", {"view": view}, control, as_json=as_json)


def _change(
    command: str, arguments: Mapping[str, Any], reason: str, control: str | None, *, as_json: bool
) -> None:
    from hybrid.server.ops.control.client import user_name

    _ask(command, {**arguments, "by": user_name(), "reason": reason}, control, as_json=as_json)


def _ask(command: str, arguments: Mapping[str, Any], control: str | None, *, as_json: bool) -> None:
    """Ask the server that is meant, and print what it says, or why it says nothing."""
    answer = ask(f"lanes.{command}", arguments, control, without=_NO_LANES)
    click.echo(json.dumps(answer, indent=2) if as_json else _text(command, answer))
    tell_missing(answer)


def _text(command: str, answer: Mapping[str, Any]) -> str:
    from hybrid import lanes_tables

    texts = {"show": lanes_tables.show_text, "history": lanes_tables.history_text}
    return texts.get(command, lanes_tables.change_text)(answer)
