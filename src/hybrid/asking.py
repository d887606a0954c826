"""How commands speak with a running server, over its control socket: `hybrid lanes`, `hybrid status`."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from hybrid.mistakes import mistakes_in_one_line

EXIT_REFUSED = 1


def control_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which server is meant and how it is answered."""
    control = click.option(
        "--control",
        metavar="DIR",
        show_default="as for hybrid serve, or else the only server of this user",
        help="The control directory of the server, or the one that was named to it.",
    )
    return control(click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(command))


def ask(
    command: str, arguments: Mapping[str, Any], control: str | None, *, without: str
) -> Mapping[str, Any]:
    """Ask the server that is meant, and return its answer; where there is none, say why and exit with 1.

    Args:
        command: the name of what it is asked.
        arguments: what goes with it.
        control: what ``--control`` says.
        without: why a server may not know the command.
    """
    from hybrid.bridge.control import ControlError

    with mistakes_in_one_line():
        folder = _said_elsewhere() if control is None else control
    try:
        return _answer(command, arguments, folder, without)
    except ControlError as error:
        from hybrid.server.ops.escape import tame

        click.echo(f"hybrid: {tame(str(error))}", err=True)
        sys.exit(EXIT_REFUSED)


def tell_missing(answer: Mapping[str, Any]) -> None:
    """Say which processes have not answered, where not all have."""
    from hybrid.tables import missing_text

    if missing := missing_text(answer):
        click.echo(f"hybrid: {missing}", err=True)


def _answer(
    command: str, arguments: Mapping[str, Any], control: str | None, without: str
) -> Mapping[str, Any]:
    from hybrid.bridge.control import ControlError
    from hybrid.server.config.processes import NO_CONTROL
    from hybrid.server.ops.control.client import find_server
    from hybrid.server.ops.control.lines import Code, Refused

    if control == NO_CONTROL:
        raise ControlError(
            f"control is {NO_CONTROL}: such a server cannot be reached; --control DIR names one"
        )
    server = find_server(control)
    try:
        return server.ask(command, arguments)
    except Refused as error:
        if error.code != Code.UNKNOWN:
            raise
        raise ControlError(f"{server.directory}: {without}") from None


def _said_elsewhere() -> str | None:
    """Return what the environment or hybrid.toml says, as they do for the server."""
    from hybrid.server.sources.gather import gather

    given = gather({}).given.get("control")
    return None if given is None else str(given.value)
