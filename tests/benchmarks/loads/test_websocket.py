import zlib

import pytest

from benchmarks.loads.websocket import (
    HANDSHAKE,
    MASK,
    OFFER,
    WEBSOCKET_ACCEPT,
    DeflatingClient,
    WebSocketClient,
    deflate,
    frame,
)
from tests.benchmarks.loads.wire import UPGRADED, Setup

COMPRESSING = UPGRADED[:-2] + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
ECHO = b"\x82\x04ping"
LONG = b"ping" * 1000


def websocket() -> Setup[WebSocketClient]:
    """A client that sends `ping` and wants it back."""
    return Setup(lambda meter: WebSocketClient(meter, b"ping"))


def deflating(payload: bytes = LONG) -> Setup[DeflatingClient]:
    """A client that sends a compressed message and wants it back."""
    return Setup(lambda meter: DeflatingClient(meter, payload))


def compressed(payload: bytes, first: int = 0xC2) -> bytes:
    """A server's frame with such a message."""
    return bytes([first]) + frame(0x2, deflate(payload))[1:]


def test_a_frame_is_built_as_in_the_rfc() -> None:
    """RFC 6455, section 5.7: the unmasked and the masked "Hello", and a length of 256."""
    assert frame(0x1, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert frame(0x1, b"Hello", MASK) == bytes.fromhex("818537fa213d7f9f4d5158")
    assert frame(0x2, bytes(256))[:4] == bytes.fromhex("827e0100")


def test_each_echo_brings_the_next_message() -> None:
    """After the handshake each whole echo counts, however it arrives."""
    setup = websocket()
    setup.receive(UPGRADED[:30])
    assert setup.wire.written == [HANDSHAKE]
    setup.receive(UPGRADED[30:], ECHO, ECHO, ECHO[:3], ECHO[3:])
    assert setup.meter.answered == 3
    assert setup.wire.written == [HANDSHAKE, *[setup.client.message] * 4]


def test_a_ping_is_answered_and_does_not_count() -> None:
    """A server may ping in the middle of a long measurement, and the ping may come in pieces."""
    setup = websocket()
    setup.receive(UPGRADED, b"\x89", b"\x01", b"!" + ECHO)
    assert setup.meter.answered == 1
    assert setup.wire.written[-2:] == [frame(0xA, b"!", MASK), setup.client.message]
    setup.receive(ECHO + b"\x89\x01?" + b"\x89", b"\x01.", ECHO)
    assert setup.meter.answered == 3
    assert (
        setup.wire.written.count(frame(0xA, b"?", MASK))
        == setup.wire.written.count(frame(0xA, b".", MASK))
        == 1
    )


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([b"HTTP/1.1 403 Forbidden\r\n\r\n"], "handshake refused"),
        ([UPGRADED.replace(WEBSOCKET_ACCEPT, b"wrong")], "handshake refused"),
        ([UPGRADED, b"\x82\x04pong"], "unexpected frames"),
        ([UPGRADED, ECHO, ECHO + ECHO], "unexpected frames"),
        ([UPGRADED, b"\x88\x00"], "unexpected frames"),
    ],
    ids=["refused", "accept key", "payload", "two echoes", "close"],
)
def test_a_wrong_websocket_answer_ends_the_measurement(chunks: list[bytes], message: str) -> None:
    """The handshake and every byte of an echo are checked."""
    setup = websocket()
    setup.receive(*chunks)
    assert message in setup.meter.errors[0]
    assert setup.wire.aborted


@pytest.mark.parametrize("size", [0, 1, 125, 126, 16384, 65535])
def test_a_frame_of_any_length_is_masked(size: int) -> None:
    """The key repeats over the whole payload (RFC 6455, section 5.3)."""
    payload = bytes(range(256)) * 256
    masked = frame(0x2, payload[:size], MASK)[-size:] if size else b""
    assert bytes(byte ^ MASK[index % 4] for index, byte in enumerate(masked)) == payload[:size]


@pytest.mark.parametrize("payload", [b"ping", LONG, bytes(range(256)) * 8], ids=["short", "long", "dense"])
def test_a_compressed_message_comes_back_compressed(payload: bytes) -> None:
    """It is offered, agreed on and used each way; the frame may come in pieces, and need not be the same."""
    setup = deflating(payload)
    assert OFFER in setup.wire.written[0]
    echo = compressed(payload)
    setup.receive(COMPRESSING, echo[:1], echo[1:3])
    assert setup.wire.written[1][0] == 0xC2
    assert setup.meter.answered == 0
    setup.receive(echo[3:-1], echo[-1:])
    assert setup.meter.answered == 1
    assert not setup.meter.errors


def test_what_is_sent_compressed_fits_any_window() -> None:
    """A server may ask for a window of 512 bytes, and still be able to read it (RFC 7692, section 7.1)."""
    payload = bytes(range(256)) * 8
    assert zlib.decompressobj(-9).decompress(deflate(payload) + b"\x00\x00\xff\xff") == payload


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([UPGRADED], "no permessage-deflate"),
        ([COMPRESSING, frame(0x2, LONG)], "unexpected frames"),
        ([COMPRESSING, compressed(LONG[1:])], "unexpected frames"),
        ([COMPRESSING, compressed(LONG, first=0x42)], "unexpected frames"),
        ([COMPRESSING, compressed(LONG) + b"\x00"], "unexpected frames"),
    ],
    ids=["not agreed on", "not compressed", "payload", "fragment", "more"],
)
def test_a_wrong_compressed_echo_ends_the_measurement(chunks: list[bytes], message: str) -> None:
    """A server that only agrees to compress, and does not, is not what is to be measured."""
    setup = deflating()
    setup.receive(*chunks)
    assert message in setup.meter.errors[0]
    assert setup.wire.aborted
