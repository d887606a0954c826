"""The frame codec: every rule of RFC 6455 sections 5 to 8 and 10.4, in the order of the RFC."""

import codecs
import sys
import tracemalloc
from collections.abc import Callable

import pytest
from websockets.exceptions import ProtocolError
from websockets.frames import Close as ReferenceClose
from websockets.frames import Frame, Opcode
from websockets.utils import apply_mask as apply_mask_in_python

from hybrid.server.wire.websocket import parser
from hybrid.server.wire.websocket.close_codes import CloseCode, is_valid_close_code
from hybrid.server.wire.websocket.events import Close, Event, Ping, Pong, WebSocketError
from hybrid.server.wire.websocket.frames import encode_binary, encode_close, encode_frame, encode_text
from hybrid.server.wire.websocket.parser import FrameParser
from tests.support.frames import MAX_SIZE, Outcome, in_pieces, outcome, raw


def text(message: str, first: int = 0x81) -> bytes:
    """Build a client's text frame."""
    return raw(first, message.encode())


Feed = Callable[..., Outcome]


@pytest.fixture(params=["whole", "byte by byte", "in threes", "with trailing bytes"])
def feed(request: pytest.FixtureRequest) -> Feed:
    """Every way in which the same bytes can arrive; the outcome must not depend on it."""

    def feed(data: bytes, max_size: int = MAX_SIZE) -> Outcome:
        if request.param == "with trailing bytes":
            # The beginning of one more frame, which must neither become an event nor disturb those before.
            return outcome(iter([data + b"\x89\xfd" if data else data]), max_size)
        size = {"whole": len(data), "byte by byte": 1, "in threes": 3}[request.param]
        return outcome(in_pieces(data, size), max_size)

    return feed


class TestBaseFraming:
    """Section 5.2."""

    def test_text_is_a_str(self, feed: Feed) -> None:
        """A text frame is delivered as a string."""
        assert feed(text("Hello, wörld ☃")) == (["Hello, wörld ☃"], None)

    def test_binary_is_bytes(self, feed: Feed) -> None:
        """A binary frame is delivered as bytes, and need not be UTF-8."""
        assert feed(raw(0x82, b"\xff\x00\xfe")) == ([b"\xff\x00\xfe"], None)

    def test_rfc_example(self, feed: Feed) -> None:
        """The masked "Hello" of section 5.7 is understood."""
        assert feed(bytes.fromhex("818537fa213d7f9f4d5158")) == (["Hello"], None)

    @pytest.mark.parametrize("first", [0x81, 0x82])
    @pytest.mark.parametrize(
        "size", [0, 1, 3, 4, 124, 125, 126, 127, 255, 256, 4095, 4096, 4097, 65535, 65536, 70001]
    )
    def test_every_length_form(self, feed: Feed, first: int, size: int) -> None:
        """Payloads of 0 to 125, 126 to 65535 and more bytes are read, at and around every limit."""
        payload = bytes(33 + i % 90 for i in range(size))
        expected: Event = payload.decode() if first == 0x81 else payload
        assert feed(raw(first, payload)) == ([expected], None)

    def test_several_frames_in_one_read(self, feed: Feed) -> None:
        """Frames that arrive together are delivered in order."""
        data = text("a") + raw(0x82, b"b") + raw(0x89, b"c") + text("") + text("d" * 300)
        assert feed(data) == (["a", b"b", Ping(b"c"), "", "d" * 300], None)

    @pytest.mark.parametrize("bits", [0x40, 0x20, 0x10, 0x70])
    @pytest.mark.parametrize("first", [0x81, 0x01, 0x82, 0x88, 0x89])
    def test_reserved_bits(self, feed: Feed, first: int, bits: int) -> None:
        """A reserved bit fails the connection with 1002 as no extension was negotiated."""
        assert feed(raw(first | bits, b"x")) == ([], 1002)
        assert feed(raw(first | bits, b"x" * 300)) == ([], 1002)

    @pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
    @pytest.mark.parametrize("fin", [0, 0x80])
    def test_reserved_opcodes(self, feed: Feed, opcode: int, fin: int) -> None:
        """An opcode that nobody has defined fails the connection with 1002."""
        assert feed(raw(fin | opcode, b"x")) == ([], 1002)

    @pytest.mark.parametrize(("size", "field"), [(0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8)])
    def test_length_must_be_minimal(self, feed: Feed, size: int, field: int) -> None:
        """A length in a longer form than it needs fails the connection with 1002."""
        assert feed(raw(0x82, bytes(size), field=field)) == ([], 1002)

    @pytest.mark.parametrize("length", [1 << 63, (1 << 64) - 1])
    def test_highest_bit_of_the_length(self, feed: Feed, length: int) -> None:
        """A 64-bit length with its highest bit set fails with 1002, whatever the size limit."""
        assert feed(raw(0x82, length=length, field=8), max_size=1 << 64) == ([], 1002)


