"""Tells which `wsgi.file_wrapper` it got."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the name of the class."""
    wrapper = environ["wsgi.file_wrapper"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{wrapper.__module__}.{wrapper.__qualname__}".encode()]
