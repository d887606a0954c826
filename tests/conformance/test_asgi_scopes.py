"""The scopes that applications are given by a real process, in the order of the ASGI specification: the HTTP
and WebSocket format 2.5, the lifespan 2.0, the TLS extension 0.2. In HTTP/1.1 and in HTTP/2.
"""

import ast
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect, unix_connect
from websockets.typing import Subprotocol

from tests.conformance.conftest import check_quiet
from tests.support.certificates import Authority, authority, der_of
from tests.support.http2_clients import Http2Client, http2
from tests.support.http2_clients import connect as connect2
from tests.support.http2_websockets import open_websocket
from tests.support.http_peer import get, read_responses
from tests.support.http_versions import BOTH, CONNECTIONS, VERSIONS, Connection2, Version, connected
from tests.support.process import DEADLINE, Serve, ServerProcess, start_server
from tests.support.sockets import raw

__all__ = ["authority"]

CLOSE = "Connection: close"
#: Where the application is mounted; clients encode the last one.
MOUNTS = ["asgi_scopes", "/mount=asgi_scopes", "/é=asgi_scopes"]

#: Every scope of HTTP has these, with values of these types and no others.
KEYS = {
    "type": str,
    "asgi": dict,
    "http_version": str,
    "method": str,
    "scheme": str,
    "path": str,
    "raw_path": bytes,
    "query_string": bytes,
    "root_path": str,
    "headers": list,
    "client": tuple,
    "server": tuple,
    "state": dict,
    "extensions": dict,
}


@pytest.fixture(scope="module")
def server(folder: Path, loop: str) -> Iterator[ServerProcess]:
    """Serve the application that shows its scopes, on TCP."""
    with start_server(*MOUNTS, cwd=folder, access_log=False, loop=loop, **BOTH) as server:
        yield server
        check_quiet(server)


def parse(shown: str) -> dict[str, Any]:
    """Read a scope as the application has written it; it must be a dict."""
    kind, scope = ast.literal_eval(shown)
    assert kind == "dict"
    return dict(scope)


def scope_of_bytes(server: ServerProcess, data: bytes) -> dict[str, Any]:
    """Send the bytes of a request, and return the scope that comes back."""
    (response,) = read_responses(raw(server.port, data), closed=True)
    assert response.status == 200
    return parse(response.body.decode())


def scope_of(
    server: ServerProcess, version: Version, target: str = "/", *fields: str, method: str = "GET"
) -> dict[str, Any]:
    """Ask for a target, and return the scope that comes back."""
    with connected(server, version) as client:
        response = client.ask(target, *fields, method=method)
    assert response.status == 200
    return parse(response.body.decode())


def websocket_scope_of(url: str, **options: Any) -> dict[str, Any]:
    """Open a WebSocket in HTTP/1.1, and return the scope that comes back."""
    with connect(url, open_timeout=DEADLINE, compression=None, proxy=None, **options) as client:
        return parse(str(client.recv(DEADLINE)))


def websocket_scope_on(client: Http2Client, target: str = "/", **options: Any) -> dict[str, Any]:
    """Open a WebSocket in HTTP/2, and return the scope that comes back."""
    return parse(str(open_websocket(client, target, **options).recv()))


# HTTP connection scope.


def test_http_keys(server: ServerProcess, version: Version) -> None:
    """Each key has a value of the type that the specification names; `asgi` says the versions."""
    scope = scope_of(server, version)
    assert {key: type(value) for key, value in scope.items()} == KEYS
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["http_version"], scope["method"], scope["scheme"]) == (version, "GET", "http")


def test_each_scope_is_its_own(server: ServerProcess, version: Version) -> None:
    """What an application does to its scope reaches no other one, not even on the same connection."""
    with connected(server, version) as client:
        first, second, third = (
            parse(client.ask("/", *fields).body.decode()) for fields in ((), (), ("a: b",))
        )
    assert first == second == {**third, "headers": first["headers"]}
    assert third["headers"] == [(b"host", b"x"), (b"a", b"b")]
    assert "spoilt" not in repr(first)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"])
def test_method(server: ServerProcess, version: Version, method: str) -> None:
    """Any method reaches the application as it is."""
    assert scope_of(server, version, method=method)["method"] == method


def test_old_version(server: ServerProcess) -> None:
    """The version is the client's, be it an old one."""
    assert scope_of_bytes(server, get("/", version="1.0"))["http_version"] == "1.0"


