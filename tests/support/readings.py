"""What the frame parser and that of `websockets` make of the same bytes, and how the two may differ."""

import codecs
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from websockets.extensions import Extension
from websockets.frames import Close as ReferenceClose
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from hybrid.server.wire.websocket.events import Close, Event, Ping, Pong
from hybrid.server.wire.websocket.parser import FrameParser
from tests.support.frames import feed_all, raw

#: The most bytes that a message may have.
LIMIT = 300

#: Makes the extensions that `websockets` is to read with, which remember what they have read.
Extensions = Callable[[], list[Extension]]


@dataclass(frozen=True)
class Reading:
    """What a parser makes of a stream: its events, and the code and the reason of its failure, if any."""

    events: list[Event]
    code: int | None = None
    reason: str = ""

    def same(self, other: "Reading") -> bool:
        """Whether it is the same but for the wording."""
        return (self.events, self.code) == (other.events, other.code)


def read(parser: FrameParser, pieces: Iterable[bytes]) -> Reading:
    """Read the pieces with a parser of this project."""
    events, failure = feed_all(parser, pieces)
    return Reading(events, failure.code, failure.reason) if failure else Reading(events)


def theirs(data: bytes, extensions: Extensions = list) -> Reading:
    """Read the bytes with `websockets`; it leaves text undecoded, so that is done here, by frame."""
    protocol = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    protocol.extensions = extensions()
    protocol.receive_data(data)
    events: list[Event] = []
    message = b""
    decoder: codecs.IncrementalDecoder | None = None
    for frame in protocol.events_received():
        assert isinstance(frame, Frame)
        payload = bytes(frame.data)
        match frame.opcode:
            case Opcode.PING:
                events.append(Ping(payload))
            case Opcode.PONG:
                events.append(Pong(payload))
            case Opcode.CLOSE:
                closed = ReferenceClose.parse(payload)
                events.append(Close(int(closed.code), closed.reason))
            case _:
                if frame.opcode is not Opcode.CONT:
                    message = b""
                    decoder = codecs.getincrementaldecoder("utf-8")() if frame.opcode is Opcode.TEXT else None
                message += payload
                try:
                    if decoder:
                        decoder.decode(payload, frame.fin)
                except UnicodeDecodeError:
                    return Reading(events, 1007)
                if frame.fin:
                    events.append(message.decode() if decoder else message)
    if protocol.parser_exc is None:
        return Reading(events)
    assert protocol.close_sent is not None
    return Reading(events, int(protocol.close_sent.code), protocol.close_sent.reason)


def theirs_in_the_end(data: bytes, extensions: Extensions = list) -> Reading:
    """Read the bytes with `websockets`, and as many more as its unfinished frame needs to end or fail.

    These are ones: as a length they are more than a control frame may have, and in the shortest form.
    """
    now = theirs(data, extensions)
    for more in range(1, LIMIT + 16):
        later = theirs(data + b"\x01" * more, extensions)
        if later != now:
            return later
    return now


@dataclass(frozen=True)
class Difference:
    """A deliberate difference.

    Attributes:
        name: of the test's example.
        why: this parser does it otherwise.
        example: a stream that shows it.
        explains: whether it is what makes a stream's two readings differ.
    """

    name: str
    why: str
    example: bytes
    explains: Callable[[Reading, Reading], bool]


# In a control frame any longer form is wrong, whatever length is in it.
_LENGTHS = {"length not in its shortest form", "control frame longer than 125 bytes"}

#: All of them, but for those of compression.
DIFFERENCES = (
    Difference(
        "highest bit",
        "RFC 6455 section 5.2: the most significant bit MUST be 0, which is a rule, and not a size",
        raw(0x82, length=1 << 63, field=8),
        lambda mine, other: (
            mine.reason == "length with its highest bit set"
            and other.code == 1009
            and mine.events == other.events
        ),
    ),
    Difference(
        "close inside a message",
        "RFC 6455 section 5.4: control frames MAY be injected in the middle of a fragmented message, close "
        "frames too; a client may well give up a message",
        raw(0x01, b"x") + raw(0x88, b"\x03\xe8"),
        lambda mine, other: (
            other.reason == "incomplete fragmented message"
            and mine.code is None
            and isinstance(mine.events[-1], Close)
            and mine.events[:-1] == other.events
        ),
    ),
    Difference(
        "rules before sizes",
        "a frame that may not be there at all, or not with this length, is no message that is too big",
        raw(0x89, bytes(LIMIT + 1)),
        lambda mine, other: (mine.code, other.code) == (1002, 1009) and mine.events == other.events,
    ),
    Difference(
        "code before reason",
        "of a close frame with two mistakes the first one counts",
        raw(0x88, b"\x00\x00\xff"),
        lambda mine, other: (
            mine.reason.startswith("invalid close code")
            and other.code == 1007
            and mine.events == other.events
        ),
    ),
    Difference(
        "shortest form",
        "RFC 6455 section 5.2: the minimal number of bytes MUST be used to encode the length",
        raw(0x82, b"x", field=2) + raw(0x82, b"y"),
        lambda mine, other: mine.reason in _LENGTHS and other.events[: len(mine.events)] == mine.events,
    ),
)


def difference(
    data: bytes,
    mine: Reading,
    differences: Iterable[Difference] = DIFFERENCES,
    extensions: Extensions = list,
) -> Difference | None:
    """Return the deliberate difference between the readings of a stream; None when they agree.

    A parser that fails on the first wrong byte has failed when one that reads whole frames still waits. This
    is a difference in time alone, so the frame is finished for the other.
    """
    other = theirs(data, extensions)
    if other.code is None and mine.code is not None and other.events == mine.events:
        other = theirs_in_the_end(data, extensions)
    if mine.same(other):
        return None
    explaining = [each for each in differences if each.explains(mine, other)]
    assert explaining, f"{data.hex()}: {mine} here, {other} in websockets"
    return explaining[0]
