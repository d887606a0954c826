"""Reads responses for HTTP/2 in any pieces, and tells what they say; and what a client of HTTP/1.1 finds."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import h11
from hpack import Decoder
from hypothesis import strategies as st

from hybrid.server.wire.http2.parts import End, Head, Part, Trailers
from hybrid.server.wire.http2.responses import ResponseReader
from tests.support.requests import bytewise

Fields = list[tuple[bytes, bytes]]

#: What HTTP/2 must not have (RFC 9113 section 8.2.2).
OF_HTTP1 = {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}


class Meaning(NamedTuple):
    """What a response says.

    Attributes:
        heads: status and fields of the interim responses, and of the final one.
        body: all of it.
        trailers: the trailer fields; empty without any.
        complete: whether it has ended.
    """

    heads: list[Fields]
    body: bytes = b""
    trailers: Fields = []  # noqa: RUF012 - nobody adds to it
    complete: bool = True


def decode(block: bytes) -> Fields:
    """Decode a header block, and check that it neither needs a table nor leaves anything in one."""
    decoder = Decoder(max_header_list_size=1 << 24)
    decoder.header_table_size = 0
    fields = [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]
    for name, value in fields:
        assert name == name.lower()
        assert value == value.strip(b"\t ")
        assert name not in OF_HTTP1
    return fields


def meaning(parts: Iterable[Part]) -> Meaning:
    """Put parts together, and check that they come in the order that HTTP/2 has them in."""
    heads: list[Fields] = []
    body, trailers = b"", Fields()
    complete = final = False
    for part in parts:
        assert not complete, "a part behind the end"
        if isinstance(part, Head):
            assert not final, "a head behind the final one"
            heads.append(decode(part.block))
            final, complete = part.final, part.end
            assert final == (heads[-1][0] >= (b":status", b"200"))
        elif isinstance(part, Trailers):
            assert final
            trailers, complete = decode(part.block), True
            assert trailers
        elif isinstance(part, End):
            assert final
            complete = True
        else:
            assert final
            assert len(part)
            body += part
    return Meaning(heads, body, trailers, complete)


def read(
    pieces: Iterable[bytes], method: str = "GET", *, websocket: bool = False, eof: bool = False
) -> Meaning:
    """Read a response from these pieces; with ``eof``, nothing follows them."""
    reader = ResponseReader(method, websocket=websocket)
    parts = [part for piece in pieces for part in reader.feed(piece)]
    if eof:
        parts += reader.feed_eof()
    told = meaning(parts)
    assert reader.complete == told.complete
    return told


def ways(raw: bytes, cuts: Iterable[int] = ()) -> list[list[bytes]]:
    """Cut some bytes in different ways: not at all, there, and into single bytes. The first comes again, when
    whoever reads it may know it.
    """
    edges = [0, *sorted(cuts), len(raw)]
    pieces = [raw[start:end] for start, end in pairwise(edges)]
    return [[raw], pieces, list(bytewise(raw)), [raw], [raw]]


def draw_ways(raw: bytes, data: st.DataObject) -> list[list[bytes]]:
    """Cut some bytes in different ways, and at random."""
    return ways(raw, data.draw(st.lists(st.integers(0, len(raw)), max_size=10), "cuts"))


def in_http1(raw: bytes, method: str = "GET", *, eof: bool = False) -> Meaning:
    """Read a response as an independent client of HTTP/1.1, and leave out what is no matter of HTTP/2."""
    client = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(raw)
    if eof:
        client.receive_data(b"")
    heads: list[Fields] = []
    body = b""
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            body += event.data
        else:
            assert isinstance(event, h11.Response | h11.InformationalResponse), event
            status = (b":status", b"%d" % event.status_code)
            heads.append([status, *(field for field in event.headers if field[0] not in OF_HTTP1)])
    return Meaning(heads, body, list(event.headers))
