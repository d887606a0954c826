"""Counts how often its iterable is closed, however the response ends; the query says how."""

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import note


class Body:
    """An iterable with a close()."""

    def __init__(self, environ: WSGIEnvironment) -> None:
        self._environ = environ

    def __iter__(self) -> Iterator[bytes]:
        match self._environ["QUERY_STRING"]:
            case "normal":
                yield b"one"
                yield b"two"
            case "empty":
                pass
            case "error":
                raise ValueError("before the first part")
            case "late-error":
                yield b"one"
                raise ValueError("after the first part")
            case "exit":
                yield b"one"
                raise SystemExit
            case "text":
                yield "text"  # type: ignore[misc]
            case "close-error":
                yield b"one"

    def close(self) -> None:
        """Note it, and fail if that is asked for."""
        note(self._environ, "closed")
        if self._environ["QUERY_STRING"] == "close-error":
            raise ValueError("in close")


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a body that notes its end."""
    note(environ, "called")
    start_response("200 OK", [("Content-Type", "text/plain")])
    return Body(environ)
