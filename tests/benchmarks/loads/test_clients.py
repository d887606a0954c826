from collections.abc import Callable
from typing import Generic, TypeVar

import pytest

from benchmarks.loads.clients import (
    HANDSHAKE,
    MASK,
    WEBSOCKET_ACCEPT,
    Answer,
    AnswerError,
    Client,
    HTTPClient,
    Meter,
    WebSocketClient,
    frame,
    parse_answer,
)
from tests.benchmarks.loads.wire import Wire

ANSWER = b"HTTP/1.1 200 OK\r\ndate: now\r\nContent-Length: 2\r\n\r\nhi"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: " + WEBSOCKET_ACCEPT + b"\r\n\r\n"
ECHO = b"\x82\x04ping"
AnyClient = TypeVar("AnyClient", bound=Client)


class Setup(Generic[AnyClient]):
    """A client on a wire, its meter, and whether the meter asked for the end."""

    def __init__(self, build: Callable[[Meter], AnyClient], limit: int = 1000) -> None:
        self.stopped = False
        self.meter = Meter(limit, self.stop)
        self.client = build(self.meter)
        self.wire = Wire()
        self.client.connection_made(self.wire)

    def stop(self) -> None:
        """Called by the meter."""
        self.stopped = True

    def receive(self, *chunks: bytes) -> None:
        """Let the client read each chunk."""
        for chunk in chunks:
            self.client.data_received(chunk)


def http(limit: int = 1000) -> Setup[HTTPClient]:
    """A client that wants `hi` for each request."""
    return Setup(lambda meter: HTTPClient(meter, b"hi"), limit)


def websocket() -> Setup[WebSocketClient]:
    """A client that sends `ping` and wants it back."""
    return Setup(lambda meter: WebSocketClient(meter, b"ping"))


def test_an_answer_is_parsed_once_it_is_whole() -> None:
    """Every beginning of a response is incomplete, and the whole has status, body and size."""
    assert all(parse_answer(ANSWER[:end]) is None for end in range(len(ANSWER)))
    assert parse_answer(ANSWER) == Answer(200, b"hi", len(ANSWER))


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: two\r\n\r\nhi",
        b"HTTP/1.1\r\ncontent-length: 2\r\n\r\nhi",
        b"nonsense\r\n\r\n",
    ],
)
def test_an_answer_without_status_or_length_is_wrong(data: bytes) -> None:
    """The generator needs to know where an answer ends."""
    with pytest.raises(AnswerError):
        parse_answer(data)


def test_each_http_answer_brings_the_next_request() -> None:
    """The first answer is parsed, the same again is compared, one in pieces is put together; all count."""
    setup = http()
    setup.receive(ANSWER, ANSWER, ANSWER[:20])
    assert setup.meter.answered == 2
    setup.receive(ANSWER[20:])
    assert setup.meter.answered == 3
    assert setup.wire.written == [setup.client.request] * 4
    assert not setup.meter.errors


def test_an_answer_of_another_length_is_accepted() -> None:
    """Headers may change from one answer to the next."""
    setup = http()
    setup.receive(ANSWER, ANSWER.replace(b"now", b"later"))
    assert setup.meter.answered == 2


@pytest.mark.parametrize("before", [[], [ANSWER]], ids=["first", "later"])
@pytest.mark.parametrize(
    "data",
    [ANSWER.replace(b"200", b"500"), ANSWER[:-2] + b"ho", ANSWER + ANSWER],
    ids=["status", "body", "two answers"],
)
def test_a_wrong_http_answer_ends_the_measurement(before: list[bytes], data: bytes) -> None:
    """Status and body of each answer are checked, and one request brings one answer."""
    setup = http()
    setup.receive(*before, data)
    assert setup.meter.answered == len(before)
    assert "unexpected answer" in setup.meter.errors[0]
    assert setup.wire.aborted
    assert setup.stopped


def test_a_connection_closed_by_the_server_is_an_error() -> None:
    """Connections are to be kept, until the measurement is over."""
    setup = http()
    setup.client.connection_lost(None)
    assert setup.meter.errors == ["connection closed by the server (end of file)"]
    setup.meter.stopped = True
    setup.client.connection_lost(None)
    assert len(setup.meter.errors) == 1


def test_the_limit_of_answers_ends_the_measurement() -> None:
    """A load is bounded in count as well as in time."""
    setup = http(limit=2)
    setup.receive(ANSWER)
    assert not setup.stopped
    setup.receive(ANSWER)
    assert setup.stopped


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
