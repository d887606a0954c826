"""Serving for as long as a block runs, on the program's loop or on a thread."""

import asyncio
import threading
from typing import Any

import httpx
import pytest

from hybrid.bridge.errors import LifespanError
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server import Config, running, running_in_thread
from hybrid.server.errors import BindError
from tests.apps import hello_asgi, hello_wsgi, lifespans
from tests.support.embedded import DEADLINE, get, on_each_loop


def config(app: object, **settings: Any) -> Config:
    """A configuration for a port that the system picks."""
    return Config(app=app, **{"port": 0, "access_log": False, **settings})


@on_each_loop
async def test_serves_while_the_block_runs() -> None:
    """Connections are accepted from its first line on, and refused after it."""
    async with running(config(hello_asgi.app)) as server:
        (url,) = server.urls
        assert (await get(server)).endswith(b"hello\n")
    assert not server.started
    host, _, port = url.removeprefix("http://").rpartition(":")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))


@on_each_loop
async def test_what_keeps_it_from_starting_is_raised() -> None:
    """The block does not begin."""
    with pytest.raises(LifespanError):
        async with running(config(lifespans.raises, lifespan="on")):
            pytest.fail("it has begun")
    with pytest.raises(BindError):
        async with running(config(hello_asgi.app, uds="/no/such/folder/socket")):
            pytest.fail("it has begun")


@on_each_loop
async def test_what_the_block_raises_comes_out_after_a_drain() -> None:
    """The server stops whatever happens in the block."""
    with pytest.raises(KeyError):
        async with running(config(hello_asgi.app)) as server:
            raise KeyError
    assert not server.started


@on_each_loop
async def test_cancelling_the_block_stops_the_server() -> None:
    """A program that is cancelled leaves nothing behind."""
    servers = []

    async def serve() -> None:
        async with running(config(hello_asgi.app)) as server:
            servers.append(server)
            begun.set()
            await asyncio.Event().wait()

    begun, before = asyncio.Event(), asyncio.all_tasks()
    task = asyncio.create_task(serve())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not servers[0].started
    assert asyncio.all_tasks() == before


@on_each_loop
async def test_cancelling_twice_cuts_off() -> None:
    """A program that cannot wait for a drain need not; the server is gone all the same."""
    begun, left = asyncio.Event(), asyncio.Event()

    async def never(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def serve() -> None:
        async with running(config(never, lifespan="off")) as server:
            asking = asyncio.create_task(get(server))
            await begun.wait()
            left.set()
        await asking

    task = asyncio.create_task(serve())
    await left.wait()
    await asyncio.sleep(0)  # the block has ended, and the drain begun
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@on_each_loop
async def test_the_server_may_end_before_the_block() -> None:
    """Whoever sets `should_exit` stops the server; the block goes on."""
    async with running(config(hello_asgi.app)) as server:
        server.should_exit = True
        async with asyncio.timeout(20):
            while server.started:
                await asyncio.sleep(0.005)


def test_on_a_thread() -> None:
    """A program without an event loop serves and goes on."""
    before = set(threading.enumerate())
    with running_in_thread(config(hello_wsgi.app)) as server:
        assert httpx.get(server.urls[0], timeout=DEADLINE).text == "hello\n"
    left = set(threading.enumerate()) - before
    assert not {each for each in left if each.is_alive()}


def test_on_a_thread_what_keeps_it_from_starting_is_raised() -> None:
    """With its type, in the thread that asked."""
    with pytest.raises(LifespanError), running_in_thread(config(lifespans.raises, lifespan="on")):
        pytest.fail("it has begun")


def test_on_a_thread_what_the_block_raises_comes_out() -> None:
    """The server has stopped by then."""
    with pytest.raises(KeyError), running_in_thread(config(hello_asgi.app)) as server:
        raise KeyError
    assert not server.started