class TestMasking:
    """Sections 5.1 and 5.3."""

    @pytest.mark.parametrize("first", [0x81, 0x82, 0x01, 0x88, 0x89, 0x8A])
    @pytest.mark.parametrize("payload", [b"", b"abc"])
    def test_unmasked_frame(self, feed: Feed, first: int, payload: bytes) -> None:
        """A frame without a mask from a client fails the connection with 1002."""
        assert feed(raw(first, payload, key=None)) == ([], 1002)

    @pytest.mark.parametrize("cut", range(6, 30))
    def test_key_turns_with_the_payload(self, cut: int) -> None:
        """A payload that arrives in two parts is unmasked right wherever it is cut."""
        data = raw(0x82, bytes(range(24)))
        assert outcome(iter([data[:cut], data[cut:]])) == ([bytes(range(24))], None)

    def test_python_masking_agrees(self, feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where `websockets` comes without its C extension, its Python function gives the same messages."""
        monkeypatch.setattr(parser, "apply_mask", apply_mask_in_python)
        assert feed(text("short") + raw(0x82, bytes(range(256)) * 40)) == (
            ["short", bytes(range(256)) * 40],
            None,
        )


class TestFragmentation:
    """Section 5.4."""

    def test_fragments_are_joined(self, feed: Feed) -> None:
        """Fragments become one message of the first one's type."""
        data = text("one ", 0x01) + text("two ", 0x00) + text("three", 0x80)
        assert feed(data) == (["one two three"], None)
        data = raw(0x02, b"\xff") + raw(0x80, b"\xfe")
        assert feed(data) == ([b"\xff\xfe"], None)

    def test_empty_fragments(self, feed: Feed) -> None:
        """Fragments may be empty, all of them."""
        assert feed(raw(0x01) + raw(0x00) + raw(0x80)) == ([""], None)
        assert feed(raw(0x02) + raw(0x80)) == ([b""], None)

    def test_control_frames_between_fragments(self, feed: Feed) -> None:
        """Control frames come through at once, in the middle of a fragmented message."""
        data = text("a", 0x01) + raw(0x89, b"p") + text("b", 0x00) + raw(0x8A, b"q") + text("c", 0x80)
        assert feed(data) == ([Ping(b"p"), Pong(b"q"), "abc"], None)

    def test_close_between_fragments(self, feed: Feed) -> None:
        """A close frame may cut a fragmented message off; the message is lost."""
        assert feed(text("a", 0x01) + raw(0x88, b"\x03\xe8")) == ([Close(1000, "")], None)

    def test_message_after_a_fragmented_one(self, feed: Feed) -> None:
        """A fragmented message leaves nothing behind for the next one."""
        data = raw(0x02, b"\xff") + raw(0x80, b"\xfe") + text("next") + text("one", 0x01) + text("more", 0x80)
        assert feed(data) == ([b"\xff\xfe", "next", "onemore"], None)

    @pytest.mark.parametrize("first", [0x00, 0x80])
    def test_continuation_of_nothing(self, feed: Feed, first: int) -> None:
        """A continuation frame outside a message fails the connection with 1002."""
        assert feed(raw(first, b"x")) == ([], 1002)
        assert feed(text("whole") + raw(first, b"x")) == (["whole"], 1002)

    @pytest.mark.parametrize("first", [0x01, 0x81, 0x02, 0x82])
    def test_new_message_inside_another(self, feed: Feed, first: int) -> None:
        """A new data frame inside a fragmented message fails the connection with 1002."""
        assert feed(text("a", 0x01) + raw(first, b"b")) == ([], 1002)


class TestControlFrames:
    """Section 5.5."""

    @pytest.mark.parametrize("first", [0x08, 0x09, 0x0A])
    def test_fragmented(self, feed: Feed, first: int) -> None:
        """A control frame without FIN fails the connection with 1002."""
        assert feed(raw(first, b"\x03\xe8")) == ([], 1002)

    @pytest.mark.parametrize("first", [0x88, 0x89, 0x8A])
    @pytest.mark.parametrize("size", [126, 65536])
    def test_too_long(self, feed: Feed, first: int, size: int) -> None:
        """A control frame of more than 125 bytes fails the connection with 1002."""
        assert feed(raw(first, b"\x03\xe8" + b"x" * (size - 2))) == ([], 1002)

    @pytest.mark.parametrize("size", [0, 1, 125])
    def test_ping_and_pong(self, feed: Feed, size: int) -> None:
        """Pings and pongs carry up to 125 bytes, which need not be text."""
        payload = b"\xff" * size
        assert feed(raw(0x89, payload) + raw(0x8A, payload)) == ([Ping(payload), Pong(payload)], None)

    def test_size_limit_is_for_messages(self, feed: Feed) -> None:
        """A ping may be longer than a message may be."""
        assert feed(raw(0x89, b"x" * 125), max_size=10) == ([Ping(b"x" * 125)], None)


class TestClose:
    """Section 5.5.1 and 7.4."""

    def test_without_code(self, feed: Feed) -> None:
        """An empty close frame is delivered as 1005, which no frame can carry."""
        assert feed(raw(0x88)) == ([Close(1005, "")], None)

    def test_code_and_reason(self, feed: Feed) -> None:
        """Code and reason are delivered; the reason may fill the frame."""
        assert feed(raw(0x88, b"\x03\xe9" + "ciào".encode())) == ([Close(1001, "ciào")], None)
        assert feed(raw(0x88, b"\x0f\xa0" + b"x" * 123)) == ([Close(4000, "x" * 123)], None)

    def test_one_byte(self, feed: Feed) -> None:
        """A close frame with half a code fails the connection with 1002."""
        assert feed(raw(0x88, b"\x03")) == ([], 1002)

    def test_reason_must_be_utf8(self, feed: Feed) -> None:
        """A reason that is not UTF-8, or ends in the middle of a character, fails with 1007."""
        assert feed(raw(0x88, b"\x03\xe8\xff")) == ([], 1007)
        assert feed(raw(0x88, b"\x03\xe8ok\xe2\x98")) == ([], 1007)

    @pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3999, 4000, 4999])
    def test_valid_codes(self, feed: Feed, code: int) -> None:
        """Codes that the RFC and IANA define, and those left to libraries and applications, are accepted."""
        assert feed(raw(0x88, code.to_bytes(2, "big"))) == ([Close(code, "")], None)
        assert encode_close(code) == bytes((0x88, 2)) + code.to_bytes(2, "big")

    @pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
    def test_invalid_codes(self, feed: Feed, code: int) -> None:
        """Codes that must not be sent, or that nobody has defined, fail the connection with 1002."""
        assert feed(raw(0x88, code.to_bytes(2, "big"))) == ([], 1002)
        with pytest.raises(ValueError, match=str(code)):
            encode_close(code)

    def test_every_code_as_in_websockets(self) -> None:
        """Of all 65536 codes exactly those are valid that `websockets` allows."""

        def allowed(code: int) -> bool:
            try:
                ReferenceClose(code, "").check()
            except ProtocolError:
                return False
            return True

        assert [c for c in range(1 << 16) if is_valid_close_code(c)] == [
            c for c in range(1 << 16) if allowed(c)
        ]

    def test_nothing_after_close(self, feed: Feed) -> None:
        """What follows a close frame is discarded, whether it is valid or not (section 1.4)."""
        assert feed(raw(0x88) + text("late") + b"\xff\xff\xff") == ([Close(1005, "")], None)

    def test_parser_stays_closed(self) -> None:
        """A parser that has seen a close frame returns nothing any more."""
        parser = FrameParser(MAX_SIZE)
        assert parser.feed(raw(0x88)) == [Close(1005, "")]
        assert parser.feed(text("late")) == []
        assert parser.feed(b"\xff\xff") == []


