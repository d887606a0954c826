"""Answers when the gate opens: a named pipe (mkfifo) at the path in the environment variable GATE.

The pipe can be opened for writing as soon as the view is here, and the view goes on when that is closed.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Wait on the worker's thread."""
    Path(os.environ["GATE"]).read_bytes()
    start_response("200 OK", [("Content-Length", "5")])
    return [b"open\n"]
