"""The line that is logged for each request."""

import logging
from typing import Any

import pytest

from hybrid.server.ops.access_log import format_client, log_request


def scope(**values: Any) -> dict[str, Any]:
    """Give as much of an HTTP scope as the log looks at."""
    return {"client": ("192.0.2.1", 50000), "method": "GET", "http_version": "1.1", "path": "/", **values}


def logged(caplog: pytest.LogCaptureFixture, *request: Any) -> str:
    """Log a request, and return the one line that comes of it."""
    with caplog.at_level(logging.INFO, "hybrid.access"):
        log_request(*request)
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("hybrid.access", "INFO")
    return record.getMessage()


def test_line(caplog: pytest.LogCaptureFixture) -> None:
    """A line has the client, the request line as it came, and the status."""
    line = logged(caplog, scope(), b"/a%20b?c=d", 404)
    assert line == '192.0.2.1:50000 - "GET /a%20b?c=d HTTP/1.1" 404'


def test_target_is_not_decoded(caplog: pytest.LogCaptureFixture) -> None:
    """What a client has written percent-encoded stays so: it cannot write a line of its own."""
    line = logged(caplog, scope(path="/\r\n1.2.3.4"), b"/%0d%0a1.2.3.4%1b[2J", 200)
    assert line == '192.0.2.1:50000 - "GET /%0d%0a1.2.3.4%1b[2J HTTP/1.1" 200'


def test_old_http(caplog: pytest.LogCaptureFixture) -> None:
    """The version is the client's."""
    assert '"GET / HTTP/1.0" 200' in logged(caplog, scope(http_version="1.0"), b"/", 200)


def test_unix_socket(caplog: pytest.LogCaptureFixture) -> None:
    """A client on a Unix socket has no address."""
    assert logged(caplog, scope(client=None), b"/", 200).startswith('unix - "')


def test_format_client() -> None:
    """A client is an address and a port."""
    assert format_client(("192.0.2.1", 80)) == "192.0.2.1:80"
    assert format_client(None) == "unix"
