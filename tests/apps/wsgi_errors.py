"""Writes to wsgi.errors."""

from collections.abc import Iterable
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Write the query to the error stream in all three ways."""
    errors, text = environ["wsgi.errors"], unquote(environ["QUERY_STRING"])
    errors.write(f"written {text}\n")
    errors.writelines([f"first {text}\n", f"second {text}\n"])
    errors.flush()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"noted"]
