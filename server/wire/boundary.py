"""Where one WebSocket frame ends and the next begins, in bytes that somebody else writes and reads."""

from typing import Final

#: Bytes within which the head of a 101 must end.
_HEAD_SIZE: Final = 64 * 1024
_CLOSE: Final = 0x8
#: Opcodes of RFC 6455 section 5.2.
_OPCODES: Final = frozenset((0x0, 0x1, 0x2, _CLOSE, 0x9, 0xA))
_MASK: Final = 0x80
#: Lengths that stand for so many bytes of length.
_LONG: Final = {126: 2, 127: 8}


class FrameBoundaries:
    """Follows what a WebSocket server writes: the head of its 101, and then frame after frame.

    Only lengths are looked at, not what the frames say. After a close frame, and after bytes that no server
    may send, nothing is at a boundary any more.

    Attributes:
        at_boundary: whether all that was written are whole frames, after a head, so that a frame may follow.
    """

    __slots__ = ("_in_head", "_left", "_lost", "_partial", "at_boundary")

    def __init__(self) -> None:
        self.at_boundary = False
        self._in_head = True
        self._lost = False
        self._partial: bytes = b""  # a head that is not complete, the response's or a frame's
        self._left = 0  # bytes of the last frame that are still to come

    def __repr__(self) -> str:
        return f"<FrameBoundaries at_boundary={self.at_boundary} left={self._left}>"

    def feed(self, data: bytes) -> int:
        """Take what is written next; return how many bytes of it there are before the last boundary in it, 0
        when there is none.
        """
        before = len(self._partial)
        if before:
            data, self._partial = self._partial + data, b""
        size, end, last = len(data), self._left, 0
        if self._in_head and not self._lost:
            end = self._end_of_head(data)
        while not self._lost:
            if end <= size:
                last = end
            if end >= size:
                break
            length = self._frame_size(data, end)
            if not length:
                self._partial = data[end:]
                break
            end += length
        self._left = max(0, end - size)
        self.at_boundary = end == size and not self._lost
        return max(0, last - before)

    def _end_of_head(self, data: bytes) -> int:
        """Return where the head of the response ends, or one more than there is while it has not ended."""
        end = data.find(b"\r\n\r\n") + 4
        if end >= 4 and data.startswith(b"HTTP/1.1 101"):
            self._in_head = False
            return end
        if end >= 4 or len(data) > _HEAD_SIZE:
            self._lost = True
        else:
            self._partial = data
        return len(data) + 1

    def _frame_size(self, data: bytes, start: int) -> int:
        """Return the size of the frame that starts there; 0 when its head is not complete."""
        if len(data) < start + 2:
            return 0
        opcode, length = data[start] & 0xF, data[start + 1]
        if length & _MASK or opcode not in _OPCODES:  # RFC 6455 sections 5.1 and 5.2
            self._lost = True
            return 0
        extra = _LONG.get(length, 0)
        if len(data) < start + 2 + extra:
            return 0
        if opcode == _CLOSE:  # section 5.5.1: nothing may follow
            self._lost = True
        if extra:
            length = int.from_bytes(data[start + 2 : start + 2 + extra])
        return 2 + extra + length
