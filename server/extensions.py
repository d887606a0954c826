"""Which extensions of ASGI a request is told of: those that work for it, and no others."""

import os
from collections.abc import Mapping
from typing import Any, Final

from hybrid.bridge.shutdown import KEY, ShutdownNotice
from hybrid.server.config import Config

EARLY_HINT: Final = "http.response.early_hint"
PUSH: Final = "http.response.push"
TRAILERS: Final = "http.response.trailers"
PATHSEND: Final = "http.response.pathsend"
ZEROCOPYSEND: Final = "http.response.zerocopysend"
DEBUG: Final = "http.response.debug"
DENIAL: Final = "websocket.http.response"

#: What needs interim responses and chunks, which HTTP/1.0 does not have (RFC 9110 section 15.2, RFC 9112
#: section 7.1).
_SINCE_1_1: Final = (EARLY_HINT, TRAILERS)
#: Without it nobody can read a file without moving the application's position in it.
_SENDS_FILES: Final = hasattr(os, "pread")


def http_extensions(config: Config, notice: ShutdownNotice) -> Mapping[str, dict[str, Any]]:
    """Return the ``extensions`` of the scopes of requests, by their HTTP version. Each scope gets a copy."""
    offered: dict[str, Any] = {KEY: notice}
    if _SENDS_FILES:
        offered |= {PATHSEND: {}, ZEROCOPYSEND: {}}
    if config.response_debugger is not None:
        offered[DEBUG] = {}
    since_1_1: dict[str, Any] = {**offered, **{name: {} for name in _SINCE_1_1}}
    return {"1.0": offered, "1.1": since_1_1, "2": since_1_1}


def websocket_extensions(notice: ShutdownNotice) -> dict[str, Any]:
    """Return the ``extensions`` of a new scope of a WebSocket."""
    return {KEY: notice, DENIAL: {}}