class TestFailing:
    """Section 7.1.7."""

    def test_messages_before_the_failure_count(self) -> None:
        """What was complete before a failure in the same read is delivered with the error."""
        parser = FrameParser(MAX_SIZE)
        with pytest.raises(WebSocketError) as caught:
            parser.feed(text("good") + raw(0x89, b"p") + raw(0x83) + text("never"))
        assert caught.value.events == ["good", Ping(b"p")]
        assert caught.value.code == CloseCode.PROTOCOL_ERROR

    def test_nothing_after_a_failure(self) -> None:
        """A parser that has failed ignores whatever comes, valid or not."""
        parser = FrameParser(MAX_SIZE)
        with pytest.raises(WebSocketError):
            parser.feed(b"\x83")
        assert parser.feed(text("late")) == []
        assert parser.feed(raw(0x83)) == []

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (raw(0xC1), "reserved bit"),
            (raw(0x8B), "reserved opcode 11"),
            (raw(0x09), "fragmented control"),
            (raw(0x80), "continuation of no message"),
            (raw(0x01) + raw(0x81), "inside a fragmented"),
            (raw(0x81, key=None), "mask"),
            (raw(0x89, b"x" * 126), "125 bytes"),
            (raw(0x81, b"x", field=2), "shortest form"),
            (raw(0x81, length=1 << 63), "highest bit"),
            (raw(0x88, b"\x03"), "half a code"),
            (raw(0x88, b"\x03\xed"), "invalid close code 1005"),
            (raw(0x81, b"\xff"), "UTF-8"),
            (raw(0x81, length=MAX_SIZE + 1), "longer than 1048576 bytes"),
        ],
    )
    def test_reason_names_the_rule(self, data: bytes, words: str) -> None:
        """The error says in words which rule was broken, and fits into a close frame."""
        with pytest.raises(WebSocketError, match=words) as caught:
            FrameParser(MAX_SIZE).feed(data)
        assert encode_close(caught.value.code, caught.value.reason).endswith(caught.value.reason.encode())

    @pytest.mark.parametrize(
        "data",
        [b"\xc1", b"\x83", b"\x09", b"\x80", b"\x81\x05", b"\x89\xfe", raw(0x82, length=MAX_SIZE + 1)[:10]],
    )
    def test_fails_as_early_as_possible(self, data: bytes) -> None:
        """A wrong header fails at the byte that is wrong, before mask and payload arrive."""
        parser = FrameParser(MAX_SIZE)
        assert parser.feed(data[:-1]) == []
        with pytest.raises(WebSocketError):
            parser.feed(data[-1:])


