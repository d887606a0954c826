"""Addresses as peers, proxies and settings write them."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.nodes import Node, parse_address, parse_node


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 0),
        ("192.0.2.1:80", "192.0.2.1", 80),
        ("192.0.2.1:_obfuscated", "192.0.2.1", 0),
        ("2001:DB8::1", "2001:db8::1", 0),
        ("[2001:db8::1]", "2001:db8::1", 0),
        ("[2001:db8::1]:65535", "2001:db8::1", 65535),
        ("::ffff:192.0.2.1", "192.0.2.1", 0),
        ("[::ffff:192.0.2.1]:5", "192.0.2.1", 5),
    ],
)
def test_address(text: str, address: str, port: int) -> None:
    """Either family, with or without a port; IPv4 within IPv6 is IPv4."""
    assert parse_node(text) == Node(ip_address(address), port)


@pytest.mark.parametrize("text", ["unknown", "Unknown", "_hidden", "_x.y-z", "unknown:80", "_a:_b"])
def test_not_told(text: str) -> None:
    """RFC 7239 sections 6.2 and 6.3: a proxy may keep an address for itself."""
    node = parse_node(text)
    assert node is not None
    assert node.address is None


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "garbage", "localhost", "192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1:"),
        *("192.0.2.1:65536", "192.0.2.1:x", "[192.0.2.1]", "[2001:db8::1", "2001:db8::1]", "[::1]80"),
        *("fe80::1%eth0", "192.0.2.1, 192.0.2.2", "192.0.2.1\n", "unix:", "_", "::1::", "1" * 5000, "[::1]:"),
        "\N{ARABIC-INDIC DIGIT ONE}.2.3.4",
    ],
)
def test_malformed(text: str) -> None:
    """Anything else is nothing."""
    assert parse_node(text) is None


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_address(address: object, port: int) -> None:
    """What is written comes back."""
    known = parse_address(str(address))
    written = f"[{address}]" if ":" in str(address) else str(address)
    assert parse_node(str(address)) == Node(known, 0)
    assert parse_node(f"{written}:{port}") == Node(known, port)


@given(st.text())
def test_any_text(text: str) -> None:
    """Nothing makes it fail."""
    parse_node(text)
