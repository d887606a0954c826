"""Shows the environ: `[type, value]` of each variable, as JSON."""

import json
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.util import request_uri


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with what a test cannot see from outside."""
    shown: dict[str, Any] = {key: [type(value).__name__, _plain(value)] for key, value in environ.items()}
    shown["type(environ)"] = ["str", type(environ).__name__]
    shown["request_uri"] = ["str", request_uri(environ)]
    body = json.dumps(shown).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def _plain(value: Any) -> Any:
    return value if isinstance(value, (str, bool, int, tuple)) else repr(value)
