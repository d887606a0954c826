"""Header blocks, and what is remembered of them: clients repeat themselves."""

from typing import Any, Final

from hybrid.server.wire.http2.compression import DEFAULT_TABLE_SIZE, Decompressor, Field, OversizedList

__all__ = ["DEFAULT_TABLE_SIZE", "Block", "BlockDecoder", "Field", "OversizedList"]

#: How many blocks are remembered on a connection, and how large they are, each and together.
_MOST_KNOWN: Final = 64
_KNOWN_SIZE: Final = 1024
_KNOWN_SIZES: Final = 16384


class Block:
    """A header block that has been decoded.

    Attributes:
        fields: names and values, in order, neither of them checked.
        memo: for what the reader of the fields makes of them; the client may send the block again.
    """

    __slots__ = ("fields", "memo")

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self.memo: Any = None

    def __repr__(self) -> str:
        return f"<Block of {len(self.fields)} fields>"


class BlockDecoder:
    """Decodes the header blocks of a connection, all of them and in their order.

    One that does not change the table means the same until another one does, and is remembered as long.

    Args:
        max_table_size: bytes of table that the client may ask for, :data:`DEFAULT_TABLE_SIZE` or more.
        max_list_size: the largest list, as SETTINGS_MAX_HEADER_LIST_SIZE counts (RFC 9113 section 6.5.2).
    """

    __slots__ = ("_decompressor", "_known", "_room")

    def __init__(self, max_table_size: int, max_list_size: int) -> None:
        self._decompressor = Decompressor(max_table_size, max_list_size)
        self._known: dict[bytes, Block] = {}
        self._room = _KNOWN_SIZES

    def __repr__(self) -> str:
        return f"<BlockDecoder {len(self._known)} known {self._decompressor!r}>"

    def decode(self, block: bytes) -> Block:
        """Decode a whole block, of whatever frames it came in.

        Raises:
            ConnectionFault: it does not decode, and so no later one can be (RFC 9113 section 4.3).
            OversizedList: the list is larger than the limit; the table is as the client has it.
        """
        known = self._known.get(block)
        if known is not None:
            return known
        decompressor = self._decompressor
        before = decompressor.changes
        try:
            decoded = Block(decompressor.decode(block))
        finally:
            changed = decompressor.changes != before
            if changed:
                self._forget()
        if not changed:
            self._remember(block, decoded)
        return decoded

    def _remember(self, block: bytes, decoded: Block) -> None:
        size = len(block)
        if size > _KNOWN_SIZE:
            return
        if size > self._room or len(self._known) >= _MOST_KNOWN:
            self._forget()
        self._known[block] = decoded
        self._room -= size

    def _forget(self) -> None:
        if self._known:
            self._known.clear()
            self._room = _KNOWN_SIZES
