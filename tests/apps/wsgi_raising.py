"""Raises what the query says, in the application, in its iterator, or in its close()."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

_ERRORS: dict[str, Callable[[str], BaseException]] = {
    "ValueError": ValueError,
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "GeneratorExit": GeneratorExit,
    "CancelledError": asyncio.CancelledError,
}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Raise at once, or later."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    name, _, where = environ["QUERY_STRING"].partition("-")
    if not where:
        raise _ERRORS[name]("in the application")
    return _body(name, where)


def _body(name: str, where: str) -> Iterator[bytes]:
    if where == "middle":
        yield b"begun"
    raise _ERRORS[name]("in the iterator")
