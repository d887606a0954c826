"""Addresses as peers, proxies and settings write them."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

Address = IPv4Address | IPv6Address

_HIGHEST_PORT: Final = 65535
#: RFC 7239 section 6, and what people put into X-Forwarded-For: IPv6 there has no brackets, or no port.
_NODE: Final = re.compile(
    r"(?:\[(?P<bracketed>[0-9A-Fa-f:.]{2,45})\]|(?P<v4>[0-9.]{7,15})|(?P<hidden>(?i:unknown)|_[A-Za-z0-9._\-]+))"
    r"(?::(?P<port>[0-9]{1,5}|_[A-Za-z0-9._\-]+))?"
    r"|(?P<bare>[0-9A-Fa-f:.]{2,45})"
)


class Node(NamedTuple):
    """One end of a hop.

    Attributes:
        address: None for one that is not told, ``unknown`` or ``_hidden`` (RFC 7239 sections 6.2 and 6.3).
        port: 0 for one that is not told.
    """

    address: Address | None
    port: int


def parse_address(text: str) -> Address | None:
    """Read an address; IPv4 that is mapped into IPv6 is IPv4 (RFC 4291 section 2.5.5.2)."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_node(text: str) -> Node | None:
    """Read an address with or without a port, or a word that stands for one; None if it is none of these."""
    match = _NODE.fullmatch(text)
    if match is None:
        return None
    digits = match["port"] or ""
    port = int(digits) if digits.isdigit() else 0
    if port > _HIGHEST_PORT:
        return None
    if match["hidden"]:
        return Node(None, port)
    address = parse_address(match["bracketed"] or match["v4"] or match["bare"])
    if address is None or (match["bracketed"] and ":" not in match["bracketed"]):
        return None
    return Node(address, port)
