"""How records are written."""

import json
import logging
import re
from io import StringIO

import pytest

from hybrid.server.ops.access_log import AccessLog
from hybrid.server.ops.formatters import AccessFormatter, JsonFormatter, TextFormatter, wants_colors
from hybrid.server.wire.http11 import Request


def event(level: int = logging.WARNING, *, error: BaseException | None = None) -> logging.LogRecord:
    """Make a record of an event."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("hybrid.server", level, "", 0, "some %s", ("thing",), exc_info)


def access(status: int = 200) -> logging.LogRecord:
    """Make a record of an access."""
    fields = [(b"host", b"x"), (b"referer", b"http://y/"), (b"user-agent", b"curl")]
    request = Request("POST", b"/a%20b?c=d", "1.1", fields)
    record = AccessLog().begin(request, {"client": ("192.0.2.1", 50000)})
    record.status, record.body_bytes, record.duration, record.queue_time = status, 5, 0.0123456789, 0.001
    record.application, record.pool = "shop.wsgi:app", "slow"
    return logging.LogRecord("hybrid.access", logging.INFO, "", 0, record, (), None)


def test_json_of_an_access() -> None:
    """An access has the keys that are documented, with numbers as numbers."""
    values = json.loads(JsonFormatter().format(access(404)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", values.pop("time"))
    assert isinstance(values.pop("pid"), int)
    assert values == {
        "level": "INFO",
        "logger": "hybrid.access",
        "event": "request",
        "client": "192.0.2.1",
        "client_port": 50000,
        "method": "POST",
        "path": "/a%20b",
        "query": "c=d",
        "http_version": "1.1",
        "status": 404,
        "bytes": 5,
        "duration": 0.012346,
        "queue_time": 0.001,
        "application": "shop.wsgi:app",
        "pool": "slow",
        "user": None,
        "referer": "http://y/",
        "user_agent": "curl",
        "complete": True,
    }


def test_json_of_an_event() -> None:
    """An event has its message; an exception is a field, with its traceback."""
    values = json.loads(JsonFormatter().format(event()))
    assert (values["level"], values["logger"], values["message"]) == (
        "WARNING",
        "hybrid.server",
        "some thing",
    )
    assert "exception" not in values
    try:
        raise ValueError("what went wrong")
    except ValueError as error:
        values = json.loads(JsonFormatter().format(event(error=error)))
    assert values["exception"].startswith("Traceback")
    assert values["exception"].endswith("ValueError: what went wrong")


def test_colors() -> None:
    """With colours the level of an event stands out, and the status of an access."""
    text = TextFormatter(colors=True).format(event())
    assert " \x1b[33mWARNING\x1b[0m hybrid.server: some thing" in text
    assert "\x1b" not in TextFormatter().format(event())
    assert '" \x1b[31m404\x1b[0m 0.01' in AccessFormatter(colors=True).format(access(404))
    assert '" \x1b[91m500\x1b[0m 0.01' in AccessFormatter(colors=True).format(access(500))
    assert "\x1b" not in AccessFormatter().format(access())


@pytest.mark.parametrize(
    ("use_colors", "terminal", "no_color", "wanted"),
    [
        (None, True, False, True),
        (None, False, False, False),
        (None, True, True, False),
        (True, False, True, True),
        (False, True, False, False),
    ],
)
def test_wants_colors(
    monkeypatch: pytest.MonkeyPatch, use_colors: bool | None, terminal: bool, no_color: bool, wanted: bool
) -> None:
    """Unless told otherwise, a terminal gets colours, if its user has not asked for none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    stream = StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)
    assert wants_colors(use_colors, stream) is wanted


def test_time_of_an_access() -> None:
    """A line begins with the time, as that of an event does, unless the format is the user's."""
    beginning = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} "
    assert re.match(beginning + r"192\.0\.2\.1:50000 - ", AccessFormatter().format(access()))
    assert re.match(beginning + "WARNING", TextFormatter().format(event()))
    assert AccessFormatter(timed=False).format(access()).startswith("192.0.2.1")


@pytest.mark.parametrize(("created", "said"), [(5.0, ",000 "), (5.0015, ",001 "), (5.9996, ",999 ")])
def test_milliseconds_of_an_access(created: float, said: str) -> None:
    """Those that have passed: the last half of one does not make them a thousand."""
    record = access()
    record.created = created
    assert AccessFormatter().format(record).partition("192.0.2.1")[0].endswith(f":05{said}")
