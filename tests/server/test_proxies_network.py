"""A proxy in front of a real server: what ASGI, WSGI and WebSocket applications, and the log, see of it."""

import contextlib
import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

import pytest
from websockets.sync.client import connect

from tests.support.process import ServerProcess, start_server
from tests.support.sockets import DEADLINE

TARGETS: Final = ("/wsgi=origins:wsgi", "origins:asgi")
KINDS: Final = ("asgi", "wsgi", "websocket")
ALL: Final = "for,proto,host,port,prefix"
#: What a server is told, by the name of the server.
SERVERS: Final[dict[str, dict[str, Any]]] = {
    "trusted": {"forwarded_fields": ALL},
    "rfc7239": {"forwarded_fields": ALL, "forwarded_family": "forwarded"},
    "stranger": {"forwarded_fields": ALL, "forwarded_allow_ips": "192.0.2.1,10.0.0.0/8,unix"},
    "forwarder": {"forwarder_headers": "REMOTE_USER,SCRIPT_NAME"},
    "dangerous": {"header_map": "dangerous", "forwarded_allow_ips": "none"},
}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ServerProcess]]:
    """Start them all."""
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(start_server(*TARGETS, cwd=tmp_path_factory.mktemp(name), **options))
            for name, options in SERVERS.items()
        }


def ask(server: ServerProcess, kind: str, fields: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what an application tells of a request."""
    if kind == "websocket":
        with connect(
            f"ws://127.0.0.1:{server.port}/x", additional_headers=fields, proxy=None, open_timeout=DEADLINE
        ) as connection:
            told: dict[str, Any] = json.loads(connection.recv(DEADLINE))
            return told
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as client:
        for _ in range(2):  # the second time the server knows the fields
            client.putrequest("GET", "/wsgi/x" if kind == "wsgi" else "/x")
            for name, value in fields:
                client.putheader(name, value)
            client.endheaders()
            told = json.loads(client.getresponse().read())
    return told


def log_of(folder: Path) -> IO[bytes]:
    """Open the file for the access log."""
    return (folder / "log").open("wb")


def get(field: str, target: str = "/x") -> bytes:
    """Write the only request of a connection."""
    return f"GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{field}\r\n\r\n".encode()


FORGED: Final = [
    ("X-Forwarded-For", "6.6.6.6"),
    ("X-Forwarded-For", "127.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Forwarded-Host", "evil.example"),
    ("X-Forwarded-Port", "666"),
    ("X-Forwarded-Prefix", "/evil"),
    ("X-Forwarded-Ssl", "on"),
    ("X-Real-IP", "6.6.6.6"),
    ("Forwarded", "for=6.6.6.6;proto=https;host=evil.example"),
    ("X_Forwarded_For", "6.6.6.6"),
    ("X_Forwarded_Proto", "https"),
    ("Remote_Addr", "6.6.6.6"),
    ("Remote_User", "admin"),
    ("Script_Name", "/evil"),
    ("Path_Info", "/evil"),
]


@pytest.mark.parametrize("fields", [[each] for each in FORGED] + [FORGED], ids=lambda fields: fields[0][0])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["stranger", "dangerous"])
def test_spoofed(
    servers: dict[str, ServerProcess], name: str, kind: str, fields: list[tuple[str, str]]
) -> None:
    """From whoever is not listed nothing changes where a request came from, in any kind of application."""
    server = servers[name]
    told = ask(server, kind, fields)
    assert told["client"][0] == "127.0.0.1"
    assert told["client"][1] not in (0, 666)
    assert told["scheme"] == "http"
    assert told["server"] == ["127.0.0.1", server.port]
    assert (told["root"], told["path"]) == ("", "/x")
    assert told["host"] == f"127.0.0.1:{server.port}"
    underscored = {key.lower() for key, _ in fields if "_" in key} & told["fields"].keys()
    if name == "stranger":
        dashed = {key.lower().replace("-", "_") for key, _ in fields if "_" not in key}
        assert underscored <= dashed


@pytest.mark.parametrize("kind", KINDS)
def test_x_forwarded(servers: dict[str, ServerProcess], kind: str) -> None:
    """Everything that a trusted proxy says, in any kind of application."""
    fields = [
        ("X-Forwarded-For", "6.6.6.6, 198.51.100.1:70"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "a.example"),
        ("X-Forwarded-Prefix", "/p"),
        ("Forwarded", "for=6.6.6.6;proto=http;host=evil.example"),
    ]
    told = ask(servers["trusted"], kind, fields)
    assert told.pop("fields")["x_forwarded_for"].replace(" ", "") in (
        "127.0.0.1",
        "6.6.6.6,198.51.100.1:70,127.0.0.1",
    )
    assert told == {
        "client": ["198.51.100.1", 70],
        "scheme": "https",
        "server": ["a.example", 443],
        "root": "/p",
        "path": "/x",
        "host": "a.example",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_forwarded(servers: dict[str, ServerProcess], kind: str) -> None:
    """The same in RFC 7239's words, where the others are not looked at."""
    fields = [
        ("Forwarded", 'for=6.6.6.6, for="[2001:db8::1]:70";proto=https;host="a.example:444"'),
        *((f"X-Forwarded-{name}", value) for name, value in (("For", "6.6.6.6"), ("Prefix", "/evil"))),
    ]
    told = ask(servers["rfc7239"], kind, fields)
    del told["fields"]
    assert told == {
        "client": ["2001:db8::1", 70],
        "scheme": "https",
        "server": ["a.example", 444],
        "root": "",
        "path": "/x",
        "host": "a.example:444",
    }


@pytest.mark.parametrize("kind", KINDS)
def test_names_with_underscores(servers: dict[str, ServerProcess], kind: str) -> None:
    """A trusted proxy may send those that are listed, and SCRIPT_NAME says where the application is."""
    fields = [("Remote_User", "me"), ("X_Forwarded_For", "6.6.6.6"), ("Script_Name", "/x")]
    told = ask(servers["forwarder"], kind, fields)
    assert told["fields"]["remote_user"] == "me"
    assert "x_forwarded_for" not in told["fields"]
    if kind != "wsgi":  # where the path begins with something else
        assert (told["root"], told["path"]) == ("/x", "")


HANDSHAKE: Final = [
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
]


@pytest.mark.parametrize(("name", "scheme"), [("trusted", "https"), ("stranger", "http")])
def test_websocket_of_a_wsgi_application(servers: dict[str, ServerProcess], name: str, scheme: str) -> None:
    """A handshake that reaches a WSGI application says the same as any request."""
    fields = [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "198.51.100.1:70")]
    told = ask(servers[name], "wsgi", [*HANDSHAKE, *fields])
    assert told["scheme"] == scheme
    assert (told["client"] == ["198.51.100.1", 70]) is (name == "trusted")


