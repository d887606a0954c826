"""permessage-deflate: what is agreed on, and what is done (RFC 7692 section 7)."""

import random
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.headers import parse_extension

from hybrid.server.wire.websocket.deflate import TAIL, Agreement, Deflater, Inflater, agree
from hybrid.server.wire.websocket.extensions import read_extensions

PLAIN = Agreement(15, 15, server_forgets=False, client_forgets=False, response=b"permessage-deflate")

FORGETTING = "; server_no_context_takeover; client_no_context_takeover"
#: What is offered, the largest window that is wanted, and the answer; None is to compress nothing.
NEGOTIATIONS = [
    # Sections 7.1 and 5.1: nothing to say beside the name.
    ("permessage-deflate", 15, "permessage-deflate"),
    ("x-webkit-deflate-frame", 15, None),
    ("PERMESSAGE-DEFLATE", 15, None),
    # 7.1.1.1, 7.1.1.2: context takeover. What a client says of itself it is held to.
    ("permessage-deflate; server_no_context_takeover", 15, "permessage-deflate; server_no_context_takeover"),
    ("permessage-deflate; client_no_context_takeover", 15, "permessage-deflate; client_no_context_takeover"),
    ("permessage-deflate; server_no_context_takeover=1", 15, None),
    ("permessage-deflate; client_no_context_takeover=true", 15, None),
    # 7.1.2.1: our window. Ours is said whether the client has asked or not.
    ("permessage-deflate", 12, "permessage-deflate; server_max_window_bits=12"),
    ("permessage-deflate; server_max_window_bits=15", 15, "permessage-deflate; server_max_window_bits=15"),
    ("permessage-deflate; server_max_window_bits=10", 15, "permessage-deflate; server_max_window_bits=10"),
    ("permessage-deflate; server_max_window_bits=10", 12, "permessage-deflate; server_max_window_bits=10"),
    ("permessage-deflate; server_max_window_bits=14", 12, "permessage-deflate; server_max_window_bits=12"),
    ('permessage-deflate; server_max_window_bits="9"', 12, "permessage-deflate; server_max_window_bits=9"),
    ("permessage-deflate; server_max_window_bits=8", 12, None),
    ("permessage-deflate; server_max_window_bits", 12, None),
    # 7.1.2.2: the client's, about which nothing is said to a client that has not offered it.
    ("permessage-deflate; client_max_window_bits", 15, "permessage-deflate"),
    (
        "permessage-deflate; client_max_window_bits",
        12,
        "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
    ),
    ("permessage-deflate; client_max_window_bits=9", 15, "permessage-deflate; client_max_window_bits=9"),
    ("permessage-deflate; client_max_window_bits=8", 15, "permessage-deflate; client_max_window_bits=8"),
    ("permessage-deflate; client_max_window_bits=15", 15, "permessage-deflate"),
    # Values that no window has.
    *(
        (f"permessage-deflate; {side}_max_window_bits={value}", 15, None)
        for side in ("server", "client")
        for value in ("7", "16", "08", "+9", "9.0", "0x9", "a", "1_0")
    ),
    # Parameters that are unknown, or that come twice, equal or not.
    ("permessage-deflate; x", 15, None),
    ("permessage-deflate; Server_No_Context_Takeover", 15, None),
    ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", 15, None),
    ("permessage-deflate; client_max_window_bits=9; client_max_window_bits=10", 15, None),
    # Several offers: the first that can be met.
    ("foo, permessage-deflate; x, permessage-deflate", 15, "permessage-deflate"),
    (
        "permessage-deflate; server_max_window_bits=8, permessage-deflate; client_no_context_takeover",
        15,
        "permessage-deflate; client_no_context_takeover",
    ),
    (
        "permessage-deflate; client_max_window_bits; server_max_window_bits=10, permessage-deflate",
        15,
        "permessage-deflate; server_max_window_bits=10",
    ),
    # All of it.
    (
        "permessage-deflate" + "; client_max_window_bits=11; server_max_window_bits=10" + FORGETTING,
        12,
        "permessage-deflate" + FORGETTING + "; server_max_window_bits=10; client_max_window_bits=11",
    ),
]


