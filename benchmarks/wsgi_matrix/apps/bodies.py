"""Applications whose body is what counts: how it is given, how it ends, and who reads it."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from benchmarks.wsgi_matrix.apps.notes import PATIENCE, note, wait_for_step

PLAIN = [("Content-Type", "text/plain")]
#: Bytes of `download`; half of it in memory is too much.
DOWNLOAD = 64 << 20
_NO_WRITE = b"no write()"


def alive(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer, to show that the server still does."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "5")])
    return [b"alive"]


class Body:
    """An iterable with a close(), which it notes."""

    def __init__(self, name: str, parts: Callable[[], Iterator[bytes]]) -> None:
        self._name = name
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        return self._parts()

    def close(self) -> None:
        """Note it."""
        note(self._name, "closed")


def closed(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Give two parts, and notice the end."""
    start_response("200 OK", PLAIN)
    return Body("closed", lambda: iter([b"one", b"two"]))


def closed_error(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Fail after a part, and notice the end."""
    start_response("200 OK", PLAIN)

    def parts() -> Iterator[bytes]:
        yield b"one"
        raise ValueError("matrix: in the iterator")

    return Body("closed-error", parts)


def closed_left(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Go on until the client, or the application's patience, has gone, and notice the end."""
    start_response("200 OK", PLAIN)

    def parts() -> Iterator[bytes]:
        yield from _for_long()
        note("closed-left", "nobody stopped it")

    return Body("closed-left", parts)


def _for_long() -> Iterator[bytes]:
    """Give parts of 10 kB until patience ends."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        yield b"x" * 10_000


def write_left(environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
    """Write until the client, or the application's patience, has gone."""
    write = start_response("200 OK", PLAIN)
    if not callable(write):
        return [_NO_WRITE]
    try:
        for part in _for_long():
            write(part)
    except BaseException as error:
        note("write-left", "an OSError" if isinstance(error, OSError) else type(error).__name__)
        raise
    note("write-left", "nothing")
    return []


def write(environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
    """Write two parts and return two others."""
    write = start_response("200 OK", PLAIN)
    if not callable(write):
        return [_NO_WRITE]
    write(b"1 written, ")
    write(b"2 written, ")
    return [b"3 returned, ", b"4 returned"]


def write_step(environ: WSGIEnvironment, start_response: Any) -> Iterable[bytes]:
    """Write a part, and return when the client has it."""
    write = start_response("200 OK", PLAIN)
    if not callable(write):
        return [_NO_WRITE]
    write(b"first")
    wait_for_step("write-step")
    return [b"second"]


def stepping(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Yield a part, and another one when the client has the first."""
    start_response("200 OK", PLAIN)

    def parts() -> Iterator[bytes]:
        yield b"first"
        wait_for_step("stepping")
        yield b"second"

    return parts()


def download(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Give a large body in parts of 64 KiB, and note when the last one was asked for."""
    start_response("200 OK", [*PLAIN, ("Content-Length", str(DOWNLOAD))])

    def parts() -> Iterator[bytes]:
        for number in range(DOWNLOAD >> 16):
            yield number.to_bytes(4, "big") * (1 << 14)
        note("download", "complete")

    return parts()


def empty(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a head alone."""
    start_response("202 Accepted", [*PLAIN, ("X-Empty", "yes")])
    return []


def one_part(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Leave the length to the server."""
    start_response("200 OK", PLAIN)
    return [b"a body"]


def text(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Return text, as Python 2 could."""
    start_response("200 OK", [*PLAIN, ("X-Old", "yes")])
    return ["text"]  # type: ignore[list-item]


def too_long(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Give more than was announced."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "4")])
    return iter([b"12", b"34", b"56"])


def too_short(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Give less than was announced."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "6")])
    return iter([b"12", b"34"])


def head(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer to HEAD as if it were GET."""
    start_response("200 OK", [*PLAIN, ("Content-Length", "8")])
    return iter([b"not ", b"sent"])


def bodiless(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Give a body to a status that has none: the query says which."""
    start_response(f"{environ['QUERY_STRING']} None", [("ETag", '"matrix"')])
    return iter([b"not ", b"sent"])


def file(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send the rest of a real file."""
    opened = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    opened.write(b"skipped" + b"x" * 300_000)
    opened.flush()
    opened.seek(7)
    return _wrapped(environ, start_response, opened)


def _wrapped(environ: WSGIEnvironment, start_response: StartResponse, readable: Any) -> Iterable[bytes]:
    if "wsgi.file_wrapper" not in environ:
        start_response("200 OK", PLAIN)
        return [b"no wsgi.file_wrapper"]
    start_response("200 OK", [*PLAIN, ("Content-Length", "300000")])
    wrapper: Iterable[bytes] = environ["wsgi.file_wrapper"](readable, 5000)
    return wrapper


class _FileLike:
    """No more than PEP 3333 asks of what is wrapped: read() and close()."""

    def __init__(self) -> None:
        self._data = BytesIO(b"x" * 300_000)

    def read(self, size: int) -> bytes:
        """Read."""
        return self._data.read(size)

    def close(self) -> None:
        """Note it."""
        note("file-like", "closed")


def file_like(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Send something that is no real file."""
    return _wrapped(environ, start_response, _FileLike())
