"""Requests and responses as gunicorn's hooks and loggers know them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

from hybrid.bridge.types import Headers, Scope

#: Fields, names in capitals, as gunicorn has them.
Fields = list[tuple[str, str]]


@dataclass
class RequestView:
    """What hooks and loggers look at of ``gunicorn.http.message.Request``.

    Attributes:
        uri: path and query, as they were sent.
        path: as it was sent.
        version: of HTTP, ``(1, 1)``.
    """

    method: str
    uri: str
    version: tuple[int, int]
    headers: Fields
    scheme: str = "http"
    remote_addr: tuple[str, int] | None = None
    trailers: Fields = field(default_factory=list[tuple[str, str]])

    @property
    def path(self) -> str:
        """The path as it was sent."""
        return self.uri.partition("?")[0]

    @property
    def query(self) -> str:
        """The query as it was sent."""
        return self.uri.partition("?")[2]

    @property
    def fragment(self) -> str:
        """Nothing: clients keep it for themselves."""
        return ""

    @classmethod
    def of_scope(cls, scope: Scope) -> Self:
        """Make one of an ASGI scope."""
        return cls(
            method=scope.get("method", "GET"),
            uri=_uri(scope),
            version=version_of(scope["http_version"]),
            headers=fields_of(scope["headers"]),
            scheme=scope["scheme"],
            remote_addr=scope["client"],
        )

    @classmethod
    def of_environ(cls, environ: Mapping[str, Any]) -> Self:
        """Make one of a WSGI environ."""
        headers = [
            (name.removeprefix("HTTP_").replace("_", "-"), value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
        ]
        address = environ.get("REMOTE_ADDR")
        return cls(
            method=environ["REQUEST_METHOD"],
            uri=raw_uri(environ),
            version=version_of(environ["SERVER_PROTOCOL"].rpartition("/")[2]),
            headers=headers,
            scheme=environ["wsgi.url_scheme"],
            remote_addr=(address, int(environ.get("REMOTE_PORT") or 0)) if address else None,
        )


@dataclass
class ResponseView:
    """What hooks and loggers look at of ``gunicorn.http.wsgi.Response``.

    Attributes:
        status: code and reason: ``"200 OK"``.
        sent: bytes of the body; None where nobody has counted them.
    """

    status: str = ""
    headers: Fields = field(default_factory=list[tuple[str, str]])
    sent: int | None = 0

    @property
    def status_code(self) -> int:
        """The code alone."""
        return int(self.status.partition(" ")[0] or 0)

    @property
    def response_length(self) -> int | None:
        """The Content-Length that the application has announced."""
        lengths = [value for name, value in self.headers if name.lower() == "content-length"]
        return int(lengths[0]) if lengths and lengths[0].isdecimal() else None


def fields_of(headers: Headers) -> Fields:
    """Write fields as gunicorn does."""
    return [(name.decode("latin-1").upper(), value.decode("latin-1")) for name, value in headers]


def response_fields(headers: Iterable[Any]) -> Fields:
    """Write the fields of a response, of ASGI or WSGI, with their names as they are."""
    return [(_text(name), _text(value)) for name, value in headers]


def raw_uri(environ: Mapping[str, Any]) -> str:
    """Give path and query of a WSGI environ, as they were sent where that is known."""
    if "RAW_URI" in environ:
        return str(environ["RAW_URI"])
    path = quote(
        f"{environ.get('SCRIPT_NAME', '')}{environ.get('PATH_INFO', '')}", safe="/%", encoding="latin-1"
    )
    query = environ.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def _uri(scope: Scope) -> str:
    raw = scope.get("raw_path") or quote(scope["path"]).encode("ascii")
    query = scope["query_string"]
    return (raw + b"?" + query if query else raw).decode("latin-1")


def version_of(text: str) -> tuple[int, int]:
    """Return a version of HTTP as gunicorn has it, from ``"1.1"`` or ``"2"``."""
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
