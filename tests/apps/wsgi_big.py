"""A response of as many bytes as the query says, in parts of as many: `30000000/65536/length`."""

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

from tests.apps.wsgi_events import note


def pattern(start: int, size: int) -> bytes:
    """Return bytes that say where they are: lines of 512 bytes, each with its number."""
    first, last = start // 512, (start + size) // 512 + 1
    text = b"".join(b"%0511d\n" % line for line in range(first, last))
    return text[start - first * 512 :][:size]


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the pattern."""
    size, part, *length = environ["QUERY_STRING"].split("/")
    headers = [("Content-Type", "text/plain")]
    if length:
        headers.append(("Content-Length", size))
    start_response("200 OK", headers)
    if part == "all":
        return [pattern(0, int(size))]
    return _parts(environ, int(size), int(part))


def _parts(environ: WSGIEnvironment, size: int, part: int) -> Iterator[bytes]:
    for start in range(0, size, part):
        if start % (1 << 20) < part:
            note(environ, str(start))
        yield pattern(start, min(part, size - start))
    note(environ, "complete")
