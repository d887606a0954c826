"""The head of an HTTP/1.1 response, interim or final, as HTTP/2 says it, and what follows it."""

import re
from enum import IntEnum
from typing import Final

from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.http2.fields import (
    LENGTH_DIGITS,
    encode_field,
    encode_length,
    encode_line,
    encode_status,
    known_line,
    read_line,
)
from hybrid.server.wire.http2.parts import Head

#: Heads that are remembered as a whole; a full store starts anew.
_HEADS_LIMIT: Final = 256
#: Lines of lengths that are remembered, as above.
_LENGTHS_LIMIT: Final = 1024

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
_LENGTH_START: Final = b"content-length: "
_SWITCHING: Final = 101
_OK: Final = 200
#: Statuses of final responses that end with their head (RFC 9112 section 6.3).
_BODILESS: Final = (204, 304)
#: The one among them that must not have a Content-Length (RFC 9110 section 8.6), as none below 200 may.
_NO_CONTENT: Final = 204

#: Fields that are about a connection or the framing of HTTP/1.1, and must not be in HTTP/2 (RFC 9113 section
#: 8.2.2).
_OF_HTTP1: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
#: Fields that are looked at each time.
_SPECIAL: Final = _OF_HTTP1 | {b"content-length", b"sec-websocket-accept", b"priority"}
#: What is dropped of trailer fields.
NOT_TRAILERS: Final = _OF_HTTP1 | {b"content-length"}
#: What ``Connection`` says of itself, and not of another field.
_OPTIONS: Final = frozenset((b"", b"close", b"keep-alive", b"upgrade"))
#: It may be one response to one reader and another to the next (RFC 9112 section 6.3).
_TWO_FRAMINGS: Final = "an HTTP/1.1 response that says twice how long it is"


class Next(IntEnum):
    """What comes next in a response."""

    HEAD = 0
    LENGTH = 1
    CHUNKED = 2
    CLOSE = 3  # until the end of the connection: a body of unknown length, or a WebSocket
    NOTHING = 4


# Looked at for every response; through the class it takes CPython 3.11 three times as long.
_HEAD: Final = Next.HEAD
_LENGTH: Final = Next.LENGTH
_CHUNKED: Final = Next.CHUNKED
_CLOSE: Final = Next.CLOSE
_NOTHING: Final = Next.NOTHING


#: What a head says: itself for the client, what follows, and how many bytes, where their number is known.
ReadHead = tuple[Head, Next, int]

#: Heads without anything that is not sent again and again, of requests that are not special. Popular
#: responses are the same until ``Date`` changes.
_known_heads: Final[dict[bytes, ReadHead]] = {}
_known_head: Final = _known_heads.get
#: What status lines say. Applications choose their reason phrases, so it is bounded as the heads are.
_known_statuses: Final[dict[bytes, tuple[int, bytes]]] = {}
#: Lines of Content-Length, the length, and what stands for it.
_known_lengths: Final[dict[bytes, tuple[int, bytes]]] = {}
_known_length: Final = _known_lengths.get


def read_head(data: bytes, *, head_only: bool, websocket: bool) -> ReadHead:
    """Read a head.

    Args:
        data: the status line and the fields, without the end of the last line and the empty one.
        head_only: whether the method is HEAD, and no body follows whatever the head says.
        websocket: whether the request is to open a WebSocket: 101 grants that, and no other status does.

    Raises:
        ResponseError: it is none, or none that could be sent on.
    """
    plain = not head_only and not websocket
    known = _known_head(data) if plain else None
    if known is not None:
        return known
    first, *lines = data.split(b"\r\n")
    status, encoded_status = _known_statuses.get(first) or _read_status(first)
    if websocket or status == _SWITCHING:
        encoded_status = _switch(status, encoded_status, websocket=websocket)
    fields = _Fields(status)
    block = encoded_status + fields.encode(lines)
    if status >= _OK:
        follows = fields.follows
        if head_only or status in _BODILESS or fields.length == 0:
            follows = _NOTHING
    else:
        follows = _CLOSE if status == _SWITCHING else _HEAD
    final = follows is not _HEAD
    read = Head(block, final, follows is _NOTHING, fields.priority), follows, fields.length or 0
    if plain and fields.common:
        if len(_known_heads) >= _HEADS_LIMIT:
            _known_heads.clear()
        _known_heads[data] = read
    return read


