"""Applications that show what they are given: the environ, and what is in its streams."""

import json
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import request_uri
from wsgiref.validate import validator

from benchmarks.wsgi_matrix.apps.notes import note

_barrier = threading.Barrier(2)


def _answer(start_response: StartResponse, shown: Any) -> Iterable[bytes]:
    """Answer with JSON of a known length, as plainly as there is."""
    body = json.dumps(shown).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def environ(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Show type and value of each variable that has a name of PEP 3333's, and more about the whole."""
    known = ("HTTP_", "REQUEST_", "SERVER_", "CONTENT_", "PATH_", "SCRIPT_", "QUERY_", "wsgi.")
    shown = {
        key: (type(value).__name__, _plain(value)) for key, value in environ.items() if key.startswith(known)
    }
    about = {"type": type(environ).__name__, "url": request_uri(environ)}
    about["strange"] = ", ".join(sorted(_not_native(environ)))
    return _answer(start_response, {"environ": shown, "about": about})


def _not_native(environ: WSGIEnvironment) -> Iterable[str]:
    """Name the CGI variables that are not native strings."""
    return (key for key, value in environ.items() if "." not in key and type(value) is not str)


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, bool, int, tuple)) else repr(type(value))


def read(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Read in pieces, then the rest, then past the end."""
    file = environ["wsgi.input"]
    calls = [lambda: file.read(3), lambda: file.read(4), file.read, lambda: file.read(5), file.read]
    shown = {
        "results": [_outcome(call) for call in calls],
        "terminated": environ.get("wsgi.input_terminated"),
        "length": environ.get("CONTENT_LENGTH"),
    }
    return _answer(start_response, shown)


def lines(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Read lines in the way that the query names."""
    file = environ["wsgi.input"]
    ways: dict[str, list[Callable[[], Any]]] = {
        "readline": [file.readline, file.readline, file.readline, file.readline],
        "size": [lambda: file.readline(2), lambda: file.readline(9), lambda: file.readline(2)],
        "readlines": [file.readlines, file.readlines],
        "hint": [lambda: file.readlines(5), file.readline],
        "iterate": [lambda: list(file), lambda: list(file)],
    }
    return _answer(start_response, [_outcome(call) for call in ways[environ["QUERY_STRING"]]])


def _outcome(call: Callable[[], Any]) -> Any:
    """Give what a call returned, or raised, as JSON can say it."""
    try:
        result = call()
    except Exception as error:  # noqa: BLE001 - whatever a server's stream raises is what is to be shown
        return f"raised {type(error).__name__}"
    if isinstance(result, bytes):
        return result.decode("latin-1")
    return [part.decode("latin-1") for part in result]


def upload(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Count a large body without keeping it."""
    size = 0
    while part := environ["wsgi.input"].read(65_536):
        size += len(part)
    return _answer(start_response, size)


def errors(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Write to wsgi.errors in all three ways, in words that are outside of ASCII."""
    stream = environ["wsgi.errors"]
    stream.write("matrix: written\n")
    stream.writelines(["matrix: first\n", "matrix: zw\u00f6lf\n"])
    stream.flush()
    return _answer(start_response, "written")


def threads(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Tell whether another request comes in while this one is here, and what the environ says of that."""
    try:
        _barrier.wait(3.0)
    except threading.BrokenBarrierError:
        together = False
    else:
        together = True
    return _answer(start_response, {"says": environ["wsgi.multithread"], "together": together})


def _echo(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"]
    text = body.readline() + b"".join(body.readlines(1)) + body.read(3) + b"".join(body) + body.read(99)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [text[:5], b"", text[5:]]


_validated = validator(_echo)


def validated(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Read a body in every way and answer with it, watched by the validator of the standard library."""
    with _noting_complaints():
        return _Watched(_validated(environ, start_response))


class _Watched:
    """The validator's iterable, whose complaints are noted: a server need not say why it answers 500."""

    def __init__(self, parts: Any) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        with _noting_complaints():
            yield from self._parts

    def close(self) -> None:
        """Close the validator's iterable."""
        with _noting_complaints():
            self._parts.close()


@contextmanager
def _noting_complaints() -> Generator[None]:
    try:
        yield
    except AssertionError as error:
        note("validated", str(error).partition("\n")[0])
        raise
