"""Why a server could not start, each with the exit code of the process, and why one stops."""

from enum import Enum

from hybrid.bridge.errors import ConfigError, HybridError

EXIT_CANNOT_BIND = 1
EXIT_USAGE = 2
EXIT_CANNOT_LOAD = 3
#: As a shell reports a process that SIGINT ended.
EXIT_FORCED = 130


class ExitReason(Enum):
    """Why a server that was serving stops; the exit code is 0 either way."""

    TOLD = "it was told to"
    MAX_REQUESTS = "it has had as many requests as limit_max_requests allows"


class BindError(HybridError):
    """A socket to listen on cannot be had; the message names the address."""


def exit_code(error: HybridError) -> int:
    """Return the process's exit code for an error that kept the server from starting."""
    if isinstance(error, BindError):
        return EXIT_CANNOT_BIND
    return EXIT_USAGE if isinstance(error, ConfigError) else EXIT_CANNOT_LOAD