@pytest.mark.parametrize(("offer", "bits", "answer"), NEGOTIATIONS)
def test_negotiation(offer: str, bits: int, answer: str | None) -> None:
    """The first offer that can be met is answered with what it asks for and with the window that is used."""
    agreement = agree(read_extensions([offer.encode()]), bits)
    assert (agreement and agreement.response.decode()) == answer


def test_agreement_is_what_is_answered() -> None:
    """The windows are those of the answer, or the largest where it does not say any."""
    offer = [b"permessage-deflate; client_max_window_bits=9; server_no_context_takeover"]
    agreement = agree(read_extensions(offer), 12)
    assert agreement is not None
    assert agreement[:4] == (12, 9, True, False)
    agreement = agree(read_extensions([b"permessage-deflate; client_no_context_takeover"]), 10)
    assert agreement is not None
    assert agreement[:4] == (10, 15, False, True)


bits = st.integers(9, 15)


@dataclass(frozen=True)
class Wishes:
    """What a client of `websockets` asks for, and the window that the server wants."""

    server_forgets: bool
    client_forgets: bool
    server_bits: int | None
    client_bits: int | bool | None
    wanted: int


wishes = st.builds(
    Wishes, st.booleans(), st.booleans(), st.none() | bits, st.none() | st.just(value=True) | bits, bits
)
messages = st.lists(
    st.binary(max_size=300)
    | st.builds(lambda part, times: part * times, st.binary(min_size=1, max_size=9), st.integers(0, 9000)),
    max_size=6,
)


def agree_with_websockets(wish: Wishes) -> tuple[Agreement, PerMessageDeflate]:
    """Let a client of `websockets` offer, and take the answer."""
    factory = ClientPerMessageDeflateFactory(
        server_no_context_takeover=wish.server_forgets,
        client_no_context_takeover=wish.client_forgets,
        server_max_window_bits=wish.server_bits,
        client_max_window_bits=wish.client_bits,
    )
    parameters = "".join(
        f"; {name}" + ("" if value is None else f"={value}") for name, value in factory.get_request_params()
    )
    agreement = agree(read_extensions([f"permessage-deflate{parameters}".encode()]), wish.wanted)
    assert agreement is not None
    ((_, answer),) = parse_extension(agreement.response.decode())
    return agreement, factory.process_response_params(answer, [])


class TestAgainstWebsockets:
    """Agreement with an independent implementation, whatever it asks for."""

    @given(wishes, messages, st.sampled_from([0, 100]))
    def test_it_inflates_what_we_compress(self, wish: Wishes, sent: list[bytes], threshold: int) -> None:
        """Messages arrive as they were sent, also after the compressor has rested."""
        agreement, peer = agree_with_websockets(wish)
        deflater = Deflater(agreement, threshold)
        for number, message in enumerate(sent):
            opcode, compressed, payload = parts(deflater.encode_binary(message))
            received = peer.decode(Frame(Opcode(opcode), payload, rsv1=compressed))
            assert bytes(received.data) == message
            assert compressed or len(message) < threshold or wish.server_forgets or not message
            if number == 3:
                deflater.rest()
                deflater.rest()

    @given(wishes, messages, st.integers(1, 3))
    def test_we_inflate_what_it_compresses(self, wish: Wishes, sent: list[bytes], step: int) -> None:
        """Messages arrive as they were sent, whole or in pieces."""
        agreement, peer = agree_with_websockets(wish)
        inflater = Inflater(agreement)
        for message in sent:
            data = bytes(peer.encode(Frame(Opcode.BINARY, message)).data)
            size = len(data) // step + 1
            pieces = [data[start : start + size] for start in range(0, len(data), size)]
            inflated = b"".join(inflater.inflate(piece, len(message)) for piece in pieces)
            inflated += inflater.inflate(TAIL, len(message) - len(inflated))
            inflater.end_message()
            assert inflated == message


def parts(frame: bytes) -> tuple[int, bool, bytes]:
    """Return opcode, whether it is compressed, and payload of a frame."""
    start = {126: 4, 127: 10}.get(frame[1], 2)
    assert frame[0] & 0x80
    return frame[0] & 0x0F, bool(frame[0] & 0x40), frame[start:]


