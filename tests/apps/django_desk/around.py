"""Applications of the project with something of its own around Django's handlers, which may do without them:
`?around=` says how.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse

from hybrid.bridge.types import Receive, Scope, Send
from tests.apps.django_desk.asgi import application as django_asgi
from tests.apps.django_desk.wsgi import application as django_wsgi


def _how(query: str) -> str:
    return parse_qs(query).get("around", [""])[0]


def wsgi(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer when the response is iterated over, and not before (PEP 3333 allows that)."""
    how = _how(environ["QUERY_STRING"])
    if how == "raises":
        raise ValueError("around Django")
    if how == "silent":
        return
    if how == "late":
        start_response("200 OK", [])
        raise ValueError("after start_response")
    if how == "answers":
        start_response("503 Service Unavailable", [])
        yield b"later"
        return
    parts = django_wsgi(environ, start_response)
    try:
        yield from parts
    finally:
        parts.close()


def wsgi_corrected(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Begin with a head, and change that to an error, as nothing was sent yet; or raise one at once."""
    if _how(environ["QUERY_STRING"]) == "raises":
        raise ValueError("around Django")
    start_response("200 OK", [])
    try:
        raise ValueError("on second thoughts")
    except ValueError:
        import sys

        start_response("500 Internal Server Error", [], sys.exc_info())
    return [b"sorry"]


async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with Django, or else as `around` says."""
    how = _how(scope["query_string"].decode())
    if how == "raises":
        raise ValueError("around Django")
    if how == "silent":
        return
    if how in ("late", "answers"):
        status = 200 if how == "late" else 503
        await send({"type": "http.response.start", "status": status, "headers": []})
        if how == "late":
            raise ValueError("after the head")
        await send({"type": "http.response.body", "body": b"later"})
        return
    await django_asgi(dict(scope), receive, send)
