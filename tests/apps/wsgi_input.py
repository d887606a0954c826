"""Reads wsgi.input as the query says, `read(3);readline()`, and shows what came, and what file it is."""

import json
from ast import literal_eval
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with a list of results, in latin-1."""
    file = environ["wsgi.input"]
    results = [_plain(_do(file, call)) for call in unquote(environ["QUERY_STRING"]).split(";")]
    body = json.dumps({"file": type(file).__name__, "results": results}).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


def _do(file: Any, call: str) -> Any:
    if call == "iterate":
        return list(file)
    name, _, argument = call.rstrip(")").partition("(")
    return getattr(file, name)(*([literal_eval(argument)] if argument else []))


def _plain(result: bool | bytes | list[bytes]) -> Any:
    if isinstance(result, bool):
        return result
    return result.decode("latin-1") if isinstance(result, bytes) else [_plain(line) for line in result]
