"""Paths of Unix sockets, and whom to trust at the other end."""

import os
import socket
from pathlib import Path

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.workers import WorkersChannelLayer
from hybrid.bridge.unix.sockets import is_trusted, peer_of, require_place


def test_a_path_that_is_too_long_is_a_mistake() -> None:
    """The system allows 107 bytes, and the message says so."""
    with pytest.raises(ConfigError, match="at most 107 bytes, not 111"):
        require_place("/" + "x" * 110)
    with pytest.raises(ConfigError):
        WorkersChannelLayer("/" + "x" * 110)
    assert require_place("a.sock") == Path.cwd() / "a.sock"


def test_others_are_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this user is, and the system's."""
    one, other = socket.socketpair()
    with one, other:
        assert is_trusted(one)
        assert peer_of(one) == os.getuid()
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        assert is_trusted(one) == (os.getuid() == 0)
