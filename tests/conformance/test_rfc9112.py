"""The tables of raw requests, sent to a real process: what the application gets, and what the client."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import check_quiet
from tests.conformance.rfc9112 import AFTER, ROWS, Accepted, Incomplete, Refused, Row
from tests.support.http_peer import get, read_responses
from tests.support.process import ServerProcess, start_server
from tests.support.sockets import DEADLINE, raw

ACCEPTED = [row for row in ROWS if isinstance(row.expected, Accepted)]
GOING_ON = [row for row in ROWS if isinstance(row.expected, Accepted) and not row.expected.closes]
REFUSED = [row for row in ROWS if isinstance(row.expected, Refused)]
INCOMPLETE = [row for row in ROWS if isinstance(row.expected, Incomplete)]


def some(rows: list[Row]) -> list[Row]:
    """Take a sample of rows that are short, the same each time."""
    return [row for row in rows if len(row.data) < 200][::8]


@pytest.fixture(scope="module", params=["asgi", "wsgi"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """Serve the application that keeps what it gets, once on the event loop and once on threads."""
    folder: Path = tmp_path_factory.mktemp("server")
    # What reaches the server is shown, names with underscores too, which it would drop otherwise; and we are
    # no proxy that is believed.
    options: dict[str, Any] = {"access_log": False, "lifespan": "off", "header_map": "dangerous"}
    options["forwarded_allow_ips"] = "none"
    with start_server(f"recorder:{request.param}", cwd=folder, **options) as process:
        yield process
        check_quiet(process)


def recorded(server: ServerProcess) -> list[dict[str, Any]]:
    """Ask which requests reached the application since the last time."""
    (response,) = read_responses(raw(server.port, get("/recorded", "Connection: close")), closed=True)
    found: list[dict[str, Any]] = json.loads(response.body)
    return found


def slowly(port: int, data: bytes) -> bytes:
    """Send the bytes one by one, as far as the server lets it, and return what comes back until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answer = b""
        try:
            for byte in data:
                client.sendall(bytes((byte,)))
            while part := client.recv(65536):
                answer += part
        except (BrokenPipeError, ConnectionResetError):  # it has closed, and what it has said may be lost
            pass
        return answer


def check_accepted(server: ServerProcess, expected: Accepted, answer: bytes) -> None:
    """Compare what the application saw, and how many were answered, with what is expected."""
    methods = [expected.method] if expected.closes else [expected.method, "GET"]
    *interim, last = read_responses(answer, *methods, closed=True)
    assert [response.status for response in interim if response.status != 100] == [200] * (len(methods) - 1)
    assert (last.status, last.values(b"connection")) == (200, [b"close"])
    request, *after = recorded(server)
    assert request["method"] == expected.method
    assert request["body"].encode("latin-1") == expected.body
    if "headers" in request:
        check_head(expected, request)
    assert [each["target"] for each in after] == ["/after"] * (not expected.closes)


def check_head(expected: Accepted, request: dict[str, Any]) -> None:
    """Compare the target, the version and the fields that an ASGI application saw."""
    assert request["target"].encode("latin-1").rstrip(b"?") == expected.target.rstrip(b"?")
    assert request["version"] == expected.version
    for name, values in expected.wanted().items():
        assert [v.encode("latin-1") for n, v in request["headers"] if n.encode() == name] == values


def check_refused(expected: Refused, row: Row, answer: bytes) -> None:
    """See the status and the end of the connection, after a response to what was complete before."""
    method = "HEAD" if row.data.startswith(b"HEAD ") else "GET"
    methods = [method] * answer.count(b"HTTP/1.1 ")
    *before, last = read_responses(answer, *methods, closed=True)
    assert [response.status for response in before] == [200] * len(before)
    assert len(before) <= expected.in_body
    assert last.status == expected.status
    assert last.values(b"connection") == [b"close"]


@pytest.mark.parametrize("row", ACCEPTED, ids=str)
def test_accepted(server: ServerProcess, row: Row) -> None:
    """What is right reaches the application, then the request after it does, and both are answered."""
    assert isinstance(row.expected, Accepted)
    check_accepted(server, row.expected, raw(server.port, row.data + AFTER))


@pytest.mark.parametrize("row", REFUSED, ids=str)
def test_refused(server: ServerProcess, row: Row) -> None:
    """What is wrong gets its status, the connection closes, and no byte after it reaches the application."""
    assert isinstance(row.expected, Refused)
    check_refused(row.expected, row, raw(server.port, row.data + AFTER))
    seen = recorded(server)
    assert len(seen) <= row.expected.in_body
    assert "/after" not in [request["target"] for request in seen]


@pytest.mark.parametrize("row", INCOMPLETE, ids=str)
def test_incomplete(server: ServerProcess, row: Row) -> None:
    """A client that ends before its request does gets nothing, and the application no whole request."""
    assert isinstance(row.expected, Incomplete)
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as client:
        client.sendall(row.data)
        client.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b"200 OK" not in answer
    seen = recorded(server)
    assert len(seen) <= row.expected.in_body
    assert not any("body" in request for request in seen)


@pytest.mark.parametrize("row", some(GOING_ON), ids=str)
def test_accepted_byte_by_byte(server: ServerProcess, row: Row) -> None:
    """The same comes of bytes that come one by one."""
    assert isinstance(row.expected, Accepted)
    check_accepted(server, row.expected, slowly(server.port, row.data + AFTER))


@pytest.mark.parametrize("row", some(REFUSED), ids=str)
def test_refused_byte_by_byte(server: ServerProcess, row: Row) -> None:
    """So it does of what is wrong; a client that sends on may lose the answer, but is heard no more."""
    assert isinstance(row.expected, Refused)
    answer = slowly(server.port, row.data + AFTER)
    if answer:
        check_refused(row.expected, row, answer)
    seen = recorded(server)
    assert len(seen) <= row.expected.in_body
    assert "/after" not in [request["target"] for request in seen]


@pytest.mark.parametrize("row", some(REFUSED), ids=str)
def test_refused_and_asked_again(server: ServerProcess, row: Row) -> None:
    """A request that is sent after the refusal has been read is not heard either."""
    assert isinstance(row.expected, Refused)
    with socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as client:
        client.sendall(row.data)
        client.sendall(AFTER[:1])  # enough for what would otherwise be a part of a request
        answer = client.recv(65536)
        client.sendall(AFTER)
        client.shutdown(socket.SHUT_WR)
        answer += b"".join(iter(lambda: client.recv(65536), b""))
    check_refused(row.expected, row, answer)
    assert "/after" not in [request["target"] for request in recorded(server)]
