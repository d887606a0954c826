"""Where workers tell how their server is: one address for all of them, opened by the process over them.

Each worker accepts there, and answers for all: what they count is added up, and the server is ready while any
of them is. With an address for each worker a collector of metrics would have to know how many there are.
"""

import os
import socket
from collections.abc import MutableMapping, Sequence
from typing import Final

from hybrid.server.config import Config
from hybrid.server.listening.listeners import Listeners
from hybrid.server.systemd import PassedSocket

#: Names the sockets, by descriptor, for the process that replaces this one (SIGUSR2).
_INHERITED: Final = "_HYBRID_OPS_SOCKETS"


def open_ops(config: Config, passed: Sequence[PassedSocket] = ()) -> Listeners | None:
    """Open what ``ops`` names, or take what the process has that this one is to replace; None where nothing
    is wanted (arbiter).

    Raises:
        BindError: the address cannot be had.
        ConfigError: what is told there needs something that is not installed.
    """
    descriptors = os.environ.pop(_INHERITED, "")
    inherited = [socket.socket(fileno=int(each)) for each in descriptors.split(",") if each]
    if config.ops is None:
        for each in inherited:
            each.close()
        return None
    for each in inherited:
        each.set_inheritable(False)
    if inherited:
        listeners = Listeners.given(inherited, config.backlog)
    else:
        listeners = Listeners.bind_ops(config, passed)
    try:
        _check(config, listeners)
    except BaseException:
        listeners.close()
        raise
    return listeners


def _check(config: Config, listeners: Listeners) -> None:
    from hybrid.server.console.serving import require_what_is_told

    require_what_is_told(config, listeners)
    for listener in listeners.each:
        listener.listen(config.backlog)


def hand_ops_over(listeners: Listeners, environment: MutableMapping[str, str]) -> None:
    """Let the process that replaces this one have the sockets (arbiter)."""
    for each in listeners.sockets:
        each.set_inheritable(True)
    environment[_INHERITED] = ",".join(str(each.fileno()) for each in listeners.sockets)


def ops_lines(listeners: Listeners, config: Config) -> list[str]:
    """Say what is told where, for the first lines that anybody reads (arbiter)."""
    from hybrid.server.console.serving import access_of, lines_about

    return lines_about(access_of(config, listeners), listeners.urls)