INVALID_TEXTS = {
    "lone continuation byte": b"\x80",
    "overlong slash": b"\xc0\xaf",
    "overlong in three bytes": b"\xe0\x80\xaf",
    "surrogate": b"\xed\xa0\x80",
    "above U+10FFFF": b"\xf4\x90\x80\x80",
    "invalid byte": b"\xff",
    "cut character": "κόσμε".encode()[:-1],
    "two-byte character, then ASCII": b"\xcf(",
}


class TestText:
    """Sections 5.6 and 8.1."""

    @pytest.mark.parametrize("payload", INVALID_TEXTS.values(), ids=INVALID_TEXTS)
    def test_invalid_text(self, feed: Feed, payload: bytes) -> None:
        """Text that is not UTF-8 fails the connection with 1007, in short, long and fragmented messages."""
        assert feed(raw(0x81, payload)) == ([], 1007)
        assert feed(raw(0x81, b"x" * 200 + payload)) == ([], 1007)
        assert feed(raw(0x01, b"x") + raw(0x00, payload) + raw(0x80)) == ([], 1007)

    def test_characters_split_over_fragments(self, feed: Feed) -> None:
        """A fragment may end in the middle of a character."""
        payload = "κόσμε 😀".encode()
        data = raw(0x01, payload[:1])
        for byte in payload[1:-1]:
            data += raw(0x00, bytes([byte]))
        assert feed(data + raw(0x80, payload[-1:])) == (["κόσμε 😀"], None)

    def test_message_must_not_end_inside_a_character(self, feed: Feed) -> None:
        """A last fragment that leaves a character incomplete fails the connection with 1007."""
        assert feed(raw(0x01, b"\xe2") + raw(0x80, b"\x98")) == ([], 1007)

    def test_fails_inside_a_fragmented_message(self) -> None:
        """Invalid text fails with the fragment it is in, not with the last one."""
        assert outcome(iter([text("ok", 0x01) + raw(0x00, b"\xff")])) == ([], 1007)

    def test_fails_inside_a_frame(self) -> None:
        """Invalid text fails when it arrives, not at the end of its frame."""
        assert outcome(iter([raw(0x81, b"\xff", length=100)])) == ([], 1007)
        assert outcome(iter([raw(0x81, b"ok \xe2\x98", length=100)])) == ([], None)

    def test_binary_is_not_checked(self, feed: Feed) -> None:
        """A fragmented binary message may be anything."""
        assert feed(raw(0x02, b"\xff") + raw(0x00, b"\xc0") + raw(0x80, b"\x80")) == ([b"\xff\xc0\x80"], None)


