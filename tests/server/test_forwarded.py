"""What applications see of what proxies say, on one connection."""

import logging
from typing import Any

import pytest

from hybrid.bridge.types import Scope
from tests.support.http_peer import Peer, Puppet, get, on_loop, request, settle

ALL = "for,proto,host,port,prefix"
PEER = ("192.0.2.1", 50000)
SERVER = ("192.0.2.2", 80)
SHOWN = ("client", "scheme", "server", "root_path", "path", "raw_path")
UNTOUCHED = {
    "client": PEER,
    "scheme": "http",
    "server": SERVER,
    "root_path": "",
    "path": "/x",
    "raw_path": b"/x",
    "host": b"x",
}


async def scope_of(*fields: str, target: str = "/x", **settings: Any) -> Scope:
    """Return the scope of a request from 192.0.2.1, which is trusted unless the settings say otherwise."""
    puppet = Puppet()
    peer = Peer(puppet, **{"forwarded_allow_ips": "192.0.2.0/24", "forwarded_fields": ALL, **settings})
    await peer.send(get(target, *fields))
    scope = puppet.call.scope
    await puppet.call.answer()
    return scope


def shown(scope: Scope) -> dict[str, Any]:
    """Return what proxies can change."""
    return {**{name: scope[name] for name in SHOWN}, "host": dict(scope["headers"]).get(b"host")}


def different(scope: Scope) -> dict[str, Any]:
    """Return what is not as it would be without a proxy."""
    return {name: value for name, value in shown(scope).items() if value != UNTOUCHED[name]}


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        (["X-Forwarded-For: 198.51.100.1"], {"client": ("198.51.100.1", 0)}),
        (["X-Forwarded-For: 6.6.6.6, 198.51.100.1:70"], {"client": ("198.51.100.1", 70)}),
        (["X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 192.0.2.9"], {"client": ("198.51.100.1", 0)}),
        (["X-Forwarded-For: [2001:DB8::1]:70"], {"client": ("2001:db8::1", 70)}),
        (["X-Forwarded-For: unknown"], {}),
        (["X-Forwarded-Proto: https"], {"scheme": "https"}),
        (["X-Forwarded-Proto: WSS"], {"scheme": "https"}),
        (["X-Forwarded-Proto: ftp"], {}),
        (["X-Forwarded-Host: a.example"], {"host": b"a.example", "server": ("a.example", 80)}),
        (["X-Forwarded-Host: a.example:81"], {"host": b"a.example:81", "server": ("a.example", 81)}),
        (["X-Forwarded-Host: [::1]:81"], {"host": b"[::1]:81", "server": ("::1", 81)}),
        (["X-Forwarded-Host: a b"], {}),
        (["X-Forwarded-Host: "], {}),
        (["X-Forwarded-Port: 81"], {"host": b"x:81", "server": ("x", 81)}),
        (["X-Forwarded-Port: 0"], {}),
        (["X-Forwarded-Port: 80"], {"server": ("x", 80)}),
        (
            ["X-Forwarded-Port: 443", "X-Forwarded-Proto: https", "X-Forwarded-Host: a.example:81"],
            {"scheme": "https", "host": b"a.example", "server": ("a.example", 443)},
        ),
        (
            ["X-Forwarded-Proto: https", "X-Forwarded-Host: a.example"],
            {"scheme": "https", "host": b"a.example", "server": ("a.example", 443)},
        ),
        (["X-Forwarded-Prefix: /p/"], {"root_path": "/p", "path": "/p/x", "raw_path": b"/p/x"}),
        (
            ["X-Forwarded-Prefix: /caf%C3%A9"],
            {"root_path": "/café", "path": "/café/x", "raw_path": b"/caf%C3%A9/x"},
        ),
        (["X-Forwarded-Prefix: /"], {}),
        (["X-Forwarded-Prefix: /../p"], {}),
        (["X-Forwarded-Prefix: //evil.example"], {}),
        (["Forwarded: for=6.6.6.6;proto=https;host=evil"], {}),
    ],
)
@on_loop
async def test_x_forwarded(fields: list[str], changes: dict[str, Any]) -> None:
    """Each field has its effect; one that makes no sense has none, nor has the other family."""
    assert different(await scope_of(*fields)) == changes
    assert different(await scope_of(*fields, forwarded_allow_ips="192.0.2.2")) == {}
    assert different(await scope_of(*fields, proxy_headers=False)) == {}
    assert different(await scope_of(*fields, forwarded_family="forwarded", forwarded_allow_ips="none")) == {}


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        (
            ["Forwarded: for=6.6.6.6, for=198.51.100.1:70;proto=https"],
            {"client": ("198.51.100.1", 70), "scheme": "https"},
        ),
        (["Forwarded: for=_hidden;host=a.example"], {"host": b"a.example", "server": ("a.example", 80)}),
        (["Forwarded: nonsense"], {}),
        (["X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /p"], {}),
    ],
)
@on_loop
async def test_forwarded(fields: list[str], changes: dict[str, Any]) -> None:
    """RFC 7239, if it is the family that the proxy sets; then nothing else is believed."""
    assert different(await scope_of(*fields, forwarded_family="forwarded")) == changes
    assert different(await scope_of(*fields, forwarded_allow_ips="none", forwarded_family="forwarded")) == {}


