"""Answers when as many requests as the query says are in here at once."""

import threading
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import DEADLINE

_lock = threading.Lock()
_barriers: dict[str, threading.Barrier] = {}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Wait for the others."""
    with _lock:
        parties = environ["QUERY_STRING"]
        barrier = _barriers.setdefault(parties, threading.Barrier(int(parties)))
    barrier.wait(DEADLINE)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"together"]
