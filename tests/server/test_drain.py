"""The steps of a server to its end, inside the test's own loop, where their order can be held."""

import asyncio
import logging
from typing import Any, cast

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server import drain as module
from hybrid.server import http2, http11, opening
from hybrid.server.config import Config
from hybrid.server.context import OpenConnection
from hybrid.server.drain import Phase
from hybrid.server.server import Server
from tests.apps import hello_asgi, hello_wsgi, stopping
from tests.support.embedded import DEADLINE, client, on_each_loop, serving, until_drained
from tests.support.websocket_clients import handshake_bytes

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give clients that are about to ask as much time as a busy machine may take."""
    for each in (http11, http2, opening):
        monkeypatch.setattr(each, "PATIENCE", DEADLINE)


def spread(count: int, seconds: float) -> list[list[int]]:
    """Return how many of so many connections have been closed after each fourth of a time."""
    connections = [cast("OpenConnection", object()) for _ in range(count)]
    made = module._Spread(connections, 100.0, seconds)
    taken: list[list[int]] = []
    for now in (100.0, 100.25, 100.5, 100.75, 101.0):
        due = made.take(now)
        assert due <= set(connections)
        taken.append([len(due), len(made.waiting)])
    return taken


@pytest.mark.parametrize(
    ("count", "seconds", "taken"),
    [
        (0, 1.0, [[0, 0]] * 5),
        (1, 1.0, [[1, 0], *[[0, 0]] * 4]),
        (2, 1.0, [[1, 1], [0, 1], [1, 0], [0, 0], [0, 0]]),
        (1000, 1.0, [[1, 999], [250, 749], [250, 499], [250, 249], [249, 0]]),
        (1000, 0.0, [[1000, 0], *[[0, 0]] * 4]),
    ],
)
def test_spread(count: int, seconds: float, taken: list[list[int]]) -> None:
    """Connections are closed evenly over the time, the first at once, and each of them once."""
    assert spread(count, seconds) == taken


def test_delay_that_leaves_no_time() -> None:
    """A delay that is as long as all the time for stopping is a mistake."""
    with pytest.raises(ConfigError, match="shutdown_delay: must be less than timeout_graceful_shutdown"):
        Config(app=hello_asgi.app, shutdown_delay=30)


@on_each_loop
async def test_ready() -> None:
    """A server is ready from when it listens until it is told to stop, though it goes on listening then."""
    server = Server(Config(app=hello_asgi.app, port=0))
    assert not server.ready
    async with serving(hello_asgi.app, shutdown_delay=20) as (server, task):
        was_ready = server.ready
        server.should_exit = True
        assert (was_ready, server.ready) == (True, False)
        async with client(server) as connection:
            connection.send(REQUEST)
            assert b"connection: close" not in (await connection.read_until(b"hello\n")).lower()
        had_started = server.started
        server.force_exit = True
        await asyncio.wait_for(task, DEADLINE)
        assert (had_started, server.started) == (True, False)


@pytest.mark.parametrize("app", [hello_asgi.app, hello_wsgi.app])
@on_each_loop
async def test_client_that_was_about_to_ask(app: object) -> None:
    """A connection that was in use just now takes one more request, whose response says that it is the
    last.
    """
    async with serving(app) as (server, _), client(server) as used, client(server) as fresh:
        used.send(REQUEST)
        await used.read_until(b"hello\n")
        server.should_exit = True
        await until_drained(server)
        for connection in (used, fresh):
            connection.send(REQUEST)
            response = await connection.read_all()
            assert b"\r\nconnection: close\r\n" in response.lower()
            assert response.endswith(b"hello\n")


@on_each_loop
async def test_client_that_is_in_the_middle_of_a_head() -> None:
    """A request whose head has begun to come is waited for."""
    async with serving(hello_asgi.app) as (server, task), client(server) as connection:
        connection.send(REQUEST[:20])
        await asyncio.sleep(0)
        server.should_exit = True
        await until_drained(server)
        assert not task.done()
        connection.send(REQUEST[20:])
        assert (await connection.read_all()).endswith(b"hello\n")


@on_each_loop
async def test_client_that_was_not_told() -> None:
    """After a response whose head went out before the server was told to stop, its client may ask once
    more.
    """
    go = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/":
            await hello_asgi.app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"1", "more_body": True})
        await go.wait()
        await send({"type": "http.response.body", "body": b"2"})

    async with serving(app, lifespan="off") as (server, _), client(server) as connection:
        connection.send(REQUEST.replace(b"/ ", b"/slow ", 1))
        assert b"connection: close" not in (await connection.read_until(b"\r\n\r\n1")).lower()
        server.should_exit = True
        await until_drained(server)
        go.set()
        await connection.read_until(b"2")
        connection.send(REQUEST)
        response = await connection.read_all()
        assert b"\r\nconnection: close\r\n" in response.lower()
        assert response.endswith(b"hello\n")


@on_each_loop
async def test_websocket_that_comes_too_late() -> None:
    """A handshake that comes while the server stops is refused."""
    async with serving(stopping.app) as (server, _), client(server) as connection:
        server.should_exit = True
        await until_drained(server)
        connection.send(handshake_bytes())
        assert (await connection.read_all()).startswith(b"HTTP/1.1 503 ")


@on_each_loop
async def test_phases(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Each phase can be seen from outside, in its order, and a server that is idle goes through few."""
    seen: list[Phase] = []
    drains: list[Any] = []

    class Watched(module.Drain):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "phase":
                assert isinstance(value, Phase)
                seen.append(value)
            super().__setattr__(name, value)
            drains[:] = [self]

    monkeypatch.setattr("hybrid.server.server.Drain", Watched)
    with caplog.at_level(logging.INFO, "hybrid"):
        async with serving(hello_asgi.app):
            assert "serving" in repr(drains[0])
    assert seen == [Phase.SERVING, Phase.NOT_READY, Phase.CLOSED, Phase.TOLD, Phase.DRAINED]
    stops = [message for message in caplog.messages if message.startswith("stopping")]
    assert stops == [
        "stopping: not ready",
        "stopping: listening no more",
        "stopping: the applications are told",
    ]
    assert "nothing is in flight" in repr(drains[0])


