"""Enough requests: `--limit-max-requests`, its jitter, and `--limit-keep-alive-requests`."""

import asyncio
import socket
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.config import Config
from hybrid.server.errors import ExitReason
from hybrid.server.turnover import RequestCount
from tests.support.embedded import on_each_loop, port_of, serving
from tests.support.process import Serve, ServerProcess
from tests.support.sockets import DEADLINE, raw, read_all
from tests.support.websocket_clients import handshake_bytes

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSING = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def test_jitter() -> None:
    """The limit is somewhere between the number and the number with the whole jitter, both included."""
    config = Config(app="app", limit_max_requests=10, limit_max_requests_jitter=3)
    limits = {RequestCount(config, list).limit for _ in range(200)}
    assert limits == {10, 11, 12, 13}


def test_jitter_of_nothing() -> None:
    """As in gunicorn, a jitter alone is no limit."""
    assert RequestCount(Config(app="app", limit_max_requests_jitter=3), list).limit == 0


def test_once() -> None:
    """Whoever is to stop the server is told once, at the last request."""
    told: list[int] = []
    count = RequestCount(Config(app="app", limit_max_requests=3), lambda: told.append(1))
    said = []
    for _ in range(6):
        count.add()
        said.append(len(told))
    assert said == [0, 0, 1, 1, 1, 1]
    assert repr(count) == "<RequestCount 6 of 3>"


@pytest.mark.parametrize("target", ["hello_asgi", "hello_wsgi"])
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_limit(serve: Serve, target: str, loop: str) -> None:
    """After so many requests, on whatever connections, the server stops by itself, with exit code 0."""
    server = serve(target, limit_max_requests=5, loop=loop)
    assert raw(server.port, CLOSING).startswith(b"HTTP/1.1 200 ")
    assert raw(server.port, GET + GET + CLOSING).count(b"HTTP/1.1 200 ") == 3
    assert server.running
    assert raw(server.port, GET).startswith(b"HTTP/1.1 200 ")
    assert server.wait() == 0
    assert "limit_max_requests: this was request 5, stopping to be replaced" in server.stderr


@pytest.mark.parametrize("target", ["hello_asgi", "hello_wsgi"])
def test_last_request_is_told(serve: Serve, target: str) -> None:
    """The response to the last request says that it is the last of its connection."""
    server = serve(target, limit_max_requests=3)
    answers = raw(server.port, GET * 5).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"200"] * 3
    assert [b"\r\nconnection: close\r\n" in answer for answer in answers] == [False, False, True]
    assert server.wait() == 0


def test_websockets_count(serve: Serve) -> None:
    """A handshake is a request."""
    server = serve("websocket_echo", limit_max_requests=1)
    assert raw(server.port, handshake_bytes(), until=b"\r\n\r\n").startswith(b"HTTP/1.1 ")
    assert server.wait() == 0


def ask(server: ServerProcess, stack: ExitStack, path: str) -> socket.socket:
    """Send a request on a connection of its own."""
    client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", server.port), DEADLINE)))
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return client


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_requests_in_flight(serve: Serve, tmp_path: Path, loop: str) -> None:
    """Requests that are being answered when the limit is reached are answered, with `Connection: close`."""
    server = serve(
        *("/asgi=held", "/wsgi=held:wsgi"),
        env={"FREE": str(tmp_path)},
        limit_max_requests=40,
        threads=20,
        loop=loop,
    )
    with ExitStack() as stack:
        clients = [ask(server, stack, f"/{('asgi', 'wsgi')[number % 2]}/{number}") for number in range(40)]
        server.wait_for_stderr("stopping, after 40 connections")
        for number in range(40):
            (tmp_path / str(number)).touch()
        for number, client in enumerate(clients):
            answer = read_all(client)
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nconnection: close\r\n" in answer
            assert str(number).encode() in answer.partition(b"\r\n\r\n")[2]
    assert server.wait() == 0
    assert "cutting off" not in server.stderr


@pytest.mark.parametrize("target", ["hello_asgi", "hello_wsgi"])
def test_keep_alive_requests(serve: Serve, target: str) -> None:
    """The last request that a connection may carry is answered with `Connection: close`, on each of them."""
    server = serve(target, limit_keep_alive_requests=3)
    for _ in range(2):
        answers = raw(server.port, GET * 5).split(b"HTTP/1.1 ")[1:]
        assert [answer[:3] for answer in answers] == [b"200"] * 3
        assert [b"\r\nconnection: close\r\n" in answer for answer in answers] == [False, False, True]


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer."""
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"hello"})


@on_each_loop
async def test_exit_reason() -> None:
    """A program that embeds the server can tell why it has stopped."""
    for settings, reason in (({"limit_max_requests": 1}, ExitReason.MAX_REQUESTS), ({}, ExitReason.TOLD)):
        async with serving(hello, lifespan="off", **settings) as (server, task):
            assert server.exit_reason is None
            await asyncio.to_thread(raw, port_of(server), CLOSING)
            if settings:
                await task
        assert server.exit_reason is reason
