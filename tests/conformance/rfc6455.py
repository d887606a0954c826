"""Raw handshakes and frames of WebSocket clients, and what must come of them, in the order of RFC 6455."""

from dataclasses import dataclass

#: The key of the RFC's example, and the proof that a server has read it (sections 1.2 and 4.2.2).
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

Fields = tuple[tuple[bytes, bytes | None], ...]


@dataclass(frozen=True)
class Opened:
    """The handshake is granted with these fields; a value of None is for one that must not be there."""

    fields: Fields = ()


@dataclass(frozen=True)
class Refused:
    """The client gets this status and these fields, the connection closes, and no application is asked."""

    status: int = 400
    fields: Fields = ()


@dataclass(frozen=True)
class Ordinary:
    """The request asks for no WebSocket, and is answered as any other."""


@dataclass(frozen=True)
class Handshake:
    """A handshake; the section is of RFC 6455, or of RFC 9110 where it says so."""

    section: str
    title: str
    data: bytes
    expected: Opened | Refused | Ordinary = Opened()

    def __str__(self) -> str:
        return f"{self.section} {self.title}"


_RIGHT = {
    b"Host": b"x",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Key": KEY,
    b"Sec-WebSocket-Version": b"13",
}


def handshake(*lines: bytes, line: bytes = b"GET / HTTP/1.1", without: bytes = b"") -> bytes:
    """Write a handshake: the right one, with these lines instead of those of their names, or beside them."""
    names = {each.partition(b":")[0].lower() for each in lines} | {without.lower()}
    right = [b"%b: %b" % field for field in _RIGHT.items() if field[0].lower() not in names]
    return b"\r\n".join([line, *right, *lines, b"", b""])


_VERSION = Refused(426, ((b"sec-websocket-version", b"13"), (b"upgrade", b"websocket")))
_NO_FIELDS = ((b"sec-websocket-protocol", None), (b"sec-websocket-extensions", None))