def test_names_with_underscores_in_environ(servers: dict[str, ServerProcess]) -> None:
    """Where everything is let through, both names become one variable, which is the danger."""
    told = ask(servers["dangerous"], "wsgi", [("X-User", "true"), ("X_User", "forged")])
    assert told["fields"]["x_user"] == "true,forged"


def test_access_log(tmp_path: Path) -> None:
    """The log names the client that the proxy names."""
    with log_of(tmp_path) as stdout, start_server(*TARGETS, cwd=tmp_path, stdout=stdout) as server:
        for kind in KINDS:
            ask(server, kind, [("X-Forwarded-For", "198.51.100.7:70")])
    log = (tmp_path / "log").read_text()
    for what in ('/x HTTP/1.1" 200', '/wsgi/x HTTP/1.1" 200', '/x HTTP/1.1" 101'):
        assert f'198.51.100.7:70 - "GET {what}' in log


@pytest.mark.parametrize("listed", ["", "127.0.0.1"])
def test_unix_socket(tmp_path: Path, listed: str) -> None:
    """A proxy on a Unix socket is believed by default, and not if others are listed."""
    path = tmp_path / "app.sock"
    options: dict[str, Any] = {"forwarded_allow_ips": listed} if listed else {}
    with start_server(*TARGETS, cwd=tmp_path, uds=path, **options), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(str(path))
        client.sendall(
            b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n"
        )
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["client"] == (None if listed else ["198.51.100.1", 0])


def test_environment(tmp_path: Path) -> None:
    """FORWARDED_ALLOW_IPS is uvicorn's and gunicorn's variable; the option goes before it."""
    cases: list[tuple[dict[str, Any], bool]] = [({}, False), ({"forwarded_allow_ips": "127.0.0.0/8"}, True)]
    for options, believed in cases:
        env = {"FORWARDED_ALLOW_IPS": "192.0.2.1"}
        with start_server(*TARGETS, cwd=tmp_path, env=env, **options) as server:
            told = ask(server, "asgi", [("X-Forwarded-For", "198.51.100.1")])
            assert (told["client"] == ["198.51.100.1", 0]) is believed


def test_proxy_protocol(tmp_path: Path) -> None:
    """The client that the header names is the one of every kind of application, and of the log."""
    header = b"PROXY TCP4 198.51.100.1 203.0.113.1 70 443\r\n"
    options: dict[str, Any] = {"proxy_protocol": "v1"}
    with log_of(tmp_path) as stdout, start_server(*TARGETS, cwd=tmp_path, stdout=stdout, **options) as server:
        for target in ("/x", "/wsgi/x"):
            with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
                client.sendall(header + get("X-Forwarded-For: 6.6.6.6", target))
                answer = b"".join(iter(lambda client=client: client.recv(65536), b""))  # type: ignore[misc]
            told = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert (told["client"], told["server"]) == (["198.51.100.1", 70], ["203.0.113.1", 443])
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
            client.sendall(header)
            url = f"ws://127.0.0.1:{server.port}/x"
            with connect(url, sock=client, proxy=None, open_timeout=DEADLINE) as connection:
                assert json.loads(connection.recv(DEADLINE))["client"] == ["198.51.100.1", 70]
    log = (tmp_path / "log").read_text()
    for what in ('/x HTTP/1.1" 200', '/wsgi/x HTTP/1.1" 200', '/x HTTP/1.1" 101'):
        assert f'198.51.100.1:70 - "GET {what}' in log
