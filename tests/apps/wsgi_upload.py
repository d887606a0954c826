"""Tells the size and the SHA-256 of what was uploaded, and where it was kept."""

import hashlib
import json
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Read in pieces, and forget the file without closing it: that is the server's to do."""
    digest, size = hashlib.sha256(), 0
    while part := environ["wsgi.input"].read(10_000):
        digest.update(part)
        size += len(part)
    told = {
        "size": size,
        "sha256": digest.hexdigest(),
        "file": type(environ["wsgi.input"]).__name__,
        "content_length": environ.get("CONTENT_LENGTH"),
        "transfer_encoding": environ.get("HTTP_TRANSFER_ENCODING"),
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(told).encode()]