@on_each_loop
async def test_cancelled_server_tells_too(caplog: pytest.LogCaptureFixture) -> None:
    """Applications are told by a server that is cancelled as well; its log has no steps that were not
    taken.
    """
    notices: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        notices.append(scope["extensions"]["hybrid.shutdown"])
        await hello_asgi.app(scope, receive, send)

    with caplog.at_level(logging.INFO, "hybrid"):
        async with serving(app, lifespan="off") as (server, task):
            async with client(server) as connection:
                connection.send(REQUEST)
                await connection.read_until(b"hello\n")
            assert repr(notices[0]) == "<ShutdownNotice not given>"
            assert not notices[0].threads.wait(0)
            task.cancel()
            await asyncio.wait({task}, timeout=DEADLINE)
    assert await notices[0].wait()
    assert repr(notices[0].threads) == "<ThreadNotice given>"
    assert not any(message.startswith("stopping") for message in caplog.messages)


PROXY = b"PROXY TCP4 198.51.100.1 203.0.113.1 70 443\r\n"


@pytest.mark.parametrize("sent", [0, 20, len(PROXY)])
@on_each_loop
async def test_stopping_within_the_header_of_a_proxy(sent: int) -> None:
    """A proxy that has connected before the server stops still gets its request answered."""
    async with serving(hello_asgi.app, proxy_protocol="v1") as (server, task), client(server) as connection:
        connection.send(PROXY[:sent])
        await asyncio.sleep(0)
        server.should_exit = True
        await until_drained(server)
        assert not task.done()
        connection.send(PROXY[sent:] + REQUEST)
        response = await connection.read_all()
        await asyncio.wait_for(task, DEADLINE)
    assert response.startswith(b"HTTP/1.1 200 OK")
    assert b"\r\nconnection: close\r\n" in response.lower()
