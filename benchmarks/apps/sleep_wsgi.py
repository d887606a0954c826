"""A WSGI view that waits 50 ms, as one does for a database, and then says hello."""

import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from benchmarks.apps import hello_wsgi


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer any request, later."""
    time.sleep(0.05)
    return hello_wsgi.app(environ, start_response)
