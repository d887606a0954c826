"""What a client says of the order in which it needs responses (RFC 9218): a header field, and a frame."""

from functools import lru_cache
from typing import Final, NamedTuple

from hybrid.server.wire.dictionary import read_dictionary
from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode

#: The least urgent (section 4.1).
LEAST_URGENT: Final = 7

_STREAM_SIZE: Final = 4  # bytes of a stream's number
_STREAM_BITS: Final = (1 << 31) - 1  # the bit before them is reserved
_SHORT: Final = 64  # bytes of a field that is remembered: what clients say has ten


class Priority(NamedTuple):
    """How a response is to be sent among others (section 4).

    Attributes:
        urgency: from 0, before all others, to 7, when nothing else is to be done.
        incremental: whether a part of it is of use to the client, so that it shares its turn with others.
    """

    urgency: int = 3
    incremental: bool = False


#: What RFC 9218 gives a response of which nothing is said.
DEFAULT: Final = Priority()
#: What a server may give one instead (section 13.1): a client that speaks of no priorities may be a proxy
#: that has requests of many people on a connection, where the first download would hold up everybody.
SHARED: Final = Priority(incremental=True)


def parse_priority(value: bytes, base: Priority = DEFAULT) -> Priority:
    """Return what a ``Priority`` field says; what cannot be understood counts as not said (section 4).

    Args:
        value: the field's value, several lines joined with commas.
        base: what holds where the field says nothing. For the field of a response, which changes what the
            client has asked for, it is the request's priority (section 8).
    """
    if not value:
        return base
    return _parse_known(value, base) if len(value) <= _SHORT else _parse(value, base)


def shared(priority: Priority) -> Priority:
    """Return the priority of a WebSocket. It has no end that others could wait for: what is sent on it shares
    with them, whatever the client says (section 11).
    """
    return priority._replace(incremental=True)


def read_priority_update(payload: bytes) -> tuple[int, Priority]:
    """Return a stream and its priority from now on: what a PRIORITY_UPDATE frame says (section 7.1).

    The stream may be one that does not exist any more, or not yet, and a push. That the frame itself came on
    stream 0 is for the caller to check.

    Args:
        payload: of the frame.

    Raises:
        ConnectionFault: it names no stream.
    """
    if len(payload) < _STREAM_SIZE:
        raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY_UPDATE without a stream")
    stream = int.from_bytes(payload[:_STREAM_SIZE], "big") & _STREAM_BITS
    if not stream:
        raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY_UPDATE for the connection")
    return stream, parse_priority(payload[_STREAM_SIZE:])


def _parse(value: bytes, base: Priority) -> Priority:
    try:
        members = read_dictionary(value)
    except ValueError:
        return base
    urgency, incremental = base
    match members.get(b"u"):
        case bool():  # an integer to Python, but not here
            pass
        case int(said) if 0 <= said <= LEAST_URGENT:
            urgency = said
        case _:
            pass
    match members.get(b"i"):
        case bool(said):
            incremental = said
        case _:
            pass
    return Priority(urgency, incremental)


_parse_known = lru_cache(maxsize=256)(_parse)  # clients say the same few things again and again
