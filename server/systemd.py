"""What systemd and a service say to each other: sockets that are passed, and what the service is doing.

The environment says all of it (sd_listen_fds(3), sd_notify(3), sd_watchdog_enabled(3)); outside of systemd
there is nothing of it, and nothing happens.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import NamedTuple

from hybrid.server.errors import BindError
from hybrid.server.wording import reason_of

logger = logging.getLogger("hybrid.server")

#: The first descriptor that is passed; those of the others follow (SD_LISTEN_FDS_START).
_FIRST = 3
_LISTEN_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


class PassedSocket(NamedTuple):
    """A descriptor that systemd has passed, with the name that the socket's unit gives it."""

    descriptor: int
    name: str


def take_passed_sockets(environ: MutableMapping[str, str] = os.environ) -> list[PassedSocket]:
    """Return what systemd has passed to this process, and forget it: no child takes the descriptors for its
    own, and none inherits them.

    Raises:
        BindError: the environment does not make sense.
    """
    pid, count, names = (environ.get(name, "") for name in _LISTEN_VARIABLES[:3])
    for name in _LISTEN_VARIABLES:
        environ.pop(name, None)
    if pid != str(os.getpid()):  # meant for another process, such as a shell that has started this one
        return []
    if not (count.isascii() and count.isdigit()):
        raise BindError(f"LISTEN_FDS: {count!r} is not a number of descriptors")
    named = names.split(":") if names else []
    passed = [
        PassedSocket(_FIRST + place, named[place] if place < len(named) else "unknown")
        for place in range(int(count))
    ]
    for each in passed:
        with suppress(OSError):  # whoever listens on it says that it is not there
            os.set_inheritable(each.descriptor, False)
    return passed


class Notifier:
    """Tells systemd what the service is doing, if it asks. Loop thread only, once the watchdog runs.

    The socket is there from the start, so that a server without a free descriptor can still say that it
    lives. Messages are sent without waiting; the first that cannot be sent is logged.

    Args:
        environ: where systemd says the address of its socket, and how often it wants to hear of the service.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._watchdog_seconds = _watchdog_seconds(environ)
        self._socket: socket.socket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._complained = False
        if self._address is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)

    def __repr__(self) -> str:
        return f"<Notifier {self._address!r}{' closed' if self._socket is None else ''}>"

    def ready(self, status: str) -> None:
        """The service accepts connections: for the first time, or again after :meth:`reloading`."""
        self._send("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")

    def reloading(self, status: str) -> None:
        """It takes its configuration again, and will be :meth:`ready` afterwards (``Type=notify-reload``)."""
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._send("RELOADING=1", f"MONOTONIC_USEC={now}", f"STATUS={status}")

    def stopping(self, status: str) -> None:
        """It accepts nothing more, and ends what is in flight."""
        self._send("STOPPING=1", f"STATUS={status}")

    def alive(self) -> None:
        """Whoever has no loop calls this at least twice in the time after which systemd gives it up."""
        if self._watchdog_seconds:
            self._send("WATCHDOG=1")

    def start_watchdog(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say from now on that the loop turns, twice in the time after which systemd gives it up."""
        if self._socket is not None and self._watchdog_seconds:
            self._send("WATCHDOG=1")
            self._timer = loop.call_later(self._watchdog_seconds / 2, self.start_watchdog, loop)

    def close(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *assignments: str) -> None:
        if self._socket is None or self._address is None:
            return
        try:
            self._socket.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            if not self._complained:
                self._complained = True
                logger.warning("cannot tell systemd %s: %s", assignments[0], reason_of(error))


def _address(text: str) -> str | None:
    """Read the address of systemd's socket: a path, or an abstract name, which begins with ``@``."""
    if text.startswith("@"):
        return "\0" + text[1:]
    if text.startswith("/"):
        return text
    if text:
        logger.warning("NOTIFY_SOCKET: %r is not the address of a Unix socket", text)
    return None


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """Return the time within which systemd wants to hear of this process, or 0."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isascii() and microseconds.isdigit() else 0.0
