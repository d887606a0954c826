"""A WSGI view that answers `GET /SIZE` with so many bytes, one chunk of 64 KiB after the other."""

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

CHUNK = bytes(range(256)) * 256


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Stream; the size is a multiple of that of a chunk."""
    size = environ["PATH_INFO"].strip("/")
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", size)])
    return chunks(int(size))


def chunks(size: int) -> Iterator[bytes]:
    """Make them when they are asked for."""
    for _ in range(size // len(CHUNK)):
        yield CHUNK
