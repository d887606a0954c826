from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from hybrid.adapters.gunicorn.access import access_logger
from hybrid.adapters.gunicorn.views import RequestView, ResponseView, raw_uri, response_fields, version_of
from hybrid.server.ops.access_record import AccessRecord
from hybrid.server.wire.http11 import Request


def test_a_request_of_a_scope() -> None:
    """It has what gunicorn's requests have, fields with names in capitals."""
    view = RequestView.of_scope(
        {
            "type": "http", "method": "POST", "path": "/ä", "raw_path": b"/%C3%A4", "query_string": b"q=1",
            "http_version": "1.0", "headers": [(b"host", b"x")], "scheme": "https",
            "client": ("192.0.2.1", 5),
        }
    )  # fmt: skip

    assert (view.method, view.uri, view.path, view.query, view.fragment) == (
        "POST",
        "/%C3%A4?q=1",
        "/%C3%A4",
        "q=1",
        "",
    )
    assert (view.version, view.scheme, view.headers) == ((1, 0), "https", [("HOST", "x")])
    assert view.remote_addr == ("192.0.2.1", 5)


def test_a_request_of_an_environ() -> None:
    """It is the same, made of WSGI's names."""
    view = RequestView.of_environ(
        {
            "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/shop", "PATH_INFO": "/a b", "QUERY_STRING": "",
            "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http",
            "HTTP_X_ONE": "1", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "",
        }
    )  # fmt: skip

    assert (view.uri, view.version, view.remote_addr) == ("/shop/a%20b", (1, 1), None)
    assert view.headers == [("X-ONE", "1"), ("CONTENT-TYPE", "text/plain")]


def test_the_target_as_it_was_sent_is_preferred() -> None:
    """RAW_URI is what the client has sent."""
    assert raw_uri({"RAW_URI": "/a%2Fb?c", "PATH_INFO": "/a/b"}) == "/a%2Fb?c"


def test_a_response_knows_its_announced_length() -> None:
    """As gunicorn's does; a length that is none is None."""
    fields = response_fields([(b"Content-Length", b"12"), ("X", "y")])

    assert ResponseView("404 Not Found", fields).response_length == 12
    assert ResponseView("404 Not Found", fields).status_code == 404
    assert ResponseView("200 OK").response_length is None
    assert ResponseView().status_code == 0


def test_versions() -> None:
    """They are pairs, of which ASGI's version of HTTP/2 has only the first."""
    assert [version_of(text) for text in ("1.0", "1.1", "2", "2.0")] == [(1, 0), (1, 1), (2, 0), (2, 0)]


def test_http2_in_gunicorns_log() -> None:
    """Who takes accesses for gunicorn's logger is told of HTTP/2 as gunicorn tells it."""
    taken: list[tuple[Any, ...]] = []

    class Taker(Logger):
        def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
            """Keep what is said of a request."""
            taken.append((req, environ))

    write = access_logger(Taker(Config()))
    assert write is not None
    write(AccessRecord(lambda record: record.request_line, Request("GET", b"/a?b", "2", []), None))
    ((request, environ),) = taken
    assert request.version == (2, 0)
    assert environ["SERVER_PROTOCOL"] == "HTTP/2.0"
