"""RFC 9110: methods, expectations, and fields that are for somebody else."""

from tests.conformance.rfc9112.row import POSTED, Accepted, Refused, Row, coded, field, line, sized

SEMANTICS = [
    Row(
        "RFC 9110 7.6.2",
        "Max-Forwards is for proxies",
        b"OPTIONS / HTTP/1.1\r\nHost: x\r\nMax-Forwards: 0\r\n\r\n",
        Accepted("OPTIONS", headers=((b"max-forwards", b"0"),)),
    ),
    Row(
        "RFC 9110 7.6.3",
        "Via goes through",
        field(b"Via: 1.0 a, 1.1 b"),
        Accepted(headers=((b"via", b"1.0 a, 1.1 b"),)),
    ),
    Row("RFC 9110 9.1", "a method that is not known", line(b"FOO / HTTP/1.1"), Accepted("FOO")),
    Row("RFC 9110 9.3.2", "HEAD", line(b"HEAD / HTTP/1.1"), Accepted("HEAD")),
    Row("RFC 9110 9.3.8", "TRACE is the application's", line(b"TRACE / HTTP/1.1"), Accepted("TRACE")),
    Row(
        "RFC 9110 9.3.8",
        "TRACE with a body",
        b"TRACE / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        Accepted("TRACE", body=b"hello"),
    ),
    Row(
        "RFC 9110 10.1.1",
        "100-continue when the body is here",
        sized(b"Expect: 100-continue\r\nContent-Length: 5"),
        POSTED,
    ),
    Row(
        "RFC 9110 10.1.1",
        "100-continue in any case",
        sized(b"EXPECT: 100-Continue\r\nContent-Length: 5"),
        POSTED,
    ),
    Row(
        "RFC 9110 10.1.1",
        "100-continue when chunks are here",
        coded(b"Expect: 100-continue\r\nTransfer-Encoding: chunked"),
        POSTED,
    ),
    Row("RFC 9110 10.1.1", "100-continue without a body", field(b"Expect: 100-continue"), Accepted()),
    Row(
        "RFC 9110 10.1.1",
        "100-continue with an empty body",
        sized(b"Expect: 100-continue\r\nContent-Length: 0", b""),
        Accepted("POST"),
    ),
    Row(
        "RFC 9110 10.1.1",
        "100-continue twice",
        sized(b"Expect: 100-continue, 100-continue\r\nContent-Length: 5"),
        POSTED,
    ),
    Row(
        "RFC 9110 10.1.1",
        "100-continue on two lines",
        sized(b"Expect: 100-continue\r\nExpect:\r\nContent-Length: 5"),
        POSTED,
    ),
    Row("RFC 9110 10.1.1", "no expectation", field(b"Expect:"), Accepted()),
    Row(
        "RFC 9110 10.1.1",
        "100-continue in HTTP/1.0",
        b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        Accepted("POST", body=b"hello", version="1.0", closes=True),
    ),
    Row("RFC 9110 10.1.1", "another expectation", field(b"Expect: 200-ok"), Refused(417)),
    Row(
        "RFC 9110 10.1.1",
        "another expectation, with a body",
        sized(b"Expect: x\r\nContent-Length: 5"),
        Refused(417),
    ),
    Row(
        "RFC 9110 10.1.1",
        "another expectation beside 100-continue",
        sized(b"Expect: 100-continue, x=y\r\nContent-Length: 5"),
        Refused(417),
    ),
    Row(
        "RFC 9110 10.1.1",
        "another expectation on another line",
        sized(b"Expect: 100-continue\r\nExpect: x\r\nContent-Length: 5"),
        Refused(417),
    ),
    Row(
        "RFC 9110 10.1.1",
        "words before 100-continue",
        sized(b"Expect: y 100-continue\r\nContent-Length: 5"),
        Refused(417),
    ),
    Row(
        "RFC 9110 10.1.1",
        "100-continue with a parameter",
        sized(b"Expect: 100-continue;a\r\nContent-Length: 5"),
        Refused(417),
    ),
    Row(
        "RFC 9110 10.1.1",
        "100-continue in quotes",
        sized(b'Expect: "100-continue"\r\nContent-Length: 5'),
        Refused(417),
    ),
    Row("RFC 9110 10.1.1", "100 alone", sized(b"Expect: 100\r\nContent-Length: 5"), Refused(417)),
    Row(
        "RFC 9110 10.1.1",
        "100-continue and two lengths",
        sized(b"Expect: 100-continue\r\nContent-Length: 5\r\nContent-Length: 6"),
        Refused(),
    ),
    Row(
        "RFC 9110 10.1.1",
        "100-continue, a length and a coding",
        coded(b"Expect: 100-continue\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"),
        Refused(),
    ),
    Row(
        "RFC 9110 10.1.4",
        "TE",
        field(b"TE: trailers\r\nConnection: TE"),
        Accepted(headers=((b"te", b"trailers"),)),
    ),
    Row(
        "RFC 9110 13.1",
        "conditions are the application's",
        field(b'If-Match: "a"\r\nIf-None-Match: *'),
        Accepted(),
    ),
    Row(
        "RFC 9110 14.2",
        "ranges are the application's",
        field(b"Range: bytes=0-"),
        Accepted(headers=((b"range", b"bytes=0-"),)),
    ),
]
