"""What a response is made of for HTTP/2 (RFC 9113 section 8.1)."""

from typing import Final, NamedTuple


class Head(NamedTuple):
    """The head of a response, interim or final.

    Attributes:
        block: the header block, which every client understands at any time.
        final: whether it is that of the final response.
        end: whether nothing follows it.
        priority: the value of its ``Priority``; empty without one.
    """

    block: bytes
    final: bool
    end: bool
    priority: bytes = b""


class Trailers(NamedTuple):
    """The trailer fields, of which there is at least one. They end a response.

    Attributes:
        block: the header block.
    """

    block: bytes


class End:
    """The end of a response, after its body."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "END"


END: Final = End()

#: A part of the body is never empty, and a view where it is large.
Part = Head | bytes | memoryview | Trailers | End

#: Bytes of a part of the body that are not copied out of what they came in: a view takes longer to make than
#: a copy of fewer.
_VIEW_SIZE: Final = 8 * 1024


def cut(data: bytes, start: int, end: int) -> bytes | memoryview:
    """Return a part of ``data``, as a view where it is large."""
    if end - start > _VIEW_SIZE:
        return memoryview(data)[start:end]
    return data[start:end]
