"""How `--bind` is read."""

import re
from pathlib import Path

import pytest

from hybrid.server.config.addresses import Address, InheritedSocket, TCPAddress, UnixAddress, parse_address


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("127.0.0.1:8080", TCPAddress("127.0.0.1", 8080), "127.0.0.1:8080"),
        ("tcp://127.0.0.1:8080", TCPAddress("127.0.0.1", 8080), "127.0.0.1:8080"),
        ("example.org:0", TCPAddress("example.org", 0), "example.org:0"),
        ("localhost", TCPAddress("localhost", 9000), "localhost:9000"),
        (":8080", TCPAddress("", 8080), ":8080"),
        ("[::1]:65535", TCPAddress("::1", 65535), "[::1]:65535"),
        ("[fe80::1%eth0]", TCPAddress("fe80::1%eth0", 9000), "[fe80::1%eth0]:9000"),
        ("unix:/run/app.sock", UnixAddress(Path("/run/app.sock")), "/run/app.sock"),
        ("unix:///run/app.sock", UnixAddress(Path("/run/app.sock")), "/run/app.sock"),
        ("unix:app:1.sock", UnixAddress(Path("app:1.sock")), "app:1.sock"),
        ("fd://3", InheritedSocket(3), "file descriptor 3"),
        ("fd://web", InheritedSocket("web"), "the descriptor named web"),
    ],
)
def test_address(text: str, address: Address, shown: str) -> None:
    """Each form is read as gunicorn reads it, a host without a port gets the default one."""
    assert parse_address(text, 9000) == address
    assert str(address) == shown


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is not HOST:PORT"),
        ("::1", "an IPv6 address stands in brackets"),
        ("::1:8000", "an IPv6 address stands in brackets"),
        ("[::1", "it is not HOST:PORT"),
        ("[]:80", "it is not HOST:PORT"),
        ("[::1]80", "it is not HOST:PORT"),
        ("[::1]:", "'' is not a port"),
        ("localhost:", "'' is not a port"),
        ("localhost:http", "'http' is not a port"),
        ("localhost:-1", "'-1' is not a port"),
        ("localhost:65536", "'65536' is not a port"),
        ("localhost:\u0663", "is not a port"),
        ("localhost:" + "9" * 5000, "is not a port"),
        ("http://localhost", "it is not HOST:PORT"),
        ("https://[::1]:80", "it is not HOST:PORT"),
        ("/run/app.sock", "it is not HOST:PORT, [IPV6]:PORT, unix:PATH or fd://NUMBER"),
        ("local host:80", "it is not HOST:PORT"),
        ("unix:", "it names no path"),
        ("unix://", "it names no path"),
        ("unix:a\0b", "it names no path"),
        ("fd://", "it names no descriptor"),
        ("fd://-1:x", "it names no descriptor"),
    ],
)
def test_what_is_no_address(text: str, reason: str) -> None:
    """What would have to be guessed at is refused, and the reason says what is wrong."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        parse_address(text, 8000)
