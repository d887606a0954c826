"""The scope of a request that was written as an environ."""

from typing import Any

import pytest

from hybrid.adapters.django.migrate.suite.scope import rules_of, scope_of, without_place

ENVIRON = {
    "HTTP_COOKIE": "",
    "PATH_INFO": "/",
    "REMOTE_ADDR": "127.0.0.1",
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "SERVER_NAME": "testserver",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "http",
    "wsgi.multithread": False,
}


def scope(**other: Any) -> dict[str, Any]:
    """Return the scope of an environ that has other values."""
    return scope_of({**ENVIRON, **other})


def test_plain() -> None:
    """A request has its method, scheme, server and client; ports are numbers (ASGI, HTTP scope)."""
    said = scope()
    assert (said["type"], said["http_version"], said["method"], said["scheme"]) == (
        "http",
        "1.1",
        "GET",
        "http",
    )
    assert (said["server"], said["client"]) == (("testserver", 80), ("127.0.0.1", 0))


def test_fields() -> None:
    """Names are in lower case with hyphens; values are bytes; without a value there is no field."""
    said = scope(HTTP_X_A="1", CONTENT_TYPE="text/plain", CONTENT_LENGTH="", HTTP_X_B=None, HTTP_X_C=5)
    assert sorted(said["headers"]) == [
        (b"content-type", b"text/plain"),
        (b"cookie", b""),
        (b"x-a", b"1"),
        (b"x-c", b"5"),
    ]


def test_text() -> None:
    """An environ has bytes as Latin-1, a scope has paths as text; what is no Latin-1 is sent as UTF-8."""
    said = scope(PATH_INFO="/\xc3\xa4/", QUERY_STRING="a=\xc3\xa4", HTTP_X_A="\u20ac")
    assert (said["path"], said["raw_path"], said["query_string"]) == ("/ä/", b"/%C3%A4/", b"a=\xc3\xa4")
    assert (b"x-a", "\u20ac".encode()) in said["headers"]


def test_script_name() -> None:
    """The path begins with the root path, which has no slash at its end."""
    said = scope(SCRIPT_NAME="/shop/", PATH_INFO="/cart/")
    assert (said["root_path"], said["path"]) == ("/shop", "/shop/cart/")


def test_no_client() -> None:
    """Without an address there is no client, as behind a Unix socket."""
    assert "client" not in scope(REMOTE_ADDR=None)


@pytest.mark.parametrize(
    ("other", "keys", "rules"),
    [
        ({}, [], []),
        ({"format": "json", "HTTP_X_A": "1", "CONTENT_TYPE": "text/plain"}, [], []),
        ({"REMOTE_USER": "ann"}, ["REMOTE_USER"], ["HM201"]),
        ({"SSL_CLIENT_S_DN": "CN=ann"}, ["SSL_CLIENT_S_DN"], ["HM102"]),
        ({"PATH_INFO": "/\xe4"}, [], ["HM405"]),
        ({"QUERY_STRING": "a=\xe4"}, [], ["HM405"]),
    ],
    ids=["plain", "others", "user", "certificate", "path", "query"],
)
def test_what_is_special(other: dict[str, Any], keys: list[str], rules: list[str]) -> None:
    """Keys that a scope has no place for, and bytes that are no text, are of a rule by themselves."""
    environ = {**ENVIRON, **other}
    assert (without_place(environ), rules_of(environ)) == (keys, rules)
