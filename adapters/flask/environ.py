"""A WebSocket's handshake as the WSGI environ of a request."""

from io import BytesIO
from typing import Any, Final

from hybrid.bridge.types import Scope
from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.bridge.wsgi.siblings import has_siblings

_DEFAULTS: Final[dict[str, Any]] = {
    "http_version": "1.1",
    "root_path": "",
    "query_string": b"",
    "headers": [],
}


def environ_of(scope: Scope) -> dict[str, Any]:
    """Return the environ of a handshake: a GET without a body, which Werkzeug takes for a WebSocket.

    It looks for the Upgrade field, which a WebSocket over HTTP/2 does not have (RFC 8441).
    """
    scheme = "https" if scope.get("scheme") == "wss" else "http"
    request = {**_DEFAULTS, **scope, "method": "GET", "scheme": scheme}
    environ = EnvironBuilder(multithread=True, multiprocess=has_siblings()).build(request, BytesIO())
    environ["hybrid.scope"] = scope
    environ["HTTP_CONNECTION"] = "Upgrade"
    environ["HTTP_UPGRADE"] = "websocket"
    environ.pop("CONTENT_LENGTH", None)
    return environ
