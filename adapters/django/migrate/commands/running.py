"""Running servers, for the commands that ask one: which one is meant, and what it says."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from hybrid.server.ops.control.client import Running

F = TypeVar("F", bound=Callable[..., Any])

EXIT_UNREACHABLE: Final = 5

#: Which server is meant.
control_option: Final = click.option(
    "--control",
    metavar="DIR",
    show_default="as for hybrid serve, or else the only server of this user",
    help="The control directory of the server, or the one that was named to it.",
)


def unreachable(problem: object) -> NoReturn:
    """End, as there is no server that can do it."""
    from hybrid.server.ops.escape import tame

    click.echo(f"hybrid: {tame(str(problem))}", err=True)
    sys.exit(EXIT_UNREACHABLE)


def find(control: str | None) -> "Running":
    """Return the server that is meant, or end with the exit code for none."""
    from hybrid.bridge.control import ControlError
    from hybrid.bridge.errors import ConfigError
    from hybrid.server.config.processes import NO_CONTROL
    from hybrid.server.ops.control.client import find_server
    from hybrid.server.sources.gather import gather

    try:
        said = gather({}).given.get("control") if control is None else None
    except ConfigError as error:
        raise click.UsageError(str(error)) from None
    folder = str(said.value) if said is not None else control
    if folder == NO_CONTROL:
        unreachable(f"control is {NO_CONTROL}: such a server cannot be reached; --control DIR names one")
    try:
        return find_server(folder)
    except ControlError as error:
        unreachable(error)


def ask(server: "Running", command: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the process that leads says, or end with the exit code for none."""
    from hybrid.bridge.control import ControlError

    try:
        return server.ask(command, arguments)
    except ControlError as error:
        unreachable(said_better(error))


def said_better(error: Exception) -> str:
    """Say what an error of a server means here."""
    from hybrid.server.ops.control.lines import Code, Refused

    if isinstance(error, Refused) and error.code == Code.UNKNOWN:
        return "the server cannot do that: it does not serve a Django project on both lanes"
    return str(error)
