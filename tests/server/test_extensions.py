"""Which extensions a scope has: those that work."""

import os
from typing import Any

import pytest

from hybrid.bridge.shutdown import ShutdownNotice
from hybrid.server.config import Config
from hybrid.server.extensions import http_extensions, websocket_extensions
from tests.support.http_peer import Peer, Puppet, get, on_loop

FILES = {"http.response.pathsend", "http.response.zerocopysend"}
SINCE_1_1 = {"http.response.early_hint", "http.response.trailers"}
ALWAYS = {"hybrid.shutdown"}


def offered(version: str, **settings: Any) -> set[str]:
    """Return what is offered to a request of a version."""
    config = Config(app=Puppet(), **settings)
    return set(http_extensions(config, ShutdownNotice())[version])


def test_versions() -> None:
    """HTTP/1.0 has neither interim responses nor trailers; HTTP/2 has both."""
    assert offered("1.1") == ALWAYS | FILES | SINCE_1_1
    assert offered("2") == ALWAYS | FILES | SINCE_1_1
    assert offered("1.0") == ALWAYS | FILES


def test_debug() -> None:
    """Debug information is asked for when somebody takes it."""
    for version in ("1.0", "1.1"):
        extra = offered(version, response_debugger=print) - offered(version)
        assert extra == {"http.response.debug"}


def test_websocket() -> None:
    """A WebSocket has no HTTP response, but that which refuses it."""
    assert set(websocket_extensions(ShutdownNotice())) == ALWAYS | {"websocket.http.response"}


def test_system_without_positions() -> None:
    """Without a way to read a file where its position is not, files are not offered."""
    if not hasattr(os, "pread"):
        assert not offered("1.1") & FILES


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@on_loop
async def test_each_scope_has_its_own(version: str) -> None:
    """What an application does to the extensions of a scope is not seen in the next one."""
    app = Puppet()
    peer = Peer(app)
    for _ in range(2):
        await peer.send(get(f"/{version}", "Connection: keep-alive", version=version))
        assert app.call.scope["extensions"].pop("http.response.pathsend") == {}
        app.call.scope["extensions"]["own"] = {}
        assert set(app.call.scope["extensions"]) == offered(version) - {"http.response.pathsend"} | {"own"}
        await app.call.answer()