def inflate(agreement: Agreement, *sent: str) -> list[bytes]:
    """Inflate messages that are written in hexadecimal."""
    inflater = Inflater(agreement)
    found: list[bytes] = []
    for message in sent:
        found.append(inflater.inflate(bytes.fromhex(message) + TAIL, 10_000))
        inflater.end_message()
    return found


class TestExamples:
    """Section 7.2.3, without the headers of the frames."""

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            ("f2 48 cd c9 c9 07 00", b"Hello"),  # 7.2.3.1
            ("00 05 00 fa ff 48 65 6c 6c 6f 00", b"Hello"),  # 7.2.3.3, a block without compression
            ("f3 48 cd c9 c9 07 00 00", b"Hello"),  # 7.2.3.4, a last block, and an empty one
            ("f2 48 05 00 00 00 ff ff ca c9 c9 07 00", b"Hello"),  # 7.2.3.5, two blocks
            ("00", b""),  # 7.2.3.6
            ("02 00", b""),  # 7.2.3.6, another one
        ],
    )
    def test_inflated(self, data: str, message: bytes) -> None:
        """Each example is the message that the RFC says, more than once."""
        assert inflate(PLAIN, data, data, data) == [message] * 3

    def test_context_is_taken_over(self) -> None:
        """The second message refers to the first one, unless it was said that none does (7.2.3.2)."""
        sent = ("f2 48 cd c9 c9 07 00", "f2 00 11 00 00")
        assert inflate(PLAIN, *sent) == [b"Hello", b"Hello"]
        with pytest.raises(zlib.error):
            inflate(PLAIN._replace(client_forgets=True), *sent)

    def test_compressed(self) -> None:
        """The same messages are what we send; the second one starts what the others refer to."""
        deflater = Deflater(PLAIN, 0)
        deflater.encode_text("Hello")
        assert deflater.encode_text("Hello") == bytes.fromhex("c1 07 f2 48 cd c9 c9 07 00")
        assert deflater.encode_text("Hello") == bytes.fromhex("c1 05 f2 00 11 00 00")


class TestInflater:
    """What a client may do wrong, or to us."""

    @pytest.mark.parametrize(
        "data",
        [
            "ff ff ff",  # no such kind of block
            "00 05 00 00 00 48",  # lengths that contradict each other
            "f2 48 cd c9",  # ends within a block
            "00 05 00 fa ff 48 65",  # as above, without compression
            "",  # not even an empty block
            "f3 48 cd c9 c9 07 00",  # a last block, and nothing that could follow it
            "03 00" * 100 + "00",  # a hundred streams
        ],
    )
    @pytest.mark.parametrize("forgets", [False, True])
    def test_broken(self, data: str, forgets: bool) -> None:
        """Data that is broken or incomplete is noticed at the end of its message, not in a later one."""
        with pytest.raises(zlib.error):
            inflate(PLAIN._replace(client_forgets=forgets), data)

    def test_distance_beyond_the_window(self) -> None:
        """A client that refers to messages further back than its window cannot be understood."""
        deflater = Deflater(PLAIN, 0)
        deflater.encode_text("Hello")
        noise = bytes(i * i * i % 251 for i in range(251))
        sent = [parts(deflater.encode_binary(data))[2] for data in (noise + bytes(2000), noise)]
        assert inflate(PLAIN, *(data.hex() for data in sent))[1] == noise
        with pytest.raises(zlib.error, match="too far back"):
            inflate(PLAIN._replace(client_bits=9), *(data.hex() for data in sent))

    @pytest.mark.parametrize("room", [0, 1, 1000])
    def test_room(self, room: int) -> None:
        """What is longer than there is room for is inflated to one byte more, and takes no more memory."""
        stream = zlib.compressobj(wbits=-15)
        bomb = stream.compress(bytes(50_000_000)) + stream.flush(zlib.Z_SYNC_FLUSH)
        inflater = Inflater(PLAIN)
        tracemalloc.start()
        try:
            assert inflater.inflate(bomb, room) == bytes(room + 1)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 200_000

    def test_exact_room(self) -> None:
        """A message may be exactly as long as there is room."""
        assert Inflater(PLAIN).inflate(bytes.fromhex("f248cdc9c90700"), 5) == b"Hello"