class TestLimits:
    """Section 10.4, and bounds on work and memory."""

    @pytest.mark.parametrize("limit", [0, 1, 5, 125, 126, 200, 70000])
    @pytest.mark.parametrize("first", [0x81, 0x82])
    def test_limit_is_exact(self, feed: Feed, limit: int, first: int) -> None:
        """A message of exactly the limit passes, one byte more fails with 1009."""
        expected: Event = "x" * limit if first == 0x81 else b"x" * limit
        assert feed(raw(first, b"x" * limit), max_size=limit) == ([expected], None)
        assert feed(raw(first, b"x" * (limit + 1)), max_size=limit) == ([], 1009)

    def test_limit_is_over_all_fragments(self, feed: Feed) -> None:
        """Fragments count together, and start again with the next message."""
        fits = raw(0x02, b"12345") + raw(0x80, b"67890")
        assert feed(fits + fits, max_size=10) == ([b"1234567890"] * 2, None)
        assert feed(raw(0x02, b"12345") + raw(0x00, b"67890") + raw(0x80, b"x"), max_size=10) == ([], 1009)

    def test_decided_from_the_header(self) -> None:
        """A message that announces too much is refused before any of it is taken."""
        parser = FrameParser(1 << 16)
        with pytest.raises(WebSocketError) as caught:
            parser.feed(raw(0x82, length=1 << 40)[:-4])
        assert caught.value.code == CloseCode.TOO_BIG

    def test_announced_size_costs_nothing(self) -> None:
        """Memory grows with the bytes that arrive, not with the length that a header announces."""
        parser = FrameParser(1 << 30)
        tracemalloc.start()
        try:
            parser.feed(raw(0x82, b"x" * 1000, length=1 << 30))
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 20_000

    @pytest.mark.parametrize("first", [0x81, 0x82])
    def test_memory_of_a_message_in_single_bytes(self, first: int) -> None:
        """A message that arrives byte by byte is held in little more than its size."""
        size = 50_000
        data = raw(first, "ж".encode() * (size // 2))
        parser = FrameParser(MAX_SIZE)
        tracemalloc.start()
        try:
            for byte in in_pieces(data[:-1], 1):
                parser.feed(byte)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 1.25 * size + 10_000

    def test_many_empty_fragments_hold_nothing(self) -> None:
        """Fragments without payload do not add up."""
        parser = FrameParser(MAX_SIZE)
        parser.feed(raw(0x02))
        fragments = raw(0x00) * 1000
        parser.feed(fragments)
        tracemalloc.start()
        try:
            for _ in range(20):
                parser.feed(fragments)
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 10_000

    @pytest.mark.parametrize("first", [0x81, 0x82])
    @pytest.mark.parametrize(("size", "piece"), [(20_000, 1), (4 << 20, 1 << 16)])
    def test_each_byte_is_touched_once(
        self, monkeypatch: pytest.MonkeyPatch, first: int, size: int, piece: int
    ) -> None:
        """Unmasking and checking a message costs its size, in however many pieces it arrives."""
        touched = {"mask": 0, "utf8": 0}

        def counting_mask(data: bytes, key: bytes) -> bytes:
            touched["mask"] += len(data)
            return apply_mask_in_python(data, key)

        class CountingDecoder:
            def __init__(self) -> None:
                self.decoder = codecs.getincrementaldecoder("utf-8")()

            def decode(self, data: bytes) -> str:
                touched["utf8"] += len(data)
                return self.decoder.decode(data)

        monkeypatch.setattr(parser, "apply_mask", counting_mask)
        monkeypatch.setattr(parser, "_utf8_decoder", CountingDecoder)
        events, code = outcome(in_pieces(raw(first, b"x" * size), piece), max_size=size)
        assert (len(events), code) == (1, None)
        assert touched == {"mask": size, "utf8": size if first == 0x81 else 0}

    def test_work_grows_with_the_size(self) -> None:
        """Twice as many bytes, one at a time, take twice as many steps of the interpreter, not four times."""

        def steps(size: int) -> int:
            count = 0

            def trace(frame: object, event: str, arg: object) -> object:
                nonlocal count
                count += 1
                return trace

            data = text("x" * size)
            previous = sys.gettrace()
            sys.settrace(trace)  # type: ignore[arg-type]
            try:
                assert outcome(in_pieces(data, 1))[0] == ["x" * size]
            finally:
                sys.settrace(previous)
            return count

        assert steps(4000) < 2.1 * steps(2000)

    def test_many_frames_in_one_read(self) -> None:
        """A read full of the smallest frames is taken whole, and nothing of it is kept."""
        parser = FrameParser(MAX_SIZE)
        assert parser.feed(raw(0x82) * 40_000) == [b""] * 40_000
        assert repr(parser) == f"<FrameParser between messages, 0 bytes of {MAX_SIZE} held>"

    def test_unfinished_control_frame_is_bounded(self) -> None:
        """What is kept of a control frame or header that is incomplete is at most 130 bytes."""
        parser = FrameParser(MAX_SIZE)
        for byte in in_pieces(raw(0x89, b"x" * 125)[:-1], 1):
            assert parser.feed(byte) == []
            assert len(parser._pending) <= 130


class TestRepr:
    """What a debugger shows."""

    def test_states(self) -> None:
        """The parser says whether it is inside a message and how much it holds."""
        parser = FrameParser(100)
        assert repr(parser) == "<FrameParser between messages, 0 bytes of 100 held>"
        parser.feed(raw(0x02, b"abc"))
        assert repr(parser) == "<FrameParser in a message, 3 bytes of 100 held>"
        parser.feed(raw(0x88))
        assert repr(parser) == "<FrameParser done, 0 bytes of 100 held>"


class TestEncoding:
    """What the server sends (sections 5.1 and 5.2)."""

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 70000])
    def test_frames_as_websockets_writes_them(self, size: int) -> None:
        """Frames are those that `websockets` writes: FIN set, no mask, shortest length."""
        payload = b"x" * size
        assert encode_frame(0x2, payload) == Frame(Opcode.BINARY, payload).serialize(mask=False)
        assert encode_frame(0x1, bytearray(payload)) == Frame(Opcode.TEXT, payload).serialize(mask=False)
        assert encode_text("x" * size) == Frame(Opcode.TEXT, payload).serialize(mask=False)
        assert encode_binary(payload) == encode_binary(bytearray(payload)) == encode_frame(0x2, payload)

    @pytest.mark.parametrize("size", [3, 126, 70000, 1 << 21])
    def test_a_message_for_many_clients_has_one_frame(self, size: int) -> None:
        """The same object gives the same frame, which is kept once, up to 1 MiB; an equal one another."""
        message, data = "x" * size, b"x" * size
        frame = encode_text(message)
        assert (encode_text(message) is frame) == (size <= 1 << 20)
        assert encode_binary(data) != frame
        again = "".join(list(message))
        assert encode_text(again) == frame
        assert encode_text(again) is not frame
        frame = encode_binary(data)
        assert (encode_binary(data) is frame) == (size <= 1 << 20)

    def test_what_may_change_is_encoded_each_time(self) -> None:
        """A bytearray that is filled anew is sent as it is then."""
        data = bytearray(b"one")
        assert encode_binary(data) == b"\x82\x03one"
        data[:] = b"two"
        assert encode_binary(data) == b"\x82\x03two"

    @pytest.mark.parametrize("opcode", [0x9, 0xA])
    def test_control_frames(self, opcode: int) -> None:
        """Pings and pongs are written as `websockets` writes them."""
        assert encode_frame(opcode, b"abc") == Frame(Opcode(opcode), b"abc").serialize(mask=False)

    def test_text_is_utf8(self) -> None:
        """The length of a text frame counts bytes, not characters."""
        assert encode_text("é" * 63) == bytes((0x81, 126, 0, 126)) + "é".encode() * 63

    def test_lone_surrogate(self) -> None:
        """Text that UTF-8 cannot carry is refused instead of sent."""
        with pytest.raises(UnicodeEncodeError):
            encode_text("\ud800")

    def test_close(self) -> None:
        """A close frame carries code and reason, or neither."""
        assert encode_close(1000, "bye") == b"\x88\x05\x03\xe8bye"
        assert encode_close(None) == b"\x88\x00"

    def test_close_reason_needs_a_code(self) -> None:
        """A reason without a code cannot be sent."""
        with pytest.raises(ValueError, match="code"):
            encode_close(None, "bye")

    @pytest.mark.parametrize("reason", ["x" * 123, "x" * 124, "é" * 62, "x" + "☃" * 41, "😀" * 31])
    def test_close_reason_is_cut_between_characters(self, reason: str) -> None:
        """A reason that does not fit loses whole characters at its end."""
        frame = encode_close(1000, reason)
        sent = frame[4:].decode()
        assert reason.startswith(sent)
        assert frame[1] <= 125
        assert sent == reason or len((sent + reason[len(sent)]).encode()) > 123
