"""Any sequence of frames: whole and in pieces, and as the `h2` library judges it."""

from itertools import pairwise
from typing import Any

import h2.config
import h2.connection
import h2.exceptions
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from tests.support.http2_frames import (
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    PADDED,
    PREFACE,
    FrameReader,
    Kind,
    frame,
    number,
    settings,
)
from tests.support.http2_sessions import GET, POST, Talk, data, ping, rst_stream, window_update

# A block that changes no table is valid wherever it comes.
ENCODER = Encoder()
ENCODER.header_table_size = 0


def block(*fields: tuple[str, str]) -> bytes:
    """Encode fields."""
    return ENCODER.encode(list(fields))


STREAMS = st.sampled_from([1, 3, 5, 7, 0, 2])
ODD = st.sampled_from([1, 3, 5, 7])
BLOCKS = st.sampled_from([
    block(*GET), block(*POST), block(*POST, ("content-length", "3")), block(("trailer", "x")),
    block(*GET, ("connection", "close")), block(*GET[1:]),
])  # fmt: skip
SETTINGS = st.tuples(
    st.sampled_from([1, 2, 3, 4, 5, 6, 9, 99]), st.sampled_from([0, 1, 2, 100, 16384, 65535, (1 << 31) - 1])
)


def headers(stream: int, fields: bytes, flags: int) -> bytes:
    """Write HEADERS."""
    return frame(Kind.HEADERS, fields, stream=stream, flags=flags)


VALID = st.one_of(
    st.builds(headers, ODD, BLOCKS, st.sampled_from([END_HEADERS, END_HEADERS | END_STREAM])),
    st.builds(data, ODD, st.sampled_from([b"", b"abc", b"a" * 300]), ends=st.booleans()),
    st.builds(window_update, STREAMS, st.sampled_from([0, 1, 1000, (1 << 31) - 1])),
    st.builds(rst_stream, ODD),
    st.builds(ping, ack=st.booleans()),
    st.builds(settings, SETTINGS),
    st.builds(lambda stream, on: frame(Kind.PRIORITY, number(on) + b"\x10", stream=stream), ODD, STREAMS),
    st.just(frame(0xFA, b"?", stream=3)),
)
ANY = st.builds(
    frame, st.sampled_from([*Kind, 0xFA]), st.binary(max_size=20), stream=STREAMS, flags=st.integers(0, 255)
)
BROKEN = st.one_of(
    st.builds(headers, STREAMS, BLOCKS, st.just(0)),
    st.builds(
        lambda stream, fields, flags: frame(Kind.CONTINUATION, fields, stream=stream, flags=flags),
        STREAMS, BLOCKS, st.sampled_from([0, END_HEADERS]),
    ),
    st.builds(headers, ODD, BLOCKS, st.sampled_from([PADDED | END_HEADERS, HAS_PRIORITY | END_HEADERS])),
)  # fmt: skip


@given(st.lists(VALID | ANY | BROKEN | st.binary(max_size=9), max_size=14), st.data())
def test_pieces_do_not_matter(parts: list[bytes], drawn: st.DataObject) -> None:
    """What is told, said and refused is the same whole, in pieces and byte by byte; nothing is raised but
    ConnectionFault, and only once.
    """
    raw = b"".join(parts)
    whole = Talk().send(raw)
    seen = whole.told, whole.said, whole.fault
    bytewise = Talk().bytewise(raw)
    assert (bytewise.told, bytewise.said, bytewise.fault) == seen
    places = sorted(drawn.draw(st.sets(st.integers(0, len(raw)), max_size=5)) | {0, len(raw)})
    pieces = Talk().send(*(raw[start:end] for start, end in pairwise(places)))
    assert (pieces.told, pieces.said, pieces.fault) == seen


@given(st.lists(VALID, max_size=10), st.integers(0, 3))
def test_requests_of_h2_are_told(frames: list[bytes], count: int) -> None:
    """What the `h2` client sends comes out, whole and byte by byte: heads, bodies in parts, ends."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    client.initiate_connection()
    expected: list[tuple[Any, ...]] = []
    for each in range(count):
        stream = 2 * each + 1
        client.send_headers(stream, [*POST, ("x-number", str(each))])
        fields = ((b"host", b"x"), (b"x-number", b"%d" % each))
        expected.append(("begun", stream, "POST", b"/", fields, False))
        client.send_data(stream, b"part", pad_length=each)
        expected.append(("body", stream, b"part", 5 + each, False))
        client.send_data(stream, b"", end_stream=True)
        expected.append(("body", stream, b"", 0, True))
    raw = client.data_to_send()
    assert Talk(begun=False).send(raw).told == expected
    assert Talk(begun=False).bytewise(raw).told == expected


# The judge.

#: Where the verdicts may differ, as (frame, ours, h2's), and why ours is as it is.
DIFFERENCES = {
    # A malformed request, trailers that do not end their stream, a body that differs from its Content-Length,
    # an update of nothing: RFC 9113 has them end the stream. h2 ends the connection, and so everybody's.
    (Kind.HEADERS, "stream", "connection"),
    (Kind.DATA, "stream", "connection"),
    (Kind.WINDOW_UPDATE, "stream", "connection"),
    (Kind.PRIORITY, "stream", "connection"),
    # h2 looks at Content-Length only when DATA comes: not at a request, or trailers, that end without.
    (Kind.HEADERS, "stream", "fine"),
    # Section 5.1: after the end of a stream, or on one that was skipped, DATA is an error of the connection.
    (Kind.DATA, "connection", "stream"),
    # Section 6.4: RST_STREAM of an idle stream must end the connection. h2 has its reasons not to.
    (Kind.RST_STREAM, "connection", "fine"),
    # Section 5.1: WINDOW_UPDATE may come for a time after the end of a stream. How long is not said, and on a
    # stream that was skipped nothing else can be told.
    (Kind.WINDOW_UPDATE, "fine", "connection"),
}


class Oracle:
    """The server of `h2`, fed with the same frames."""

    def __init__(self) -> None:
        self.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        self.connection.initiate_connection()
        self.connection.increment_flow_control_window((1 << 20) - 65535)
        self.connection.receive_data(PREFACE + settings())
        self.connection.data_to_send()

    def verdict(self, raw: bytes) -> str:
        """Return how it judges a frame: 'connection', 'stream', or that it is 'fine'."""
        try:
            self.connection.receive_data(raw)
        except h2.exceptions.ProtocolError:
            return "connection"
        sent = FrameReader().feed(self.connection.data_to_send())
        return "stream" if any(each.kind == Kind.RST_STREAM for each in sent) else "fine"


def our_verdict(talk: Talk, raw: bytes) -> str:
    """Return how our session judges a frame."""
    talk.take()
    talk.send(raw)
    if talk.fault is not None:
        return "connection"
    return "stream" if talk.resets else "fine"


@given(st.lists(VALID, max_size=14))
def test_h2_judges_alike(frames: list[bytes]) -> None:
    """Frame by frame, up to the first that is refused: what h2 refuses, so do we, and the other way around.

    The differences that are meant are in `DIFFERENCES`.
    """
    oracle, talk = Oracle(), Talk()
    for raw in frames:
        ours, theirs = our_verdict(talk, raw), oracle.verdict(raw)
        if ours == theirs == "fine":
            continue
        assert ours == theirs or (Kind(raw[3]), ours, theirs) in DIFFERENCES, (raw, ours, theirs)
        return
