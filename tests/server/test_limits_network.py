"""Each limit on a request at what it allows and at one more, on a real process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.process import ServerProcess, start_server
from tests.support.sockets import raw

LINE, FIELDS, FIELD, HEAD, BODY = 100, 5, 60, 300, 50
LIMITS: dict[str, Any] = {
    "limit_request_line": LINE,
    "limit_request_fields": FIELDS,
    "limit_request_field_size": FIELD,
    "limit_request_head": HEAD,
    "limit_request_body": BODY,
}
TARGETS = ["patient", "/wsgi=hello_wsgi", "/stream=wsgi_upload+stream"]


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve with small limits, for all tests of this module."""
    with start_server(*TARGETS, cwd=tmp_path_factory.mktemp("limits"), **LIMITS) as server:
        yield server


def padded(start: str, size: int, end: str = "") -> str:
    """Fill a text up to a size."""
    return start + "x" * (size - len(start) - len(end)) + end


def request(path: str = "/", *lines: str, line: str = "", body: bytes = b"") -> bytes:
    """Write a request that asks for the connection to be closed."""
    head = [line or f"POST {path} HTTP/1.1", "Host: x", "Connection: close", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def with_line(size: int) -> bytes:
    """Write a request whose first line has this size, without its end."""
    return request(line=padded("POST /", size, " HTTP/1.1"))


def with_fields(count: int) -> bytes:
    """Write a request with so many fields."""
    return request("/", *(f"x-{number}: y" for number in range(count - 2)))


def with_field(size: int) -> bytes:
    """Write a request with a field of this size, with its end."""
    return request("/", padded("x-long: ", size - 2))


def with_head(size: int) -> bytes:
    """Write a request whose head has this size, in fields that are small enough."""
    filled = request("/", padded("a: ", FIELD - 2), padded("b: ", FIELD - 2), "c: ", line=with_line_of(LINE))
    return filled.replace(b"c: ", b"c: ".ljust(3 + size - len(filled), b"x"))


def with_line_of(size: int) -> str:
    """Return a request line of this size."""
    return padded("POST /", size, " HTTP/1.1")


def with_length(size: int, path: str = "/") -> bytes:
    """Write a request whose body has a length of this size."""
    return request(path, f"Content-Length: {size}", body=b"b" * size)


def with_chunks(size: int, path: str = "/") -> bytes:
    """Write a request with a body of this size in two chunks."""
    chunks = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (size - 9, b"b" * (size - 9), 9, b"b" * 9)
    return request(path, "Transfer-Encoding: chunked", body=chunks)


TABLE = [
    (with_line, LINE, 414, b"request line too long"),
    (with_fields, FIELDS, 431, b"too many header fields, or one too large"),
    (with_field, FIELD, 431, b"too many header fields, or one too large"),
    (with_head, HEAD, 431, b"request head too large"),
    (with_length, BODY, 413, b"request body too large"),
    (with_chunks, BODY, 413, b"request body too large"),
]


@pytest.mark.parametrize(("make", "limit", "status", "reason"), TABLE)
def test_limit(limited: ServerProcess, make: Any, limit: int, status: int, reason: bytes) -> None:
    """What a limit allows is answered; one more is refused with its status, its reason, and a close."""
    assert raw(limited.port, make(limit)).startswith(b"HTTP/1.1 200 ")
    for size in (limit + 1, 2 * limit, 20 * limit):
        answer = raw(limited.port, make(size))
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer
        assert b"\r\nconnection: close\r\n" in answer
        assert size > limit + 1 or answer.endswith(b"\r\n\r\n" + reason)


@pytest.mark.parametrize(("make", "limit", "status", "reason"), TABLE[:4])
def test_limit_on_a_later_request(
    limited: ServerProcess, make: Any, limit: int, status: int, reason: bytes
) -> None:
    """A connection that is kept does not soften a limit."""
    first = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    answers = raw(limited.port, first + first + make(limit + 1))
    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert answers.endswith(b"\r\n\r\n" + reason)


def test_line_before_fields_that_are_known(limited: ServerProcess) -> None:
    """A request that repeats the fields of the one before is not let through for that."""
    rest = b" HTTP/1.1\r\nHost: x\r\n\r\n"
    fitting, longer = (b"GET /".ljust(size - len(" HTTP/1.1"), b"x") + rest for size in (LINE, LINE + 1))
    answers = raw(limited.port, fitting + fitting + longer)
    assert answers.count(b"HTTP/1.1 200 ") == 2
    assert answers.count(b"HTTP/1.1 414 ") == 1


@pytest.mark.parametrize("path", ["/", "/wsgi", "/stream"])
@pytest.mark.parametrize("make", [with_length, with_chunks])
def test_body_of_each_kind_of_application(limited: ServerProcess, path: str, make: Any) -> None:
    """The limit of the body holds for whoever reads it, and however it is read."""
    assert raw(limited.port, make(BODY, path)).startswith(b"HTTP/1.1 200 ")
    assert raw(limited.port, make(BODY + 1, path)).startswith(b"HTTP/1.1 413 ")


def test_line_without_an_end(limited: ServerProcess) -> None:
    """What is over a limit is refused without waiting for the rest of it."""
    assert raw(limited.port, b"G" * (LINE + 2)).startswith(b"HTTP/1.1 414 ")
    assert raw(limited.port, request()[:-2] + b"x" * HEAD).startswith(b"HTTP/1.1 431 ")


def test_no_limits(tmp_path: Path) -> None:
    """With 0 only the head as a whole, and the 256 fields that the parser takes, are limits."""
    zeros: dict[str, Any] = dict.fromkeys(
        (f"limit_request_{name}" for name in ("line", "field_size", "fields", "body")), 0
    )
    with start_server("patient", cwd=tmp_path, limit_request_head=100_000, **zeros) as server:
        for make, size in (
            (with_line, 50_000),
            (with_field, 50_000),
            (with_fields, 256),
            (with_length, 10**6),
        ):
            assert raw(server.port, make(size)).startswith(b"HTTP/1.1 200 "), make
        for make, size in ((with_line, 100_000), (with_field, 100_000), (with_fields, 257)):
            answer = raw(server.port, make(size))
            assert answer.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 414 ")), answer