TARGETS = [
    # target, path, raw_path, query_string
    ("/", "/", b"/", b""),
    ("/?", "/", b"/", b""),
    ("/a/b", "/a/b", b"/a/b", b""),
    ("/a%20b", "/a b", b"/a%20b", b""),
    ("/a+b", "/a+b", b"/a+b", b""),
    ("/a%2Fb", "/a/b", b"/a%2Fb", b""),
    ("/a%2fb", "/a/b", b"/a%2fb", b""),
    ("/a%3Fb?c", "/a?b", b"/a%3Fb", b"c"),
    ("/a%23b", "/a#b", b"/a%23b", b""),
    ("/%25", "/%", b"/%25", b""),
    ("/%2525", "/%25", b"/%2525", b""),
    ("/%00", "/\0", b"/%00", b""),
    ("/%0d%0a", "/\r\n", b"/%0d%0a", b""),
    ("/%7Euser", "/~user", b"/%7Euser", b""),
    ("/caf%C3%A9", "/café", b"/caf%C3%A9", b""),
    ("/%E2%82%AC", "/€", b"/%E2%82%AC", b""),
    ("/%F0%9F%90%8D", "/🐍", b"/%F0%9F%90%8D", b""),
    ("/%ff", "/\N{REPLACEMENT CHARACTER}", b"/%ff", b""),
    ("/%C3", "/\N{REPLACEMENT CHARACTER}", b"/%C3", b""),
    ("/%C3%28", "/\N{REPLACEMENT CHARACTER}(", b"/%C3%28", b""),
    ("/%", "/%", b"/%", b""),
    ("/%4", "/%4", b"/%4", b""),
    ("/%zz", "/%zz", b"/%zz", b""),
    ("/%u20AC", "/%u20AC", b"/%u20AC", b""),
    ("//", "//", b"//", b""),
    ("//a//b/", "//a//b/", b"//a//b/", b""),
    ("/a/./b/../c", "/a/./b/../c", b"/a/./b/../c", b""),
    ("/a;b=c/d", "/a;b=c/d", b"/a;b=c/d", b""),
    ("/a:b@c,d", "/a:b@c,d", b"/a:b@c,d", b""),
    ("/?a=1&b=%20&c", "/", b"/", b"a=1&b=%20&c"),
    ("/?a?b", "/", b"/", b"a?b"),
    ("/?%ff%00", "/", b"/", b"%ff%00"),
    ("/?a=/b", "/", b"/", b"a=/b"),
]
#: Only HTTP/1.1 has them; `:path` of HTTP/2 begins with a slash (RFC 9113 section 8.3.1).
ABSOLUTE_TARGETS = [
    ("http://y", "/", b"/", b""),
    ("http://y/a%20b?c", "/a b", b"/a%20b", b"c"),
    ("http://y?c", "/", b"/", b"c"),
]


@pytest.mark.parametrize("case", TARGETS, ids=[each[0] for each in TARGETS])
def test_target(server: ServerProcess, version: Version, case: tuple[str, str, bytes, bytes]) -> None:
    """`path` is decoded once and as UTF-8, `raw_path` and `query_string` are as they came; nothing is
    normalised.
    """
    target, *expected = case
    scope = scope_of(server, version, target)
    assert [scope["path"], scope["raw_path"], scope["query_string"]] == expected


@pytest.mark.parametrize("case", ABSOLUTE_TARGETS, ids=[each[0] for each in ABSOLUTE_TARGETS])
def test_absolute_target(server: ServerProcess, case: tuple[str, str, bytes, bytes]) -> None:
    """So are they of an absolute target."""
    target, *expected = case
    scope = scope_of_bytes(server, get(target, CLOSE))
    assert [scope["path"], scope["raw_path"], scope["query_string"]] == expected


def test_asterisk(server: ServerProcess, version: Version) -> None:
    """A request about the server has the path of its target."""
    scope = scope_of(server, version, "*", method="OPTIONS")
    assert (scope["path"], scope["raw_path"], scope["root_path"]) == ("*", b"*", "")


