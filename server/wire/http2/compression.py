"""Header blocks decompressed (RFC 7541), of one direction of a connection.

The static table and the Huffman code are those of :mod:`hpack`, which is also what the tests compare with.
Its decoder itself takes several times as long, copies the rest of a block for each literal, so that a block
of many small ones costs the square of its length, and leaves a table that nobody can use behind it when a
list is too large.
"""

from collections import deque
from typing import Final

from hpack.exceptions import HPACKDecodingError
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode

#: A field: its name and value, neither of them checked.
Field = tuple[bytes, bytes]

#: Bytes of a dynamic table before anybody says otherwise (RFC 9113 section 6.5.2).
DEFAULT_TABLE_SIZE: Final = 4096
#: What a field counts beyond its bytes, in a table (RFC 7541 section 4.1) and in a list (RFC 9113 section
#: 6.5.2).
FIELD_OVERHEAD: Final = 32

_STATIC: Final = HeaderTable.STATIC_TABLE
_STATIC_SIZE: Final = len(_STATIC)
#: How far each byte after the first moves what it adds to an integer; there are no more of them.
_SHIFTS: Final = (0, 7, 14, 21, 28)


class OversizedList(Exception):
    """A list of fields is larger than the limit: one request is refused, the connection goes on."""


class Decompressor:
    """Turns the header blocks of a connection, in their order, into fields.

    The work is in proportion to the bytes of a block, whatever it refers to; how many there may be is for who
    collects it to say. A list that grows too large is read to its end, as the table must be the client's, but
    not kept.

    Args:
        max_table_size: bytes of table that the client may ask for. Until it does, it uses
            :data:`DEFAULT_TABLE_SIZE`, so that less than those cannot be had.
        max_list_size: the largest list, in bytes and with :data:`FIELD_OVERHEAD` for each field.

    Attributes:
        changes: grows whenever the table changes.
    """

    __slots__ = ("_entries", "_max_list_size", "_max_table_size", "_size", "_table_size", "changes")

    def __init__(self, max_table_size: int, max_list_size: int) -> None:
        self._max_table_size = max(max_table_size, DEFAULT_TABLE_SIZE)
        self._max_list_size = max_list_size
        self._entries: deque[Field] = deque()  # the newest first
        self._size = 0
        self._table_size = DEFAULT_TABLE_SIZE
        self.changes = 0

    def __repr__(self) -> str:
        return f"<Decompressor {len(self._entries)} entries, {self._size} of {self._table_size} bytes>"

    def decode(self, block: bytes) -> tuple[Field, ...]:
        """Return the fields of a block.

        Raises:
            ConnectionFault: it does not decode; no later one can be (RFC 9113 section 4.3).
            OversizedList: the list is larger than the limit.
        """
        try:
            return self._decode(block)
        except IndexError:
            reason = "header block is cut short, or refers to what is not in the table"
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, reason) from None
        except HPACKDecodingError:
            reason = "invalid Huffman code in a header block"
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, reason) from None

    def _decode(self, block: bytes) -> tuple[Field, ...]:
        position = self._resize(block)
        fields: list[Field] = []
        entries, limit = self._entries, self._max_list_size
        size, end = 0, len(block)
        while position < end:
            first = block[position]
            if first & 0x80:  # an indexed field (section 6.1)
                index, position = first & 0x7F, position + 1
                if index == 0x7F:
                    index, position = _read_integer(block, position, index)
                field = entries[index - _STATIC_SIZE - 1] if index > _STATIC_SIZE else _static(index)
            else:
                field, position = self._read_literal(block, position, wanted=size <= limit)
            size += len(field[0]) + len(field[1]) + FIELD_OVERHEAD
            if size <= limit:
                fields.append(field)
        if size > limit:
            raise OversizedList
        return tuple(fields)

    def _resize(self, block: bytes) -> int:
        """Do what a block says first of the size of the table (section 4.2), and return what that took."""
        position = 0
        while position < len(block) and block[position] & 0xE0 == 0x20:
            size, position = _read_prefixed(block, position, 0x1F)
            if size > self._max_table_size:
                raise _fault("dynamic table size above the limit")
            self.changes += 1
            self._table_size = size
            self._evict()
        return position

    def _read_literal(self, block: bytes, position: int, *, wanted: bool) -> tuple[Field, int]:
        """Read a literal field (section 6.2): it, and where the next begins.

        One that nobody wants is not decoded when it does not come into the table, and measures less.
        """
        first = block[position]
        if first & 0x60 == 0x20:
            raise _fault("dynamic table size update after a field")  # section 4.2
        indexed = bool(first & 0x40)
        index, position = _read_prefixed(block, position, 0x3F if indexed else 0x0F)
        if index:
            name = (self._entries[index - _STATIC_SIZE - 1] if index > _STATIC_SIZE else _static(index))[0]
        else:
            name, position = _read_string(block, position, decode=indexed or wanted)
        value, position = _read_string(block, position, decode=indexed or wanted)
        field = name, value
        if indexed:
            self._add(field)
        return field, position

    def _add(self, field: Field) -> None:
        """Put a field into the table, which one that is larger empties (section 4.4)."""
        self.changes += 1
        self._entries.appendleft(field)
        self._size += len(field[0]) + len(field[1]) + FIELD_OVERHEAD
        if self._size > self._table_size:
            self._evict()

    def _evict(self) -> None:
        entries = self._entries
        while self._size > self._table_size:
            name, value = entries.pop()
            self._size -= len(name) + len(value) + FIELD_OVERHEAD


def _static(index: int) -> Field:
    """Return a field of the static table, in which there is nothing at 0 (section 6.1)."""
    if not index:
        raise _fault("index 0 in a header block")
    return _STATIC[index - 1]


def _read_prefixed(block: bytes, position: int, mask: int) -> tuple[int, int]:
    """Read an integer that begins in the bits of ``mask`` (section 5.1): it, and where the next byte is."""
    value = block[position] & mask
    return (value, position + 1) if value < mask else _read_integer(block, position + 1, mask)


def _read_integer(block: bytes, position: int, value: int) -> tuple[int, int]:
    """Read the bytes that follow a prefix of nothing but ones."""
    for shift in _SHIFTS:
        byte = block[position]
        position += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise _fault("integer too long in a header block")


def _read_string(block: bytes, position: int, *, decode: bool) -> tuple[bytes, int]:
    """Read a string (section 5.2): it, and where the next byte is."""
    huffman = block[position] & 0x80
    size, position = _read_prefixed(block, position, 0x7F)
    end = position + size
    if end > len(block):
        raise IndexError
    value = block[position:end]
    return decode_huffman(value) if huffman and decode else value, end


def _fault(reason: str) -> ConnectionFault:
    return ConnectionFault(ErrorCode.COMPRESSION_ERROR, reason)
