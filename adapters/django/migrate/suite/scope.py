"""Makes the scope (ASGI) of a request that ``django.test.Client`` has written as an environ (PEP 3333)."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote

#: What an environ has that a scope has elsewhere, or that Django makes for itself.
_ELSEWHERE: Final = {
    "PATH_INFO",
    "SCRIPT_NAME",
    "QUERY_STRING",
    "REQUEST_METHOD",
    "REMOTE_ADDR",
    "REMOTE_HOST",
    "REMOTE_PORT",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
}
_CONTENT: Final = ("CONTENT_TYPE", "CONTENT_LENGTH")


def scope_of(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the scope that a server would have made of the same request.

    Text of an environ holds bytes as Latin-1; paths of a scope are UTF-8. Bytes that are no UTF-8 are
    replaced, as ASGI servers do.
    """
    # A root path has no slash at its end: a test may write one, and WSGIRequest takes it off as well.
    script_name, path_info = _bytes(environ["SCRIPT_NAME"].rstrip("/")), _bytes(environ["PATH_INFO"])
    path = script_name + path_info
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": str(environ.get("SERVER_PROTOCOL", "HTTP/1.1")).rpartition("/")[2],
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": path.decode("utf-8", "replace"),
        "raw_path": quote(path).encode("ascii"),
        "root_path": script_name.decode("utf-8", "replace"),
        "query_string": _bytes(environ.get("QUERY_STRING", "")),
        "headers": [(_field(key), _bytes(str(environ[key]))) for key in header_keys(environ)],
        "server": (environ["SERVER_NAME"], _port(environ["SERVER_PORT"])),
    }
    if environ.get("REMOTE_ADDR") is not None:
        scope["client"] = (environ["REMOTE_ADDR"], _port(environ.get("REMOTE_PORT", 0)))
    return scope


def header_keys(environ: dict[str, Any]) -> list[str]:
    """Return the keys that are header fields."""
    return [
        key
        for key, value in environ.items()
        if value is not None and (key.startswith("HTTP_") or (key in _CONTENT and value != ""))
    ]


def without_place(environ: Iterable[str]) -> list[str]:
    """Return the keys for which a scope has no place: a request under ASGI does not have them."""
    return [
        key
        for key in environ
        if key not in _ELSEWHERE
        and key not in _CONTENT
        and not key.startswith(("HTTP_", "wsgi."))
        and key.isupper()
    ]


def rules_of(environ: dict[str, Any]) -> list[str]:
    """Return the rules of the catalogue that what a test asks for is of, whatever answers it."""
    rules: list[str] = []
    if keys := without_place(environ):
        rules.append("HM201" if "REMOTE_USER" in keys else "HM102")
    try:
        _bytes(environ["PATH_INFO"]).decode()
        _bytes(environ.get("QUERY_STRING", "")).decode()
    except UnicodeDecodeError:
        rules.append("HM405")
    return rules


def _field(key: str) -> bytes:
    return key.removeprefix("HTTP_").replace("_", "-").lower().encode("latin-1", "replace")


def _bytes(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:  # which no server makes, and tests do
        return text.encode("utf-8")


def _port(said: Any) -> Any:
    return int(said) if str(said).isdecimal() else said
