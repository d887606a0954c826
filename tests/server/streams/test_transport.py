"""A stream as a transport: what is written to it, and the frames that this becomes."""

import asyncio

import pytest

from hybrid.server.connection import Connection
from hybrid.server.streams.carrier import Carried
from hybrid.server.streams.connection import StreamConnection
from hybrid.server.streams.transport import StreamTransport
from hybrid.server.wire.http2.priority import DEFAULT
from hybrid.server.wire.http2.session import Session
from hybrid.server.wire.http2.stream import Stream
from hybrid.server.wire.http2.terms import Terms
from tests.support.http2_frames import END_HEADERS, END_STREAM, Frame, FrameReader, Kind

RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
BLOCK = b"\x88\x0f\x0d\x015"  # :status: 200, content-length: 5


class Carrier:
    """Stands in for the handler of the connection.

    Attributes:
        session: the wire.
        backlog: what waits on all streams.
        free: whether streams may send at once.
        left: whether the client is known to have left.
        scheduled: how often a stream has asked for its turn.
        flushes: how often the output was to be sent.
        over: the streams that have ended.
    """

    def __init__(self) -> None:
        self.session = Session(Terms())
        self.backlog = 0
        self.session.take_output()
        self.free = True
        self.left = False
        self.scheduled = 0
        self.flushes = 0
        self.over: list[Carried] = []

    def schedule(self, stream: Carried) -> None:
        """Let a stream send, if it may."""
        self.scheduled += 1
        if self.free:
            while stream.send_part():
                pass

    def flush_soon(self) -> None:
        """Count."""
        self.flushes += 1

    def prioritize(self, stream: Carried, field: bytes) -> None:
        """Let the order be as it is."""

    def ended(self, stream: Carried) -> None:
        """Remember the stream."""
        self.over.append(stream)

    def frames(self) -> list[Frame]:
        """Take the frames that have been put out."""
        return FrameReader().feed(self.session.take_output())


def opened(carrier: Carrier, window: int = 65535) -> StreamTransport:
    """Open stream 1, whose request is complete."""
    stream = carrier.session.streams[1] = Stream(1, window, 0)
    stream.remote_open = False
    return StreamTransport(carrier, stream, "GET", DEFAULT, websocket=False)


def test_a_whole_response_is_two_frames() -> None:
    """Head and body go out at once, and the stream is over as far as the wire goes."""
    carrier = Carrier()
    transport = opened(carrier)
    before = carrier.session.window

    transport.write(RESPONSE)

    assert carrier.frames() == [
        Frame(Kind.HEADERS, END_HEADERS, 1, BLOCK),
        Frame(Kind.DATA, END_STREAM, 1, b"hello"),
    ]
    assert (carrier.scheduled, carrier.flushes) == (0, 1)
    assert carrier.session.window == before - 5
    assert transport.stream.window == 65535 - 5
    assert not carrier.session.streams
    assert not transport.waits


@pytest.mark.parametrize("size", [1, 7, len(RESPONSE) - 5, len(RESPONSE) - 1])
def test_a_response_may_be_written_in_parts(size: int) -> None:
    """However it is cut, the client is told the same."""
    carrier = Carrier()
    transport = opened(carrier)

    for start in range(0, len(RESPONSE), size):
        transport.write(RESPONSE[start : start + size])

    head, *data = carrier.frames()
    assert head == Frame(Kind.HEADERS, END_HEADERS, 1, BLOCK)
    assert b"".join(each.payload for each in data) == b"hello"
    assert [each.flags for each in data] == [0] * (len(data) - 1) + [END_STREAM]
    assert not carrier.session.streams


def test_a_whole_response_waits_for_its_turn() -> None:
    """While others wait, or the client takes nothing, only the head goes: it takes no window."""
    carrier = Carrier()
    carrier.free = False
    transport = opened(carrier)

    transport.write(RESPONSE)

    assert carrier.frames() == [Frame(Kind.HEADERS, END_HEADERS, 1, BLOCK)]
    assert (carrier.scheduled, transport.waits) == (1, True)
    assert transport.get_write_buffer_size() == 5


def test_a_whole_response_waits_for_its_window() -> None:
    """A window that is too small for the body takes a part of it, and the rest when it is open again."""
    carrier = Carrier()
    transport = opened(carrier, window=3)

    transport.write(RESPONSE)
    head, first = carrier.frames()
    transport.stream.window += 10
    transport.send_part()

    assert head == Frame(Kind.HEADERS, END_HEADERS, 1, BLOCK)
    assert first == Frame(Kind.DATA, 0, 1, b"hel")
    assert carrier.frames() == [Frame(Kind.DATA, END_STREAM, 1, b"lo")]


class Told(asyncio.Protocol):
    """Keeps what it is told of its writing."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pause_writing(self) -> None:
        """Note it."""
        self.told.append("pause")

    def resume_writing(self) -> None:
        """Note it."""
        self.told.append("resume")


@pytest.mark.parametrize(
    ("others", "most", "least"), [(0, 65536, 16384), (1024 * 1024 - 65536, 65536, 16384), (1024 * 1024, 0, 0)]
)
def test_what_waits_is_bounded(others: int, most: int, least: int) -> None:
    """A stream may have 64 KiB waiting, and goes on when 16 are left; while a megabyte waits on all together,
    it may have one part waiting, and goes on when that is sent.
    """
    carrier = Carrier()
    carrier.backlog = others
    transport = opened(carrier, window=0)
    protocol = Told()
    transport.set_protocol(protocol)
    transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n")
    transport.write(bytes(most))
    assert protocol.told == []
    transport.write(b"x")
    assert protocol.told == ["pause"]
    assert carrier.backlog == others + most + 1
    transport.stream.window = most - least
    while transport.send_part():
        pass
    assert protocol.told == ["pause"]
    transport.stream.window += 1
    transport.send_part()
    assert protocol.told == ["pause", "resume"]
    assert carrier.backlog == others + least


def test_what_is_lost_waits_no_more() -> None:
    """The end of a stream, whatever the reason, gives its room to others."""
    carrier = Carrier()
    transport = opened(carrier, window=0)
    transport.connection = StreamConnection.__new__(StreamConnection)
    transport.write(RESPONSE)
    transport.lose()
    assert carrier.backlog == 0


@pytest.mark.parametrize("first", [b"", RESPONSE[:30]], ids=["whole", "in parts"])
def test_a_complete_response_ends_the_stream_when_it_is_closed(first: bytes) -> None:
    """Closing after the response says nothing more on the wire, and tells the protocol that it is over."""
    told: list[str] = []

    class Protocol(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            told.append("lost")

    carrier = Carrier()
    transport = opened(carrier)
    transport.connection = StreamConnection.__new__(StreamConnection)
    assert isinstance(transport.connection, Connection)
    transport.set_protocol(Protocol())
    transport.write(first)
    transport.write(RESPONSE[len(first) :])
    carrier.frames()

    transport.close()

    assert carrier.frames() == []
    assert told == ["lost"]
    assert carrier.over == [transport]


def test_half_a_handshake_is_cut_off() -> None:
    """An application that ends before its answer to a handshake is complete has its stream reset: DATA before
    a head would be the end of the connection.
    """
    carrier = Carrier()
    stream = carrier.session.streams[1] = Stream(1, 65535, 65535)
    transport = StreamTransport(carrier, stream, "GET", DEFAULT, websocket=True)
    transport.connection = StreamConnection.__new__(StreamConnection)
    transport.write(b"HTTP/1.1 101 Switching Protocols\r\n")
    transport.write_eof()
    assert [frame.kind for frame in carrier.frames()] == [Kind.RST_STREAM]
