"""Reads the lines of wsgi.input one by one, and notes each as it comes, and how that ended.

The query says what else: `unread` answers without reading, `begun` begins the response before reading.
"""

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import note


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with how many lines there were."""
    note(environ, "called")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["QUERY_STRING"] == "begun":
        return _begun(environ)
    lines = 0 if environ["QUERY_STRING"] == "unread" else _read(environ)
    return [f"{lines} lines".encode()]


def _begun(environ: WSGIEnvironment) -> Iterator[bytes]:
    yield b"begun, "
    yield f"{_read(environ)} lines".encode()


def _read(environ: WSGIEnvironment) -> int:
    lines = 0
    try:
        for line in environ["wsgi.input"]:
            note(environ, line.decode("latin-1"))
            lines += 1
    except OSError as error:
        note(environ, f"raised {type(error).__name__}")
        raise
    note(environ, "complete")
    return lines
