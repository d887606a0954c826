"""A WSGI view that reads the request body in pieces of 64 KiB and answers with its size in digits."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Count the bytes and forget them."""
    size = 0
    while data := environ["wsgi.input"].read(65536):
        size += len(data)
    body = b"%d" % size
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
