"""The PROXY protocol in front of TLS: in clear, and then the handshake, in one piece or apart."""

import json
import socket
import ssl
from contextlib import closing
from typing import Any

import pytest

from tests.support.certificates import Authority, authority
from tests.support.process import DEADLINE, Serve

__all__ = ["authority"]

V1 = b"PROXY TCP4 198.51.100.1 203.0.113.1 70 443\r\n"
V2 = b"\r\n\r\n\x00\r\nQUIT\n" + bytes.fromhex("21110011 c6336401 cb007101 0046 01bb 04 0002 0000")
GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def answer(port: int, start: bytes, request: bytes, context: ssl.SSLContext, *, apart: bool) -> bytes:
    """Send a header and, in the same piece or later, the handshake; then a request, and return its answer."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    layer = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    received = b""
    with closing(socket.create_connection(("127.0.0.1", port), DEADLINE)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if apart:
            client.sendall(start)
            start = b""
        step: Any = layer.do_handshake
        while True:
            try:
                part = step()
            except ssl.SSLWantReadError:
                client.sendall(start + outgoing.read())
                start = b""
                data = client.recv(65536)
                if not data:
                    return received
                incoming.write(data)
                continue
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return received
            if step == layer.do_handshake:
                layer.write(request)
                step = lambda: layer.read(65536)  # noqa: E731
            elif not part:
                return received
            else:
                received += part


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_tls_after_the_header(serve: Serve, authority: Authority, loop: str) -> None:
    """Applications of both kinds see the client that the proxy names, and that it speaks TLS with us."""
    options = {"ssl_certfile": authority.folder / "server.pem", "proxy_protocol": "auto", "loop": loop}
    server = serve("/wsgi=origins:wsgi", "origins:asgi", **options)
    for header, apart, target in ((V1, False, b"/x"), (V1, True, b"/wsgi/x"), (V2, False, b"/wsgi/x")):
        received = answer(server.port, header, GET % target, authority.client_context(), apart=apart)
        told = json.loads(received.partition(b"\r\n\r\n")[2])
        assert (told["client"], told["server"]) == (["198.51.100.1", 70], ["203.0.113.1", 443])
        assert told["scheme"] == "https"


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_tls_without_the_header(serve: Serve, authority: Authority, loop: str) -> None:
    """A client that comes around the proxy gets no handshake; nor does one of plain HTTP after the header."""
    options = {"ssl_certfile": authority.folder / "server.pem", "proxy_protocol": "v1", "loop": loop}
    server = serve("origins:asgi", **options)
    assert answer(server.port, b"", GET % b"/x", authority.client_context(), apart=False) == b""
    server.wait_for_stderr("refused: no PROXY protocol header")
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as client:
        client.sendall(V1 + GET % b"/x")
        assert b"HTTP/1.1" not in b"".join(iter(lambda: client.recv(65536), b""))
    server.wait_for_stderr("198.51.100.1:70: no TLS handshake: the client speaks HTTP without TLS")
