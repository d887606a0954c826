"""Requests to servers: what comes back is told as it came, and what does not come back in one line."""

import re
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.shadow.exchanges import Outcome, Request, Unreachable
from hybrid.adapters.django.migrate.shadow.over_http import KEPT_BYTES, OverHttp, as_sent
from tests.support.certificates import Authority, authority
from tests.support.process import DEADLINE, Serve

__all__ = ["authority"]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@contextmanager
def server(*pieces: bytes, holds: bool = False) -> Generator[tuple[str, list[bytes]]]:
    """Answer one request with these bytes; then close, or hold the connection until the block ends.

    Gives the address, and a list that has the request once it was answered.
    """
    seen: list[bytes] = []
    ended = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            data = b""
            while not _is_whole(data):  # the body may come by itself
                piece = connection.recv(65536)
                if not piece:
                    return
                data += piece
            seen.append(data)
            for each in pieces:
                connection.sendall(each)
            if holds:
                ended.wait(DEADLINE)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
        finally:
            ended.set()
            thread.join(DEADLINE)


def _is_whole(data: bytes) -> bool:
    head, end, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def asked(address: str, request: Request | None = None, timeout: float = DEADLINE) -> Outcome:
    """Send a request."""
    return OverHttp(timeout).run(request or Request("GET", "/"), address)


def test_as_it_came() -> None:
    """No redirect is followed, nothing is decoded, and fields keep their order."""
    body = b"\x1f\x8b"
    head = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
    with server(head + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n" + body) as (address, _):
        found = asked(address)
    assert (found.lane, found.status, found.body, found.size, found.complete) == (address, 302, body, 2, True)
    assert found.headers == (
        ("location", "/b"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("content-encoding", "gzip"),
        ("content-length", "2"),
    )
    assert found.queries is None
    assert found.first_byte > 0
    assert found.chunks[0] == found.first_byte


def test_what_is_sent() -> None:
    """The target as it is, below the path of the address; its own Host; nothing that another client adds."""
    with server(HEAD + b"Content-Length: 0\r\n\r\n") as (address, seen):
        headers = (("host", "shop.example"), ("accept", "*/*"), ("connection", "keep-alive"))
        asked(f"{address}/app", Request("GET", "/%ff//a?b=%20", headers))
    assert seen[0].decode().splitlines() == [
        "GET /app/%ff//a?b=%20 HTTP/1.1",
        "host: shop.example",
        "accept: */*",
        "connection: close",
        "",
    ]


def test_a_body_is_sent() -> None:
    """With its length."""
    with server(HEAD + b"Content-Length: 0\r\n\r\n") as (address, seen):
        asked(address, Request("POST", "/", (("host", "x"), ("content-length", "99")), b"abc"))
    assert seen[0].endswith(b"content-length: 3\r\n\r\nabc")


def test_host_and_encodings() -> None:
    """A Host is added where there is none, and compressions that nobody here can read are not asked for."""
    request = as_sent(Request("GET", "/", (("accept-encoding", "gzip;q=1, br, zstd"),)), "a:1")
    assert request.headers == (("host", "a:1"), ("accept-encoding", "gzip;q=1"))
    assert as_sent(Request("GET", "/", (("accept-encoding", "br"), ("host", "b"))), "a").headers == (
        ("accept-encoding", "identity"),
        ("host", "b"),
    )


def test_odd_requests() -> None:
    """What a log or an archive has is written as HTTP can say it, and what cannot be is an outcome."""
    odd = Request("GET", "/é \udcff%41?\n", (("x-a", "€\r\nb: c"), ("x-b", "é")))
    sent = as_sent(odd)
    assert sent.target == "/%C3%A9%20%FF%41?%0A"
    assert sent.headers == (("x-a", "\u00e2\x82\u00ac b: c"), ("x-b", "é"))
    assert as_sent(sent) == sent
    with server(HEAD + b"Content-Length: 0\r\n\r\n") as (address, seen):
        assert asked(address, odd).status == 200
    assert b"x-a: \xe2\x82\xac b: c\r\nx-b: \xe9\r\n" in seen[0]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        broken = asked(f"http://127.0.0.1:{listener.getsockname()[1]}", Request("GET", "/", (("x y:", "a"),)))
    assert broken.exception.startswith("ValueError: Invalid header name")


def test_pieces() -> None:
    """A chunked body has a time for each of its pieces, and ends whole."""
    pieces = [b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n"]
    with server(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *pieces) as (address, _):
        found = asked(address)
    assert (found.body, found.complete) == (b"abcde", True)
    assert list(found.chunks) == sorted(found.chunks)


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 9\r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ],
    ids=["length", "chunked"],
)
def test_cut_off(answer: bytes) -> None:
    """What came is kept, and it is said that this is not all."""
    with server(answer) as (address, _):
        found = asked(address)
    assert (found.status, found.body, found.complete) == (200, b"abc", False)
    assert found.exception.startswith("IncompleteRead")


def test_a_body_without_end() -> None:
    """When the time is over, what has come is taken."""
    with server(HEAD + b"\r\nabc", holds=True) as (address, _):
        found = asked(address, timeout=2.0)  # in which the server's thread has its turn
    assert (found.status, found.body, found.complete) == (200, b"abc", False)
    assert found.exception == "TimeoutError: no end within 2 s"


def test_no_answer() -> None:
    """There is an outcome for a server that takes a request and says nothing, or nonsense."""
    with server(holds=True) as (address, _):
        found = asked(address, timeout=0.2)
    assert (found.status, found.exception) == (0, "TimeoutError: no end within 0.2 s")
    with server(b"nonsense\r\n\r\n") as (address, _):
        assert asked(address).exception.startswith("BadStatusLine")


def test_large_bodies() -> None:
    """So much of a body is kept; its size is known all the same."""
    size = KEPT_BYTES + 1000
    with server(HEAD + b"Content-Length: %d\r\n\r\n" % size, bytes(size)) as (address, _):
        found = asked(address)
    assert (len(found.body), found.size, found.complete) == (KEPT_BYTES, size, True)


def test_nobody_is_there() -> None:
    """The address is named, with the reason."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(
        Unreachable, match=f"http://127.0.0.1:{port} is not reachable: ConnectionRefusedError"
    ):
        asked(f"http://127.0.0.1:{port}")


def test_tls(serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Servers with certificates are asked, those that nobody vouches for are not."""
    url = serve("hello_wsgi:app", ssl_certfile=authority.folder / "server.pem").url
    with pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED"):
        asked(url)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    assert asked(url).status == 200
