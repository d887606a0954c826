"""Listening as a configuration asks for it, and looking at what came of it."""

import socket
from contextlib import ExitStack
from typing import Any

from hybrid.server.config import Config
from hybrid.server.listening.listeners import Listeners

#: Where Linux says, in `struct tcp_info` of a listening socket, how many connections may wait.
BACKLOG_OFFSET = 28


def bind(opened: ExitStack, **settings: Any) -> Listeners:
    """Open what a configuration asks for, until the test ends."""
    if not {"port", "uds", "fd", "bind"} & settings.keys():
        settings["port"] = 0
    listeners = Listeners.bind(Config(app="app", **settings))
    opened.callback(listeners.close)
    return listeners


def backlog_of(listener: socket.socket) -> int:
    """Give the number of connections that the system lets wait."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int.from_bytes(info[BACKLOG_OFFSET : BACKLOG_OFFSET + 4], "little")
