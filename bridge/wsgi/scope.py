"""The ASGI ``http`` scope of a WSGI environ: :mod:`hybrid.bridge.wsgi.environ` the other way round."""

from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes
from wsgiref.types import WSGIEnvironment

from hybrid.bridge.types import Headers

#: Bytes of a path that need no percent-encoding (RFC 3986 section 3.3).
_PATH_SAFE: Final = "/:@!$&'()*+,;=~"
#: Where servers say what the request line had; PEP 3333 has no place for it.
_RAW_KEYS: Final = ("RAW_URI", "REQUEST_URI")


def http_scope(environ: WSGIEnvironment, state: dict[str, Any]) -> dict[str, Any]:
    """Return the scope of a request, with a copy of the lifespan ``state``; ``wsgi_environ`` is the environ.

    What the server has joined or dropped stays so: repeated fields, and names with underscores.
    """
    root = environ.get("SCRIPT_NAME", "").encode("latin-1")
    path = root + environ.get("PATH_INFO", "").encode("latin-1")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": _http_version(environ.get("SERVER_PROTOCOL", "")),
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": path.decode("utf-8", "replace"),
        "raw_path": _raw_path(environ, path),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": root.decode("utf-8", "replace"),
        "headers": _headers(environ),
        "client": _address(environ.get("REMOTE_ADDR"), environ.get("REMOTE_PORT", "")) or None,
        "server": _address(environ.get("SERVER_NAME"), environ.get("SERVER_PORT", "")) or None,
        "state": state.copy(),
        "extensions": {},
        "wsgi_environ": environ,
    }


def _http_version(protocol: str) -> str:
    """Take ``HTTP/1.1`` apart. ASGI has no minor version of HTTP/2 and later."""
    version = protocol.partition("/")[2] or "1.1"
    return version if version.startswith("1") else version.partition(".")[0]


def _raw_path(environ: WSGIEnvironment, path: bytes) -> bytes:
    """Return the path as it was sent, where the server says that and nobody has rewritten it since."""
    for key in _RAW_KEYS:
        raw: bytes = environ.get(key, "").partition("?")[0].encode("latin-1", "replace")
        if raw and unquote_to_bytes(raw) == path:
            return raw
    return quote(path, safe=_PATH_SAFE).encode("ascii")


def _headers(environ: WSGIEnvironment) -> Headers:
    headers: Headers = []
    for key, value in environ.items():
        if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            if not value:  # CGI's way to say that there is none
                continue
            name = key
        elif key.startswith("HTTP_") and key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
            name = key[5:]
        else:
            continue
        headers.append((name.lower().replace("_", "-").encode("latin-1"), value.encode("latin-1")))
    return headers


def _address(host: str | None, port: str) -> tuple[str, int | None] | None:
    return (host, int(port) if port.isdigit() else None) if host else None
