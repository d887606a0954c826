"""Sends a file through wsgi.file_wrapper."""

import tempfile
from collections.abc import Iterable
from typing import IO
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_big import pattern
from tests.apps.wsgi_events import note


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with 300 000 bytes out of a file that is at its tenth."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it
    file.write(b"ten bytes." + pattern(0, 300_000))
    file.seek(10)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "300000")])
    wrapper: Iterable[bytes] = environ["wsgi.file_wrapper"](_Noted(file, environ), 5000)
    return wrapper


class _Noted:
    """A file-like object with no more than PEP 3333 asks for: read() and close()."""

    def __init__(self, file: IO[bytes], environ: WSGIEnvironment) -> None:
        self._file = file
        self._environ = environ

    def read(self, size: int) -> bytes:
        """Read."""
        return self._file.read(size)

    def close(self) -> None:
        """Close, and note it."""
        self._file.close()
        note(self._environ, "closed")
