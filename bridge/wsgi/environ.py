"""The WSGI environ of an ASGI ``http`` scope (PEP 3333, "environ Variables")."""

import sys
from typing import Any, BinaryIO, Final, TextIO
from urllib.parse import quote, unquote_to_bytes
from wsgiref.util import FileWrapper

from hybrid.bridge.types import Scope

#: environ keys of the field names seen, None for one that is dropped. Clients choose names, so it is bounded.
_keys: dict[bytes, str | None] = {
    b"content-type": "CONTENT_TYPE",
    b"content-length": "CONTENT_LENGTH",
    # The environ would have it as HTTP_PROXY, which libraries take for a setting of their own (httpoxy).
    b"proxy": None,
}
_KEYS_LIMIT: Final = 1024


class EnvironBuilder:
    """Makes the environ of each request of one application.

    Args:
        multithread: whether other threads may call the application at the same time.
        multiprocess: whether other processes may.
        errors: what ``wsgi.errors`` is.
    """

    def __init__(self, *, multithread: bool, multiprocess: bool, errors: TextIO | None = None) -> None:
        self._base: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.errors": errors or sys.stderr,
            "wsgi.multithread": multithread,
            "wsgi.multiprocess": multiprocess,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileWrapper,
            "SERVER_SOFTWARE": "hybrid",
        }

    def build(self, scope: Scope, body: BinaryIO) -> dict[str, Any]:
        """Return a new environ for a request whose body is complete."""
        environ = self._base.copy()
        environ["REQUEST_METHOD"] = scope["method"]
        environ["QUERY_STRING"] = scope["query_string"].decode("latin-1")
        environ["SERVER_PROTOCOL"] = _PROTOCOLS.get(scope["http_version"]) or f"HTTP/{scope['http_version']}"
        environ["wsgi.url_scheme"] = scope.get("scheme", "http")
        environ["wsgi.input"] = body
        environ["hybrid.scope"] = scope
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = _split_path(scope)
        client = scope.get("client")
        environ["REMOTE_ADDR"] = client[0] if client else ""
        if client:
            environ["REMOTE_PORT"] = str(client[1])
        for name, value in scope["headers"]:
            key = _keys[name] if name in _keys else _learn_key(name)
            if key is None:
                continue
            text = value.decode("latin-1")
            if key in environ:
                text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
            environ[key] = text
        environ["SERVER_NAME"], environ["SERVER_PORT"] = _server(scope, environ)
        return environ


_PROTOCOLS: Final = {"1.1": "HTTP/1.1", "1.0": "HTTP/1.0"}


def _learn_key(name: bytes) -> str | None:
    """Name a field as CGI does. Underscores are dropped: they could pass for the dashes that a proxy
    filtered.
    """
    key = None if b"_" in name else "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
    if len(_keys) < _KEYS_LIMIT:
        _keys[name] = key
    return key


def _split_path(scope: Scope) -> tuple[str, str]:
    """Return SCRIPT_NAME and PATH_INFO: percent-decoded bytes in latin-1, as PEP 3333 wants them."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :]
    if path.isascii():
        return root.encode("utf-8").decode("latin-1"), path
    raw = scope.get("raw_path") or b""
    prefix = quote(root).encode("ascii")
    if raw.startswith(prefix):  # the bytes that were sent, which need not have been UTF-8
        return root.encode("utf-8").decode("latin-1"), unquote_to_bytes(raw[len(prefix) :]).decode("latin-1")
    return root.encode("utf-8").decode("latin-1"), path.encode("utf-8").decode("latin-1")


def _server(scope: Scope, environ: dict[str, Any]) -> tuple[str, str]:
    """SERVER_NAME and SERVER_PORT, which may not be empty; a Unix socket has neither, so they come from
    Host.
    """
    server = scope.get("server")
    if server and server[1] is not None:
        return server[0], str(server[1])
    host, _, port = environ.get("HTTP_HOST", "").partition(":")
    default_port = "443" if environ["wsgi.url_scheme"] == "https" else "80"
    return host or "localhost", port if port.isdigit() else default_port
