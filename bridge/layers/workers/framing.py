"""How the processes of one machine speak with their broker: msgpack arrays, each behind its length.

Knows no socket and no event loop. A frame is four bytes, the length of the rest in network order, and a
msgpack array whose first item says what it is, see :mod:`hybrid.bridge.layers.workers.words`.
"""

import struct
from typing import Any, Final, cast

import msgpack

from hybrid.bridge.errors import HybridError, MessageTooLarge

#: Bytes of the largest encoded message, and of the largest frame: a message, and what is around it.
MAX_BODY: Final = 16 * 1024 * 1024
MAX_FRAME: Final = MAX_BODY + 1024 * 1024

_HEAD: Final = struct.Struct("!I")

#: What a frame says: what it is, and what belongs to it.
Frame = list[Any]


class FramingError(HybridError):
    """What has come is no frame, and the connection cannot go on."""


def frame(*items: object) -> bytes:
    """Return the bytes of a frame.

    Raises:
        MessageTooLarge: it would have more than :data:`MAX_FRAME`.
    """
    packed: bytes = msgpack.packb(items)
    if len(packed) > MAX_FRAME:
        raise MessageTooLarge(f"a message of {len(packed)} bytes, encoded, is more than {MAX_FRAME}")
    return _HEAD.pack(len(packed)) + packed


class Unframer:
    """Takes frames out of a stream, however it is cut into pieces.

    Args:
        limit: bytes of the largest frame that is taken; a larger one is refused by its head.
    """

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._rest = bytearray()

    def __repr__(self) -> str:
        return f"<Unframer: {len(self._rest)} bytes wait for more>"

    def feed(self, data: bytes) -> list[Frame]:
        """Take what has come and return the frames that are complete with it.

        Raises:
            FramingError: a frame is too large, or no array that begins with a number.
        """
        rest = self._rest
        rest += data
        frames: list[Frame] = []
        begin = 0
        with memoryview(rest) as view:
            while len(view) - begin >= _HEAD.size:
                (length,) = _HEAD.unpack_from(view, begin)
                if length > self._limit:
                    raise FramingError(f"a frame of {length} bytes is more than {self._limit}")
                following = begin + _HEAD.size + length
                if following > len(view):
                    break
                frames.append(_unpacked(view[begin + _HEAD.size : following]))
                begin = following
        del rest[:begin]
        return frames


def _unpacked(data: memoryview) -> Frame:
    try:
        found = cast("Frame", msgpack.unpackb(data))  # or whatever it is
    except (ValueError, TypeError, RecursionError) as error:
        raise FramingError(f"a frame of {len(data)} bytes is not msgpack") from error
    if isinstance(found, list) and found and type(found[0]) is int:
        return found
    raise FramingError("a frame does not begin with what it is")
