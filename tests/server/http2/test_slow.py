"""Clients of HTTP/2 that are silent, against a real process: each deadline, and whom it meets. What is slow,
and not silent, is told apart in `tests/server/streams/test_deadlines.py`, where time can be told to pass.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.http2_frames import PREFACE, Kind, settings
from tests.support.http2_raw import RawClient, raw_http2
from tests.support.process import ServerProcess, start_server

TARGETS = ["patient", "/hello=hello_asgi", "/large=streams:large", "/wait=stuck:waiting"]
TIMEOUTS = ("headers", "body", "write", "keep_alive", "graceful_shutdown")
OPTIONS: dict[str, Any] = {"http2_cleartext": True, "timeout_body_rate": 1}
OPTIONS |= {f"timeout_{name}": 2 for name in TIMEOUTS}  # more than a busy machine keeps a client waiting


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve HTTP/2 in clear with short deadlines, for all tests of this module."""
    with start_server(*TARGETS, cwd=tmp_path_factory.mktemp("slow"), **OPTIONS) as started:
        yield started


@pytest.fixture
def client(server: ServerProcess) -> Iterator[RawClient]:
    """Begin a connection."""
    with raw_http2(server) as opened:
        opened.greet()
        yield opened


def test_beginnings_that_do_not_go_on(server: ServerProcess) -> None:
    """A part of the preface, the preface alone and half a frame of SETTINGS are closed; who has begun is told
    that it was not in time.
    """
    with ExitStack() as stack:
        starts = (PREFACE[:10], PREFACE, PREFACE + settings((4, 1))[:-1])
        clients = [stack.enter_context(raw_http2(server)) for _ in starts]
        for client, start in zip(clients, starts, strict=True):
            client.send(start)
        assert clients[0].read() is None
        assert [client.error_of_connection() for client in clients[1:]] == [1, 1]


def test_idle_connection_is_told_the_end(client: RawClient) -> None:
    """Without a request for so long: GOAWAY without an error."""
    client.send(client.request(1, path="/hello"))
    goaways = [each for each in client.read_to_end() if each.kind == Kind.GOAWAY]
    assert [(each.code, each.last_stream) for each in goaways] == [(0, 1)]


def test_header_block_that_does_not_go_on(server: ServerProcess) -> None:
    """Nothing else can come before its end, be it the frame's or the block's: the connection ends, though a
    request is being answered.
    """
    with ExitStack() as stack:
        clients = [stack.enter_context(raw_http2(server)) for _ in range(2)]
        for client in clients:
            client.greet()
            client.send(client.request(1, path="/wait"))
        whole, begun = (client.request(3, path="/hello") for client in clients)
        clients[0].send(whole[:-1])
        clients[1].send(begun[:4] + b"\0" + begun[5:])
        assert [client.error_of_connection() for client in clients] == [1, 1]


def test_silent_body_ends_its_own_request(client: RawClient) -> None:
    """408 on that stream, and a reset for a client that still does not end it; another request goes on."""
    client.send(client.request(1, method="POST", ends=False), client.request(3, path="/wait"))
    assert client.status_of(1) == 408
    assert client.reset_of(1) == 0
    assert {each.stream for each in client.ping()} <= {0}


def test_windows_that_stay_closed(server: ServerProcess, client: RawClient) -> None:
    """Responses that their client takes nothing of are given up, and nothing else: whether it is their own
    windows that are closed, or the connection's, which one of them has filled.
    """
    client.send(settings((4, 0)), client.request(1, path="/large"), client.request(3, path="/wait"))
    with raw_http2(server) as other:
        other.greet({4: 1 << 30})
        other.send(*(other.request(each, path="/large") for each in (1, 3)))
        assert client.reset_of(1) in {2, 8}
        assert {other.reset_of(1), other.reset_of(3)} <= {2, 8}
    client.send(settings((4, 65535)), client.request(5, path="/hello"))
    assert client.status_of(5) == 200
