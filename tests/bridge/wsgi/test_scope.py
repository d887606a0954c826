"""The ASGI scope of a WSGI environ."""

import io
from typing import Any
from urllib.parse import quote_from_bytes, unquote
from wsgiref.util import setup_testing_defaults

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.bridge.wsgi.scope import http_scope
from tests.support.exchanges import http_scope as scope_of_a_server


def environ(**changes: Any) -> dict[str, Any]:
    """Make the environ of a changed `GET /`."""
    made: dict[str, Any] = dict(changes)
    setup_testing_defaults(made)
    return made


def scope(**changes: Any) -> dict[str, Any]:
    """Make the scope of a changed `GET /`."""
    return http_scope(environ(**changes), {})


def test_everything() -> None:
    """A plain request has these keys, and no others."""
    state = {"key": "value"}
    given = environ(REMOTE_ADDR="192.0.2.1", REMOTE_PORT="50000", QUERY_STRING="a=%20b", HTTP_ACCEPT="*/*")
    made = http_scope(given, state)
    assert made.pop("wsgi_environ") is given
    assert made.pop("state") == state
    assert made.pop("headers") == [(b"accept", b"*/*"), (b"host", b"127.0.0.1")]
    assert made == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.0",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"a=%20b",
        "root_path": "",
        "client": ("192.0.2.1", 50000),
        "server": ("127.0.0.1", 80),
        "extensions": {},
    }


def test_state_is_a_copy() -> None:
    """What a request changes in the state is its own (ASGI lifespan state)."""
    state = {"key": "value"}
    http_scope(environ(), state)["state"]["key"] = "changed"
    assert state == {"key": "value"}


@pytest.mark.parametrize(
    ("protocol", "version"),
    [("HTTP/1.0", "1.0"), ("HTTP/1.1", "1.1"), ("HTTP/2", "2"), ("HTTP/2.0", "2"), ("", "1.1")],
)
def test_http_version(protocol: str, version: str) -> None:
    """The version as ASGI writes it."""
    assert scope(SERVER_PROTOCOL=protocol)["http_version"] == version


class TestPath:
    """path, root_path and raw_path."""

    @pytest.mark.parametrize(
        ("script", "info", "root", "path", "raw"),
        [
            ("", "/a b", "", "/a b", b"/a%20b"),
            ("/site", "/a", "/site", "/site/a", b"/site/a"),
            ("/root", "", "/root", "/root", b"/root"),
            ("", "/\xc3\xa9", "", "/é", b"/%C3%A9"),
            ("", "/\xe9", "", "/\ufffd", b"/%E9"),
            ("/\xc3\xa9", "/x", "/é", "/é/x", b"/%C3%A9/x"),
            ("", "", "", "", b""),
        ],
    )
    def test_path(self, script: str, info: str, root: str, path: str, raw: bytes) -> None:
        """The path contains the root path, and bytes that are no UTF-8 are no error."""
        made = scope(SCRIPT_NAME=script, PATH_INFO=info)
        assert (made["root_path"], made["path"], made["raw_path"]) == (root, path, raw)

    @pytest.mark.parametrize("key", ["RAW_URI", "REQUEST_URI"])
    @pytest.mark.parametrize(
        ("sent", "raw"),
        [
            ("/a%2Fb?x=/y", b"/a%2Fb"),
            ("/%61/b", b"/%61/b"),
            ("/other", b"/a/b"),
            ("http://host/a/b", b"/a/b"),
            ("\u20ac", b"/a/b"),
        ],
    )
    def test_raw_path(self, key: str, sent: str, raw: bytes) -> None:
        """Where the server says what was sent it counts, unless somebody has rewritten the path since."""
        assert scope(PATH_INFO="/a/b", **{key: sent})["raw_path"] == raw

    @given(st.binary())
    def test_there_and_back(self, path: bytes) -> None:
        """Whatever the bytes of a path, the way to ASGI and back loses none."""
        raw = quote_from_bytes(b"/" + path).encode()
        there = scope_of_a_server(path=unquote(raw.decode()), raw_path=raw)
        builder = EnvironBuilder(multithread=True, multiprocess=False)
        first = builder.build(there, io.BytesIO())
        second = builder.build(http_scope(first, {}), io.BytesIO())
        assert second["PATH_INFO"] == first["PATH_INFO"]


def test_query_string() -> None:
    """Bytes outside ASCII are no error."""
    assert scope(QUERY_STRING="\xe9")["query_string"] == b"\xe9"


def test_headers() -> None:
    """Names and values as ASGI has them; what is empty is absent, and what CGI doubles is there once."""
    made = scope(
        CONTENT_TYPE="",
        CONTENT_LENGTH="3",
        HTTP_CONTENT_LENGTH="4",
        HTTP_CONTENT_TYPE="text/plain",
        HTTP_X_SOME_THING="\xe9",
        OTHER="x",
    )
    assert sorted(made["headers"]) == [
        (b"content-length", b"3"),
        (b"host", b"127.0.0.1"),
        (b"x-some-thing", b"\xe9"),
    ]


@pytest.mark.parametrize(
    ("address", "port", "client"),
    [("::1", "1", ("::1", 1)), ("192.0.2.1", "", ("192.0.2.1", None)), ("", "", None), ("", "1", None)],
)
def test_addresses(address: str, port: str, client: object) -> None:
    """Addresses may be missing, as on a Unix socket."""
    made = scope(REMOTE_ADDR=address, REMOTE_PORT=port, SERVER_NAME=address or "", SERVER_PORT=port)
    assert (made["client"], made["server"]) == (client, client)
