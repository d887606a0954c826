"""How log records are written: as text for people, as JSON for programs. Both fit into a ``log_config``."""

import logging
import os
import time
from collections.abc import Mapping
from typing import Any, Final

from hybrid.server.ops.access_record import AccessRecord, WebSocketRecord
from hybrid.server.ops.escape import tame

_RESET: Final = "\x1b[0m"
_LEVEL_COLORS: Final = {
    logging.DEBUG: "\x1b[36m",
    logging.INFO: "\x1b[32m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[91m",
}
#: By the first digit of a status.
_STATUS_COLORS: Final = {1: "\x1b[97m", 2: "\x1b[32m", 3: "\x1b[33m", 4: "\x1b[31m", 5: "\x1b[91m"}


class _Seconds:
    """Writes whole seconds as text once for all records of the same second."""

    def __init__(self, form: str, *, utc: bool) -> None:
        self._form = form
        self._split = time.gmtime if utc else time.localtime
        self._known = -1, ""

    def __call__(self, second: int) -> str:
        known, text = self._known
        if known != second:
            text = time.strftime(self._form, self._split(second))
            self._known = second, text
        return text


class TextFormatter(logging.Formatter):
    """Writes events: time, level, logger, message. A message or a traceback cannot look like several events.

    Args:
        colors: whether levels are coloured.
    """

    def __init__(self, *, colors: bool = False) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._colors = colors

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        text = tame(super().format(record))
        if self._colors and (color := _LEVEL_COLORS.get(record.levelno)):
            return text.replace(f" {record.levelname} ", f" {color}{record.levelname}{_RESET} ", 1)
        return text


class AccessFormatter(logging.Formatter):
    """Writes accesses: the time, and the line.

    Args:
        timed: whether to write the time; a format of the user's has it where the user wants it.
        colors: whether statuses are coloured.
    """

    def __init__(self, *, timed: bool = True, colors: bool = False) -> None:
        super().__init__()
        self._timed = timed
        self._colors = colors
        self._second = _Seconds("%Y-%m-%d %H:%M:%S", utc=False)

    def format(self, record: logging.LogRecord) -> str:
        """Write a record. What a client has sent was escaped when the line was made."""
        what = record.msg
        text = str(what) if isinstance(what, AccessRecord) else tame(super().format(record))
        if self._colors and isinstance(what, AccessRecord):
            color = _STATUS_COLORS.get(what.status // 100, "")
            text = text.replace(f" {what.status} ", f" {color}{what.status}{_RESET} ", 1)
        if not self._timed:
            return text
        second = int(record.created)
        return f"{self._second(second)},{int((record.created - second) * 1000):03d} {text}"


class JsonFormatter(logging.Formatter):
    """Writes records of either kind as one JSON object on a line, in ASCII. ``docs/operations.md`` has the
    keys.
    """

    def __init__(self) -> None:
        import json  # not for who has no use for it

        super().__init__()
        self._encode = json.JSONEncoder(separators=(",", ":"), default=str).encode
        self._second = _Seconds("%Y-%m-%dT%H:%M:%S", utc=True)

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        second = int(record.created)
        values: dict[str, Any] = {
            "time": f"{self._second(second)}.{int((record.created - second) * 1_000_000):06d}Z",
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
        }
        what = record.msg
        if isinstance(what, AccessRecord):
            values.update(_of_access(what))
        else:
            values["message"] = record.getMessage()
            if record.exc_info:
                values["exception"] = self.formatException(record.exc_info)
            if record.stack_info:
                values["stack"] = self.formatStack(record.stack_info)
        return self._encode(values).replace(
            "\x7f", "\\u007f"
        )  # the only control character that JSON lets pass


def _of_access(record: AccessRecord) -> dict[str, Any]:
    client = record.client
    values: dict[str, Any] = {
        "event": record.event.value,
        "client": client[0] if client else None,
        "client_port": client[1] if client else None,
        "method": record.method,
        "path": record.path,
        "query": record.query,
        "http_version": record.http_version,
        "status": record.status,
        "bytes": record.body_bytes,
        "duration": round(record.duration, 6),
        "queue_time": None if record.queue_time is None else round(record.queue_time, 6),
        "application": record.application or None,
        "pool": record.pool or None,
        "user": record.user,
        "referer": record.request_header("referer"),
        "user_agent": record.request_header("user-agent"),
        "complete": record.complete,
    }
    if record.request is None:
        values["request_line"] = record.request_line
    if isinstance(record, WebSocketRecord):
        values.update(_of_websocket(record))
    return values


def _of_websocket(record: WebSocketRecord) -> Mapping[str, Any]:
    return {
        "close_code": record.close_code,
        "close_reason": record.close_reason,
        "closed_by": record.closed_by or None,
        "messages_in": record.messages_in,
        "messages_out": record.messages_out,
        "bytes_in": record.bytes_in,
        "bytes_out": record.bytes_out,
        "rtt": None if record.rtt is None else round(record.rtt, 6),
        "rtt_min": None if record.rtt_min is None else round(record.rtt_min, 6),
    }


def wants_colors(use_colors: bool | None, stream: Any) -> bool:
    """Decide whether to colour what goes to a stream: as told, otherwise on a terminal whose user has not
    asked for none (``NO_COLOR``).
    """
    if use_colors is not None:
        return use_colors
    return bool(hasattr(stream, "isatty") and stream.isatty()) and "NO_COLOR" not in os.environ
