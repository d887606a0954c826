"""The server's own log, for a process that has not set logging up itself."""

import logging
import sys

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_ACCESS_FORMAT = "%(asctime)s %(message)s"


def configure_logging(level: str) -> None:
    """Send the ``hybrid`` loggers to stderr and ``hybrid.access`` to stdout, as uvicorn does with its own.

    Leaves a logger alone that somebody gave handlers already, and never touches the root logger.
    """
    _add_handler(logging.getLogger("hybrid"), logging.StreamHandler(sys.stderr), _FORMAT)
    _add_handler(logging.getLogger("hybrid.access"), logging.StreamHandler(sys.stdout), _ACCESS_FORMAT)
    logging.getLogger("hybrid").setLevel(level.upper())


def _add_handler(logger: logging.Logger, handler: logging.Handler, line_format: str) -> None:
    if not logger.handlers:
        handler.setFormatter(logging.Formatter(line_format))
        logger.addHandler(handler)
        logger.propagate = False
