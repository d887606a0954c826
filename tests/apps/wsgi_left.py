"""Answers only when it has seen that the client is gone."""

import time
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import DEADLINE, note


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Ask the server until it says that the client has left."""
    note(environ, "waiting")
    end = time.monotonic() + DEADLINE
    while not environ["hybrid.disconnected"]() and time.monotonic() < end:
        time.sleep(0.005)
    note(environ, f"disconnected: {environ['hybrid.disconnected']()}")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return _Body(environ)


class _Body(list[bytes]):
    """A list of one part, which notes that it was closed."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        super().__init__([b"too late"])
        self._environ = environ

    def close(self) -> None:
        """Note it."""
        note(self._environ, "closed")
