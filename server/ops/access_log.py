"""One line for each request that was answered."""

import logging
from typing import Any

logger = logging.getLogger("hybrid.access")


def format_client(client: tuple[str, int] | None) -> str:
    """Name a peer for a person; Unix sockets have no address."""
    return f"{client[0]}:{client[1]}" if client else "unix"


def log_request(scope: Any, target: bytes, status: int) -> None:
    """Log a request in uvicorn's format. Safe on any thread.

    The target has been checked to be printable ASCII, so that a client cannot write lines of its own into the
    log.
    """
    logger.info(
        '%s - "%s %s HTTP/%s" %d',
        format_client(scope["client"]),
        scope["method"],
        target.decode("ascii"),
        scope["http_version"],
        status,
    )
