"""A class whose instances are the response, as in PEP 3333's example."""

from collections.abc import Iterator
from wsgiref.types import StartResponse, WSGIEnvironment


class App:
    """One response."""

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        self._start_response = start_response

    def __iter__(self) -> Iterator[bytes]:
        self._start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"an instance"


app = App
