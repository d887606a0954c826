"""Applications that hold each request until the test lets it go, see :func:`is_free`.

Each says on stderr when it has a request: `begun NAME`, where the name is the last segment of the path.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.types import Receive, Scope, Send


def is_free(name: str) -> bool:
    """Whether the file of this name is there, in the folder that the environment variable FREE names."""
    return Path(os.environ["FREE"], name).exists()


def _begin(path: str) -> str:
    name = path.rpartition("/")[2]
    sys.stderr.write(f"begun {name}\n")
    return name


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Wait on the loop."""
    name = _begin(scope["path"])
    while not is_free(name):
        await asyncio.sleep(0.01)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": name.encode()})


def wsgi(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Wait on a thread."""
    name = _begin(str(environ["PATH_INFO"]))
    while not is_free(name):
        time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [name.encode()]
