"""What a proxy says of the request that it forwards, out of ``X-Forwarded-*`` or ``Forwarded`` (RFC 7239).

Both are lists to which each proxy appends, so that the right end is what the nearest proxy says, and the left
end what anybody may have sent. They are read from the right, and no further than hops are trusted: nothing
that a client writes changes how the proxies' part is read.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from hybrid.bridge.types import Headers
from hybrid.server.wire.nodes import Address, Node, parse_node

#: Characters of one element of Forwarded: beyond, it is taken for malformed.
_ELEMENT_SIZE: Final = 1024
_VALUE = r'(?:[^\s",;=\\]+|"(?:[^"\\]|\\.)*")'
_PAIR = re.compile(rf"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=({_VALUE})[ \t]*")
_ESCAPE = re.compile(r"\\(.)")


class Claims(NamedTuple):
    """What the trusted proxies say, as they wrote it, but for the client; None for what they do not say."""

    client: Node | None = None
    proto: str | None = None
    host: str | None = None
    port: str | None = None
    prefix: str | None = None


def read_x_forwarded(headers: Headers, trusts: Callable[[Address], bool]) -> Claims:
    """Read the ``X-Forwarded-*`` fields of a request that came from a trusted proxy.

    Of a field other than ``X-Forwarded-For`` the member counts that stands where the client does, if each
    proxy has appended to both; otherwise the last one, which is the nearest proxy's.

    Args:
        headers: names in lower case.
        trusts: whether an address belongs to a proxy that is to be believed too.
    """
    hops = list_members(headers, b"x-forwarded-for")
    client, depth = walk(map(parse_node, reversed(hops)), trusts)

    def member(name: bytes) -> str | None:
        members = list_members(headers, name)
        if not members:
            return None
        return members[-depth] if depth and len(members) == len(hops) else members[-1]

    return Claims(
        client,
        member(b"x-forwarded-proto"),
        member(b"x-forwarded-host"),
        member(b"x-forwarded-port"),
        member(b"x-forwarded-prefix"),
    )


def read_forwarded(headers: Headers, trusts: Callable[[Address], bool]) -> Claims:
    """Read the ``Forwarded`` field of a request that came from a trusted proxy.

    Where the proxy that met the client does not say something, the next one does.
    """
    value = _join(headers, b"forwarded")
    read: list[dict[str, str]] = []

    def hops() -> Iterator[Node | None]:
        for element in elements_from_right(value):
            if element is None:
                yield None
                return
            read.append(element)
            yield parse_node(element["for"]) if "for" in element else Node(None, 0)

    client, depth = walk(hops(), trusts)

    def say(name: str) -> str | None:
        return next((each[name] for each in reversed(read[:depth]) if name in each), None)

    return Claims(client, say("proto"), say("host"))


def walk(hops: Iterable[Node | None], trusts: Callable[[Address], bool]) -> tuple[Node | None, int]:
    """Follow hops from the nearest on to the first that is not trusted, which is the client.

    One that is malformed (None), or whose address is not told, ends the walk: the client is then the last one
    known. If all are trusted it is the farthest.

    Returns:
        the client, or None, and how many hops a trusted proxy has written legibly.
    """
    client = None
    depth = 0
    for node in hops:
        if node is None:
            break
        depth += 1
        if node.address is None:
            break
        client = node
        if not trusts(node.address):
            break
    return client, depth


def list_members(headers: Headers, name: bytes) -> list[str]:
    """Return the members of a list field in order, from all its lines; empty ones too, but for a field that
    is empty altogether.
    """
    value = _join(headers, name)
    return [member.strip(" \t") for member in value.split(",")] if value else []


def _join(headers: Headers, name: bytes) -> str:
    """Return the value of a field that may have several lines (RFC 9110 section 5.3)."""
    return b",".join([value for key, value in headers if key == name]).decode("latin-1").strip(" \t")


def elements_from_right(value: str) -> Iterator[dict[str, str] | None]:
    """Cut a ``Forwarded`` value into its elements, the last one first; None ends it where one is malformed.

    A client that leaves a quoted string open would swallow what proxies append, if it were read from the
    left.
    """
    end = len(value)
    while end >= 0 and value:
        start = end
        while True:
            start = value.rfind(",", 0, start)
            element = parse_element(value[start + 1 : end]) if end - start <= _ELEMENT_SIZE else None
            if element is not None or start < 0 or end - start > _ELEMENT_SIZE:
                break
        yield element
        if element is None:
            return
        end = start


def parse_element(text: str) -> dict[str, str] | None:
    """Read one element: parameters by their names in lower case; None if it is malformed, or empty."""
    pairs: dict[str, str] = {}
    position = 0
    while True:
        match = _PAIR.match(text, position)
        if match is None:
            return None
        name, value = match[1].lower(), match[2]
        if name in pairs:  # RFC 7239 section 4: each at most once
            return None
        pairs[name] = _ESCAPE.sub(r"\1", value[1:-1]) if value.startswith('"') else value
        position = match.end()
        if position == len(text):
            return pairs
        if text[position] != ";":
            return None
        position += 1