def _read_status(line: bytes) -> tuple[int, bytes]:
    """Return the status of a status line, and what stands for it (RFC 9112 section 4)."""
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ResponseError("an HTTP/1.1 response with an invalid status line")
    if len(_known_statuses) >= _HEADS_LIMIT:
        _known_statuses.clear()
    known = _known_statuses[line] = int(match[1]), encode_status(match[1])
    return known


def _switch(status: int, encoded_status: bytes, *, websocket: bool) -> bytes:
    """Return what stands for the status of a response to a request for a WebSocket.

    What grants it is 200 (RFC 8441 section 5.1), or any other status of success (RFC 9110 section 9.3.6): a
    page with one of these would be taken for the frames of a WebSocket.
    """
    if status == _SWITCHING:
        if websocket:
            return encode_status(b"200")
        raise ResponseError("a status of 101 in answer to a request that does not ask for it")
    if _OK <= status < 300:
        raise ResponseError(f"a status of {status} in answer to a request for a WebSocket")
    return encoded_status


class _Fields:
    """The fields of one head.

    Attributes:
        follows: what they say of the body, where there is one.
        length: of the body; None where they do not say.
        priority: what they say of the order in which responses are sent.
        common: whether all of them may well come again.
    """

    # Most stay as they are here, which is cheaper than slots that have to be filled for each head.
    common = True
    follows = _CLOSE
    length: int | None = None
    priority = b""
    _nominated: frozenset[bytes] = frozenset()

    def __init__(self, status: int) -> None:
        self._status = status

    def encode(self, lines: list[bytes]) -> bytes:
        """Return what stands for these lines."""
        blocks = [known_line(line) or self._encode_line(line) for line in lines]
        if self._nominated:
            pairs = zip(lines, blocks, strict=True)
            blocks = [block for line, block in pairs if _name(line) not in self._nominated]
        return b"".join(blocks)

    def _encode_line(self, line: bytes) -> bytes:
        """Return what stands for a line that is not known; ``b""`` for one that is not sent on."""
        known = _known_length(line)
        if known is None and line.startswith(_LENGTH_START):
            known = _read_length(line, line[len(_LENGTH_START) :])
        if known is not None:
            return self._take_length(known)
        name, value = read_line(line)
        if name in _SPECIAL:
            return self._take_special(line, name, value)
        self.common = False
        return encode_line(line, name, value)

    def _take_length(self, known: tuple[int, bytes]) -> bytes:
        """Take in a Content-Length."""
        if self.follows is not _CLOSE:
            raise ResponseError(_TWO_FRAMINGS)
        self.follows = _LENGTH
        self.length, encoded = known
        return encoded if self._status >= _OK and self._status != _NO_CONTENT else b""

    def _take_special(self, line: bytes, name: bytes, value: bytes) -> bytes:
        """Take in a field that is about the connection, or decides the framing."""
        if name == b"content-length":
            return self._take_length(_read_length(line, value))
        if name == b"transfer-encoding":
            if value.lower() != b"chunked":
                raise ResponseError("an HTTP/1.1 response with an unknown Transfer-Encoding")
            if self.follows is not _CLOSE:
                raise ResponseError(_TWO_FRAMINGS)
            self.follows = _CHUNKED
        elif name == b"connection":
            self._nominated |= _nominated(value)
        elif name == b"priority":
            self.priority = self.priority + b"," + value if self.priority else value
            return encode_field(name, value)
        elif name == b"sec-websocket-accept" and self._status != _SWITCHING:
            self.common = False
            return encode_field(name, value)
        return b""


def _read_length(line: bytes, value: bytes) -> tuple[int, bytes]:
    """Return a Content-Length, and what stands for it (RFC 9110 section 8.6)."""
    if not value.isdigit() or len(value) > LENGTH_DIGITS:
        raise ResponseError("an HTTP/1.1 response with an invalid Content-Length")
    if len(_known_lengths) >= _LENGTHS_LIMIT:
        _known_lengths.clear()
    known = _known_lengths[line] = int(value), encode_length(value)
    return known


def _nominated(value: bytes) -> frozenset[bytes]:
    """Return the names of the fields that ``Connection`` says are about it (RFC 9110 section 7.6.1)."""
    return frozenset(member.strip(b" \t").lower() for member in value.split(b",")) - _OPTIONS


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].lower()
