"""Applications that call start_response in all the ways there are, right and wrong."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from benchmarks.wsgi_matrix.apps.notes import note

PLAIN = [("Content-Type", "text/plain")]


def reason(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a status that has a phrase of its own."""
    start_response("418 Short and stout", [*PLAIN, ("Content-Length", "3")])
    return [b"tea"]


def cookies(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send a field twice, and one that is latin-1."""
    fields = [("Set-Cookie", "a=1"), ("X-Latin", "caf\xe9"), ("Set-Cookie", "b=2")]
    start_response("200 OK", [*PLAIN, *fields, ("Content-Length", "2")])
    return [b"ok"]


def late(environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Start when the server asks for the first part."""
    start_response("201 Created", [*PLAIN, ("X-Late", "yes")])
    yield b"late"


def never(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Forget to start."""
    return [b"a body without a head"]


def twice(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Start again without a reason."""
    start_response("200 OK", PLAIN)
    try:
        start_response("201 Created", PLAIN)
    except BaseException:
        note("twice", "raised")
        raise
    return [b"twice"]


def _exc_info() -> Any:
    """Make an error that was just handled."""
    try:
        raise ValueError("matrix: the reason")
    except ValueError:
        return sys.exc_info()


def replaced(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Start again because of an error, before anything was returned."""
    start_response("200 OK", [*PLAIN, ("X-Old", "yes")])
    start_response("503 Sorry", [*PLAIN, ("Content-Length", "8")], _exc_info())
    return [b"replaced"]


def replaced_later(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Start again because of an error, after a part that was empty."""
    start_response("200 OK", [*PLAIN, ("X-Old", "yes")])

    def parts() -> Iterator[bytes]:
        yield b""
        start_response("503 Sorry", [*PLAIN, ("Content-Length", "8")], _exc_info())
        yield b"replaced"

    return parts()


def too_late(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Start again because of an error, after a part was sent."""
    start_response("200 OK", PLAIN)

    def parts() -> Iterator[bytes]:
        yield b"begun"
        try:
            start_response("503 Sorry", PLAIN, _exc_info())
        except ValueError:
            note("too-late", "raised")
            raise
        yield b"and gone on"

    return parts()


def _with(start_response: StartResponse, status: str, field: tuple[Any, Any]) -> Iterable[bytes]:
    start_response(status, [*PLAIN, field, ("Content-Length", "4")])
    return [b"body"]


def injected_value(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Try to smuggle a field in with the value of another."""
    return _with(start_response, "200 OK", ("X-A", "a\r\nX-Injected: b"))


def injected_name(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same with its name."""
    return _with(start_response, "200 OK", ("X-A: a\r\nX-Injected", "b"))


def injected_status(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The same with the status."""
    return _with(start_response, "200 OK\r\nX-Injected: b", ("X-A", "a"))


def nul_value(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Put a NUL into the value of a field."""
    return _with(start_response, "200 OK", ("X-A", "a\0b"))


def not_latin_1(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Put something into the value of a field that latin-1 does not have."""
    return _with(start_response, "200 OK", ("X-A", "\u20ac"))


def hop_by_hop(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send a field that belongs to the server's connection."""
    return _with(start_response, "200 OK", ("Keep-Alive", "timeout=3600"))


def early_hints(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send early hints, if the server knows how."""
    if "wsgi.early_hints" in environ:
        environ["wsgi.early_hints"]([("Link", "</style.css>; rel=preload; as=style")])
    start_response("200 OK", [*PLAIN, ("Content-Length", "4")])
    return [b"body"]


def fails_at_once(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Raise an error after start_response, before anything is returned."""
    start_response("200 OK", [*PLAIN, ("X-Old", "yes")])
    raise ValueError("matrix: at once")


def fails_first(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Raise an error in the iterator, before its first part."""
    start_response("200 OK", [*PLAIN, ("X-Old", "yes")])

    def first_part(_: int) -> bytes:
        raise ValueError("matrix: before the first part")

    return map(first_part, range(2))


def fails_later(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Raise an error after the first part."""
    start_response("200 OK", PLAIN)

    def parts() -> Iterator[bytes]:
        yield b"begun"
        raise ValueError("matrix: after the first part")

    return parts()


def sys_exit(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Ask for the end of the process, as an import of a script may."""
    raise SystemExit("matrix: as a script does")