# fmt: off  # a row is read as a row
HANDSHAKES = [
    Handshake(
        "4.2.2",
        "the right one",
        handshake(),
        Opened(
            (
                (b"upgrade", b"websocket"),
                (b"connection", b"Upgrade"),
                (b"sec-websocket-accept", ACCEPT),
                (b"content-length", None),
                (b"transfer-encoding", None),
                *_NO_FIELDS,
            )
        ),
    ),
    Handshake("4.2.1 1", "HTTP/1.0", handshake(line=b"GET / HTTP/1.0"), Ordinary()),
    Handshake(
        "4.2.1 1",
        "POST",
        handshake(b"Content-Length: 0", line=b"POST / HTTP/1.1"),
        Refused(405, ((b"allow", b"GET"),)),
    ),
    Handshake("4.2.1 1", "HEAD", handshake(line=b"HEAD / HTTP/1.1"), Refused(405, ((b"allow", b"GET"),))),
    Handshake("4.2.1 1", "an absolute target", handshake(line=b"GET http://x/ HTTP/1.1")),
    Handshake("4.2.1 2", "without Host", handshake(without=b"Host"), Refused()),
    Handshake("4.2.1 2", "two Hosts", handshake(b"Host: x", b"Host: y"), Refused()),
    Handshake("4.2.1 3", "without Upgrade", handshake(without=b"Upgrade"), Ordinary()),
    Handshake("4.2.1 3", "Upgrade in capitals", handshake(b"Upgrade: WebSocket")),
    Handshake("4.2.1 3", "several protocols to choose from", handshake(b"Upgrade: h2c, websocket")),
    Handshake("4.2.1 3", "several lines of them", handshake(b"Upgrade: h2c", b"Upgrade: websocket")),
    Handshake("4.2.1 3", "another protocol", handshake(b"Upgrade: h2c"), Ordinary()),
    Handshake("4.2.1 3", "a name that begins alike", handshake(b"Upgrade: websockets"), Ordinary()),
    Handshake("4.2.1 4", "without Connection", handshake(without=b"Connection"), Ordinary()),
    Handshake("4.2.1 4", "Connection in capitals", handshake(b"Connection: UPGRADE")),
    Handshake("4.2.1 4", "several tokens, as Firefox has", handshake(b"Connection: keep-alive, Upgrade")),
    Handshake("4.2.1 4", "several lines", handshake(b"Connection: keep-alive", b"Connection: upgrade")),
    Handshake("4.2.1 4", "empty members", handshake(b"Connection: , upgrade ,")),
    Handshake("4.2.1 4", "another token", handshake(b"Connection: keep-alive"), Ordinary()),
    Handshake("4.2.1 5", "without a key", handshake(without=b"Sec-WebSocket-Key"), Refused()),
    Handshake("4.2.1 5", "an empty key", handshake(b"Sec-WebSocket-Key:"), Refused()),
    Handshake(
        "4.2.1 5", "a key of 15 bytes", handshake(b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"), Refused()
    ),
    Handshake("4.2.1 5", "a key of 18 bytes", handshake(b"Sec-WebSocket-Key: " + b"A" * 24), Refused()),
    Handshake("4.2.1 5", "a key without padding", handshake(b"Sec-WebSocket-Key: " + KEY[:-2]), Refused()),
    Handshake(
        "4.2.1 5",
        "a key that is no base64",
        handshake(b"Sec-WebSocket-Key: ?GhlIHNhbXBsZSBub25jZQ=="),
        Refused(),
    ),
    Handshake(
        "4.2.1 5", "a key in base64url", handshake(b"Sec-WebSocket-Key: __hlIHNhbXBsZSBub25jZQ=="), Refused()
    ),
    Handshake(
        "4.2.1 5",
        "two keys",
        handshake(b"Sec-WebSocket-Key: " + KEY, b"Sec-WebSocket-Key: " + KEY),
        Refused(),
    ),
    Handshake(
        "4.2.1 5",
        "white space around the key",
        handshake(b"Sec-WebSocket-Key: \t" + KEY + b" "),
        Opened(((b"sec-websocket-accept", ACCEPT),)),
    ),
    Handshake("4.2.1 6", "without a version", handshake(without=b"Sec-WebSocket-Version"), Refused()),
    Handshake(
        "4.2.1 8",
        "a subprotocol",
        handshake(b"Sec-WebSocket-Protocol: chat"),
        Opened(((b"sec-websocket-protocol", b"chat"),)),
    ),
    Handshake(
        "4.2.1 8",
        "several",
        handshake(b"Sec-WebSocket-Protocol: b, a"),
        Opened(((b"sec-websocket-protocol", b"b"),)),
    ),
    Handshake("4.2.1 8", "no subprotocol in it", handshake(b"Sec-WebSocket-Protocol: ,"), Opened(_NO_FIELDS)),
    Handshake(
        "4.2.1 8", "a subprotocol that is no token", handshake(b"Sec-WebSocket-Protocol: a b"), Refused()
    ),
    Handshake(
        "4.2.1 9",
        "an unknown extension",
        handshake(b"Sec-WebSocket-Extensions: x-unknown; a=1"),
        Opened(_NO_FIELDS),
    ),
    Handshake("4.2.1 10", "fields that mean nothing here", handshake(b"X-Unknown: y", b"Cookie: a=b")),
    Handshake("4.2.2 4", "version 8", handshake(b"Sec-WebSocket-Version: 8"), _VERSION),
    Handshake("4.2.2 4", "version 0", handshake(b"Sec-WebSocket-Version: 0"), _VERSION),
    Handshake("4.2.2 4", "version 255", handshake(b"Sec-WebSocket-Version: 255"), _VERSION),
    Handshake("4.2.2 4", "version 013", handshake(b"Sec-WebSocket-Version: 013"), _VERSION),
    Handshake("4.4", "two versions in a line", handshake(b"Sec-WebSocket-Version: 13, 8"), _VERSION),
    Handshake(
        "4.4",
        "two versions in two lines",
        handshake(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8"),
        _VERSION,
    ),
    Handshake("RFC 9110 9.3.1", "a body", handshake(b"Content-Length: 5") + b"hello", Refused()),
    Handshake(
        "RFC 9110 9.3.1",
        "a chunked body",
        handshake(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
        Refused(),
    ),
    Handshake("RFC 9110 9.3.1", "a body of no bytes", handshake(b"Content-Length: 0")),
]


@dataclass(frozen=True)
class Frames:
    """What a client sends on an open WebSocket that echoes, and what it gets.

    ``fails`` is the code with which the server fails the connection after that; it may give any reason.
    ``closes`` is the payload of its close frame where the client has sent one; None where it has not.
    """

    section: str
    title: str
    sent: bytes
    received: bytes = b""
    fails: int = 0
    closes: bytes | None = None

    def __str__(self) -> str:
        return f"{self.section} {self.title}"


#: The longest message that the server takes.
LARGEST = 70_000
_MASK = bytes.fromhex("37fa213d")


def masked(first: int, payload: bytes = b"", length: int = 0) -> bytes:
    """Write a client's frame with this first byte.

    ``length`` is the size of the length field in bits, where that is not the shortest that will do.
    """
    field = _length(len(payload), length)
    field = bytes([0x80 | field[0]]) + field[1:]
    turned = bytes(byte ^ _MASK[index % 4] for index, byte in enumerate(payload))
    return bytes([first]) + field + _MASK + turned


def plain(first: int, payload: bytes = b"") -> bytes:
    """Write a server's frame with this first byte."""
    return bytes([first]) + _length(len(payload)) + payload


def _length(size: int, bits: int = 0) -> bytes:
    if (bits or 7) == 7 and size < 126:
        return bytes([size])
    if (bits or 16) == 16 and size < 1 << 16:
        return b"\x7e" + size.to_bytes(2, "big")
    return b"\x7f" + size.to_bytes(8, "big")


def code(number: int, reason: bytes = b"") -> bytes:
    """Write the payload of a close frame."""
    return number.to_bytes(2, "big") + reason


_NORMAL = code(1000)
BYE = masked(0x88, _NORMAL)


def _echoed(title: str, section: str, first: int, payload: bytes) -> Frames:
    return Frames(section, title, masked(first, payload), plain(first, payload))


_CLOSE_CODES = (
    1000,
    1001,
    1002,
    1003,
    1007,
    1008,
    1009,
    1010,
    1011,
    1012,
    1013,
    1014,
    3000,
    3999,
    4000,
    4999,
)
_NO_CODES = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)

FRAMES = [
    Frames("5.1", "a frame without a mask", plain(0x81, b"x"), fails=1002),
    Frames("5.1", "a close frame without a mask", plain(0x88, code(1000)), fails=1002),
    *(Frames("5.2", f"reserved bit 0x{bit:x}", masked(0x81 | bit, b"x"), fails=1002) for bit in (16, 32, 64)),
    *(Frames("5.2", f"reserved bit 0x{bit:x} of a ping", masked(0x89 | bit), fails=1002) for bit in (16, 64)),
    *(
        Frames("5.2", f"reserved opcode 0x{opcode:x}", masked(0x80 | opcode), fails=1002)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)
    ),
    *(_echoed(f"{size} bytes", "5.2", 0x82, b"\xfe" * size) for size in (0, 1, 125, 126, 127, 65535, 65536)),
    Frames("5.2", "a length of 125 in 16 bits", masked(0x82, bytes(125), 16), fails=1002),
    Frames("5.2", "a length of 65535 in 64 bits", masked(0x82, bytes(65535), 64), fails=1002),
    Frames("5.2", "the highest bit of a length", b"\x82\xff\x80" + bytes(7) + _MASK, fails=1002),
    Frames(
        "5.4", "fragments", masked(0x01, b"a") + masked(0x00, b"b") + masked(0x80, b"c"), plain(0x81, b"abc")
    ),
    Frames("5.4", "empty fragments", masked(0x02) + masked(0x00) + masked(0x80), plain(0x82)),
    Frames(
        "5.4",
        "control frames between them",
        masked(0x01, b"a") + masked(0x89, b"?") + masked(0x8A) + masked(0x80, b"b"),
        plain(0x8A, b"?") + plain(0x81, b"ab"),
    ),
    Frames("5.4", "a close frame between them", masked(0x01, b"a") + BYE, closes=_NORMAL),
    Frames("5.4", "a continuation of nothing", masked(0x80, b"x"), fails=1002),
    Frames("5.4", "a message within another", masked(0x01, b"a") + masked(0x81, b"b"), fails=1002),
    Frames("5.5", "a fragmented ping", masked(0x09, b"x"), fails=1002),
    Frames("5.5", "a ping of 126 bytes", masked(0x89, bytes(126)), fails=1002),
    Frames("5.5.1", "a close frame without a code", masked(0x88), closes=b""),
    Frames("5.5.1", "half a code", masked(0x88, b"\x03"), fails=1002),
    Frames("5.5.1", "a reason", masked(0x88, code(1000, b"why")), closes=_NORMAL),
    Frames("5.5.1", "the longest reason", masked(0x88, code(1000, b"x" * 123)), closes=_NORMAL),
    Frames("5.5.1", "a reason that is no UTF-8", masked(0x88, code(1000, b"\xff")), fails=1007),
    Frames("5.5.1", "messages after it", BYE + masked(0x81, b"late") + masked(0x89), closes=_NORMAL),
    Frames("5.5.2", "a ping", masked(0x89), plain(0x8A)),
    Frames("5.5.2", "with 125 bytes", masked(0x89, b"p" * 125), plain(0x8A, b"p" * 125)),
    Frames("5.5.3", "a pong that nobody asked for", masked(0x8A, b"x")),
    *(
        _echoed(title, "5.6", 0x81, text.encode())
        for title, text in (
            ("text", "Hello-µ@ßöäüàá-UTF-8!!"),
            ("empty text", ""),
            ("the last character", "\U0010ffff"),
            ("NUL", "\0"),
        )
    ),
    *(
        Frames("7.4", f"close code {number}", masked(0x88, code(number)), closes=code(number))
        for number in _CLOSE_CODES
    ),
    *(
        Frames("7.4", f"close code {number}, which there is not", masked(0x88, code(number)), fails=1002)
        for number in _NO_CODES
    ),
    Frames("7.4.1", "a message that is too big", masked(0x82, bytes(LARGEST + 1)), fails=1009),
    Frames("7.4.1", "the head of one", b"\x82\xff" + (1 << 62).to_bytes(8, "big") + _MASK, fails=1009),
    Frames("7.4.1", "one in fragments", masked(0x02, bytes(LARGEST)) + masked(0x80, b"x"), fails=1009),
    *(
        Frames("8.1", title, masked(0x81, text), fails=1007)
        for title, text in (
            ("text that is no UTF-8", b"\xff"),
            ("an overlong character", b"\xc0\xaf"),
            ("a surrogate", b"\xed\xa0\x80"),
            ("beyond the last character", b"\xf4\x90\x80\x80"),
            ("half a character", b"\xce"),
        )
    ),
    Frames(
        "8.1",
        "a character in two fragments",
        masked(0x01, b"\xce") + masked(0x80, b"\xba"),
        plain(0x81, b"\xce\xba"),
    ),
    Frames("8.1", "what cannot become valid, before the end", masked(0x01, b"\xff"), fails=1007),
]
# fmt: on