def traced(objects: Iterator[object]) -> int:
    """Return the bytes that are held by what an iterator has made."""
    tracemalloc.start()
    try:
        held = list(objects)
        size, _ = tracemalloc.get_traced_memory()
        held.clear()
        return size
    finally:
        tracemalloc.stop()


class TestMemory:
    """What a WebSocket holds, which docs/websocket.md says."""

    def test_nothing_before_it_is_used(self) -> None:
        """Until there is a message to compress, or to inflate, there is nothing."""
        assert traced(iter([Deflater(PLAIN, 0), Inflater(PLAIN)])) < 1000

    @pytest.mark.parametrize(("bits", "limit"), [(9, 20_000), (12, 52_000), (15, 310_000)])
    def test_by_window(self, bits: int, limit: int) -> None:
        """What is held follows from the window; what does not compress goes when it is not used."""
        agreement = PLAIN._replace(server_bits=bits, client_bits=bits)
        data = bytes(i * i % 101 for i in range(100_000))

        def used() -> Iterator[object]:
            deflater, inflater = Deflater(agreement, 0), Inflater(agreement)
            deflater.encode_text("Hello")
            _, _, payload = parts(deflater.encode_binary(data))
            inflater.inflate(payload + TAIL, len(data))
            inflater.end_message()
            yield deflater
            yield inflater

        def rested() -> Iterator[object]:
            for each in used():
                if isinstance(each, Deflater):
                    each.rest()
                    each.rest()
                yield each

        def one_by_one() -> Iterator[object]:
            nonlocal agreement
            agreement = agreement._replace(server_forgets=True, client_forgets=True)
            yield from used()

        held = traced(used())
        assert limit * 0.8 < held < limit
        assert traced(rested()) < held / 2 + 8000
        assert traced(one_by_one()) < 2000


class TestDeflater:
    """What is sent."""

    def test_threshold(self) -> None:
        """A message of fewer bytes than the threshold is sent as it is, and an empty one always."""
        deflater = Deflater(PLAIN, 10)
        assert deflater.encode_text("x" * 9) == b"\x81\x09" + b"x" * 9
        assert deflater.encode_text("é" * 5)[0] == 0xC1
        assert Deflater(PLAIN, 0).encode_binary(b"") == b"\x82\x00"

    def test_what_does_not_become_smaller(self) -> None:
        """Without context, a message that does not become smaller is sent as it is."""
        message = bytes(range(256))
        deflater = Deflater(PLAIN._replace(server_forgets=True), 0)
        assert deflater.encode_binary(message) == b"\x82\x7e\x01\x00" + message
        assert Deflater(PLAIN, 0).encode_binary(message)[0] == 0xC2

    def test_large_message_that_would_not_become_smaller(self) -> None:
        """What is large and does not shrink in its beginning is sent as it is: it would take the longest."""
        noise = random.Random(1).randbytes(1 << 20)  # noqa: S311
        deflater = Deflater(PLAIN, 0)
        assert deflater.encode_binary(noise)[0] == 0x82
        assert deflater.encode_binary(b"x" * (1 << 20))[0] == 0xC2
        assert deflater.encode_binary(noise[: 1 << 17])[0] == 0xC2

    def test_rest(self) -> None:
        """A compressor stays from the second message on, until there is none between two calls."""
        deflater = Deflater(PLAIN, 0)
        first = deflater.encode_text("Hello")
        assert "idle" in repr(deflater)
        deflater.rest()
        assert [deflater.encode_text("Hello") for _ in range(2)] == [first, first]
        assert deflater.encode_text("Hello") != first
        deflater.rest()
        assert "in use" in repr(deflater)
        deflater.rest()
        assert "idle" in repr(deflater)
        assert deflater.encode_text("Hello") == first

    def test_surrogates(self) -> None:
        """What is no text cannot be sent."""
        with pytest.raises(UnicodeEncodeError):
            Deflater(PLAIN, 0).encode_text("\ud800")