@pytest.mark.parametrize(
    ("root_path", "target", "expected"),
    [
        ("", "/mount", ("/mount", "/mount", b"/mount")),
        ("", "/mount/", ("/mount", "/mount/", b"/mount/")),
        ("", "/mount/a%20b", ("/mount", "/mount/a b", b"/mount/a%20b")),
        ("", "/mo%75nt/a", ("/mount", "/mount/a", b"/mo%75nt/a")),
        ("", "/mounted", ("", "/mounted", b"/mounted")),
        ("", "/%C3%A9/a", ("/é", "/é/a", b"/%C3%A9/a")),
        ("/shop", "/a", ("/shop", "/shop/a", b"/shop/a")),
        ("/shop/", "/", ("/shop", "/shop/", b"/shop/")),
        ("/shop", "/mount/a", ("/shop/mount", "/shop/mount/a", b"/shop/mount/a")),
        ("/r o/ö", "/a", ("/r o/ö", "/r o/ö/a", b"/r%20o/%C3%B6/a")),
    ],
)
def test_root_path(serve: Serve, root_path: str, target: str, expected: tuple[str, str, bytes]) -> None:
    """`root_path` is what a proxy has taken off and the mount; the paths begin with it."""
    server = serve(*MOUNTS, root_path=root_path, **BOTH)
    for version in VERSIONS:
        scope = scope_of(server, version, target)
        assert (scope["root_path"], scope["path"], scope["raw_path"]) == expected


def test_headers(server: ServerProcess, version: Version) -> None:
    """Headers are pairs of bytes with names in lower case, in their order, each as often as it came.

    Cookies that HTTP/2 has taken apart are put together again (RFC 9113 section 8.2.3).
    """
    lines = ("B: 2", "a: 1", "X-Mixed: \xe9  x", "cookie: a=1", "A:3", "Cookie: b=2", "Empty:", "B:\t2 ")
    first, second = ([b"a=1"], [b"b=2"]) if version == "1.1" else ([b"a=1; b=2"], [])
    assert scope_of(server, version, "/", *lines)["headers"] == [
        (b"host", b"x"),
        (b"b", b"2"),
        (b"a", b"1"),
        (b"x-mixed", b"\xe9  x"),
        *((b"cookie", value) for value in first),
        (b"a", b"3"),
        *((b"cookie", value) for value in second),
        (b"empty", b""),
        (b"b", b"2"),
    ]


def test_host_of_an_absolute_target(server: ServerProcess) -> None:
    """The authority of the target takes the place of Host, at the start (RFC 9112 section 3.2.2)."""
    scope = scope_of_bytes(server, get("http://y:8/", "A: 1", CLOSE))
    assert scope["headers"] == [(b"host", b"y:8"), (b"a", b"1"), (b"connection", b"close")]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_addresses(serve: Serve, host: str) -> None:
    """`client` and `server` are host and port of the two ends, with IPv4 and IPv6."""
    server = serve("asgi_scopes", host=host, **BOTH)
    for version in VERSIONS:
        with socket.create_connection((host, server.port), timeout=DEADLINE) as client:
            port = client.getsockname()[1]
            scope = parse(CONNECTIONS[version](client).ask("/").body.decode())
        assert (scope["client"], scope["server"]) == ((host, port), (host, server.port))


def test_server_is_where_the_client_came_to(serve: Serve) -> None:
    """A server on all addresses tells the one that the client has connected to."""
    server = serve("asgi_scopes", host="0.0.0.0")
    assert scope_of(server, "1.1")["server"] == ("127.0.0.1", server.port)


def test_addresses_on_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    """On a Unix socket there is no address of the client, and `server` is the path and None."""
    path = tmp_path / "s"
    serve("asgi_scopes", uds=path, **BOTH)
    for version in VERSIONS:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(DEADLINE)
            client.connect(str(path))
            scope = parse(CONNECTIONS[version](client).ask("/").body.decode())
        assert (scope["client"], scope["server"]) == (None, (str(path), None))
    with unix_connect(str(path), "ws://x/", open_timeout=DEADLINE, compression=None) as websocket:
        scope = parse(str(websocket.recv(DEADLINE)))
    assert (scope["client"], scope["server"]) == (None, (str(path), None))


def test_state(server: ServerProcess, version: Version) -> None:
    """`state` is a shallow copy of the lifespan's, for each request: values are shared, keys are not."""
    for _ in range(2):
        assert scope_of(server, version)["state"] == {"number": 1, "shared": ["from the lifespan"]}


def test_state_without_lifespan(serve: Serve) -> None:
    """Without a lifespan `state` is there, and empty: the server supports it."""
    server = serve("asgi_scopes", lifespan="off")
    for _ in range(2):
        assert scope_of(server, "1.1")["state"] == {}


