"""The atoms of the access log: gunicorn's as gunicorn writes them, and ours."""

import base64
import re
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config as GunicornConfig
from gunicorn.glogging import Logger, SafeAtoms

from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.server.limits import Limits
from hybrid.server.ops.access_log import AccessLog
from hybrid.server.ops.access_record import AccessRecord
from hybrid.server.ops.atoms import ATOMS, FormatError, LineFormat
from hybrid.server.ops.line_formats import DEFAULT_FORMAT
from hybrid.server.wire.http11 import Request, RequestParser
from hybrid.server.wire.target import split_target

USER = base64.b64encode(b"ada:secret").decode()
REQUESTS = {
    "plain": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "full": (
        "POST /a%20b/c?d=e%22&f HTTP/1.1\r\nHost: example.org\r\nReferer: http://x/?a=b\r\n"
        f"User-Agent: curl/8 (x)\r\nAuthorization: Basic {USER}\r\nX-Twice: one\r\nX-Twice: two\r\n\r\n"
    ),
    "quoted": 'GET /"?" HTTP/1.0\r\nUser-Agent: a "b" c\r\nReferer: "\r\n\r\n',
    "bad user": "GET / HTTP/1.1\r\nHost: x\r\nAuthorization: basic !!!\r\n\r\n",
    "bearer": "DELETE /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc\r\n\r\n",
    "encoded": "GET /%C3%BC HTTP/1.1\r\nHost: x\r\n\r\n",
}
RESPONSE_FIELDS = [("Content-Type", "text/html"), ("X-Request-Id", "42")]
FORMATS = [
    *(f"%({name})s" for name in "hlurmUqHsBbfaTDMLp"),
    "%({user-agent}i)s %({User-Agent}i)s %({x-twice}i)s %({x-none}i)s",
    "%({content-type}o)s %({X-Request-ID}o)s %({x-none}o)s",
    "%({REQUEST_METHOD}e)s %({path_info}e)s %({wsgi.url_scheme}e)s %({NONE}e)s",
    '%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    "100%% [%(D)8d] [%(m)-7s] %(T)03d %(h)r",
]


def parsed(name: str) -> Request:
    """Read one of the requests."""
    request = RequestParser(Limits()).next_request(REQUESTS[name].encode())
    assert request is not None
    return request


def scope_of(request: Request) -> dict[str, Any]:
    """Give its scope."""
    path, raw_path, query = split_target(request.target)
    return {
        "type": "http",
        "http_version": request.http_version,
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": raw_path,
        "query_string": query,
        "root_path": "",
        "headers": request.headers,
        "client": ("192.0.2.1", 50000),
        "server": ("192.0.2.2", 80),
    }


def record_of(request: Request, text: str, seconds: float) -> AccessRecord:
    """Make the record of an answer to it."""
    record = AccessLog(LineFormat(text)).begin(request, scope_of(request))
    fields = "".join(f"{name}: {value}\r\n" for name, value in RESPONSE_FIELDS)
    record.note_head(f"HTTP/1.1 404 Not Found\r\n{fields}\r\n".encode())
    record.status, record.body_bytes, record.duration = 404, 1234, seconds
    return record


def gunicorn_line(request: Request, text: str, seconds: float) -> str:
    """Let gunicorn write the line."""
    environ = EnvironBuilder(multithread=True, multiprocess=False).build(scope_of(request), BytesIO())
    environ["RAW_URI"] = request.target.decode()
    response = SimpleNamespace(status="404 Not Found", sent=1234, headers=RESPONSE_FIELDS)
    fields = [(name.decode().upper(), value.decode("latin-1")) for name, value in request.headers]
    time = timedelta(seconds=seconds)
    atoms = Logger(GunicornConfig()).atoms(response, SimpleNamespace(headers=fields), environ, time)
    return str(text % SafeAtoms(atoms))


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("text", FORMATS)
def test_as_gunicorn(text: str, name: str) -> None:
    """Each of gunicorn's atoms is written as gunicorn writes it for the same request; but what is no ASCII is
    escaped here.
    """
    request = parsed(name)
    written = gunicorn_line(request, text, 12.345678)
    expected = written.encode("unicode_escape").decode().replace("\\\\", "\\")
    assert str(record_of(request, text, 12.345678)) == expected


def test_http2() -> None:
    """The version has a minor one, as with gunicorn and nginx; in scopes and JSON it has none."""
    request = Request("GET", b"/a?b", "2", [])
    text = "%(r)s %(H)s %({SERVER_PROTOCOL}e)s"
    record = record_of(request, text, 0.5)
    assert str(record) == gunicorn_line(request, text, 0.5) == "GET /a?b HTTP/2.0 HTTP/2.0 HTTP/2.0"
    assert (record.http_version, record.request_line) == ("2", "GET /a?b HTTP/2.0")


def test_time() -> None:
    """`t` is the time in Apache's form, as in gunicorn."""
    form = r"\[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
    request = parsed("plain")
    assert re.fullmatch(form, gunicorn_line(request, "%(t)s", 0))
    assert re.fullmatch(form, str(record_of(request, "%(t)s", 0)))


@pytest.mark.parametrize(
    ("seconds", "line"),
    [
        (0.000123, "0 0 123 0.000123"),
        (0.9996, "0 999 999600 0.999600"),
        (61.5, "61 61500 61500000 61.500000"),
    ],
)
def test_duration(seconds: float, line: str) -> None:
    """Durations are given in seconds, milliseconds and microseconds."""
    assert str(record_of(parsed("plain"), "%(T)s %(M)s %(D)s %(L)s", seconds)) == line


def test_own_atoms() -> None:
    """Ours say who answered, on which threads, and how long the request waited for one."""
    record = record_of(parsed("full"), "%(client)s %(queue_time)s %(application)s %(pool)s %(target)s", 1)
    assert str(record) == "192.0.2.1:50000 - - - /a%20b/c?d=e%22&f"
    record.application, record.pool, record.queue_time = "shop.wsgi:app", "slow", 0.25
    assert str(record) == "192.0.2.1:50000 0.250000 shop.wsgi:app slow /a%20b/c?d=e%22&f"


def test_environ_of_the_application() -> None:
    """What a WSGI application has put into its environ can be logged."""
    record = record_of(parsed("plain"), "%({shop.customer}e)s", 1)
    assert str(record) == "-"
    record.environ = {"shop.customer": "Ada"}
    assert str(record) == "Ada"


@pytest.mark.parametrize("name", ATOMS)
def test_nothing_known(name: str) -> None:
    """Each atom can be written of a request of which nothing could be read."""
    assert str(AccessRecord(LineFormat(f"%({name})s"), None, None)) or name == "q"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("%(x)s", "there is no atom %(x)s"),
        ("%(aplication)s", "did you mean %(application)s?"),
        ("%({x}z)s", "there is no atom"),
        ("100%", "a '%' begins no atom"),
        ("%s", "a '%' begins no atom"),
        ("%(h)", "a '%' begins no atom"),
        ("%(h)d", "cannot be written"),
        ("%(h)s\n%(a)s", "several lines"),
    ],
)
def test_wrong_format(text: str, complaint: str) -> None:
    """A format that cannot work is refused before there is a request, and the message says why."""
    with pytest.raises(FormatError, match=re.escape(complaint)):
        LineFormat(text)


def test_default() -> None:
    """Unless told otherwise the line is uvicorn's, and the duration with its unit."""
    line = str(record_of(parsed("full"), DEFAULT_FORMAT, 0.0015))
    assert line == '192.0.2.1:50000 - "POST /a%20b/c?d=e%22&f HTTP/1.1" 404 0.001500s'
