"""Priorities as clients say them (RFC 9218)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode
from hybrid.server.wire.http2.priority import DEFAULT, SHARED, Priority, parse_priority, read_priority_update


@pytest.mark.parametrize(
    ("value", "priority"),
    [
        (b"", Priority(3, False)),
        (b"u=0", Priority(0, False)),  # section 4.1: a style sheet
        (b"u=5, i", Priority(5, True)),  # section 4.2: an image
        (b"u=7", Priority(7, False)),
        (b"u=1, i", Priority(1, True)),
        (b"i", Priority(3, True)),
        (b"i=?1", Priority(3, True)),
        (b"i=?0,u=2", Priority(2, False)),
        (b"u=4;why=late, i;really", Priority(4, True)),
        (b"u=1, u=6", Priority(6, False)),
    ],
)
def test_a_priority_is_read(value: bytes, priority: Priority) -> None:
    """What the client says holds, and the defaults of RFC 9218 for the rest."""
    assert parse_priority(value) == priority


@pytest.mark.parametrize(
    ("value", "priority"),
    [
        (b"u=8, i", Priority(3, True)),
        (b"u=-1, i", Priority(3, True)),
        (b"u=1, u=9", Priority(3, False)),  # the last one counts, and is out of range
        (b"u, i", Priority(3, True)),
        (b"u=?1", Priority(3, False)),
        (b"u=1.0, i", Priority(3, True)),
        (b'u="1", i', Priority(3, True)),
        (b"u=(1), i", Priority(3, True)),
        (b"i=1, u=2", Priority(2, False)),
        (b"i=true", Priority(3, False)),
        (b"x=7, u=2, Y", Priority(3, False)),  # no dictionary at all: keys are in lower case
        (b"x=7, u=2, y", Priority(2, False)),
        (b"u=2,", Priority(3, False)),
        (b"u=2 i", Priority(3, False)),
        (b"urgent", Priority(3, False)),
        (b"u=2, i, x=" + b"y" * 500, Priority(2, True)),
    ],
)
def test_what_is_unknown_counts_as_not_said(value: bytes, priority: Priority) -> None:
    """Members that are unknown, out of range or of another type are passed over (section 4)."""
    assert parse_priority(value) == priority


@pytest.mark.parametrize(
    ("value", "merged"),
    [
        (b"u=1", Priority(1, True)),  # section 8 has this
        (b"i=?0", Priority(5, False)),
        (b"", Priority(5, True)),
        (b"u=9", Priority(5, True)),
        (b"no, such=", Priority(5, True)),
    ],
)
def test_a_response_changes_what_it_speaks_of(value: bytes, merged: Priority) -> None:
    """What the field of a response leaves out stays as the client has asked for."""
    assert parse_priority(value, parse_priority(b"u=5, i")) == merged


def test_silent_clients_can_be_given_another_default() -> None:
    """With a base, only what the client says differs from it."""
    assert parse_priority(b"", SHARED) == (3, True)
    assert parse_priority(b"i=?0", SHARED) == DEFAULT


@given(st.binary(max_size=100))
def test_any_bytes_are_a_priority(value: bytes) -> None:
    """No field is an error, and no priority is out of range."""
    urgency, incremental = parse_priority(value)

    assert 0 <= urgency <= 7
    assert type(incremental) is bool


@pytest.mark.parametrize(
    ("payload", "stream", "priority"),
    [
        (b"\x00\x00\x00\x01u=5, i", 1, Priority(5, True)),
        (b"\x00\x01\x00\x01", 65537, DEFAULT),
        (b"\xff\xff\xff\xffu=0", 2**31 - 1, Priority(0, False)),  # the reserved bit says nothing
        (b"\x00\x00\x00\x03\xff\x00", 3, DEFAULT),
        (b"\x00\x00\x00\x02u=1", 2, Priority(1)),
    ],
)
def test_an_update_names_a_stream(payload: bytes, stream: int, priority: Priority) -> None:
    """The frame gives a stream another priority; what it leaves out has its default again."""
    assert read_priority_update(payload) == (stream, priority)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", ErrorCode.FRAME_SIZE_ERROR),
        (b"\x00\x00\x01", ErrorCode.FRAME_SIZE_ERROR),
        (b"\x00\x00\x00\x00u=1", ErrorCode.PROTOCOL_ERROR),
        (b"\x80\x00\x00\x00u=1", ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_an_update_of_no_stream_ends_the_connection(payload: bytes, code: ErrorCode) -> None:
    """A frame that is too short, or names stream 0, is an error of the connection (section 7.1)."""
    with pytest.raises(ConnectionFault) as fault:
        read_priority_update(payload)

    assert fault.value.code is code