def test_extensions(server: ServerProcess, version: Version) -> None:
    """`tls` must not be there in clear; that the server stops can be seen."""
    extensions = scope_of(server, version)["extensions"]
    assert "tls" not in extensions
    assert "websocket.http.response" not in extensions
    assert extensions["hybrid.shutdown"] == "ShutdownNotice"


# WebSocket connection scope.


def test_websocket_keys(server: ServerProcess, version: Version) -> None:
    """The scope of a WebSocket has subprotocols in place of the method, and else the same keys; below a mount
    there is its pattern too.
    """
    url = f"ws://127.0.0.1:{server.port}/mount/caf%C3%A9?a=%20"
    if version == "1.1":
        scope = websocket_scope_of(url, subprotocols=[Subprotocol("one"), Subprotocol("two")])
        assert (b"upgrade", b"websocket") in scope["headers"]
    else:
        with http2(server) as client:
            scope = websocket_scope_on(client, "/mount/caf%C3%A9?a=%20", subprotocols=["one", "two"])
        assert not {b"upgrade", b"connection", b"sec-websocket-key"} & dict(scope["headers"]).keys()
    types = {**KEYS, "subprotocols": list, "hybrid.route": str}
    del types["method"]
    assert {key: type(value) for key, value in scope.items()} == types
    assert scope["hybrid.route"] == "/mount"
    assert (scope["type"], scope["scheme"], scope["http_version"]) == ("websocket", "ws", version)
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["path"], scope["raw_path"]) == ("/mount/café", b"/mount/caf%C3%A9")
    assert (scope["query_string"], scope["root_path"]) == (b"a=%20", "/mount")
    assert scope["subprotocols"] == ["one", "two"]
    assert scope["server"] == ("127.0.0.1", server.port)
    assert scope["client"][0] == "127.0.0.1"
    assert scope["state"] == {"number": 1, "shared": ["from the lifespan"]}
    assert scope["extensions"]["websocket.http.response"] == {}


def test_websocket_without_subprotocols(server: ServerProcess) -> None:
    """What was not offered is an empty list."""
    assert websocket_scope_of(f"ws://127.0.0.1:{server.port}/")["subprotocols"] == []


# Lifespan scope.


def test_lifespan_scope(server: ServerProcess) -> None:
    """The scope of the lifespan says its own version of the specification, and has an empty state."""
    scope = scope_of(server, "1.1", "/lifespan")
    assert scope == {
        "type": "lifespan",
        "asgi": {"version": "3.0", "spec_version": "2.0"},
        "state": {},
        "extensions": {"hybrid.shutdown": "ShutdownNotice"},
    }


# TLS extension.


def test_tls(serve: Serve, authority: Authority) -> None:
    """Under TLS the scheme is https or wss, and `tls` has every key of its specification, of its type."""
    server = serve(
        "asgi_scopes",
        ssl_certfile=authority.folder / "server.pem",
        ssl_ca_certs=authority.file,
        ssl_cert_reqs=1,
        http="auto",
    )
    own = authority.client_context(authority.issue("client", "jo@example.org", common_name="Jo"))
    with (
        socket.create_connection(("127.0.0.1", server.port), DEADLINE) as plain,
        own.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        http = parse(CONNECTIONS["1.1"](client).ask("/").body.decode())
    websocket = websocket_scope_of(f"wss://localhost:{server.port}/", ssl=own)
    with connect2(server, own) as client:
        connection = Connection2(client)
        http2 = parse(connection.ask("/").body.decode())
        websocket2 = websocket_scope_on(connection.client)
    scopes = [http, websocket, http2, websocket2]
    assert [scope["scheme"] for scope in scopes] == ["https", "wss", "https", "wss"]
    for scope in scopes:
        tls = scope["extensions"]["tls"]
        assert ssl.PEM_cert_to_DER_cert(tls.pop("server_cert")) == der_of(authority.folder / "server.pem")
        (certificate, *_) = tls.pop("client_cert_chain")
        assert ssl.PEM_cert_to_DER_cert(certificate) == der_of(authority.folder / "client.pem")
        assert tls.pop("client_cert_name").startswith("CN=Jo,")
        assert tls.pop("client_cert_error") is None
        assert tls.pop("tls_version") == 0x0304
        assert tls.pop("cipher_suite") in (0x1301, 0x1302, 0x1303)
        assert tls == {}
