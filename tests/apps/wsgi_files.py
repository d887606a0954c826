"""Sends files of many kinds through wsgi.file_wrapper: `?kind=plain&size=300000&offset=10&length=5`."""

import gzip
import io
import os
import tempfile
import threading
from collections.abc import Callable, Iterable
from typing import IO, Any
from urllib.parse import parse_qsl
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_big import pattern
from tests.apps.wsgi_events import note


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a file of `size` bytes of the pattern from `offset` on, announcing `length` if it is given.

    `status` is 200 unless it is given; `first` is written before; `wrapped` wraps the wrapper once more.
    """
    asked = dict(parse_qsl(environ["QUERY_STRING"]))
    file = KINDS[asked["kind"]](int(asked["size"]))
    offset = int(asked.get("offset", 0))
    if offset:
        file.seek(offset)
    headers = [("Content-Type", "text/plain")]
    if "length" in asked:
        headers.append(("Content-Length", asked["length"]))
    write = start_response(asked.get("status", "200 OK"), headers)
    if "first" in asked:
        write(asked["first"].encode())
    wrapper: Any = environ["wsgi.file_wrapper"](_note_close(file, environ), 5000)
    return _parts(wrapper) if "wrapped" in asked else wrapper


def _note_close(file: Any, environ: WSGIEnvironment) -> Any:
    """Let the file tell when it is closed. Django sets a file's close() like that too."""
    close = file.close

    def close_and_note() -> None:
        close()
        note(environ, "closed")

    file.close = close_and_note
    return file


def _parts(wrapper: Any) -> Iterable[bytes]:
    try:
        yield from wrapper
    finally:
        wrapper.close()


def _plain(size: int) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    for start in range(0, size, 1 << 20):
        file.write(pattern(start, min(1 << 20, size - start)))
    file.seek(0)
    return file


def _sparse(size: int) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    file.truncate(size)
    return file


def _named(size: int) -> Any:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the server closes it
    file.write(pattern(0, size))
    file.seek(0)
    return file


def _zipped(size: int) -> Any:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    with gzip.open(file, "wb") as zipped:
        zipped.write(pattern(0, size))
    file.seek(0)
    unzipped: Any = gzip.open(file)  # noqa: SIM115 - the server closes it
    unzipped.myfileobj = file  # and that the file below
    return unzipped


class _Memory(io.BytesIO):
    """One whose close() can be changed."""


def _pipe(size: int) -> Any:
    reading, writing = os.pipe()

    def fill() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(pattern(0, size))

    threading.Thread(target=fill).start()
    return os.fdopen(reading, "rb")


KINDS: dict[str, Callable[[int], Any]] = {
    "plain": _plain,
    "sparse": _sparse,
    "named": _named,
    "gzip": _zipped,
    "memory": lambda size: _Memory(pattern(0, size)),
    "pipe": _pipe,
}
