"""A WSGI view that answers `GET /SIZE` with the end of a file, that many bytes, through the file wrapper."""

import os
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import FileWrapper

FILE_VARIABLE = "BENCHMARK_FILE"


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Hand the file over, or read it where the server has no wrapper (PEP 3333)."""
    size = environ["PATH_INFO"].strip("/")
    file = Path(os.environ[FILE_VARIABLE]).open("rb")  # noqa: SIM115 - the server closes it
    file.seek(-int(size), os.SEEK_END)
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", size)])
    wrapped: Iterable[bytes] = environ.get("wsgi.file_wrapper", FileWrapper)(file, 65536)
    return wrapped
