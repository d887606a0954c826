"""Tells about its process at `/process`, about a child of it at `/children`, and elsewhere of the request."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with JSON."""
    if scope["type"] != "http":
        raise ValueError(f"no {scope['type']} here")
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": json.dumps(_report(scope)).encode()})


def _report(scope: Scope) -> dict[str, Any]:
    if scope["path"].endswith("/process"):
        return {"loop": type(asyncio.get_running_loop()).__module__, "modules": sorted(sys.modules)}
    if scope["path"].endswith("/children"):
        listing = ["ls", "-l", "/proc/self/fd"]
        done = subprocess.run(listing, close_fds=False, capture_output=True, text=True, check=True)
        return {"descriptors": [line.rpartition("-> ")[2] for line in done.stdout.splitlines()[1:]]}
    return {name: scope[name] for name in ("path", "root_path", "client", "server")}


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer with the strings and truth values of the environ."""
    told = {name: value for name, value in environ.items() if isinstance(value, str | bool)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
