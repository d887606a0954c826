"""Answers exactly as the body of the request says: a JSON object with status, headers and parts."""

import json
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Pass on what is asked for, wrong as it may be; strings in `parts` become bytes, others stay."""
    order = json.loads(environ["wsgi.input"].read() or environ.get("HTTP_X_ANSWER", "{}"))
    headers = [(name, value) for name, value in order.get("headers", [])]
    start_response(order.get("status", "200 OK"), headers)
    parts = [part.encode("latin-1") if isinstance(part, str) else part for part in order.get("parts", [])]
    return iter(parts) if order.get("iterate") else parts
