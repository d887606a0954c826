"""The PROXY protocol, versions 1 and 2: the connection that a proxy speaks for, at the start of its own.

The specification is HAProxy's ``doc/proxy-protocol.txt``; sections are cited from there. No I/O.
"""

import re
from enum import Enum, auto
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from hybrid.server.wire.nodes import parse_address

_V1_START: Final = b"PROXY "
#: Bytes of a line with its end (section 2.1).
_V1_SIZE: Final = 107
_V1_LINE = re.compile(rb"PROXY (?:UNKNOWN(?: .*)?|(TCP[46]) (\S+) (\S+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4}))")
_V2_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_V2_HEAD_SIZE: Final = 16
#: Bytes of addresses and extensions that are taken; 64 KiB can be announced, a few hundred are usual.
_V2_SIZE: Final = 16 * 1024
_HIGHEST_PORT: Final = 65535

_TLV_CRC32C: Final = 0x03
_TLV_SSL: Final = 0x20
_CLIENT_SSL: Final = 0x01


class ProxyProtocolError(Exception):
    """The bytes at the start of a connection are not the header that must be there."""


class Origin(Enum):
    """Whose connection it is."""

    PROXY = auto()  # the proxy's own, a health check
    UNKNOWN = auto()  # somebody's who is not told
    CLIENT = auto()


class ProxyHeader(NamedTuple):
    """What a header says.

    Attributes:
        origin: whose connection it is; there are addresses only if it is a client's.
        source: address and port of the client.
        destination: address and port that the client has connected to.
        secure: whether the client speaks TLS to the proxy.
    """

    origin: Origin
    source: tuple[str, int] | None = None
    destination: tuple[str, int] | None = None
    secure: bool = False


class ProxyParser:
    """Takes the bytes of a connection until its header is complete.

    Args:
        v1, v2: which versions are expected.

    Attributes:
        rest: what came after the header.
    """

    __slots__ = ("_buffer", "_starts", "rest")

    def __init__(self, *, v1: bool, v2: bool) -> None:
        self._starts = [_V1_START] * v1 + [_V2_SIGNATURE] * v2
        self._buffer = b""
        self.rest = b""

    def __repr__(self) -> str:
        return f"<ProxyParser {self._buffer[:_V1_SIZE]!r}>"

    def feed(self, data: bytes) -> ProxyHeader | None:
        """Take bytes, and return the header once it is complete.

        Raises:
            ProxyProtocolError: they are no header, or a malformed one.
        """
        self._buffer += data
        buffer = self._buffer
        if not any(buffer.startswith(start[: len(buffer)]) for start in self._starts):
            raise ProxyProtocolError("no PROXY protocol header")
        if buffer.startswith(_V1_START):
            return self._version_1(buffer)
        return self._version_2(buffer) if len(buffer) >= _V2_HEAD_SIZE else None

    def _version_1(self, buffer: bytes) -> ProxyHeader | None:
        end = buffer.find(b"\r\n", 0, _V1_SIZE)
        if end < 0:
            if len(buffer) >= _V1_SIZE:
                raise ProxyProtocolError("the PROXY line is too long")
            return None
        self.rest = buffer[end + 2 :]
        return parse_line(buffer[:end])

    def _version_2(self, buffer: bytes) -> ProxyHeader | None:
        version_command, family, size = buffer[12], buffer[13], int.from_bytes(buffer[14:16], "big")
        if version_command not in (0x20, 0x21):
            raise ProxyProtocolError("unknown version or command")
        if size > _V2_SIZE:
            raise ProxyProtocolError("the PROXY header is too large")
        end = _V2_HEAD_SIZE + size
        if len(buffer) < end:
            return None
        self.rest = buffer[end:]
        if version_command == 0x20:  # LOCAL: whatever else is there is to be ignored (section 2.2)
            return ProxyHeader(Origin.PROXY)
        return parse_block(family, buffer[:end])


