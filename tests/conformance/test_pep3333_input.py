"""PEP 3333's input stream where it is hard: read as it comes, too large, cut off. On all ways to a bridge."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest

from tests.support.bridges import WAYS, Bridge, bridge_to
from tests.support.http_versions import Exchange
from tests.support.sockets import DEADLINE

TARGETS = [
    "/events=tests.apps.checked:events",
    "/upload=tests.apps.checked:upload",
    *(
        f"/streamed/{name}=tests.apps.checked:{name}+stream"
        for name in ("input", "lines", "upload", "validated")
    ),
]
MEBIBYTE = 1024 * 1024
CHUNKED = "Transfer-Encoding: chunked"

on_linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")


@pytest.fixture(scope="module", params=WAYS)
def bridge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Serve applications that read complete bodies, and some that read them as they come."""
    with bridge_to(request.param, TARGETS, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(scope="module", params=WAYS)
def limited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Serve the same with a limit of ten bytes."""
    folder = tmp_path_factory.mktemp("limited")
    with bridge_to(request.param, TARGETS, folder, limit_request_body=10) as served:
        yield served


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Give the requests of a test a name of their own, in the events and in the log."""
    return "".join(letter if letter.isalnum() else "-" for letter in request.node.name)


class Client:
    """A connection of HTTP/1.1 that says exactly what it is told to; the caller closes it."""

    def __init__(self, bridge: Bridge) -> None:
        self._socket = socket.create_connection(("127.0.0.1", bridge.port), DEADLINE)
        self._file = self._socket.makefile("rb")

    def post(self, target: str, *fields: str, body: bytes = b"") -> None:
        """Send a request, or the beginning of one."""
        lines = [f"POST {target} HTTP/1.1", "Host: x", *fields, "", ""]
        self.send("\r\n".join(lines).encode() + body)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self._socket.sendall(data)

    def chunk(self, data: bytes) -> None:
        """Send a chunk; an empty one ends the body."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def head(self) -> bytes:
        """Receive the head of a response, without its end."""
        lines = iter(self._file.readline, b"\r\n")
        return b"".join(lines)

    def response(self) -> tuple[int, bytes]:
        """Receive a response with a length: its status and body."""
        head = self.head().lower()
        length = int(head.partition(b"content-length: ")[2].split()[0])
        return int(head.split()[1]), self._file.read(length)

    def rest(self) -> bytes:
        """Receive what comes before the server closes, politely or not."""
        try:
            return self._file.read()
        except ConnectionResetError:
            return b""

    def close(self) -> None:
        """Leave."""
        self._file.close()
        self._socket.close()


def post(bridge: Bridge, target: str, *fields: str) -> Exchange:
    """Send the head of a request; its body has no length but what a field says."""
    return bridge.start(target, *fields, method="POST", ends=False)


@pytest.fixture
def client(bridge: Bridge) -> Iterator[Client]:
    """Connect; tests that need bytes of HTTP/1.1 skip for HTTP/2."""
    bridge.needs_http11("what its bytes say, one by one")
    with closing(Client(bridge)) as connected:
        yield connected


class TestStreamedInput:
    """Input and Error Streams, of an application that is called before the body is complete."""

    @pytest.mark.parametrize(
        ("calls", "results"),
        [
            ("read()", ["one\ntwo\n\nlast"]),
            ("read(2);read(3);read(0);read(99);read(1)", ["on", "e\nt", "", "wo\n\nlast", ""]),
            ("readline(2);readline(9);readline();readline()", ["on", "e\n", "two\n", "\n"]),
            ("readlines(7);readline();readline()", [["one\n", "two\n"], "\n", "last"]),
            ("readlines(5);readlines();readlines()", [["one\n", "two\n"], ["\n", "last"], []]),
            ("iterate;iterate", [["one\n", "two\n", "\n", "last"], []]),
            ("readline();iterate", ["one\n", ["two\n", "\n", "last"]]),
            ("readable();seekable()", [True, False]),
        ],
    )
    @pytest.mark.parametrize("chunked", [False, True])
    def test_binary_file(self, bridge: Bridge, calls: str, results: list[Any], chunked: bool) -> None:
        """It reads as a binary file, to the end of the body and no further; it has no seek."""
        body = iter([b"on", b"e\ntwo\n", b"\nlast"]) if chunked else b"one\ntwo\n\nlast"
        answer = bridge.ask(f"/streamed/input?{calls}", body).json
        assert answer == {"file": "BufferedReader", "results": results}

    def test_no_body(self, bridge: Bridge) -> None:
        """Without a body there is nothing to read, and nobody waits for any."""
        assert bridge.ask("/streamed/input?read();readline();iterate").json["results"] == ["", "", []]

    @pytest.mark.parametrize("body", [b"", b"one\ntwo\n\nthree\nfour", b"x" * 200_000])
    @pytest.mark.parametrize("how", ["one", "iterate"])
    def test_validator(self, bridge: Bridge, body: bytes, how: str) -> None:
        """wsgiref.validate finds nothing wrong with it."""
        answer = bridge.ask(f"/streamed/validated?{how}", body)
        assert (answer.status, answer.body) == (200, body)

    @pytest.mark.parametrize("size", [1, 65_537, 5_000_000])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_upload(self, bridge: Bridge, size: int, chunked: bool) -> None:
        """A body of any size arrives whole. The length of a chunked one is not known, and not told."""
        body = os.urandom(size)
        parts = iter([body[:100], body[100:70_000], body[70_000:]]) if chunked else body
        assert bridge.ask("/streamed/upload", parts).json == {
            "size": size,
            "sha256": hashlib.sha256(body).hexdigest(),
            "file": "BufferedReader",
            "content_length": None if chunked else str(size),
            "transfer_encoding": None,
        }

    @pytest.mark.parametrize("length", ["Content-Length: 8", ""])
    def test_as_it_comes(self, bridge: Bridge, name: str, length: str) -> None:
        """The application is called with the head, and has each line when that has been sent."""
        exchange = post(bridge, f"/streamed/lines/{name}", *filter(None, [length]))
        assert bridge.wait_for_event(name, "called") == ["called"]
        exchange.send(b"one\n")
        assert bridge.wait_for_event(name, "one\n") == ["called", "one\n"]
        exchange.send(b"t")
        exchange.send(b"wo\n")
        bridge.wait_for_event(name, "two\n")
        exchange.end()
        assert exchange.response().body == b"2 lines"

    def test_byte_by_byte(self, bridge: Bridge, name: str) -> None:
        """A slow client that sends single bytes is served as well."""
        exchange = post(bridge, f"/streamed/lines/{name}")
        for byte in b"one\ntwo\n":
            exchange.send(bytes([byte]))
        exchange.end()
        assert exchange.response().body == b"2 lines"

    def test_chunks_byte_by_byte(self, client: Client, name: str) -> None:
        """So is one that sends single bytes of its chunks' framing."""
        client.post(f"/streamed/lines/{name}", CHUNKED)
        for byte in b"4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n":
            client.send(bytes([byte]))
        assert client.response() == (200, b"2 lines")

    @pytest.mark.parametrize("how", ["", "?begun"])
    def test_client_that_leaves(self, bridge: Bridge, name: str, how: str) -> None:
        """Reading raises an OSError of ours; it is nobody's error."""
        exchange = post(bridge, f"/streamed/lines/{name}{how}", "Content-Length: 100")
        exchange.send(b"one\n")
        bridge.wait_for_event(name, "one\n")
        exchange.leave()
        events = bridge.wait_for_event(name, "raised ClientDisconnected")
        assert events == ["called", "one\n", "raised ClientDisconnected"]
        assert name not in bridge.server.stderr

    def test_malformed_chunk(self, bridge: Bridge, client: Client, name: str) -> None:
        """A body whose coding breaks is refused by the server, and reading raises."""
        client.post(f"/streamed/lines/{name}", CHUNKED)
        client.chunk(b"one\n")
        bridge.wait_for_event(name, "one\n")
        client.send(b"nonsense\r\n")
        assert client.head().startswith(b"HTTP/1.1 400 Bad Request\r\n")
        bridge.wait_for_event(name, "raised ClientDisconnected")

    def test_malformed_chunk_in_the_middle_of_the_response(self, bridge: Bridge, name: str) -> None:
        """A response that has begun is cut off."""
        bridge.needs_http11("chunks")
        if bridge.path == "uvicorn":
            pytest.skip("uvicorn tries to begin a second response, and logs that it cannot")
        with closing(Client(bridge)) as client:
            client.post(f"/streamed/lines/{name}?begun", CHUNKED)
            assert b" 200 OK" in client.head()
            client.send(b"nonsense\r\n")
            bridge.wait_for_event(name, "raised ClientDisconnected")
            assert not client.rest().endswith(b"0\r\n\r\n")


class TestUnread:
    """Responses of applications that do not read their body."""

    def test_next_request(self, bridge: Bridge, client: Client, name: str) -> None:
        """A small body that nobody read does not come before the next request, sent with it or later."""
        client.post(f"/streamed/lines/{name}?unread", "Content-Length: 8", body=b"one\ntwo\n")
        client.post(f"/streamed/lines/{name}", "Content-Length: 6", body=b"three\n")
        assert client.response() == (200, b"0 lines")
        assert client.response() == (200, b"1 lines")
        client.post(f"/streamed/lines/{name}?unread", "Content-Length: 8", body=b"one\n")
        assert client.response() == (200, b"0 lines")
        client.send(b"two\n")
        client.post(f"/streamed/lines/{name}", CHUNKED, body=b"0\r\n\r\n")
        assert client.response() == (200, b"0 lines")
        assert [event for event in bridge.events(name) if event.endswith("\n")] == ["three\n"]


class TestExpectContinue:
    """HTTP 1.1 Expect/Continue: the second of the ways that PEP 3333 allows."""

    EXPECTS = ("Content-Length: 4", "Expect: 100-continue")

    def test_when_the_application_reads(self, bridge: Bridge, name: str) -> None:
        """A client that waits is told to go on when the application reads."""
        exchange = post(bridge, f"/streamed/lines/{name}", *self.EXPECTS)
        assert exchange.wait_for_interim().status == 100
        exchange.send(b"one\n")
        exchange.end()
        assert exchange.response().body == b"1 lines"

    def test_when_it_does_not(self, bridge: Bridge, name: str) -> None:
        """It gets the answer instead when the application does not."""
        exchange = post(bridge, f"/streamed/lines/{name}?unread", *self.EXPECTS)
        response = exchange.response()
        assert (response.status, response.body, response.interim) == (200, b"0 lines", [])


class TestLimit:
    """Bodies above --limit-request-body, and above what the bridge allows under other servers."""

    @pytest.mark.parametrize("target", ["/upload", "/streamed/upload"])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_limit(self, limited: Bridge, target: str, chunked: bool) -> None:
        """A body of the limit arrives, and one byte more is a 413."""
        for size, status in ((10, 200), (11, 413)):
            body = b"x" * size
            answer = limited.ask(target, iter([body[:5], body[5:]]) if chunked else body)
            assert answer.status == status
        assert answer.body == b"request body too large"
        assert answer.header("connection") == ("close" if limited.version == "1.1" else None)

    @pytest.mark.parametrize("target", ["/upload", "/streamed/upload"])
    def test_before_the_body(self, limited: Bridge, target: str) -> None:
        """A body that is announced as too large is not waited for, nor asked for."""
        response = post(limited, target, "Content-Length: 11", "Expect: 100-continue").response()
        assert (response.status, response.body) == (413, b"request body too large")
        assert response.interim == []

    @pytest.mark.parametrize("how", ["", "?begun"])
    def test_while_it_is_read(self, limited: Bridge, name: str, how: str) -> None:
        """Reading raises when a body becomes too large; the answer is a 413, or one that is cut off."""
        exchange = post(limited, f"/streamed/lines/{name}{how}")
        exchange.send(b"one\n")
        limited.wait_for_event(name, "one\n")
        exchange.send(b"more than\n")
        assert exchange.head().status == (200 if how else 413)
        exchange.rest()
        assert exchange.whole != bool(how)
        events = limited.wait_for_event(name, "raised ClientDisconnected")
        assert events == ["called", "one\n", "raised ClientDisconnected"]


@pytest.mark.parametrize("path", WAYS)
def test_full_disk(path: Any, tmp_path: Path) -> None:
    """A body that the disk has no room for is a 507 and a log line, and the server goes on."""
    targets = ["/upload=tests.apps.wsgi_small_disk"]
    with bridge_to(path, targets, tmp_path, wsgi_buffer=1000) as bridge:
        for body in (b"x" * 3 * MEBIBYTE, iter([b"x" * MEBIBYTE] * 3)):
            answer = bridge.ask("/upload", body)
            close = "close" if bridge.version == "1.1" else None
            assert (answer.status, answer.header("connection")) == (507, close)
        bridge.server.wait_for_stderr("no room on the disk for a request body: [Errno 27] File too large")
        assert bridge.ask("/upload", b"x" * 500_000).json["file"] == "BufferedRandom"
        assert bridge.ask("/upload", b"x" * 1000).json["file"] == "BytesIO"


@on_linux
@pytest.mark.parametrize("target", ["/upload", "/streamed/upload"])
@pytest.mark.parametrize("chunked", [False, True])
def test_memory(bridge: Bridge, target: str, chunked: bool) -> None:
    """An upload of 64 MiB leaves the memory of the process where it was, complete and as it comes."""
    bridge.ask(target, b"x" * MEBIBYTE)
    before = bridge.peak_memory()
    length = {} if chunked else {"content_length": str(64 * MEBIBYTE)}
    body = cast("Any", iter([b"x" * MEBIBYTE] * 64))
    assert bridge.ask(target, body, **length).json["size"] == 64 * MEBIBYTE
    assert bridge.peak_memory() - before < 16 * MEBIBYTE
