"""What a row of the tables is, and how the requests in them are written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Accepted:
    """An application gets the request.

    ``headers`` are some that it must see, each with all its values in order; a value of None is for one that
    it must not see. ``closes`` says that the connection ends with the response.
    """

    method: str = "GET"
    target: bytes = b"/"
    body: bytes = b""
    version: str = "1.1"
    headers: tuple[tuple[bytes, bytes | None], ...] = ()
    closes: bool = False

    def wanted(self) -> dict[bytes, list[bytes]]:
        """Return the values that an application must see of each of the fields."""
        names = dict.fromkeys(name for name, _ in self.headers)
        return {
            name: [value for key, value in self.headers if key == name and value is not None]
            for name in names
        }


@dataclass(frozen=True)
class Refused:
    """The client gets this status, and the connection closes.

    ``in_body`` says that the application may have seen the head, which was in order.
    """

    status: int = 400
    in_body: bool = False


@dataclass(frozen=True)
class Incomplete:
    """The client closes its direction before its request is complete: no application gets it as a whole.

    ``in_body`` says that the application may have seen the head.
    """

    in_body: bool = False


@dataclass(frozen=True)
class Row:
    """Some bytes from a client; the section is of RFC 9112, or of RFC 9110 where it says so.

    ``departs`` says that the RFC would have it otherwise, and docs/http.md why it is so.
    """

    section: str
    title: str
    data: bytes
    expected: Accepted | Refused | Incomplete
    departs: bool = False

    def __str__(self) -> str:
        return f"{self.section} {self.title}"


HOST = b"Host: x\r\n"
POSTED = Accepted("POST", body=b"hello")
BROKEN = Refused(400, in_body=True)


def line(line: bytes) -> bytes:
    """Make a request with this request line."""
    return line + b"\r\n" + HOST + b"\r\n"


def field(line: bytes) -> bytes:
    """Make a request with this line after Host."""
    return b"GET / HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n"


def host(line: bytes) -> bytes:
    """Make a request with this line instead of Host."""
    return b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n"


def sized(line: bytes, body: bytes = b"hello") -> bytes:
    """Make a request with this line, which is about the length of its body."""
    return b"POST / HTTP/1.1\r\n" + HOST + line + b"\r\n\r\n" + body


def coded(line: bytes, version: bytes = b"1.1") -> bytes:
    """Make a request with this line, which is about the coding of its body, and a chunked body."""
    return b"POST / HTTP/" + version + b"\r\n" + HOST + line + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


def chunks(chunks: bytes) -> bytes:
    """Make a request with these chunks for a body."""
    return b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks


def last_chunk(trailers: bytes) -> bytes:
    """Make a request with a chunked body, and these lines for its trailer section."""
    return chunks(b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n")
