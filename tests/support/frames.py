"""Frames of a WebSocket's client, which may break any rule, and what a parser makes of them."""

from collections.abc import Iterable, Iterator

from websockets.utils import apply_mask

from hybrid.server.wire.websocket.events import Event, WebSocketError
from hybrid.server.wire.websocket.parser import FrameParser

KEY = b"\x11\xa2\x83\xf4"
MAX_SIZE = 1 << 20

#: The events, and the code of the failure, if there was one.
Outcome = tuple[list[Event], int | None]


def raw(
    first: int,
    payload: bytes = b"",
    *,
    key: bytes | None = KEY,
    length: int | None = None,
    field: int | None = None,
) -> bytes:
    """Build a client frame that may break any rule.

    ``first`` is the whole first byte; ``length`` is announced instead of the payload's; ``field`` forces the
    size of the length field (0, 2 or 8 bytes); without ``key`` the frame is not masked.
    """
    announced = len(payload) if length is None else length
    if field is None:
        field = 0 if announced < 126 else 2 if announced < 1 << 16 else 8
    second = {0: announced, 2: 126, 8: 127}[field] | (0x80 if key else 0)
    masked = apply_mask(payload, key) if key else payload
    return (
        bytes((first, second)) + (announced.to_bytes(field, "big") if field else b"") + (key or b"") + masked
    )


def feed_all(parser: FrameParser, pieces: Iterable[bytes]) -> tuple[list[Event], WebSocketError | None]:
    """Feed the pieces to a parser; return all events, and the failure, if there was one."""
    events: list[Event] = []
    for piece in pieces:
        try:
            events += parser.feed(piece)
        except WebSocketError as error:
            return events + error.events, error
    return events, None


def outcome(pieces: Iterable[bytes], max_size: int = MAX_SIZE) -> Outcome:
    """Feed the pieces to a new parser; return all events and the code of the failure, if there was one."""
    events, failure = feed_all(FrameParser(max_size), pieces)
    return events, failure.code if failure else None


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    """Cut the data into reads of this size."""
    return (data[start : start + size] for start in range(0, len(data), size))
