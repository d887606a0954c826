"""Sends with write(), and returns the rest."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import note, wait_for_step


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Write two parts, the second one when the test has seen the first, and return a third."""
    write = start_response("200 OK", [("Content-Type", "text/plain")])
    note(environ, str(callable(write)))
    write(b"")
    write(b"written, ")
    wait_for_step(environ)
    write(b"written again, ")
    return [b"returned"]
