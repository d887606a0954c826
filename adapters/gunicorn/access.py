"""Each finished request for gunicorn's logger: its access log, and statsd's metrics."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from gunicorn.glogging import Logger

from hybrid.adapters.gunicorn.views import (
    RequestView,
    ResponseView,
    fields_of,
    response_fields,
    version_of,
)
from hybrid.bridge.types import LANE
from hybrid.server.ops.access_record import AccessEvent, AccessRecord


def access_logger(log: Logger) -> Callable[[AccessRecord], None] | None:
    """Return what gives a record to ``log.access(resp, req, environ, request_time)``; None where that does
    nothing.

    gunicorn's own class writes lines, when it is to; others may measure, as that for statsd does.
    """
    if type(log).access is Logger.access and not log.access_log_enabled:
        return None

    def write(record: AccessRecord) -> None:
        if record.request is not None and record.event is not AccessEvent.WEBSOCKET_OPEN:
            request = _request_view(record)
            log.access(
                _response_view(record), request, _environ(record, request), timedelta(seconds=record.duration)
            )

    return write


def _request_view(record: AccessRecord) -> RequestView:
    assert record.request is not None
    return RequestView(
        method=record.request.method,
        uri=record.target,
        version=version_of(record.request.http_version),
        headers=fields_of(record.request_headers),
        scheme=record.scope["scheme"] if record.scope is not None else "http",
        remote_addr=record.client,
    )


def _response_view(record: AccessRecord) -> ResponseView:
    status = f"{record.status} {record.reason}".rstrip()
    return ResponseView(status, response_fields(record.response_headers), record.body_bytes)


def _environ(record: AccessRecord, request: RequestView) -> dict[str, Any]:
    """Give the environ; where no application was asked, what gunicorn's atoms look for there."""
    least = {
        "REQUEST_METHOD": request.method,
        "RAW_URI": request.uri,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "SERVER_PROTOCOL": f"HTTP/{request.version[0]}.{request.version[1]}",
        "REMOTE_ADDR": record.client[0] if record.client else "-",
        **{f"HTTP_{name.replace('-', '_')}": value for name, value in request.headers},
    }
    lane = {} if record.lane is None else {LANE: record.lane}
    return {**least, **record.environ_variables(), **lane}