@on_loop
async def test_what_is_believed_by_default() -> None:
    """Host, port and prefix are for who knows that the proxy sets them: many pass on the client's."""
    fields = ["For: 198.51.100.1", "Proto: https", "Host: evil.example", "Port: 1", "Prefix: /evil"]
    scope = await scope_of(*(f"X-Forwarded-{each}" for each in fields), forwarded_fields="for,proto")
    assert different(scope) == {"client": ("198.51.100.1", 0), "scheme": "https"}
    assert Peer(Puppet()).context.config.forwarded_fields == "for,proto"


@on_loop
async def test_fields_stay_visible() -> None:
    """What was sent can be seen as it was, from whoever it came: an application may trust others."""
    for listed in ("*", "none"):
        scope = await scope_of("X-Forwarded-For: 6.6.6.6, 1.1.1.1", forwarded_allow_ips=listed)
        assert (b"x-forwarded-for", b"6.6.6.6, 1.1.1.1") in scope["headers"]


@on_loop
async def test_everyone_believed() -> None:
    """With `*` the peer is believed, and nobody else: the client is who has connected to it."""
    scope = await scope_of("X-Forwarded-For: 6.6.6.6, 198.51.100.1", forwarded_allow_ips="*")
    assert scope["client"] == ("198.51.100.1", 0)


@pytest.mark.parametrize(
    ("root", "prefix", "whole"),
    [("/in", "/out", "/out/in"), ("/in", "/in", "/in"), ("/in", "/out/in", "/out/in")],
)
@on_loop
async def test_prefix_and_root_path(root: str, prefix: str, whole: str) -> None:
    """What the proxy took off comes before what the settings say was taken off, unless it is the same."""
    scope = await scope_of(f"X-Forwarded-Prefix: {prefix}", root_path=root)
    assert (scope["root_path"], scope["path"]) == (whole, f"{whole}/x")
    assert scope["raw_path"] == f"{whole}/x".encode()


@on_loop
async def test_no_prefix_before_an_asterisk() -> None:
    """`OPTIONS *` is about the server."""
    puppet = Puppet()
    peer = Peer(puppet, forwarded_allow_ips="*", forwarded_fields=ALL)
    await peer.send(request("OPTIONS", "*", "X-Forwarded-Prefix: /p"))
    assert puppet.call.scope["path"] == "*"
    await puppet.call.answer()


@on_loop
async def test_each_request_says_its_own() -> None:
    """Requests of different clients follow each other on one connection, some with the same fields."""
    puppet = Puppet()
    peer = Peer(puppet, forwarded_allow_ips="*")
    for client in ("198.51.100.1", "198.51.100.1", "198.51.100.2", None, "198.51.100.1", None):
        fields = [f"X-Forwarded-For: {client}"] if client else []
        await peer.send(get("/x", *fields))
        assert puppet.call.scope["client"] == ((client, 0) if client else PEER)
        puppet.call.scope["headers"].clear()
        await puppet.call.answer()


@on_loop
async def test_a_request_with_a_body() -> None:
    """One that has a body is read like any other."""
    puppet = Puppet()
    peer = Peer(puppet, forwarded_allow_ips="*")
    await peer.send(request("POST", "/x", "X-Forwarded-For: 198.51.100.1", "Content-Length: 1") + b"x")
    assert puppet.call.scope["client"] == ("198.51.100.1", 0)
    await puppet.call.answer()


@pytest.mark.parametrize(
    ("client", "server", "listed", "believed"),
    [
        (None, "/run/app.sock", "unix", True),
        (None, "/run/app.sock", None, True),
        (None, "/run/app.sock", "", False),
        (None, "/run/app.sock", "127.0.0.1", False),
        (("127.0.0.1", 1), SERVER, None, True),
        (("127.0.0.1", 1), SERVER, "", False),
        (("::ffff:127.0.0.1", 1, 0, 0), ("::ffff:127.0.0.1", 80, 0, 0), None, True),
        (("::1", 1, 0, 0), ("::1", 80, 0, 0), None, True),
        (("192.0.2.1", 1), SERVER, None, False),
        (None, SERVER, "unix", False),
        (None, None, "unix", False),
        (None, None, None, False),
    ],
)
@on_loop
async def test_who_is_believed(client: Any, server: Any, listed: str | None, believed: bool) -> None:
    """Who is on this machine by default; who has left already, without an address, is no Unix peer."""
    puppet = Puppet()
    settings: dict[str, Any] = {} if listed is None else {"forwarded_allow_ips": listed}
    peer = Peer(puppet, **settings)
    peer.transport._extra.update(peername=client, sockname=server)  # type: ignore[attr-defined]
    peer.handler.connection_made(peer.transport)
    before = peer.connection.client
    await peer.send(get("/x", "X-Forwarded-For: 198.51.100.1"))
    assert puppet.call.scope["client"] == (("198.51.100.1", 0) if believed else before)
    await puppet.call.answer()


