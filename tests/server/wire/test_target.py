"""Targets and hosts; what the RFCs say of them in requests is in tests/conformance."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.target import is_host, read_absolute_form, split_target


@given(st.ip_addresses(v=6), st.none() | st.integers(0, 65535))
def test_every_address_is_a_host(address: IPv6Address, port: int | None) -> None:
    """Each IPv6 address is one, short or long, with a port or without."""
    end = "" if port is None else f":{port}"
    for text in (str(address), address.exploded, str(address).upper()):
        assert is_host(f"[{text}]{end}".encode())
        assert not is_host(f"{text}{end}".encode())


@given(st.binary(max_size=30))
def test_anything(value: bytes) -> None:
    """Whatever comes is a host or not, without an error, and a host is printable and names one thing."""
    if is_host(value):
        assert value.decode("ascii").isprintable() or not value
        assert not set(value) & set(b' ,/?#@\\<>"')


@pytest.mark.parametrize("value", [b"%" * 4000, b"%41" * 4000, b"a" * 8000 + b"@", b"[" + b":" * 8000 + b"]"])
def test_long_hosts_take_no_time(value: bytes) -> None:
    """A long value is looked at once: this test would not end otherwise."""
    assert is_host(value * 100) is (b"%41" in value)


@pytest.mark.parametrize(
    ("target", "method", "reduced"),
    [
        (b"http://y/a?b", "GET", b"/a?b"),
        (b"HTTP://y", "GET", b"/"),
        (b"http://y?b", "OPTIONS", b"/?b"),
        (b"http://y", "OPTIONS", b"*"),
    ],
)
def test_absolute_form(target: bytes, method: str, reduced: bytes) -> None:
    """It is taken apart, and what remains is in origin-form, or in asterisk-form."""
    absolute = read_absolute_form(target)
    assert absolute is not None
    assert (absolute.scheme, absolute.authority) == ("http", b"y")
    assert absolute.reduced(method) == reduced


@pytest.mark.parametrize(
    "target", [b"", b"/", b"y:80", b"ftp://y/", b"http://", b"http:///a", b"http://a@y/"]
)
def test_no_absolute_form(target: bytes) -> None:
    """What is not in it, or not valid, is not taken for it."""
    assert read_absolute_form(target) is None


def test_split_target() -> None:
    """The path is given decoded and as it was, and the query as it was."""
    assert split_target(b"/a%20b?c?d") == ("/a b", b"/a%20b", b"c?d")
    assert split_target(b"*") == ("*", b"*", b"")
