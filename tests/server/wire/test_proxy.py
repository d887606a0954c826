"""The PROXY protocol: whole, byte by byte, and with what follows."""

import contextlib
import struct
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.nodes import parse_address
from hybrid.server.wire.proxy import Origin, ProxyHeader, ProxyParser, ProxyProtocolError, crc32c

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = bytes([192, 0, 2, 1, 192, 0, 2, 2]) + struct.pack(">HH", 5, 80)
FROM_V4 = ProxyHeader(Origin.CLIENT, ("192.0.2.1", 5), ("192.0.2.2", 80))


def v2(block: bytes = V4, *, command: int = 0x21, family: int = 0x11) -> bytes:
    """Write a header of version 2."""
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", len(block)) + block


def tlv(kind: int, value: bytes) -> bytes:
    """Write an extension."""
    return struct.pack(">BH", kind, len(value)) + value


def parse(data: bytes, *, v1: bool = True, v2: bool = True) -> tuple[ProxyHeader | None, bytes]:
    """Parse bytes whole, and byte by byte to the same result; return it, and what is left."""
    whole = ProxyParser(v1=v1, v2=v2)
    bytewise = ProxyParser(v1=v1, v2=v2)
    try:
        header = whole.feed(data)
    except ProxyProtocolError:
        with pytest.raises(ProxyProtocolError):
            _feed_bytewise(bytewise, data)
        raise
    assert _feed_bytewise(bytewise, data[: len(data) - len(whole.rest)]) == header
    return header, whole.rest


def _feed_bytewise(parser: ProxyParser, data: bytes) -> ProxyHeader | None:
    header = None
    for index in range(len(data)):
        assert header is None, "a header that was complete too early"
        header = parser.feed(data[index : index + 1])
    return header


@pytest.mark.parametrize(
    ("line", "header"),
    [
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n", FROM_V4),
        (
            b"PROXY TCP6 2001:DB8::1 2001:db8::2 0 65535\r\n",
            ProxyHeader(Origin.CLIENT, ("2001:db8::1", 0), ("2001:db8::2", 65535)),
        ),
        (b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 5 80\r\n", FROM_V4),
        (b"PROXY UNKNOWN\r\n", ProxyHeader(Origin.UNKNOWN)),
        (b"PROXY UNKNOWN ffff::1 whatever 1 2\r\n", ProxyHeader(Origin.UNKNOWN)),
    ],
)
def test_version_1(line: bytes, header: ProxyHeader) -> None:
    """Section 2.1: the addresses of a line, or that they are not told."""
    assert parse(line) == (header, b"")
    assert parse(line + b"GET / HTTP/1.1\r\n") == (header, b"GET / HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "line",
    [
        *(b"GET / HTTP/1.1\r\n", b"PROXYTCP4", b"proxy TCP4 ", b"\r\nPROXY ", b"PROXY \r\n"),
        b"PROXY TCP4\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5 80 \r\n",
        b"PROXY  TCP4 192.0.2.1 192.0.2.2 5 80\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 05 80\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -5 80\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 5 80\r\n",
        b"PROXY TCP4 ::1 ::1 5 80\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 5 80\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 5 80\r\n",
        b"PROXY TCP4 localhost 192.0.2.2 5 80\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 5 80\r\n",
        b"PROXY UNKNOWNS\r\n",
        b"PROXY UNKNOWN \n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5 80\n" + b" " * 100,
        b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    ],
)
def test_malformed_version_1(line: bytes) -> None:
    """Anything else is refused, and at the latest after 107 bytes."""
    with pytest.raises(ProxyProtocolError):
        parse(line)


def test_longest_line() -> None:
    """107 bytes are allowed (section 2.1)."""
    line = b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n"
    assert len(line) == 107
    assert parse(line) == (ProxyHeader(Origin.UNKNOWN), b"")


V6 = ip_address("2001:db8::1").packed + ip_address("2001:db8::2").packed + struct.pack(">HH", 5, 80)
MAPPED = ip_address("::ffff:192.0.2.1").packed + ip_address("::ffff:192.0.2.2").packed + V4[8:]


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (v2(), FROM_V4),
        (v2(V6, family=0x21), ProxyHeader(Origin.CLIENT, ("2001:db8::1", 5), ("2001:db8::2", 80))),
        (v2(MAPPED, family=0x21), FROM_V4),
        (v2(b"/client".ljust(108, b"\0") * 2, family=0x31), ProxyHeader(Origin.UNKNOWN)),
        (v2(b"", family=0), ProxyHeader(Origin.UNKNOWN)),
        (v2(b"whatever", family=0), ProxyHeader(Origin.UNKNOWN)),
        (v2(b"", command=0x20, family=0), ProxyHeader(Origin.PROXY)),
        (v2(V4, command=0x20), ProxyHeader(Origin.PROXY)),
        (v2(b"\xff" * 50, command=0x20, family=0xFF), ProxyHeader(Origin.PROXY)),
        (v2(V4 + tlv(0x01, b"h2") + tlv(0x04, b"") + tlv(0xEA, bytes(300))), FROM_V4),
        (v2(V4 + tlv(0x20, b"\x01" + bytes(4))), FROM_V4._replace(secure=True)),
        (v2(V4 + tlv(0x20, b"\x00" + bytes(4))), FROM_V4),
        (v2(V4 + tlv(0x20, b"")), FROM_V4),
        (v2(V4 + tlv(0x04, bytes(16 * 1024 - 15))), FROM_V4),
    ],
)
def test_version_2(data: bytes, header: ProxyHeader) -> None:
    """Section 2.2: addresses of either family, none, the proxy's own connection; extensions are skipped."""
    assert parse(data) == (header, b"")
    assert parse(data + b"GET /") == (header, b"GET /")