def parse_line(line: bytes) -> ProxyHeader:
    """Read a line of version 1, without its end (section 2.1).

    Raises:
        ProxyProtocolError: it is malformed.
    """
    match = _V1_LINE.fullmatch(line)
    if match is None:
        raise ProxyProtocolError("malformed PROXY line")
    protocol, *others = match.groups()
    if protocol is None:
        return ProxyHeader(Origin.UNKNOWN)
    source, destination, source_port, destination_port = (each.decode("latin-1") for each in others)
    kind = IPv4Address if protocol == b"TCP4" else IPv6Address
    try:
        if "%" in line.decode("latin-1"):  # a zone means something on the proxy's machine only
            raise ValueError("zone")
        ends = (str(kind(source)), int(source_port)), (str(kind(destination)), int(destination_port))
    except ValueError as error:
        raise ProxyProtocolError("malformed address in the PROXY line") from error
    if max(ends[0][1], ends[1][1]) > _HIGHEST_PORT:
        raise ProxyProtocolError("malformed port in the PROXY line")
    return ProxyHeader(Origin.CLIENT, _usual(ends[0]), _usual(ends[1]))


def parse_block(family: int, header: bytes) -> ProxyHeader:
    """Read a header of version 2 (section 2.2), which is complete.

    Args:
        family: address family and transport, one byte.
        header: all of it.

    Raises:
        ProxyProtocolError: it is malformed, or no stream's.
    """
    sizes = {0x00: 0, 0x11: 4, 0x21: 16, 0x31: 108}
    size = sizes.get(family)
    if size is None:
        raise ProxyProtocolError("not a stream over IPv4, IPv6 or a Unix socket")
    if family == 0x00:
        return ProxyHeader(Origin.UNKNOWN)
    has_ports = family != 0x31
    start = _V2_HEAD_SIZE
    end = start + 2 * size + 4 * has_ports
    if len(header) < end:
        raise ProxyProtocolError("the PROXY header ends within the addresses")
    secure = _read_extensions(header, end)
    if not has_ports:  # a path on the proxy's machine
        return ProxyHeader(Origin.UNKNOWN, secure=secure)
    kind = IPv4Address if size == 4 else IPv6Address
    source = str(kind(header[start : start + size]))
    destination = str(kind(header[start + size : start + 2 * size]))
    ports = header[end - 4 : end]
    return ProxyHeader(
        Origin.CLIENT,
        _usual((source, int.from_bytes(ports[:2], "big"))),
        _usual((destination, int.from_bytes(ports[2:], "big"))),
        secure,
    )


def _usual(end: tuple[str, int]) -> tuple[str, int]:
    return str(parse_address(end[0])), end[1]


def _read_extensions(header: bytes, start: int) -> bool:
    """Check the fields that follow the addresses (sections 2.2.1 to 2.2.7); whether the client speaks TLS."""
    secure = False
    while start < len(header):
        value_start = start + 3
        end = value_start + int.from_bytes(header[start + 1 : value_start], "big")
        if value_start > len(header) or end > len(header):
            raise ProxyProtocolError("an extension ends outside of the PROXY header")
        kind, value = header[start], header[value_start:end]
        if kind == _TLV_CRC32C:
            zeroed = header[:value_start] + bytes(len(value)) + header[end:]
            if len(value) != 4 or crc32c(zeroed) != int.from_bytes(value, "big"):
                raise ProxyProtocolError("the checksum of the PROXY header does not match")
        elif kind == _TLV_SSL and value:
            secure = bool(value[0] & _CLIENT_SSL)
        start = end
    return secure


def _crc_table() -> list[int]:
    table: list[int] = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_crc: list[int] = []


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of some bytes (RFC 4960 appendix B)."""
    if not _crc:
        _crc.extend(_crc_table())
    value = 0xFFFFFFFF
    for byte in data:
        value = _crc[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF
