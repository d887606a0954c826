"""The WSGI environ of an ASGI ``http`` scope (PEP 3333, "environ Variables")."""

import io
from contextlib import suppress
from operator import itemgetter
from typing import Any, BinaryIO, Final, TextIO, cast
from urllib.parse import unquote_to_bytes

from hybrid.bridge.shutdown import KEY, ShutdownNotice
from hybrid.bridge.types import UNDERSCORES, Headers, Memo, Scope
from hybrid.bridge.wsgi.errorlog import ERRORS
from hybrid.bridge.wsgi.filewrapper import FileWrapper

#: environ keys of the field names seen, "" for one that is dropped. Clients choose names, so it is bounded.
_keys: dict[bytes, str] = {
    b"content-type": "CONTENT_TYPE",
    b"content-length": "CONTENT_LENGTH",
    # The environ would have it as HTTP_PROXY, which libraries take for a setting of their own (httpoxy).
    b"proxy": "",
    # The coding of the body is undone, so that what is left to say of it is its length, if that is known.
    b"transfer-encoding": "",
}
_KEYS_LIMIT: Final = 1024


#: What the common part of an environ is made of.
_source = itemgetter("headers", "http_version", "scheme", "client", "server")


class _Common:
    """What requests with the same header fields on one connection have in common, and in which scope.

    Routers between server and application may change a scope, so that each one is compared.
    """

    __slots__ = ("_source", "environ")

    def __init__(self, scope: Scope, environ: dict[str, Any]) -> None:
        headers, *others = _source(scope)
        self.environ = environ
        self._source = (list(headers), *others)

    def fits(self, scope: Scope) -> bool:
        """Whether a scope leads to the same environ but for what each request has of its own."""
        try:
            return bool(_source(scope) == self._source)
        except KeyError:  # the server put them in; somebody has taken one out
            return False


class EnvironBuilder:
    """Makes the environ of each request of one application.

    Args:
        multithread: whether other threads may call the application at the same time.
        multiprocess: whether other processes may.
        errors: what ``wsgi.errors`` is; None for the error log.
    """

    def __init__(self, *, multithread: bool, multiprocess: bool, errors: TextIO | None = None) -> None:
        self._base: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.errors": errors or ERRORS,
            "wsgi.multithread": multithread,
            "wsgi.multiprocess": multiprocess,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "wsgi.file_wrapper": FileWrapper,
            "SERVER_SOFTWARE": "hybrid",
        }

    def build(self, scope: Scope, body: BinaryIO, memo: Memo | None = None) -> dict[str, Any]:
        """Return a new environ for a request.

        Args:
            scope: of the request.
            body: what ``wsgi.input`` is: complete, at its start; or still coming, and not seekable.
            memo: of the request, when its server keeps one: most of the environ comes from there when the
                client repeats itself.
        """
        known: _Common | None = memo.get(self) if memo is not None else None
        if known is not None and known.fits(scope):
            environ = known.environ.copy()
        else:
            environ = self._common(scope, body)
            if memo is not None:
                with suppress(KeyError):
                    memo[self] = _Common(scope, environ.copy())
        environ["REQUEST_METHOD"] = scope["method"]
        query = scope["query_string"]
        environ["QUERY_STRING"] = query.decode("latin-1") if query else ""
        environ["wsgi.input"] = body
        environ["hybrid.scope"] = scope
        path = scope["path"]
        if scope.get("root_path") or not path.isascii():
            environ["SCRIPT_NAME"], environ["PATH_INFO"] = _split_path(scope)
        else:
            environ["SCRIPT_NAME"] = ""
            environ["PATH_INFO"] = path
        return environ

    def _common(self, scope: Scope, body: BinaryIO) -> dict[str, Any]:
        """Return what follows from the connection and the header fields alone."""
        environ = self._base.copy()
        version = scope["http_version"]
        environ["SERVER_PROTOCOL"] = "HTTP/1.1" if version == "1.1" else server_protocol(version)
        environ["wsgi.url_scheme"] = scope.get("scheme", "http")
        client = scope.get("client")
        if client:
            environ["REMOTE_ADDR"] = client[0]
            environ["REMOTE_PORT"] = str(client[1])
        else:
            environ["REMOTE_ADDR"] = ""
        self._add_fields(environ, scope, body)
        server = scope.get("server")
        if server and server[1] is not None:
            environ["SERVER_NAME"] = server[0]
            environ["SERVER_PORT"] = str(server[1])
        else:
            environ["SERVER_NAME"], environ["SERVER_PORT"] = _server_of_host(environ)
        extensions: dict[str, Any] = scope.get("extensions") or {}
        if KEY in extensions:
            environ[KEY] = cast("ShutdownNotice", extensions[KEY]).threads
        environ.update(extensions.get("hybrid.environ", ()))  # what our server knows of a TLS connection
        return environ

    def _add_fields(self, environ: dict[str, Any], scope: Scope, body: BinaryIO) -> None:
        """Add the header fields, with underscores in their names where the server has let those through."""
        headers: Headers = scope["headers"]
        underscores = UNDERSCORES in scope
        chunked = False
        for name, value in headers:
            key = _keys.get(name)
            if key is None:
                key = _learn_key(name)
            if not key and underscores and b"_" in name:
                key = _cgi_name(name)
            if not key:
                chunked = chunked or name == b"transfer-encoding"
            elif key in environ:
                environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + value.decode("latin-1")
            else:
                environ[key] = value.decode("latin-1")
        if chunked:  # counts more than a length that a client sent beside it (RFC 9112 section 6.3)
            environ.pop("CONTENT_LENGTH", None)
        elif "CONTENT_LENGTH" in environ or scope["http_version"].startswith("1."):
            return
        # In HTTP/2 a body may come without a length, and nothing says that there is one.
        if body.seekable():  # the length of one that still comes is not known; input_terminated it is
            size = _size(body)
            if size or chunked:
                environ["CONTENT_LENGTH"] = str(size)


def server_protocol(http_version: str) -> str:
    """Name a protocol as CGI does (RFC 3875 section 4.1.16), from ASGI's ``http_version``: HTTP/2 and later
    have no minor version any more, but there is always one in SERVER_PROTOCOL, as with nginx and gunicorn.
    """
    return f"HTTP/{http_version}" if "." in http_version else f"HTTP/{http_version}.0"


def _learn_key(name: bytes) -> str:
    """Name a field as CGI does. Underscores are dropped: they could pass for the dashes that a proxy
    filtered.
    """
    key = "" if b"_" in name else _cgi_name(name)
    if len(_keys) < _KEYS_LIMIT:
        _keys[name] = key
    return key


def _cgi_name(name: bytes) -> str:
    return "HTTP_" + name.decode("latin-1").upper().replace("-", "_")


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


def _server_of_host(environ: dict[str, Any]) -> tuple[str, str]:
    """SERVER_NAME and SERVER_PORT, which may not be empty, on a Unix socket, which has neither."""
    host, colon, port = environ.get("HTTP_HOST", "").rpartition(":")
    if not colon or port.endswith("]"):  # no port; an IPv6 address has colons of its own
        host, port = environ.get("HTTP_HOST", ""), ""
    default_port = "443" if environ["wsgi.url_scheme"] == "https" else "80"
    return host or "localhost", port if port.isdigit() else default_port