@pytest.mark.parametrize(
    "data",
    [
        SIGNATURE[:-1] + b"\r",
        v2(command=0x11),
        v2(command=0x22),
        v2(command=0x31),
        v2(family=0x12),
        v2(family=0x22),
        v2(family=0x41),
        v2(family=0x01),
        v2(V4[:-1]),
        v2(b""),
        v2(V4, family=0x21),
        v2(bytes(215), family=0x31),
        v2(V4 + b"\x04"),
        v2(V4 + b"\x04\x00"),
        v2(V4 + tlv(0x04, b"abc")[:-1]),
        v2(V4 + tlv(0x04, b"abc") + b"\0"),
        v2(V4 + tlv(0x03, b"abcd")),
        v2(V4 + tlv(0x03, b"abc")),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_malformed_version_2(data: bytes) -> None:
    """What ends too early, is no stream, or does not match its checksum is refused; so is too much."""
    with pytest.raises(ProxyProtocolError):
        parse(data)


def test_checksum() -> None:
    """RFC 3720 appendix B.4 has a value; a header that matches its own checksum is taken."""
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    blank = v2(V4 + tlv(0x03, bytes(4)) + tlv(0x04, b"x"))
    place = blank.index(tlv(0x03, bytes(4))) + 3
    signed = blank[:place] + struct.pack(">I", crc32c(blank)) + blank[place + 4 :]
    assert parse(signed) == (FROM_V4, b"")
    with pytest.raises(ProxyProtocolError):
        parse(signed[:-1] + b"y")


def test_only_the_version_that_is_expected() -> None:
    """With one version, the other is no header."""
    line = b"PROXY UNKNOWN\r\n"
    assert parse(line, v2=False)[0] is not None
    assert parse(v2(), v1=False)[0] is not None
    with pytest.raises(ProxyProtocolError):
        parse(line, v1=False)
    with pytest.raises(ProxyProtocolError):
        parse(v2(), v2=False)


ports = st.integers(0, 65535)


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6), ports, ports, st.binary(max_size=40), st.booleans())
def test_every_address(address: Any, source: int, destination: int, rest: bytes, binary: bool) -> None:
    """What a proxy writes in either version is read as it is, and what follows is left alone."""
    six = address.version == 6
    if binary:
        block = address.packed * 2 + struct.pack(">HH", source, destination)
        data = v2(block, family=0x21 if six else 0x11)
    else:
        data = f"PROXY TCP{address.version} {address} {address} {source} {destination}\r\n".encode()
        if b"%" in data:
            return
    host = str(parse_address(str(address)))
    header = ProxyHeader(Origin.CLIENT, (host, source), (host, destination))
    assert parse(data + rest) == (header, rest)


noise = st.binary(max_size=60)
line_noise = st.text(st.sampled_from("PROXYTCP46UNKNOWN .:0123456789\r\n"), max_size=60).map(str.encode)


@given(
    noise
    | st.builds(b"PROXY ".__add__, noise | line_noise)
    | st.builds(b"PROXY TCP4 ".__add__, line_noise)
    | st.builds(SIGNATURE.__add__, noise)
    | st.builds(v2, noise, command=st.integers(0, 255), family=st.integers(0, 255))
    | st.builds(lambda extra: v2(V4 + extra), noise)
)
def test_any_bytes(data: bytes) -> None:
    """Any bytes are a header, the start of one, or refused; in one piece as in many."""
    with contextlib.suppress(ProxyProtocolError):
        header, rest = parse(data)
        assert header is None or data.endswith(rest)
