"""The scopes that applications are given by a real process, in the order of the ASGI specification: the HTTP
and WebSocket format 2.5, the lifespan 2.0, the TLS extension 0.2.
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
from tests.support.http_peer import get, read_responses, request
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
    with start_server(*MOUNTS, cwd=folder, access_log=False, loop=loop) as server:
        yield server
        check_quiet(server)


def parse(shown: str) -> dict[str, Any]:
    """Read a scope as the application has written it; it must be a dict."""
    kind, scope = ast.literal_eval(shown)
    assert kind == "dict"
    return dict(scope)


def scope_of(server: ServerProcess, data: bytes) -> dict[str, Any]:
    """Send a request, and return the scope that comes back."""
    (response,) = read_responses(raw(server.port, data), closed=True)
    assert response.status == 200
    return parse(response.body.decode())


def websocket_scope_of(url: str, **options: Any) -> dict[str, Any]:
    """Open a WebSocket, and return the scope that comes back."""
    with connect(url, open_timeout=DEADLINE, compression=None, proxy=None, **options) as client:
        return parse(str(client.recv(DEADLINE)))


# HTTP connection scope.


def test_http_keys(server: ServerProcess) -> None:
    """Each key has a value of the type that the specification names; `asgi` says the versions."""
    scope = scope_of(server, get("/", CLOSE))
    assert {key: type(value) for key, value in scope.items()} == KEYS
    assert scope["type"] == "http"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("1.1", "GET", "http")


def test_each_scope_is_its_own(server: ServerProcess) -> None:
    """What an application does to its scope reaches no other one, not even on the same connection."""
    data = raw(server.port, get("/") + get("/") + get("/", CLOSE))
    first, second, third = (
        parse(response.body.decode()) for response in read_responses(data, "GET", "GET", "GET", closed=True)
    )
    assert first == second == {**third, "headers": first["headers"]}
    assert third["headers"] == [(b"host", b"x"), (b"connection", b"close")]
    assert "spoilt" not in repr(first)


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH"])
def test_method(server: ServerProcess, method: str) -> None:
    """Any method reaches the application as it is."""
    assert scope_of(server, request(method, "/", CLOSE))["method"] == method


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_http_version(server: ServerProcess, version: str) -> None:
    """The version is the client's."""
    assert scope_of(server, get("/", CLOSE, version=version))["http_version"] == version


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
    ("http://y", "/", b"/", b""),
    ("http://y/a%20b?c", "/a b", b"/a%20b", b"c"),
    ("http://y?c", "/", b"/", b"c"),
]


@pytest.mark.parametrize(("target", "path", "raw_path", "query"), TARGETS, ids=[each[0] for each in TARGETS])
def test_target(server: ServerProcess, target: str, path: str, raw_path: bytes, query: bytes) -> None:
    """`path` is decoded once and as UTF-8, `raw_path` and `query_string` are as they came; nothing is
    normalised.
    """
    scope = scope_of(server, get(target, CLOSE))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_path, query)


def test_asterisk(server: ServerProcess) -> None:
    """A request about the server has the path of its target."""
    scope = scope_of(server, request("OPTIONS", "*", CLOSE))
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
    server = serve(*MOUNTS, root_path=root_path)
    scope = scope_of(server, get(target, CLOSE))
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == expected


def test_headers(server: ServerProcess) -> None:
    """Headers are pairs of bytes with names in lower case, in their order, each as often as it came."""
    lines = (
        "B: 2",
        "a: 1",
        "X-Mixed: \xe9  x",
        "cookie: a=1",
        "A:3",
        "Cookie: b=2",
        "Empty:",
        "B:\t2 ",
        CLOSE,
    )
    scope = scope_of(server, get("/", *lines))
    assert scope["headers"] == [
        (b"host", b"x"),
        (b"b", b"2"),
        (b"a", b"1"),
        (b"x-mixed", b"\xe9  x"),
        (b"cookie", b"a=1"),
        (b"a", b"3"),
        (b"cookie", b"b=2"),
        (b"empty", b""),
        (b"b", b"2"),
        (b"connection", b"close"),
    ]


def test_host_of_an_absolute_target(server: ServerProcess) -> None:
    """The authority of the target takes the place of Host, at the start (RFC 9112 section 3.2.2)."""
    scope = scope_of(server, get("http://y:8/", "A: 1", CLOSE))
    assert scope["headers"] == [(b"host", b"y:8"), (b"a", b"1"), (b"connection", b"close")]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_addresses(serve: Serve, host: str) -> None:
    """`client` and `server` are host and port of the two ends, with IPv4 and IPv6."""
    server = serve("asgi_scopes", host=host)
    with socket.create_connection((host, server.port), timeout=DEADLINE) as client:
        port = client.getsockname()[1]
        client.sendall(get("/", CLOSE))
        data = b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(data, closed=True)
    scope = parse(response.body.decode())
    assert (scope["client"], scope["server"]) == ((host, port), (host, server.port))


