"""What becomes of a record: a line of a logger, or a call of what somebody wants instead."""

import copy
import logging
import pickle
from logging.handlers import QueueHandler
from queue import SimpleQueue
from typing import Any

import pytest

from hybrid.bridge.taps import TappedLoop
from hybrid.server.ops.access_log import AccessLog
from hybrid.server.ops.access_record import AccessRecord
from hybrid.server.ops.atoms import LineFormat
from hybrid.server.ops.escape import format_client
from hybrid.server.wire.http11 import Request

REQUEST = Request("GET", b"/a?b", "1.1", [(b"host", b"x")])
SCOPE = {"client": ("192.0.2.1", 50000)}


def answered(log: AccessLog, status: int = 200) -> AccessRecord:
    """Let a request be answered."""
    record = log.begin(REQUEST, SCOPE)
    record.note_refusal(b"HTTP/1.1 %d Reason\r\nX-A: 1\r\nx-a: 2\r\n\r\nbody" % status, status)
    log.write(record)
    return record


def test_line(caplog: pytest.LogCaptureFixture) -> None:
    """A request is one record of the logger, whose message is the line, and which has the record in it."""
    caplog.set_level(logging.INFO, "hybrid.access")
    record = answered(AccessLog(LineFormat("%(h)s %(r)s %(s)s %(B)s")))
    (logged,) = caplog.records
    assert (logged.name, logged.levelname, logged.msg) == ("hybrid.access", "INFO", record)
    assert logged.getMessage() == "192.0.2.1 GET /a?b HTTP/1.1 200 4"


def test_level(caplog: pytest.LogCaptureFixture) -> None:
    """A logger that wants warnings only gets no accesses."""
    caplog.set_level(logging.WARNING, "hybrid.access")
    answered(AccessLog())
    assert not caplog.records


def test_sink(caplog: pytest.LogCaptureFixture) -> None:
    """Who takes the records gets them instead of the logger, with all that is known."""
    caplog.set_level(logging.INFO)
    records: list[AccessRecord] = []
    answered(AccessLog(sink=records.append), 404)
    (record,) = records
    assert not caplog.records
    assert (record.method, record.target, record.path, record.query) == ("GET", "/a?b", "/a", "b")
    assert (record.http_version, record.request_headers) == ("1.1", [(b"host", b"x")])
    assert (record.status, record.reason, record.body_bytes) == (404, "Reason", 4)
    assert record.response_headers == [(b"X-A", b"1"), (b"x-a", b"2")]
    assert record.response_header("x-A") == "2"
    assert 0 < record.duration < 60


def test_the_application_below_a_tap() -> None:
    """An application at which somebody looks is called as ever; one that nobody knows is not called."""
    served: Any = object()
    log = AccessLog(labels={id(served): ("shop", "slow")})
    names: list[tuple[str, str]] = []
    for each in (served, TappedLoop(served, lambda _: None), object()):
        record = log.begin(REQUEST, SCOPE)
        log.label(record, each)
        names.append((record.application, record.pool))
    assert names == [("shop", "slow"), ("shop", "slow"), ("", "")]


def test_sink_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """What somebody else's code raises is an event, and nothing more."""

    def sink(_: AccessRecord) -> None:
        raise ValueError("it does not like that")

    answered(AccessLog(sink=sink))
    assert "access_logger failed" in caplog.text


def test_refused(caplog: pytest.LogCaptureFixture) -> None:
    """A request that cannot be read is logged with what there is of it, which is not much."""
    caplog.set_level(logging.INFO, "hybrid.access")
    log = AccessLog(LineFormat('%(h)s "%(r)s" %(s)s %(m)s %(U)s %(H)s %(B)s'))
    log.write_refused(("192.0.2.1", 1), b"BAD\x1b" + b"x" * 5000, 400, b"HTTP/1.1 400 X\r\n\r\nno")
    line = caplog.records[0].getMessage()
    assert line.startswith('192.0.2.1 "BAD\\x1bxxx')
    assert line.endswith('x" 400 - - - 2')
    assert len(line) < 1100


def test_queue_handler(caplog: pytest.LogCaptureFixture) -> None:
    """Handlers that copy records, and those that send them to other processes, can do so."""
    queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
    logger = logging.getLogger("hybrid.access")
    caplog.set_level(logging.INFO, "hybrid.access")
    handler = QueueHandler(queue)
    logger.addHandler(handler)
    try:
        answered(AccessLog(LineFormat("%(r)s")))
    finally:
        logger.removeHandler(handler)
    assert pickle.loads(pickle.dumps(queue.get())).getMessage() == "GET /a?b HTTP/1.1"  # noqa: S301 - our own
    assert str(copy.copy(caplog.records[0]).msg) == "GET /a?b HTTP/1.1"


def test_format_client() -> None:
    """A client is an address and a port."""
    assert format_client(("192.0.2.1", 80)) == "192.0.2.1:80"
    assert format_client(("2001:db8::1", 80)) == "2001:db8::1:80"
    assert format_client(("x\ny", 80)) == "x\\ny:80"
    assert format_client(None) == "unix"
