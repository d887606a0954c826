"""What a server says to a client that writes its frames by hand; byte by byte, and beside the rules."""

from collections.abc import Iterator

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tests.support.http2_frames import ACK, END_HEADERS, END_STREAM, PREFACE, Kind, frame, number, settings
from tests.support.http2_raw import RawClient, raw_http2
from tests.support.process import ServerProcess


@pytest.fixture
def client(mixed: ServerProcess) -> Iterator[RawClient]:
    """Connect, and begin."""
    with raw_http2(mixed) as client:
        client.greet()
        yield client


def test_greeting(mixed: ServerProcess) -> None:
    """The server says of itself what it takes, without waiting for the client."""
    with raw_http2(mixed) as client:
        said = client.greet()
    assert said[SettingCodes.MAX_CONCURRENT_STREAMS] == 100
    assert said[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1
    assert said[SettingCodes.MAX_HEADER_LIST_SIZE] > 8192
    assert SettingCodes.ENABLE_PUSH not in said


def test_byte_by_byte(mixed: ServerProcess) -> None:
    """Where bytes are cut makes no difference."""
    with raw_http2(mixed) as client:
        request = client.request(1, method="POST", path="/upload", ends=False)
        body = frame(Kind.DATA, b"hello", stream=1, flags=END_STREAM)
        for byte in PREFACE + settings() + request + body:
            client.send(bytes([byte]))
        assert client.status_of(1) == 200


def test_continuation(client: RawClient) -> None:
    """A header block in parts is one block."""
    block = client.block(("x-long", "x" * 100), path="/peer")
    client.send(
        frame(Kind.HEADERS, block[:10], stream=1, flags=END_STREAM),
        frame(Kind.CONTINUATION, block[10:50], stream=1),
        frame(Kind.CONTINUATION, block[50:], stream=1, flags=END_HEADERS),
    )
    assert client.status_of(1) == 200


def test_unknown_frames(client: RawClient) -> None:
    """What is not known is passed over (RFC 9113 section 5.5)."""
    client.send(frame(0xFA, b"?", stream=1), settings((0xFAFA, 1)), client.request(1, path="/peer"))
    assert client.status_of(1) == 200


def test_ping(client: RawClient) -> None:
    """A PING is answered with its own bytes."""
    client.send(frame(Kind.PING, b"12345678"))
    (*_, answer) = client.read_until(lambda each: each.kind == Kind.PING)
    assert (answer.flags, answer.payload) == (ACK, b"12345678")


@pytest.mark.parametrize("kind", [Kind.DATA, Kind.HEADERS])
def test_stream_that_goes_on_after_its_reset(client: RawClient, kind: Kind) -> None:
    """A client that has reset a stream sends nothing more on it (section 5.1); others are not concerned."""
    client.send(
        client.request(1, method="POST", path="/upload", ends=False),
        frame(Kind.RST_STREAM, number(ErrorCodes.CANCEL), stream=1),
    )
    client.ping()
    if kind == Kind.DATA:
        client.send(frame(Kind.DATA, b"late", stream=1))
    else:
        client.send(client.headers(1, client.encoder.encode([("x-late", "yes")])))
    assert client.reset_of(1) == ErrorCodes.STREAM_CLOSED
    client.send(client.request(3, path="/peer"))
    assert client.status_of(3) == 200


def test_malformed_request(client: RawClient) -> None:
    """A request that breaks the rules ends its own stream (section 8.1.1)."""
    for stream, fields in enumerate([[("X-Upper", "1")], [("connection", "close")], [("x", "a\r\nb: c")]]):
        client.send(client.headers(2 * stream + 1, client.block(*fields)))
        assert client.reset_of(2 * stream + 1) == ErrorCodes.PROTOCOL_ERROR
    client.send(client.request(7, path="/peer"))
    assert client.status_of(7) == 200


def test_broken_connection(client: RawClient) -> None:
    """A frame that breaks the connection's rules ends it with GOAWAY, which says why."""
    client.send(frame(Kind.DATA, b"", stream=0))
    assert client.error_of_connection() == ErrorCodes.PROTOCOL_ERROR


def test_no_preface(mixed: ServerProcess) -> None:
    """What begins otherwise is HTTP/1.1, where that is spoken."""
    with raw_http2(mixed) as client:
        client.sock.sendall(b"GET /peer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert client.sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
