"""Which peers a list admits."""

import pytest

from hybrid.server.allowlist import AllowList
from hybrid.server.wire.nodes import parse_address


@pytest.mark.parametrize(
    ("listed", "host", "admitted"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("::ffff:10.0.0.0/104", "10.1.2.3", True),
        ("::1", "0:0:0:0:0:0:0:1", True),
        ("10.0.0.0/8, 192.0.2.7", "10.255.0.1", True),
        ("10.0.0.0/8 ,192.0.2.7", "192.0.2.7", True),
        ("10.0.0.0/8", "11.0.0.1", False),
        ("2001:db8::/32", "2001:db8:1::1", True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("*", "192.0.2.1", True),
        ("*", "no address", True),
        ("unix", "192.0.2.1", False),
        ("none", "127.0.0.1", False),
        ("", "127.0.0.1", False),
        ("0.0.0.0/0", "no address", False),
    ],
)
def test_admits(listed: str, host: str, admitted: bool) -> None:
    """Addresses, networks of either family, everybody; and the same when asked again."""
    allowed = AllowList(listed)
    assert allowed.admits(host) is admitted
    assert allowed.admits(host) is admitted


@pytest.mark.parametrize(
    ("listed", "unix"), [("*", True), ("unix", True), ("::1,unix", True), ("::1", False)]
)
def test_unix(listed: str, unix: bool) -> None:
    """Peers on Unix sockets have a word of their own."""
    assert AllowList(listed).unix is unix


def test_everybody_is_no_proxy() -> None:
    """With `*` everybody may say who the client is; that does not make every address one to be skipped."""
    address = parse_address("192.0.2.1")
    assert address is not None
    assert not AllowList("*").lists(address)
    assert AllowList("*,192.0.2.0/24").lists(address)


@pytest.mark.parametrize("word", ["localhost", "10.0.0.1/8", "1.2.3", "10.0.0.0/33", "/run/x.sock", "[::1]"])
def test_malformed(word: str) -> None:
    """A word that is nothing is refused, and named."""
    with pytest.raises(ValueError, match=f"^{word!r} is not an address".replace("[", r"\[")):
        AllowList(f"::1,{word}")


def test_memory_is_bounded() -> None:
    """However many peers come, what is remembered of them does not grow for ever."""
    allowed = AllowList("10.0.0.0/8")
    for number in range(5000):
        assert not allowed.admits(f"192.0.{number // 256}.{number % 256}")
    assert len(allowed._known) <= 1024
