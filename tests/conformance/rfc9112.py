"""Raw requests and what must come of them, in the order of RFC 9112.

Each row is sent as it stands, followed by another request: that one must be answered after requests that are
accepted, and must reach nobody after one that is refused.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Accepted:
    """An application gets the request.

    ``headers`` are some that it must see; a value of None is for one that it must not see.
    """

    method: str = "GET"
    target: bytes = b"/"
    body: bytes = b""
    version: str = "1.1"
    headers: tuple[tuple[bytes, bytes | None], ...] = ()


@dataclass(frozen=True)
class Refused:
    """The client gets this status, and the connection closes.

    ``in_body`` says that the application may have seen the head, which was in order.
    """

    status: int = 400
    in_body: bool = False


@dataclass(frozen=True)
class Row:
    """Some bytes from a client; the section is of RFC 9112, or of RFC 9110 or RFC 3986 where it says so."""

    section: str
    title: str
    data: bytes
    expected: Accepted | Refused

    def __str__(self) -> str:
        return f"{self.section} {self.title}"


#: What is sent after every row.
AFTER = b"GET /after HTTP/1.1\r\nHost: after\r\nConnection: close\r\n\r\n"

HOST = b"Host: x\r\n"
#: The first bytes of a TLS 1.3 ClientHello: record header, handshake header, version, random.
CLIENT_HELLO = bytes.fromhex("16030100a5010000a10303") + bytes(range(32)) + bytes.fromhex("20") + bytes(121)


def _line(line: bytes) -> bytes:
    """Make a request with this request line."""
    return line + b"\r\n" + HOST + b"\r\n"


def _field(line: bytes) -> bytes:
    """Make a request with this line after Host."""
    return b"GET / HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n"


def _host(line: bytes) -> bytes:
    """Make a request with this line instead of Host."""
    return b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n"


def _sized(line: bytes, body: bytes = b"hello") -> bytes:
    """Make a request with this line, which is about the length of its body."""
    return b"POST / HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n" + body


def _coded(line: bytes, version: bytes = b"1.1") -> bytes:
    """Make a request with this line, which is about the coding of its body, and a chunked body."""
    return b"POST / HTTP/" + version + b"\r\n" + HOST + line + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


def _chunks(chunks: bytes) -> bytes:
    """Make a request with these chunks for a body."""
    return b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks


_POSTED = Accepted("POST", body=b"hello")
_BROKEN = Refused(400, in_body=True)

# fmt: off  # a row is read as a row
MESSAGE_PARSING = [
    Row("2.2", "a request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", Accepted(headers=((b"host", b"x"),))),
    Row("2.2", "an empty line before it", b"\r\n" + _line(b"GET / HTTP/1.1"), Accepted()),
    Row("2.2", "two empty lines before it", b"\r\n\r\n" + _line(b"GET / HTTP/1.1"), Refused()),
    Row("2.2", "a bare LF before it", b"\n" + _line(b"GET / HTTP/1.1"), Refused()),
    Row("2.2", "LF ends the request line", b"GET / HTTP/1.1\nHost: x\r\n\r\n", Refused()),
    Row("2.2", "LF ends a field line", b"GET / HTTP/1.1\r\nHost: x\n\r\n", Refused()),
    Row("2.2", "LF ends the first of two fields", b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", Refused()),
    Row("2.2", "LF ends the head", b"GET / HTTP/1.1\r\nHost: x\r\n\n", Refused()),
    Row("2.2", "LF everywhere", b"GET / HTTP/1.1\nHost: x\n\n", Refused()),
    Row("2.2", "CR CR LF ends a line", b"GET / HTTP/1.1\r\r\nHost: x\r\n\r\n", Refused()),
    Row("2.2", "a bare CR in a field value", _field(b"A: b\rc"), Refused()),
    Row("2.2", "a bare CR hides a field", _field(b"A: b\rTransfer-Encoding: chunked"), Refused()),
    Row("2.2", "a bare CR in the target", _line(b"GET /a\rb HTTP/1.1"), Refused()),
    Row("2.2", "white space before the first field", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n", Refused()),
    Row("2.2", "a tab before the first field", b"GET / HTTP/1.1\r\n\tA: b\r\nHost: x\r\n\r\n", Refused()),
    Row("2.2", "a line of white space", b"GET / HTTP/1.1\r\nHost: x\r\n \r\n\r\n", Refused()),
    Row("2.2", "a TLS ClientHello", CLIENT_HELLO, Refused()),
    Row("2.2", "random bytes", bytes(range(256)) + b"\r\n\r\n", Refused()),
    Row("2.3", "the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Refused(505)),
    Row("2.3", "HTTP/2.0", _line(b"GET / HTTP/2.0"), Refused(505)),
    Row("2.3", "HTTP/1.2", _line(b"GET / HTTP/1.2"), Refused(505)),
    Row("2.3", "HTTP/0.9 in full", _line(b"GET / HTTP/0.9"), Refused(505)),
    Row("2.3", "HTTP/1.10", _line(b"GET / HTTP/1.10"), Refused()),
    Row("2.3", "HTTP/1", _line(b"GET / HTTP/1"), Refused()),
    Row("2.3", "HTTP/01.1", _line(b"GET / HTTP/01.1"), Refused()),
    Row("2.3", "http/1.1", _line(b"GET / http/1.1"), Refused()),
    Row("2.3", "another protocol", _line(b"GET / ICY/1.1"), Refused()),
    Row("2.3", "HTTP/1.0", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", Accepted(version="1.0")),
]

REQUEST_LINE = [
    Row("3", "two spaces after the method", _line(b"GET  / HTTP/1.1"), Refused()),
    Row("3", "two spaces before the version", _line(b"GET /  HTTP/1.1"), Refused()),
    Row("3", "tabs for spaces", _line(b"GET\t/\tHTTP/1.1"), Refused()),
    Row("3", "a space before the method", _line(b" GET / HTTP/1.1"), Refused()),
    Row("3", "a space after the version", _line(b"GET / HTTP/1.1 "), Refused()),
    Row("3", "a space in the target", _line(b"GET /a b HTTP/1.1"), Refused()),
    Row("3", "no version", _line(b"GET /"), Refused()),
    Row("3", "no target", _line(b"GET HTTP/1.1"), Refused()),
    Row("3", "only a method", _line(b"GET"), Refused()),
    Row("3", "a header field first", b"Host: x\r\nGET / HTTP/1.1\r\n\r\n", Refused()),
    Row(
        "3",
        "the longest line",
        _line(b"GET /" + b"a" * (8190 - 14) + b" HTTP/1.1"),
        Accepted(target=b"/" + b"a" * (8190 - 14)),
    ),
    Row("3", "a line too long by one", _line(b"GET /" + b"a" * (8191 - 14) + b" HTTP/1.1"), Refused(414)),
    Row(
        "3",
        "a line too long, after an empty one",
        b"\r\n" + _line(b"GET /" + b"a" * (8191 - 14) + b" HTTP/1.1"),
        Refused(414),
    ),
    Row("3", "a line that does not end", b"GET /" + b"a" * 70000, Refused(414)),
    Row("3.1", "another method", _line(b"PROPFIND / HTTP/1.1"), Accepted("PROPFIND")),
    Row("3.1", "a method with a hyphen", _line(b"VERSION-CONTROL / HTTP/1.1"), Accepted("VERSION-CONTROL")),
    Row("3.1", "a method in lower case", _line(b"get / HTTP/1.1"), Refused()),
    Row("3.1", "a method that is no token", _line(b"GE(T / HTTP/1.1"), Refused()),
    Row("3.1", "a method with NUL", _line(b"GE\0T / HTTP/1.1"), Refused()),
    Row("3.1", "a method with a colon", _line(b"GET: / HTTP/1.1"), Refused()),
    Row("3.1", "a method outside ASCII", _line(b"G\xc3\x89T / HTTP/1.1"), Refused()),
    Row("3.2", "NUL in the target", _line(b"GET /a\0b HTTP/1.1"), Refused()),
    Row("3.2", "a control character in the target", _line(b"GET /a\x01b HTTP/1.1"), Refused()),
    Row("3.2", "DEL in the target", _line(b"GET /a\x7fb HTTP/1.1"), Refused()),
    Row("3.2", "a tab in the target", _line(b"GET /a\tb HTTP/1.1"), Refused()),
    Row("3.2", "UTF-8 in the target", _line("GET /é HTTP/1.1".encode()), Refused()),
    Row("3.2", "ISO 8859-1 in the target", _line(b"GET /\xe9 HTTP/1.1"), Refused()),
    Row("3.2", "a fragment", _line(b"GET /a#b HTTP/1.1"), Refused()),
]

REQUEST_TARGET = [
    Row("3.2", "no Host", b"GET / HTTP/1.1\r\nA: b\r\n\r\n", Refused()),
    Row(
        "3.2",
        "no Host in HTTP/1.0",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        Accepted(version="1.0"),
    ),
    Row("3.2", "Host twice", _host(b"Host: x\r\nHost: y"), Refused()),
    Row("3.2", "Host twice, the same", _host(b"Host: x\r\nhost: x"), Refused()),
    Row("3.2", "Host twice in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", Refused()),
    Row("3.2", "an empty Host", _host(b"Host:"), Accepted(headers=((b"host", b""),))),
    Row("3.2", "Host with a port", _host(b"Host: x:8000"), Accepted(headers=((b"host", b"x:8000"),))),
    Row("3.2", "Host with an empty port", _host(b"Host: x:"), Accepted()),
    Row("3.2", "Host is an IPv6 address", _host(b"Host: [::1]:80"), Accepted()),
    Row("3.2", "Host with two ports", _host(b"Host: x:80:90"), Refused()),
    Row("3.2", "Host with a port that is no number", _host(b"Host: x:80a"), Refused()),
    Row("3.2", "Host with a space", _host(b"Host: x y"), Refused()),
    Row("3.2", "Host with a slash", _host(b"Host: x/y"), Refused()),
    Row("3.2", "Host with a query", _host(b"Host: x?y"), Refused()),
    Row("3.2", "Host with a user", _host(b"Host: user@x"), Refused()),
    Row("3.2", "Host with a backslash", _host(b"Host: x\\y"), Refused()),
    Row("3.2", "Host with a scheme", _host(b"Host: http://x"), Refused()),
    Row("3.2", "Host is a list", _host(b"Host: x, y"), Refused()),
    Row("3.2", "Host is half an IPv6 address", _host(b"Host: [::1"), Refused()),
    Row("3.2", "Host is an IPv6 address without brackets", _host(b"Host: ::1"), Refused()),
    Row("3.2", "Host outside ASCII", _host("Host: é".encode()), Refused()),
    Row("3.2", "Host in quotes", _host(b'Host: "x"'), Refused()),
    Row("3.2.1", "a query", _line(b"GET /a/b?c=d&e HTTP/1.1"), Accepted(target=b"/a/b?c=d&e")),
    Row("3.2.1", "an empty query", _line(b"GET /? HTTP/1.1"), Accepted(target=b"/?")),
    Row(
        "3.2.1",
        "a path that looks like an authority",
        _line(b"GET //y/z HTTP/1.1"),
        Accepted(target=b"//y/z", headers=((b"host", b"x"),)),
    ),
    Row("3.2.1", "dots stay", _line(b"GET /a/../b/./c HTTP/1.1"), Accepted(target=b"/a/../b/./c")),
    Row("3.2.1", "percent-encoding stays", _line(b"GET /%2e%2F%00 HTTP/1.1"), Accepted(target=b"/%2e%2F%00")),
    Row("3.2.1", "a relative path", _line(b"GET a/b HTTP/1.1"), Refused()),
    Row("3.2.1", "only a query", _line(b"GET ?a HTTP/1.1"), Refused()),
    Row(
        "3.2.2",
        "absolute-form",
        _line(b"GET http://y/a?b HTTP/1.1"),
        Accepted(target=b"/a?b", headers=((b"host", b"y"),)),
    ),
    Row(
        "3.2.2",
        "absolute-form with https and a port",
        _line(b"GET https://y:444/ HTTP/1.1"),
        Accepted(headers=((b"host", b"y:444"),)),
    ),
    Row(
        "3.2.2",
        "absolute-form in capitals",
        _line(b"GET HTTP://y/ HTTP/1.1"),
        Accepted(headers=((b"host", b"y"),)),
    ),
    Row("3.2.2", "absolute-form without a path", _line(b"GET http://y HTTP/1.1"), Accepted()),
    Row(
        "3.2.2", "absolute-form with only a query", _line(b"GET http://y?a HTTP/1.1"), Accepted(target=b"/?a")
    ),
    Row("3.2.2", "absolute-form without Host", b"GET http://y/ HTTP/1.1\r\nA: b\r\n\r\n", Refused()),
    Row(
        "3.2.2",
        "absolute-form with an invalid Host",
        b"GET http://y/ HTTP/1.1\r\nHost: a b\r\n\r\n",
        Refused(),
    ),
    Row("3.2.2", "absolute-form without an authority", _line(b"GET http:///a HTTP/1.1"), Refused()),
    Row("3.2.2", "absolute-form with a user", _line(b"GET http://user@y/ HTTP/1.1"), Refused()),
    Row("3.2.2", "absolute-form with an invalid authority", _line(b"GET http://y:z/ HTTP/1.1"), Refused()),
    Row("3.2.2", "absolute-form without a scheme", _line(b"GET ://y/ HTTP/1.1"), Refused()),
    Row("3.2.2", "a relative path with a URL in it", _line(b"GET a?b=http://y/ HTTP/1.1"), Refused()),
    Row("3.2.3", "authority-form", _line(b"CONNECT y:443 HTTP/1.1"), Refused(501)),
    Row("3.2.3", "CONNECT with a path", _line(b"CONNECT / HTTP/1.1"), Refused(501)),
    Row("3.2.3", "CONNECT with a URL", _line(b"CONNECT http://y/ HTTP/1.1"), Refused(501)),
    Row("3.2.3", "CONNECT with an asterisk", _line(b"CONNECT * HTTP/1.1"), Refused()),
    Row("3.2.3", "authority-form with GET", _line(b"GET y:443 HTTP/1.1"), Refused()),
    Row("3.2.4", "asterisk-form", _line(b"OPTIONS * HTTP/1.1"), Accepted("OPTIONS", b"*")),
    Row("3.2.4", "asterisk-form with GET", _line(b"GET * HTTP/1.1"), Refused()),
    Row("3.2.4", "asterisk-form with a query", _line(b"OPTIONS *?a HTTP/1.1"), Refused()),
]

FIELD_SYNTAX = [
    Row("5", "white space around a value", _field(b"A: \t b c \t"), Accepted(headers=((b"a", b"b c"),))),
    Row("5", "no white space", _field(b"A:b"), Accepted(headers=((b"a", b"b"),))),
    Row("5", "an empty value", _field(b"A:"), Accepted(headers=((b"a", b""),))),
    Row("5", "names in any case", _field(b"AbC: d"), Accepted(headers=((b"abc", b"d"),))),
    Row(
        "5",
        "every character of a token",
        _field(b"!#$%&'*+-.^_`|~09: b"),
        Accepted(headers=((b"!#$%&'*+-.^_`|~09", b"b"),)),
    ),
    Row("5", "a line without a colon", _field(b"A"), Refused()),
    Row("5", "an empty name", _field(b": b"), Refused()),
    Row("5.1", "a space before the colon", _field(b"A : b"), Refused()),
    Row("5.1", "a tab before the colon", _field(b"A\t: b"), Refused()),
    Row(
        "5.1",
        "a space before the colon of Transfer-Encoding",
        _coded(b"Transfer-Encoding : chunked"),
        Refused(),
    ),
    Row("5.1", "a space before the colon of Content-Length", _sized(b"Content-Length : 5"), Refused()),
    Row("5.1", "a space in a name", _field(b"A B: c"), Refused()),
    Row("5.1", "a name with a parenthesis", _field(b"A(: b"), Refused()),
    Row("5.1", "a name with a quotation mark", _field(b'A": b'), Refused()),
    Row("5.1", "a name with NUL", _field(b"A\0: b"), Refused()),
    Row("5.1", "a name outside ASCII", _field(b"\xc3\xa9: b"), Refused()),
    Row("5.2", "obs-fold", _field(b"A: b\r\n c"), Refused()),
    Row("5.2", "obs-fold with a tab", _field(b"A: b\r\n\tc"), Refused()),
    Row("5.2", "obs-fold after an empty value", _field(b"A:\r\n b"), Refused()),
    Row("5.2", "obs-fold in Transfer-Encoding", _coded(b"Transfer-Encoding:\r\n chunked"), Refused()),
    Row("5.2", "obs-fold in Host", _host(b"Host: x\r\n y"), Refused()),
    Row("5.2", "obs-fold of white space", _field(b"A: b\r\n "), Refused()),
    Row("RFC 9110 5.5", "NUL in a value", _field(b"A: b\0c"), Refused()),
    Row("RFC 9110 5.5", "a control character in a value", _field(b"A: b\x01c"), Refused()),
    Row("RFC 9110 5.5", "DEL in a value", _field(b"A: b\x7fc"), Refused()),
    Row("RFC 9110 5.5", "a tab in a value", _field(b"A: b\tc"), Accepted(headers=((b"a", b"b\tc"),))),
    Row(
        "RFC 9110 5.5",
        "a value outside ASCII",
        _field(b"A: \xe9\xff"),
        Accepted(headers=((b"a", b"\xe9\xff"),)),
    ),
    Row(
        "RFC 9110 5.4",
        "as many fields as allowed",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 99 + b"\r\n",
        Accepted(),
    ),
    Row(
        "RFC 9110 5.4",
        "a field too many",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 100 + b"\r\n",
        Refused(431),
    ),
    Row(
        "RFC 9110 5.4",
        "many fields too many",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 1000 + b"\r\n",
        Refused(431),
    ),
    Row("RFC 9110 5.4", "a long field", _field(b"A: " + b"b" * 8180), Accepted()),
    Row("RFC 9110 5.4", "a field too long", _field(b"A: " + b"b" * 8190), Refused(431)),
    Row("RFC 9110 5.4", "a name too long", _field(b"A" * 8190 + b": b"), Refused(431)),
    Row(
        "RFC 9110 5.4",
        "a head too long",
        b"GET / HTTP/1.1\r\n" + HOST + (b"A: " + b"b" * 8000 + b"\r\n") * 9 + b"\r\n",
        Refused(431),
    ),
    Row(
        "RFC 9110 5.4",
        "a head that does not end",
        b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 70000,
        Refused(431),
    ),
]

MESSAGE_BODY = [
    Row("6.1", "chunked", _coded(b"Transfer-Encoding: chunked"), _POSTED),
    Row("6.1", "chunked in any case", _coded(b"TRANSFER-ENCODING: ChunKed"), _POSTED),
    Row("6.1", "chunked, with an empty member", _coded(b"Transfer-Encoding: , chunked"), Refused()),
    Row(
        "6.1",
        "Transfer-Encoding before Content-Length",
        _coded(b"Transfer-Encoding: chunked\r\nContent-Length: 5"),
        Refused(),
    ),
    Row(
        "6.1",
        "Content-Length before Transfer-Encoding",
        _coded(b"Content-Length: 5\r\nTransfer-Encoding: chunked"),
        Refused(),
    ),
    Row(
        "6.1",
        "Content-Length: 0 and Transfer-Encoding",
        _coded(b"Content-Length: 0\r\nTransfer-Encoding: chunked"),
        Refused(),
    ),
    Row(
        "6.1",
        "Content-Length and another coding",
        _coded(b"Content-Length: 5\r\nTransfer-Encoding: identity"),
        Refused(),
    ),
    Row("6.1", "Transfer-Encoding in HTTP/1.0", _coded(b"Transfer-Encoding: chunked", b"1.0"), Refused()),
    Row("6.1", "another coding in HTTP/1.0", _coded(b"Transfer-Encoding: gzip", b"1.0"), Refused()),
    Row("6.1", "another coding", _coded(b"Transfer-Encoding: gzip"), Refused()),
    Row("6.1", "identity", _coded(b"Transfer-Encoding: identity"), Refused()),
    Row("6.1", "a coding before chunked", _coded(b"Transfer-Encoding: gzip, chunked"), Refused(501)),
    Row(
        "6.1",
        "a coding before chunked, on a line of its own",
        _coded(b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"),
        Refused(501),
    ),
    Row("6.1", "a coding after chunked", _coded(b"Transfer-Encoding: chunked, gzip"), Refused()),
    Row("6.1", "identity after chunked", _coded(b"Transfer-Encoding: chunked, identity"), Refused()),
    Row("6.1", "chunked twice", _coded(b"Transfer-Encoding: chunked, chunked"), Refused()),
    Row(
        "6.1",
        "chunked twice, on two lines",
        _coded(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
        Refused(),
    ),
    Row(
        "6.1",
        "an unknown coding on another line",
        _coded(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x"),
        Refused(),
    ),
    Row("6.1", "an unknown coding", _coded(b"Transfer-Encoding: xchunked"), Refused()),
    Row("6.1", "chunked with a parameter", _coded(b"Transfer-Encoding: chunked;q=1"), Refused()),
    Row("6.1", "chunked in quotes", _coded(b'Transfer-Encoding: "chunked"'), Refused()),
    Row("6.1", "an empty coding", _coded(b"Transfer-Encoding:"), Refused()),
    Row("6.1", "a vertical tab before chunked", _coded(b"Transfer-Encoding: \x0bchunked"), Refused()),
    Row("6.1", "a form feed after chunked", _coded(b"Transfer-Encoding: chunked\x0c"), Refused()),
    Row("6.1", "a no-break space before chunked", _coded(b"Transfer-Encoding: \xa0chunked"), Refused()),
    Row("6.2", "Content-Length", _sized(b"Content-Length: 5"), _POSTED),
    Row("6.2", "Content-Length with zeros in front", _sized(b"Content-Length: 0005"), _POSTED),
    Row("6.2", "Content-Length: 0", _sized(b"Content-Length: 0", b""), Accepted("POST")),
    Row("6.2", "two Content-Lengths", _sized(b"Content-Length: 5\r\nContent-Length: 6"), Refused()),
    Row("6.2", "two Content-Lengths, the same", _sized(b"Content-Length: 5\r\nContent-Length: 5"), Refused()),
    Row("6.2", "a list", _sized(b"Content-Length: 5, 6"), Refused()),
    Row("6.2", "a list of the same", _sized(b"Content-Length: 5, 5"), Refused()),
    Row("6.2", "a plus sign", _sized(b"Content-Length: +5"), Refused()),
    Row("6.2", "a minus sign", _sized(b"Content-Length: -5"), Refused()),
    Row("6.2", "minus nothing", _sized(b"Content-Length: -0", b""), Refused()),
    Row("6.2", "hexadecimal", _sized(b"Content-Length: 0x5"), Refused()),
    Row("6.2", "a decimal point", _sized(b"Content-Length: 5.0"), Refused()),
    Row("6.2", "an exponent", _sized(b"Content-Length: 5e0"), Refused()),
    Row("6.2", "an underscore", _sized(b"Content-Length: 0_5"), Refused()),
    Row("6.2", "two numbers", _sized(b"Content-Length: 5 5"), Refused()),
    Row("6.2", "no number", _sized(b"Content-Length:"), Refused()),
    Row("6.2", "a word", _sized(b"Content-Length: five"), Refused()),
    Row("6.2", "digits outside ASCII", _sized(b"Content-Length: \xd9\xa5"), Refused()),
    Row("6.2", "a superscript digit", _sized(b"Content-Length: \xb2"), Refused()),
    Row("6.2", "more than 2**63", _sized(b"Content-Length: 9223372036854775808"), Refused()),
    Row("6.2", "more than 2**64", _sized(b"Content-Length: 18446744073709551621"), Refused()),
    Row("6.2", "five and 2**64, in many digits", _sized(b"Content-Length: " + b"9" * 5000), Refused()),
    Row("6.3", "neither field", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", Accepted("POST")),
    Row(
        "6.3",
        "a body with GET",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        Accepted(body=b"hello"),
    ),
    Row(
        "6.3",
        "a body that looks like a request",
        _sized(b"Content-Length: 46", b"GET /smuggled HTTP/1.1\r\nHost: x\r\nA: bcdefgh\r\n\r\n"[:46]),
        Accepted("POST", body=b"GET /smuggled HTTP/1.1\r\nHost: x\r\nA: bcdefgh\r\n\r\n"[:46]),
    ),
]

CHUNKED = [
    Row("7.1", "chunks", _chunks(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"), _POSTED),
    Row("7.1", "no chunks", _chunks(b"0\r\n\r\n"), Accepted("POST")),
    Row("7.1", "capitals", _chunks(b"A\r\n0123456789\r\n0\r\n\r\n"), Accepted("POST", body=b"0123456789")),
    Row(
        "7.1", "small letters", _chunks(b"a\r\n0123456789\r\n0\r\n\r\n"), Accepted("POST", body=b"0123456789")
    ),
    Row("7.1", "zeros in front", _chunks(b"0005\r\nhello\r\n000\r\n\r\n"), _POSTED),
    Row(
        "7.1",
        "data that looks like chunks",
        _chunks(b"5\r\n0\r\n\r\n\r\n0\r\n\r\n"),
        Accepted("POST", body=b"0\r\n\r\n"),
    ),
    Row("7.1", "hexadecimal with a prefix", _chunks(b"0x5\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a plus sign", _chunks(b"+5\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a minus sign", _chunks(b"-5\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "an underscore", _chunks(b"0_5\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "no size", _chunks(b"\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a letter", _chunks(b"g\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a space before the size", _chunks(b" 5\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a space after the size", _chunks(b"5 \r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a tab after the size", _chunks(b"5\t\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "NUL after the size", _chunks(b"5\0\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a size of 2**64 and 5", _chunks(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a size of 2**60", _chunks(b"1000000000000000\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "a size of many digits", _chunks(b"0" * 300 + b"5\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "LF after the size", _chunks(b"5\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "CR after the size", _chunks(b"5\rhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "LF after the data", _chunks(b"5\r\nhello\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "CR after the data", _chunks(b"5\r\nhello\r0\r\n\r\n"), _BROKEN),
    Row("7.1", "nothing after the data", _chunks(b"5\r\nhello0\r\n\r\n"), _BROKEN),
    Row("7.1", "data longer than its size", _chunks(b"4\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "data shorter than its size", _chunks(b"6\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1", "LF after the last chunk", _chunks(b"5\r\nhello\r\n0\n\r\n"), _BROKEN),
    Row("7.1", "LF at the end", _chunks(b"5\r\nhello\r\n0\r\n\n"), _BROKEN),
    Row("7.1.1", "an extension", _chunks(b"5;a\r\nhello\r\n0\r\n\r\n"), _POSTED),
    Row("7.1.1", "extensions with values", _chunks(b'5;a=b;c="d;\te"\r\nhello\r\n0;f\r\n\r\n'), _POSTED),
    Row("7.1.1", "white space before the semicolon", _chunks(b"5 ;a\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1.1", "LF in an extension", _chunks(b"5;a\nb\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1.1", "LF ends an extension", _chunks(b"2;\nxx\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1.1", "CR in an extension", _chunks(b"5;a\rb\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1.1", "NUL in an extension", _chunks(b"5;a\0\r\nhello\r\n0\r\n\r\n"), _BROKEN),
    Row("7.1.1", "the longest extension", _chunks(b"5;" + b"a" * 254 + b"\r\nhello\r\n0\r\n\r\n"), _POSTED),
    Row(
        "7.1.1",
        "an extension too long by one",
        _chunks(b"5;" + b"a" * 255 + b"\r\nhello\r\n0\r\n\r\n"),
        _BROKEN,
    ),
    Row("7.1.1", "an extension that does not end", _chunks(b"5;" + b"a" * 70000), _BROKEN),
    Row(
        "7.1.2",
        "a trailer field",
        _chunks(b"5\r\nhello\r\n0\r\nA: b\r\n\r\n"),
        Accepted("POST", body=b"hello", headers=((b"a", None),)),
    ),
    Row(
        "7.1.2",
        "trailer fields that mean something",
        _chunks(b"5\r\nhello\r\n0\r\nHost: y\r\nContent-Length: 9\r\nAuthorization: z\r\n\r\n"),
        Accepted(
            "POST",
            body=b"hello",
            headers=((b"host", b"x"), (b"content-length", None), (b"authorization", None)),
        ),
    ),
    Row("7.1.2", "a trailer without a colon", _chunks(b"5\r\nhello\r\n0\r\nA\r\n\r\n"), _BROKEN),
    Row("7.1.2", "a trailer without a name", _chunks(b"5\r\nhello\r\n0\r\n: b\r\n\r\n"), _BROKEN),
    Row(
        "7.1.2",
        "a trailer with a space before the colon",
        _chunks(b"5\r\nhello\r\n0\r\nA : b\r\n\r\n"),
        _BROKEN,
    ),
    Row("7.1.2", "a trailer that is folded", _chunks(b"5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n"), _BROKEN),
    Row("7.1.2", "a trailer with NUL", _chunks(b"5\r\nhello\r\n0\r\nA: b\0\r\n\r\n"), _BROKEN),
    Row("7.1.2", "a trailer with a bare CR", _chunks(b"5\r\nhello\r\n0\r\nA: b\rc\r\n\r\n"), _BROKEN),
    Row("7.1.2", "a trailer that LF ends", _chunks(b"5\r\nhello\r\n0\r\nA: b\n\r\n"), _BROKEN),
    Row(
        "7.1.2",
        "a request for a trailer",
        _chunks(b"5\r\nhello\r\n0\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
        _BROKEN,
    ),
    Row(
        "7.1.2",
        "trailers that are long",
        _chunks(b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 1300 + b"\r\n"),
        _POSTED,
    ),
    Row(
        "7.1.2",
        "trailers that are too long",
        _chunks(b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 1400 + b"\r\n"),
        Refused(431, in_body=True),
    ),
    Row(
        "7.1.2",
        "a trailer that does not end",
        _chunks(b"5\r\nhello\r\n0\r\nA: " + b"b" * 70000),
        Refused(431, in_body=True),
    ),
]
# fmt: on

ROWS = [*MESSAGE_PARSING, *REQUEST_LINE, *REQUEST_TARGET, *FIELD_SYNTAX, *MESSAGE_BODY, *CHUNKED]
