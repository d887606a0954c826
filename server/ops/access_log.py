"""A line, or what is asked for instead, for each request that was answered and each WebSocket."""

import logging
import re
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final

from hybrid.bridge.types import Scope
from hybrid.server.ops.access_record import CLIENT_LEFT, AccessEvent, AccessRecord, WebSocketRecord
from hybrid.server.ops.atoms import LineFormat
from hybrid.server.ops.line_formats import DEFAULT_FORMAT, DEFAULT_WEBSOCKET_FORMAT
from hybrid.server.wire.http11 import Request

logger = logging.getLogger("hybrid.access")
_events = logging.getLogger("hybrid.server")
_INFO: Final = logging.INFO

#: One that a log can take apart; whether it was refused for another reason is not asked.
_REQUEST_LINE = re.compile(rb"([!-~]{1,32}) ([!-~]{1,1024}) HTTP/(1\.[01])")
#: The name of an application in the route table, and of the threads that it runs on.
Label = tuple[str, str]
_NO_LABEL: Final[Label] = ("", "")


class AccessLog:
    """Begins a record with each request, and logs it when the response is complete. Loop thread only.

    A record is the message of the log record that it is logged with, and is written as text only when a
    handler asks for that: a handler, a filter or a formatter finds everything in ``record.msg``.

    Args:
        line: the format of a request's line.
        websocket_line: the format of the line for a WebSocket that has closed.
        sink: is given each record instead of the logger ``hybrid.access``.
        labels: how applications are called, by their ids.
    """

    def __init__(
        self,
        line: LineFormat | None = None,
        websocket_line: LineFormat | None = None,
        *,
        sink: Callable[[AccessRecord], object] | None = None,
        labels: Mapping[int, Label] | None = None,
    ) -> None:
        self._line = line or LineFormat(DEFAULT_FORMAT)
        self._websocket_line = websocket_line or LineFormat(DEFAULT_WEBSOCKET_FORMAT)
        self._sink = sink
        self._labels = labels or {}
        formats = (self._line, self._websocket_line)
        self.wants_environ = sink is not None or any(each.wants_environ for each in formats)

    def __repr__(self) -> str:
        return f"<AccessLog {self._line.text!r}>"

    def begin(self, request: Request, scope: Scope) -> AccessRecord:
        """Return the record of a request whose head is complete, and which an application is to answer."""
        return AccessRecord(self._line, request, scope)

    def begin_websocket(self, request: Request, scope: Scope) -> WebSocketRecord:
        """Return the record of a handshake that is valid, and which an application is to answer."""
        return WebSocketRecord(self._line, request, scope)

    def label(self, record: AccessRecord, application: object) -> None:
        """Note which application that is."""
        label = self._labels.get(id(application))
        if label is None:  # somebody looks at it, perhaps, through what is around it
            label = self._labels.get(id(getattr(application, "tapped", None)), _NO_LABEL)
        record.application, record.pool = label

    def write(self, record: AccessRecord) -> None:
        """Log a record, now that all has been said."""
        record.duration = perf_counter() - record.began
        if self._sink is not None:
            try:
                self._sink(record)
            except Exception:  # noqa: BLE001 - somebody else's, which must not end the connection
                _events.exception("access_logger failed")
        elif logger.isEnabledFor(_INFO):
            # As Logger.info() does, without looking for the line of code that calls it.
            logger.handle(logger.makeRecord("hybrid.access", _INFO, "", 0, record, (), None))

    def write_cut_off(self, record: AccessRecord) -> None:
        """Log a request whose response is not complete, and will not be."""
        record.complete = False
        if not record.head_sent:
            record.status = CLIENT_LEFT
        self.write(record)

    def write_refused(
        self,
        client: tuple[str, int] | None,
        request: Request | bytes | None,
        status: int,
        data: bytes,
    ) -> None:
        """Log a request that was refused before any application was asked.

        Args:
            client: who sent it.
            request: its head; where that was refused, what there is of its first line.
            status: of the response.
            data: the response.
        """
        line = b""
        if isinstance(request, bytes):
            line, request = request, _read_line(request)
        record = AccessRecord(self._line, request, None)
        record.client = client
        record.note_line(line)
        record.note_refusal(data, status)
        self.write(record)

    def write_open(self, record: WebSocketRecord) -> WebSocketRecord:
        """Log a WebSocket that is open now, and return the record to be logged when it closes."""
        record.event = AccessEvent.WEBSOCKET_OPEN
        # What the client has been sent (RFC 8441 section 5.1).
        record.status = 200 if record.http_version == "2" else 101
        self.write(record)
        later = record.closing()
        later.write_line = self._websocket_line
        return later


def _read_line(line: bytes) -> Request | None:
    """Read a request line whose request was refused for something else."""
    found = _REQUEST_LINE.fullmatch(line)
    if found is None:
        return None
    method, target, version = found.groups()
    return Request(method.decode("ascii"), target, version.decode("ascii"), [])
