"""Calls start_response in all the ways there are, right and wrong; the query says which."""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

PLAIN = [("Content-Type", "text/plain")]


def late(start_response: StartResponse) -> Iterator[bytes]:
    """Start inside the iterator, after an empty part."""
    yield b""
    start_response("201 Created", [*PLAIN, ("X-Late", "yes")])
    yield b"late"


def never(start_response: StartResponse) -> Iterable[bytes]:
    """Forget to start."""
    return [b"a body without a head"]


def twice(start_response: StartResponse) -> Iterable[bytes]:
    """Start again without a reason."""
    start_response("200 OK", PLAIN)
    start_response("200 OK", PLAIN)
    return [b"twice"]


def replaced(start_response: StartResponse) -> Iterable[bytes]:
    """Start again because of an error, before anything was sent."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "3"), ("X-Old", "yes")])
    try:
        raise ValueError
    except ValueError:
        start_response("503 Sorry", PLAIN, sys.exc_info())
    return [b"replaced"]


def replaced_in_iterator(start_response: StartResponse) -> Iterator[bytes]:
    """Start again because of an error, after parts that were empty."""
    start_response("200 OK", [*PLAIN, ("X-Old", "yes")])
    yield b""
    try:
        raise ValueError
    except ValueError:
        start_response("503 Sorry", PLAIN, sys.exc_info())
    yield b"replaced"


def too_late(start_response: StartResponse) -> Iterator[bytes]:
    """Start again because of an error, after a part was sent."""
    start_response("200 OK", PLAIN)
    yield b"begun"
    try:
        raise ValueError("the reason")
    except ValueError:
        start_response("503 Sorry", PLAIN, sys.exc_info())
    yield b"never sent"


def keyword(start_response: Any) -> Iterable[bytes]:
    """Start with nothing but positional arguments, the third one None."""
    start_response("200 OK", PLAIN, None)
    return [b"positional"]


_WAYS: dict[str, Callable[[Any], Iterable[bytes]]] = {
    function.__name__: function
    for function in (late, never, twice, replaced, replaced_in_iterator, too_late, keyword)
}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Do as the query says."""
    return _WAYS[environ["QUERY_STRING"]](start_response)
