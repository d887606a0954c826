"""Header fields of responses as HPACK writes them (RFC 7541), without a table that would have to be kept.

A field is a literal without indexing, or an entry of the static table. So what stands for a field is the same
on every connection and at any time, and can be remembered for the whole process: the client never has to
insert, and a block that is not sent after all leaves nothing out of step.
"""

import re
from typing import Final

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

from hybrid.server.wire.errors import ResponseError

#: What nobody on the way may keep in a table (RFC 7541 section 7.1.3): credentials, and what leads to them.
NEVER_INDEXED: Final = frozenset(
    (
        b"authentication-info", b"authorization", b"cookie", b"proxy-authenticate",
        b"proxy-authentication-info", b"proxy-authorization", b"set-cookie", b"www-authenticate",
    )
)  # fmt: skip

#: Eighteen digits are below 2**63.
LENGTH_DIGITS: Final = 18

_NO_INDEXING: Final = 0x00  # section 6.2.2
_NEVER_INDEXED: Final = 0x10  # section 6.2.3
_NAME_BITS: Final = 4  # of the index of a name in both
_LENGTH_BITS: Final = 7  # of a string's length (section 5.2)
_INDEXED: Final = 0x80  # section 6.1, and the flag of a string that is Huffman-coded

_LINE: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)")
_huffman: Final = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH).encode

#: Lines as HTTP/1.1 has them, without their end, and what stands for them; and those that were met once. Only
#: what comes again is worth Huffman coding, and a place. A full store starts anew.
_known_lines: Final[dict[bytes, bytes]] = {}
_met: Final[set[bytes]] = set()
_LINES_LIMIT: Final = 512
_LINE_SIZE: Final = 1024

#: Returns what stands for a line that is known, and None for others.
known_line: Final = _known_lines.get


def _integer(value: int, bits: int, flags: int) -> bytes:
    """RFC 7541 section 5.1."""
    most = (1 << bits) - 1
    if value < most:
        return bytes((flags | value,))
    octets = [flags | most]
    value -= most
    while value > 0x7F:
        octets.append(0x80 | (value & 0x7F))
        value >>= 7
    octets.append(value)
    return bytes(octets)


def _string(value: bytes, *, huffman: bool) -> bytes:
    """RFC 7541 section 5.2."""
    if huffman:
        coded = _huffman(value)
        if len(coded) < len(value):
            return _integer(len(coded), _LENGTH_BITS, _INDEXED) + coded
    return _integer(len(value), _LENGTH_BITS, 0) + value


#: Numbers of the static table's entries (appendix A), from 1: the first that has a name, and those that have
#: a status.
_names: Final[dict[bytes, int]] = {}
_statuses: Final[dict[bytes, int]] = {}
for _number, (_name, _value) in enumerate(HeaderTable.STATIC_TABLE, 1):
    _names.setdefault(_name, _number)
    if _name == b":status":
        _statuses[_value] = _number
#: How a literal begins whose name is in the table.
_openings: Final = {
    name: _integer(number, _NAME_BITS, _NEVER_INDEXED if name in NEVER_INDEXED else _NO_INDEXING)
    for name, number in _names.items()
}


def encode_status(status: bytes) -> bytes:
    """Return what stands for ``:status``, three digits."""
    number = _statuses.get(status)
    return _openings[b":status"] + b"\x03" + status if number is None else bytes((_INDEXED | number,))


def encode_length(digits: bytes) -> bytes:
    """Return what stands for a Content-Length of up to :data:`LENGTH_DIGITS`. Few of them come again soon
    enough to be remembered, and Huffman coding saves none or one of the usual three octets.
    """
    return _length_openings[len(digits)] + digits


_length_openings: Final = [_openings[b"content-length"] + bytes((size,)) for size in range(LENGTH_DIGITS + 1)]


def encode_field(name: bytes, value: bytes, *, huffman: bool = False) -> bytes:
    """Return what stands for a field.

    Args:
        name: in lower case.
        value: without spaces around it.
        huffman: whether to take the time that it takes to make it shorter, 0.15 µs an octet.
    """
    opening = _openings.get(name)
    if opening is None:
        flags = _NEVER_INDEXED if name in NEVER_INDEXED else _NO_INDEXING
        opening = bytes((flags,)) + _string(name, huffman=huffman)
    return opening + _string(value, huffman=huffman)


def read_line(line: bytes) -> tuple[bytes, bytes]:
    """Return name, in lower case, and value of a field as HTTP/1.1 writes it (RFC 9112 section 5), without
    the end of its line.

    Raises:
        ResponseError: it is none.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise ResponseError("an HTTP/1.1 response with an invalid header field")
    return match[1].lower(), match[2].rstrip(b"\t ")


def encode_line(line: bytes, name: bytes, value: bytes) -> bytes:
    """Return what stands for a line that is not known yet, and keep it in mind. What must not be kept on the
    way, is not kept here.

    Args:
        line: the line.
        name: what :func:`read_line` says of it, as the next.
        value: the value.
    """
    if name in NEVER_INDEXED or len(line) > _LINE_SIZE:
        return encode_field(name, value)
    if line not in _met:
        if len(_met) >= _LINES_LIMIT:
            _met.clear()
        _met.add(line)
        return encode_field(name, value)
    if len(_known_lines) >= _LINES_LIMIT:
        _known_lines.clear()
    _met.discard(line)
    encoded = _known_lines[line] = encode_field(name, value, huffman=True)
    return encoded
