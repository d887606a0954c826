"""Texts of clients in logs."""

import base64
import json
import logging

import pytest

from hybrid.server.ops.access_log import AccessLog
from hybrid.server.ops.atoms import LineFormat
from hybrid.server.ops.escape import escape, tame
from hybrid.server.ops.formatters import AccessFormatter, JsonFormatter, TextFormatter
from hybrid.server.wire.http11 import Request

#: What somebody could send who wants to write a line of the log, or to a terminal that shows it.
ATTACKS = [
    "\n",
    "\r\n1.2.3.4:5 - forged",
    "\x1b[2J\x1b]0;title\x07",
    "\x00",
    "\x08\x08",
    "\t",
    "\x0b\x0c",
    "\x7f",
    "\x85",
    "\x9b31m",
    "\u2028\u2029",
    "\u202etxt",
    '" 200 "',
    '\\" 200 \\',
    "\\n",
    "é€😀",
    "\ud800",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_escape(attack: str) -> None:
    """What is written is printable ASCII, has no quote of its own, and means exactly what came."""
    written = escape(f"a{attack}b")
    assert written.isascii()
    assert written.isprintable()
    assert '"' not in written.replace("\\\\", "").replace('\\"', "")
    assert written.replace('\\"', '"').encode().decode("unicode_escape") == f"a{attack}b"


def test_plain_text_stays() -> None:
    """What is harmless is written as it is."""
    text = "GET /a%20b?c=[d]&e='f' HTTP/1.1"
    assert escape(text) is text


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_atom(attack: str) -> None:
    """No atom lets through what a client has put into a field, the path, the query, or the user name."""
    value = attack.encode("utf-8", "surrogatepass")
    user = base64.b64encode(value + b":x")
    fields = [
        (b"x", value),
        (b"referer", value),
        (b"user-agent", value),
        (b"authorization", b"Basic " + user),
    ]
    request = Request("GET", b'/"\\%0a%1b?"\\', "1.1", [(b"host", b"x"), *fields])
    names = [
        "h",
        "u",
        "r",
        "m",
        "U",
        "q",
        "H",
        "s",
        "f",
        "a",
        "client",
        "target",
        "{x}i",
        "{HTTP_X}e",
        "{PATH_INFO}e",
        "{x}o",
    ]
    text = LineFormat("|".join(f"%({name})s" for name in names))
    scope = {
        "type": "http",
        "client": (attack, 1),
        "server": ("x", 80),
        "path": f"/{attack}".encode("utf-8", "replace").decode(),
        "query_string": b'"\\',
        "root_path": "",
        "scheme": "http",
        "http_version": "1.1",
        "headers": request.headers,
    }
    record = AccessLog(text).begin(request, scope)
    record.note_head(b"HTTP/1.1 200 OK\r\nx: " + value.replace(b"\r\n", b" ") + b"\r\n\r\n")
    line = str(record)
    assert line.isascii()
    assert line.isprintable()
    assert '"' not in line.replace("\\\\", "").replace('\\"', "")


def event(message: str, error: BaseException | None = None) -> logging.LogRecord:
    """Make a record of an event, with an exception."""
    exc_info = None if error is None else (type(error), error, error.__traceback__)
    return logging.LogRecord("hybrid.x", logging.ERROR, "", 0, message, (), exc_info)


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("formatter", [TextFormatter(), AccessFormatter()], ids=["event", "access"])
def test_messages_and_tracebacks(attack: str, formatter: logging.Formatter) -> None:
    """Whatever a message or an exception says, only its first line begins as a line of the log does."""
    text = formatter.format(event(f"m{attack}2026-01-01 forged", ValueError(f"e{attack}2026-01-01 forged")))
    first, *others = text.split("\n")
    assert first[:4].isdigit()
    assert all(line.startswith("  ") for line in others)
    assert not any(ord(letter) < 32 and letter not in "\n\t" for letter in text)
    assert not set(text) & set("\r\x7f\x85\x9b\u2028\u2029\u202e")
    text.encode()


def test_other_languages_stay() -> None:
    """An application that writes its messages in German can be read."""
    assert tame("Grüße\t世界") == "Grüße\t世界"


@pytest.mark.parametrize("attack", ATTACKS)
def test_json(attack: str) -> None:
    """JSON is one line of printable ASCII, and means what came."""
    line = JsonFormatter().format(event(f"m{attack}", ValueError(attack)))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == f"m{attack}"
    assert attack in json.loads(line)["exception"]
