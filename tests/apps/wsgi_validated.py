"""Reads a body and answers with it, watched by wsgiref.validate, which raises when the server is wrong."""

from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.validate import validator


def _app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"]
    text = body.readline() + b"".join(body.readlines(1)) + body.read(3) + b"".join(body) + body.read(-1)
    environ["wsgi.errors"].flush()
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Length", str(len(text)))])
    return [text] if environ["QUERY_STRING"] == "one" else _halves(text)


def _halves(text: bytes) -> Iterator[bytes]:
    yield text[: len(text) // 2]
    yield b""
    yield text[len(text) // 2 :]


app = validator(_app)
