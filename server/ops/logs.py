"""The server's own log, for a process that has not set logging up itself."""

import logging
import sys

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ACCESS_FORMAT = "%(asctime)s %(message)s"


def configure_logging(level: str) -> None:
    """Send the ``hybrid`` loggers to stderr and ``hybrid.access`` to stdout, as uvicorn does with its own.

    Where somebody has set logging up already, for these loggers or for all, their handlers get everything;
    the root logger is never touched.
    """
    events, accesses = logging.getLogger("hybrid"), logging.getLogger("hybrid.access")
    events.setLevel(level.upper())
    if not accesses.hasHandlers():
        _add_handler(accesses, logging.StreamHandler(sys.stdout), _ACCESS_FORMAT)
    if not events.hasHandlers():
        _add_handler(events, logging.StreamHandler(sys.stderr), _FORMAT)


def _add_handler(logger: logging.Logger, handler: logging.Handler, line_format: str) -> None:
    handler.setFormatter(logging.Formatter(line_format))
    logger.addHandler(handler)
    logger.propagate = False
