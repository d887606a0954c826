"""A request means the same on both lanes: who sent it, to which path, with which body."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.django_desk import desk
from tests.support.process import DEADLINE, ServerProcess

#: What META has on one lane alone, or with another value, and why.
DIFFERENT = {
    "hybrid.disconnected": "whether the client has left; the asgi lane cancels the view",
    "wsgi.early_hints": "an ASGI application sends early hints by a message",
    "wsgi.input": "the body, each request's own",
    "hybrid.scope": "the scope, each request's own",
    "REMOTE_PORT": "each connection's own",
    "PATH_INFO": "the path that was asked for",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the project behind a proxy on this machine."""
    with desk(tmp_path_factory.mktemp("desk")) as server:
        yield server


def told(server: ServerProcess, target: str, *fields: str) -> dict[str, Any]:
    """Ask with exactly these fields, and return what the view tells."""
    lines = (f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *fields, "", "")
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall("\r\n".join(lines).encode("latin-1"))
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), answer
    found: dict[str, Any] = json.loads(body)
    return found


def both(server: ServerProcess, query: str = "", *fields: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask a view on each lane for all about its request."""
    return told(server, f"/meta{query}", *fields), told(server, f"/async/meta{query}", *fields)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", ()),
        ("?a=1&b=%C3%A9&b=2", ("Cookie: a=b", "Cookie: c=d", "Accept: text/html", "Accept: */*")),
        ("?latin=%E9", ("X-Latin: \xe9", "Cookie: name=\xe9")),
        ("", ("X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example")),
        (
            "",
            (
                "X_User: admin",
                "Remote_User: admin",
                "Proxy: evil",
                "Content-Type: text/plain; charset=latin-1",
            ),
        ),
    ],
    ids=["plain", "repeated", "latin", "forwarded", "underscores"],
)
def test_meta_is_the_same_on_both_lanes(server: ServerProcess, query: str, fields: tuple[str, ...]) -> None:
    """Keys, types and values, but for what is listed."""
    wsgi, asgi = both(server, query, *fields)
    keys = wsgi["META"].keys() | asgi["META"].keys()
    different = {key for key in keys if wsgi["META"].get(key) != asgi["META"].get(key)}
    assert different <= DIFFERENT.keys()
    for key in ("scheme", "GET", "cookies", "has_environ"):
        assert wsgi[key] == asgi[key], key
    assert wsgi["META"]["REMOTE_PORT"][0] == asgi["META"]["REMOTE_PORT"][0] == "str"
    assert asgi["uri"] == wsgi["uri"].replace("/meta", "/async/meta")


def test_all_that_is_listed_does_differ(server: ServerProcess) -> None:
    """The list is no longer than it has to be."""
    wsgi, asgi = (each["META"] for each in both(server))
    assert {key for key in DIFFERENT if wsgi.get(key) == asgi.get(key)} == set()


def test_a_proxy_that_is_believed_says_who_the_client_is(server: ServerProcess) -> None:
    """And the scheme; on both lanes."""
    for each in both(server, "", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https"):
        assert (each["META"]["REMOTE_ADDR"], each["scheme"]) == (["str", "9.9.9.9"], "https")


def test_a_client_that_is_no_proxy_is_not_believed(tmp_path: Path) -> None:
    """On neither lane."""
    with desk(tmp_path, forwarded_allow_ips="none") as server:
        for each in both(server, "", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https"):
            assert (each["META"]["REMOTE_ADDR"], each["scheme"]) == (["str", "127.0.0.1"], "http")


@pytest.mark.parametrize("variable", [{}, {"DESK_SCRIPT_NAME": "/shop"}], ids=["root path", "setting"])
def test_a_prefix_is_the_same_on_both_lanes(tmp_path: Path, variable: dict[str, str]) -> None:
    """Whether the server or FORCE_SCRIPT_NAME says it, it is no part of the path that is looked up."""
    with desk(tmp_path, env=variable, root_path="" if variable else "/shop") as server:
        wsgi, asgi = both(server)
        for each, path in ((wsgi, "/meta"), (asgi, "/async/meta")):
            assert each["META"]["SCRIPT_NAME"] == ["str", "/shop"]
            assert (each["path_info"], each["path"]) == (path, f"/shop{path}")


def test_a_path_that_is_no_text_is_the_same_on_both_lanes(tmp_path: Path) -> None:
    """Its bytes are quoted again, as Django does it under WSGI."""
    (tmp_path / "hybrid.toml").write_text('[lanes]\n"/any/asgi*" = "asgi"\n', encoding="utf-8")
    with desk(tmp_path, env={"DESK_URLS": "tests.apps.django_desk.paths", "DESK_DEBUG": "1"}) as server:
        for lane in ("wsgi", "asgi"):
            found = httpx.get(f"{server.url}/any/{lane}/%FF/%C3%A9", timeout=DEADLINE)
            assert found.headers["x-hybrid-lane"].startswith(lane)
            assert found.json()["path"] == f"/any/{lane}/%FF/\u00e9"


@pytest.mark.parametrize("path", ["/body", "/async/body"])
def test_bodies_arrive_whole_however_they_are_sent(server: ServerProcess, path: str) -> None:
    """With a length, in chunks, and too large for memory; chunks have the length that they came to."""
    size = 300_000
    url = f"{server.url}{path}"
    assert httpx.post(url, content=b"x" * 5, timeout=DEADLINE).json() == {"size": 5, "length": "5"}
    chunks = iter([b"x" * 1000] * (size // 1000))
    assert httpx.post(url, content=chunks, timeout=DEADLINE).json() == {"size": size, "length": str(size)}
    assert httpx.get(url, timeout=DEADLINE).json() == {"size": 0, "length": None}


@pytest.mark.parametrize("path", ["/body", "/async/body"])
def test_a_body_that_is_too_large_is_refused(tmp_path: Path, path: str) -> None:
    """For its length at once, and in chunks when it has become so large."""
    with desk(tmp_path, limit_request_body=1000) as server:
        url = f"{server.url}{path}"
        assert httpx.post(url, content=b"x" * 1001, timeout=DEADLINE).status_code == 413
        assert httpx.post(url, content=iter([b"x" * 600] * 2), timeout=DEADLINE).status_code == 413
        assert httpx.post(url, content=b"x" * 1000, timeout=DEADLINE).json()["size"] == 1000


# Remote-User and its kin: under ASGI alone, Django believes anybody.

REMOTE_USER = {"DESK_MIDDLEWARE": "django.contrib.auth.middleware.RemoteUserMiddleware"}
OWN_HEADER = {"DESK_MIDDLEWARE": "tests.apps.django_desk.middleware.OwnRemoteUser"}
NOBODY = {"user": "AnonymousUser", "META": {}}


def whoever(server: ServerProcess, *fields: str) -> list[dict[str, Any]]:
    """Ask both lanes who has signed in."""
    return [told(server, path, *fields) for path in ("/who", "/async/who")]


@pytest.mark.parametrize("env", [{}, REMOTE_USER, OWN_HEADER], ids=["none", "remote user", "own header"])
def test_nobody_says_by_a_field_who_has_signed_in(tmp_path: Path, env: dict[str, str]) -> None:
    """Not even a proxy that is believed, as it passes on what it does not know; on neither lane."""
    fields = ("Remote-User: ida", "Remote_User: ida", "X-Own-User: ida", "HTTP-X-Own-User: ida")
    with desk(tmp_path, env=env) as server:
        for field in fields[:2] if env is not OWN_HEADER else fields:
            assert whoever(server, field) == [NOBODY, NOBODY], field


@pytest.mark.parametrize(
    ("env", "name", "field"),
    [
        (REMOTE_USER, "REMOTE_USER", "Remote-User"),
        (REMOTE_USER, "REMOTE_USER", "REMOTE_USER"),
        (OWN_HEADER, "X_OWN_USER", "X-Own-User"),
    ],
)
def test_a_proxy_that_sets_the_field_is_believed(
    tmp_path: Path, env: dict[str, str], name: str, field: str
) -> None:
    """Where the settings say that it does, and it says it once; on both lanes alike."""
    with desk(tmp_path, env=env, forwarder_headers=name) as server:
        first, second = whoever(server, f"{field}: ida")
        assert first == second
        assert first["user"] == "ida"
        assert whoever(server, f"{field}: ida", f"{field}: eve") == [NOBODY, NOBODY]
    with desk(tmp_path, env=env, forwarder_headers=name, forwarded_allow_ips="none") as server:
        assert whoever(server, f"{field}: ida") == [NOBODY, NOBODY]
