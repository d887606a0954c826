"""Sends early hints, before, between and after what PEP 3333 knows."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

_LINK = ("Link", "</style.css>; rel=preload; as=style")


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Hint as the query says."""
    hint, how = environ["wsgi.early_hints"], environ["QUERY_STRING"]
    if how == "injection":
        hint([("Link", "</a>\r\nX-Injected: 1")])
    elif how == "hop-by-hop":
        hint([("Connection", "close")])
    hint([_LINK])
    if how == "twice":
        hint([("Link", "</two>"), ("X-Extra", "\xe9")])
    write = start_response("200 OK", [("Content-Type", "text/plain"), _LINK])
    if how == "late":
        hint([("Link", "</between>")])
        write(b"begun, ")
        hint([("Link", "</too-late>")])
    return [b"done"]
