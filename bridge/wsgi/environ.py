"""The WSGI environ of an ASGI ``http`` scope (PEP 3333, "environ Variables")."""

import io
import sys
from typing import Any, BinaryIO, Final, TextIO
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper

from hybrid.bridge.types import Scope

#: environ keys of the field names seen, None for one that is dropped. Clients choose names, so it is bounded.
_keys: dict[bytes, str | None] = {
    b"content-type": "CONTENT_TYPE",
    b"content-length": "CONTENT_LENGTH",
    # The environ would have it as HTTP_PROXY, which libraries take for a setting of their own (httpoxy).
    b"proxy": None,
    # The body is complete and its coding undone, so that what is left to say of it is its length.
    b"transfer-encoding": None,
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
        chunked = False
        for name, value in scope["headers"]:
            key = _keys[name] if name in _keys else _learn_key(name)
            if key is None:
                chunked = chunked or name == b"transfer-encoding"
                continue
            text = value.decode("latin-1")
            if key in environ:
                text = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + text
            environ[key] = text
        if chunked:
            environ["CONTENT_LENGTH"] = str(_size(body))
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


def _size(body: BinaryIO) -> int:
    """Measure a complete body of which only its end was known (RFC 9112 section 7.1.3)."""
    size = body.seek(0, io.SEEK_END)
    body.seek(0)
    return size


def _split_path(scope: Scope) -> tuple[str, str]:
    """Return SCRIPT_NAME and PATH_INFO: percent-decoded bytes in latin-1, as PEP 3333 wants them."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if not path.isascii():
        path = _path_as_sent(scope, path)
    if not root:
        return "", path
    root = root.rstrip("/").encode("utf-8").decode("latin-1")
    if path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        path = path[len(root) :]
    return root, path


def _path_as_sent(scope: Scope, path: str) -> str:
    """Return a path's bytes, in latin-1. They need not have been UTF-8, and only ``raw_path`` still knows
    them; but it is ``path`` that counts, which somebody may have rewritten since.
    """
    raw = unquote_to_bytes(scope.get("raw_path") or b"")
    if raw.decode("utf-8", "replace") != path:
        raw = path.encode("utf-8", "replace")
    return raw.decode("latin-1")


def _server(scope: Scope, environ: dict[str, Any]) -> tuple[str, str]:
    """SERVER_NAME and SERVER_PORT, which may not be empty; a Unix socket has neither, so they come from
    Host.
    """
    server = scope.get("server")
    if server and server[1] is not None:
        return server[0], str(server[1])
    host, colon, port = environ.get("HTTP_HOST", "").rpartition(":")
    if not colon or port.endswith("]"):  # no port; an IPv6 address has colons of its own
        host, port = environ.get("HTTP_HOST", ""), ""
    default_port = "443" if environ["wsgi.url_scheme"] == "https" else "80"
    return host or "localhost", port if port.isdigit() else default_port
