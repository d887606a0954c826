"""Yields a part for every step that the test allows, and notes how it ended."""

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import note, wait_for_step


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with `1`, `2` and `3`, each when the test says so."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _parts(environ)


def _parts(environ: WSGIEnvironment) -> Iterator[bytes]:
    try:
        for number in (b"1", b"2", b"3"):
            note(environ, "waiting")
            wait_for_step(environ)
            yield number
        note(environ, "complete")
    finally:
        note(environ, "left")