@on_loop
async def test_nonsense_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """What is ignored can be found out, and cannot write a line into the log."""
    caplog.set_level(logging.DEBUG, "hybrid.server")
    await scope_of("X-Forwarded-Proto: f\tp\x9b")
    assert r"a proxy sent a protocol that makes no sense, and is ignored: 'f\tp\x9b'" in caplog.text


# gunicorn's settings.

_SECURE = {"X-FORWARDED-PROTOCOL": "ssl", "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on"}


@pytest.mark.parametrize(
    ("fields", "scheme"),
    [
        ([], "http"),
        (["X-Forwarded-Ssl: on"], "https"),
        (["X-Forwarded-Ssl: ON"], "http"),
        (["X-Forwarded-Protocol: ssl", "X-Forwarded-Proto: https"], "https"),
        (["X-Forwarded-Ssl: on", "X-Forwarded-Proto: http"], None),
    ],
)
@on_loop
async def test_secure_scheme_headers(fields: list[str], scheme: str | None) -> None:
    """A field with its value says that there was TLS; two that disagree are refused, as gunicorn does."""
    puppet = Puppet()
    peer = Peer(puppet, forwarded_allow_ips="*", secure_scheme_headers=_SECURE)
    await peer.send(get("/x", *fields))
    if scheme is None:
        assert peer.response().status == 400
        assert peer.closed
    else:
        assert puppet.call.scope["scheme"] == scheme
        await puppet.call.answer()
    stranger = Peer(puppet, forwarded_allow_ips="none", secure_scheme_headers=_SECURE)
    await stranger.send(get("/x", *fields))
    assert puppet.call.scope["scheme"] == "http"
    await puppet.call.answer()


@pytest.mark.parametrize(
    ("settings", "trusted", "stranger"),
    [
        ({}, [], []),
        ({"header_map": "refuse"}, 400, 400),
        ({"header_map": "dangerous"}, [b"remote_user", b"x_a"], [b"remote_user", b"x_a"]),
        ({"forwarder_headers": "REMOTE_USER"}, [b"remote_user"], []),
        ({"forwarder_headers": "Remote_User,X_A"}, [b"remote_user", b"x_a"], []),
        ({"forwarder_headers": "*", "header_map": "refuse"}, [b"remote_user", b"x_a"], 400),
        ({"forwarder_headers": "REMOTE_USER", "header_map": "refuse"}, 400, 400),
    ],
)
@on_loop
async def test_names_with_underscores(settings: dict[str, Any], trusted: Any, stranger: Any) -> None:
    """They are dropped, refused or let through; some from a trusted proxy alone."""
    for listed, outcome in (("*", trusted), ("none", stranger)):
        puppet = Puppet()
        peer = Peer(puppet, forwarded_allow_ips=listed, **settings)
        for _ in range(2):  # the second time they are known
            await peer.send(get("/x", "Remote_User: me", "Remote-User: nobody", "X_A: 1"))
            if outcome == 400:
                assert peer.response().status == 400
                break
            headers = puppet.call.scope["headers"]
            assert [name for name, _ in headers if b"_" in name] == outcome
            assert (b"remote-user", b"nobody") in headers
            await puppet.call.answer()
        await settle()


@pytest.mark.parametrize(
    ("target", "sent", "root", "path"),
    [
        ("/app/x", "/app", "/app", "/app/x"),
        ("/app", "/app/", "/app", "/app"),
        ("/x", "/app", "", "/x"),
        ("/application", "/app", "", "/application"),
        ("/app/x", "app", "", "/app/x"),
        ("/app/x", "", "", "/app/x"),
    ],
)
@on_loop
async def test_script_name(target: str, sent: str, root: str, path: str) -> None:
    """SCRIPT_NAME of a trusted proxy says where in the path the application is, as with gunicorn."""
    settings = {"forwarder_headers": "SCRIPT_NAME,PATH_INFO"}
    scope = await scope_of(f"Script_Name: {sent}", target=target, **settings)
    assert (scope["root_path"], scope["path"]) == (root, path)
    for others in ({"forwarded_allow_ips": "none"}, {"forwarder_headers": "", "header_map": "dangerous"}):
        scope = await scope_of(f"Script_Name: {sent}", target=target, **{**settings, **others})
        assert (scope["root_path"], scope["path"]) == ("", path)
