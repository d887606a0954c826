"""A WSGI application that says on stderr how reading the body of its request ended."""

import sys
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer when the body has ended; what reading it raises is the server's to handle."""
    try:
        size = len(environ["wsgi.input"].read())
    except OSError as error:
        sys.stderr.write(f"reading failed: {error}\n")
        raise
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d bytes" % size]
