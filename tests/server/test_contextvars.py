"""Which context variables an application call begins with."""

import pytest
from websockets.sync.client import connect

from tests.support.process import Serve
from tests.support.sockets import DEADLINE, raw

TARGETS = ("context", "/wsgi=context:wsgi")


def ask(path: str, *, last: bool) -> bytes:
    """Write a request; after the last one the connection closes."""
    close = "Connection: close\r\n" if last else ""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{close}\r\n".encode()


@pytest.mark.parametrize(
    ("loop", "reset", "asgi"), [("uvloop", False, b"set at import"), ("asyncio", True, b"unset")]
)
def test_requests(serve: Serve, loop: str, *, reset: bool, asgi: bytes) -> None:
    """No request sees what another one has set, also when its end is what let this one begin: a request that
    was pipelined, or one that has waited for `--limit-concurrency`.

    They begin with what there was when the server started, or with `--reset-contextvars` those of ASGI with
    nothing.
    """
    server = serve(*TARGETS, loop=loop, reset_contextvars=reset, limit_concurrency=1)
    paths = ["/", "/wsgi", "/", "/", "/wsgi", "/wsgi", "/"]
    requests = b"".join(ask(path, last=number == len(paths)) for number, path in enumerate(paths, start=1))
    answers = raw(server.port, requests)
    bodies = [part.partition(b"\r\n\r\n")[2] for part in answers.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [asgi if path == "/" else b"set at import" for path in paths]


@pytest.mark.parametrize(("reset", "expected"), [(False, b"set at import"), (True, b"unset")])
def test_websockets(serve: Serve, *, reset: bool, expected: bytes) -> None:
    """The same holds for WebSockets."""
    server = serve(*TARGETS, reset_contextvars=reset)
    for _ in range(2):
        with connect(f"ws://127.0.0.1:{server.port}/", open_timeout=DEADLINE) as client:
            assert client.recv(DEADLINE) == expected