def test_server_is_where_the_client_came_to(serve: Serve) -> None:
    """A server on all addresses tells the one that the client has connected to."""
    server = serve("asgi_scopes", host="0.0.0.0")
    assert scope_of(server, get("/", CLOSE))["server"] == ("127.0.0.1", server.port)


def test_addresses_on_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    """On a Unix socket there is no address of the client, and `server` is the path and None."""
    path = tmp_path / "s"
    serve("asgi_scopes", uds=path)
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(str(path))
        client.sendall(get("/", CLOSE))
        data = b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(data, closed=True)
    scope = parse(response.body.decode())
    assert (scope["client"], scope["server"]) == (None, (str(path), None))
    with unix_connect(str(path), "ws://x/", open_timeout=DEADLINE, compression=None) as websocket:
        scope = parse(str(websocket.recv(DEADLINE)))
    assert (scope["client"], scope["server"]) == (None, (str(path), None))


def test_state(server: ServerProcess) -> None:
    """`state` is a shallow copy of the lifespan's, for each request: values are shared, keys are not."""
    for _ in range(2):
        assert scope_of(server, get("/", CLOSE))["state"] == {"number": 1, "shared": ["from the lifespan"]}


def test_state_without_lifespan(serve: Serve) -> None:
    """Without a lifespan `state` is there, and empty: the server supports it."""
    server = serve("asgi_scopes", lifespan="off")
    for _ in range(2):
        assert scope_of(server, get("/", CLOSE))["state"] == {}


def test_extensions(server: ServerProcess) -> None:
    """`tls` must not be there in clear; that the server stops can be seen."""
    extensions = scope_of(server, get("/", CLOSE))["extensions"]
    assert "tls" not in extensions
    assert "websocket.http.response" not in extensions
    assert extensions["hybrid.shutdown"] == "ShutdownNotice"


# WebSocket connection scope.


def test_websocket_keys(server: ServerProcess) -> None:
    """The scope of a WebSocket has subprotocols in place of the method, and else the same keys."""
    url = f"ws://127.0.0.1:{server.port}/mount/caf%C3%A9?a=%20"
    scope = websocket_scope_of(url, subprotocols=[Subprotocol("one"), Subprotocol("two")])
    types = {**KEYS, "subprotocols": list}
    del types["method"]
    assert {key: type(value) for key, value in scope.items()} == types
    assert (scope["type"], scope["scheme"], scope["http_version"]) == ("websocket", "ws", "1.1")
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.5"}
    assert (scope["path"], scope["raw_path"]) == ("/mount/café", b"/mount/caf%C3%A9")
    assert (scope["query_string"], scope["root_path"]) == (b"a=%20", "/mount")
    assert scope["subprotocols"] == ["one", "two"]
    assert scope["server"] == ("127.0.0.1", server.port)
    assert scope["client"][0] == "127.0.0.1"
    assert (b"upgrade", b"websocket") in scope["headers"]
    assert scope["state"] == {"number": 1, "shared": ["from the lifespan"]}
    assert scope["extensions"]["websocket.http.response"] == {}


def test_websocket_without_subprotocols(server: ServerProcess) -> None:
    """What was not offered is an empty list."""
    assert websocket_scope_of(f"ws://127.0.0.1:{server.port}/")["subprotocols"] == []


# Lifespan scope.


def test_lifespan_scope(server: ServerProcess) -> None:
    """The scope of the lifespan says its own version of the specification, and has an empty state."""
    scope = scope_of(server, get("/lifespan", CLOSE))
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
    )
    own = authority.client_context(authority.issue("client", "jo@example.org", common_name="Jo"))
    with (
        socket.create_connection(("127.0.0.1", server.port), DEADLINE) as plain,
        own.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        cipher = client.cipher()
        client.sendall(get("/", CLOSE))
        data = b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(data, closed=True)
    http = parse(response.body.decode())
    websocket = websocket_scope_of(f"wss://localhost:{server.port}/", ssl=own)
    assert (http["scheme"], websocket["scheme"]) == ("https", "wss")
    assert cipher is not None
    for scope in (http, websocket):
        tls = scope["extensions"]["tls"]
        assert ssl.PEM_cert_to_DER_cert(tls.pop("server_cert")) == der_of(authority.folder / "server.pem")
        (certificate, *_) = tls.pop("client_cert_chain")
        assert ssl.PEM_cert_to_DER_cert(certificate) == der_of(authority.folder / "client.pem")
        assert tls.pop("client_cert_name").startswith("CN=Jo,")
        assert tls.pop("client_cert_error") is None
        assert tls.pop("tls_version") == 0x0304
        assert tls.pop("cipher_suite") in (0x1301, 0x1302, 0x1303)
        assert tls == {}
