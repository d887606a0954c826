"""Never stops yielding, and notes how it was stopped."""

from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import note


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Yield parts of 10 kB, or write() them if the query says so."""
    write = start_response("200 OK", [("Content-Type", "application/octet-stream")])
    note(environ, "begun")
    if environ["QUERY_STRING"] == "write":
        return _write_for_ever(environ, write)
    return _parts(environ)


def _parts(environ: WSGIEnvironment) -> Iterator[bytes]:
    try:
        while True:
            yield b"x" * 10_000
    finally:
        note(environ, "closed")


def _write_for_ever(environ: WSGIEnvironment, write: Callable[[bytes], object]) -> Iterable[bytes]:
    try:
        while True:
            write(b"x" * 10_000)
    except OSError as error:
        note(environ, f"write raised {type(error).__name__}")
        raise
