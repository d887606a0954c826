"""Asks a running server what it has seen."""

import time
from collections.abc import Mapping
from typing import Any

from hybrid.bridge.control import ControlError
from hybrid.server.config.processes import NO_CONTROL
from hybrid.server.ops.control.client import Running, find_server
from hybrid.server.ops.control.lines import Code, Refused
from hybrid.server.sources.gather import gather

_NOT_OBSERVED = "the server does not observe: it serves no Django project, or was started without --observe"


def ask(control: str | None, seconds: float | None, *, reset: bool) -> Mapping[str, Any]:
    """Return what the server has seen.

    Args:
        control: its control directory; None for what the environment or hybrid.toml says, or the only server.
        seconds: let it forget what was, and wait for so long; None to ask at once.
        reset: let it forget what was, once it is told.

    Raises:
        ControlError: there is no server, or it does not observe.
        ConfigError: hybrid.toml, or the environment, is wrong.
    """
    server = find_server(_folder() if control is None else control)
    if seconds is not None:
        _show(server, reset=True)
        time.sleep(seconds)
    return _show(server, reset=reset)


def _folder() -> str | None:
    """Return what the environment or hybrid.toml says, as they do for the server."""
    given = gather({}).given.get("control")
    folder = None if given is None else str(given.value)
    if folder == NO_CONTROL:
        raise ControlError(f"control is {NO_CONTROL}: such a server cannot be asked; --control DIR names one")
    return folder


def _show(server: Running, *, reset: bool) -> Mapping[str, Any]:
    try:
        return server.ask("observe.show", {"reset": reset})
    except Refused as error:
        if error.code != Code.UNKNOWN:
            raise
        raise ControlError(f"{server.directory}: {_NOT_OBSERVED}") from None
