"""python-socketio's ASGI application, with the asyncio client of its author."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import socketio
from websockets.exceptions import InvalidStatus

from tests.support.embedded import until
from tests.support.frameworks import noted, notes, served
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ServerProcess
from tests.support.websocket_clients import opened, reset

APP = "tests.frameworks.apps.socketio_app"
POLLING, WEBSOCKET = ["polling"], ["websocket"]
UPGRADE = [*POLLING, *WEBSOCKET]

each_transport = pytest.mark.parametrize("transports", [POLLING, WEBSOCKET, UPGRADE], ids="-".join)
on_websockets = pytest.mark.parametrize("transports", [WEBSOCKET, UPGRADE], ids="-".join)


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    for name in ("socketio", "aiohttp"):
        require_module(name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the application."""
    with served(tmp_path_factory.mktemp("served"), APP, ignored=("never retrieved",)) as server:
        yield server


@asynccontextmanager
async def connected(
    server: ServerProcess, transports: list[str], **options: Any
) -> AsyncIterator[socketio.AsyncClient]:
    """Connect a client, and wait until it has the last of its transports; it is disconnected at the end."""
    client = socketio.AsyncClient(reconnection=False)
    try:
        await client.connect(server.url, transports=transports, wait_timeout=DEADLINE, **options)
        await until(lambda: client.transport() == transports[-1])
        yield client
    finally:
        if client.connected and client.transport() == "polling":
            await client.emit("kick")  # by itself it would wait for the end of its long poll
            await until(lambda: not client.connected)
        await client.disconnect()


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run what a client does, within the deadline."""

    async def bounded() -> None:
        async with asyncio.timeout(DEADLINE):
            await test()

    asyncio.run(bounded())


@each_transport
class TestClients:
    """What clients do on each transport, and from one to the other."""

    def test_events(self, server: ServerProcess, transports: list[str]) -> None:
        """Events and acknowledgements come back, text and binary, large ones too."""

        async def talk() -> None:
            async with connected(server, transports) as client:
                echoed: list[Any] = []
                client.on("echoed", echoed.append)
                data = {"text": "é", "bytes": bytes(range(256)) * 1000}
                assert await client.call("echo", data) == data
                await until(lambda: echoed == [data])

        run(talk)

    def test_session(self, server: ServerProcess, transports: list[str]) -> None:
        """The server knows who it is and how they are connected."""

        async def ask() -> None:
            async with connected(server, transports, auth={"name": "Zoë"}) as client:
                expected = {"name": "Zoë", "path": "/socket.io/", "transport": transports[-1]}
                assert await client.call("whoami") == expected

        run(ask)

    def test_rooms(self, server: ServerProcess, transports: list[str]) -> None:
        """What is said in a room reaches all others in it, until they leave it."""

        async def talk() -> None:
            async with (
                connected(server, transports) as speaker,
                connected(server, UPGRADE) as listener,
                connected(server, WEBSOCKET) as stranger,
            ):
                heard: list[tuple[str, str]] = []
                for name, client in (("speaker", speaker), ("listener", listener), ("stranger", stranger)):
                    client.on("said", lambda text, name=name: heard.append((name, text)))
                await speaker.call("join", "room")
                await listener.call("join", "room")
                await speaker.call("say", ("room", "one"))
                await until(lambda: heard == [("listener", "one")])
                await listener.call("leave", "room")
                await speaker.call("say", ("room", "two"))
                await listener.call("say", ("room", "three"))
                await until(lambda: ("speaker", "three") in heard)
                assert heard == [("listener", "one"), ("speaker", "three")]

        run(talk)

    def test_server_disconnects(self, server: ServerProcess, transports: list[str]) -> None:
        """A client is told that it is not wanted any more."""
        name = f"kicked-{'-'.join(transports)}"

        async def wait() -> None:
            async with connected(server, transports, auth={"name": name}) as client:
                reasons: list[str] = []
                client.on("disconnect", reasons.append)
                await client.emit("kick")
                await until(lambda: reasons)
                assert len(reasons) == 1

        run(wait)
        noted(server, f"{name} gone: server disconnect")

    def test_failure(self, server: ServerProcess, transports: list[str]) -> None:
        """A handler that fails costs its event and nothing else."""

        async def talk() -> None:
            async with connected(server, transports) as client:
                await client.emit("fail")
                assert await client.call("echo", "still here") == "still here"

        run(talk)


class TestEnds:
    """How clients and what is no client end."""

    @on_websockets
    def test_client_disconnects(self, server: ServerProcess, transports: list[str]) -> None:
        """The server notices at once; whether the good-bye comes before the close is the client's luck."""
        name = f"polite-{'-'.join(transports)}"

        async def leave() -> None:
            async with connected(server, transports, auth={"name": name}) as client:
                await client.disconnect()

        run(leave)
        server.wait_for_stderr(re.compile(f"note: {name} gone: (client disconnect|transport close)\n"))

    @on_websockets
    def test_refused(self, server: ServerProcess, transports: list[str]) -> None:
        """A client with the wrong password is not let in."""

        async def knock() -> None:
            with pytest.raises(socketio.exceptions.ConnectionError, match="failed to connect"):
                async with connected(server, transports, auth={"password": "wrong"}):
                    pass

        run(knock)

    def test_polling_by_hand(self, server: ServerProcess) -> None:
        """A client that polls says good-bye while its poll waits, which is then answered."""
        with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
            session = json.loads(client.get("/socket.io/?EIO=4&transport=polling").text[1:])["sid"]
            address = f"/socket.io/?EIO=4&transport=polling&sid={session}"
            assert client.post(address, content='40{"name":"by hand"}').text == "OK"
            assert client.get(address).text.startswith("40{")
            assert client.post(address, content="41").text == "OK"
        noted(server, "by hand gone: client disconnect")

    def test_other_application(self, server: ServerProcess) -> None:
        """What is not for Socket.IO goes to the application behind it."""
        assert httpx.get(f"{server.url}/", timeout=DEADLINE).text == "other"

    def test_client_vanishes(self, server: ServerProcess) -> None:
        """A WebSocket that breaks off is noticed at once."""
        with opened(server, "/socket.io/?EIO=4&transport=websocket") as websocket:
            assert str(websocket.recv(timeout=DEADLINE)).startswith("0{")
            websocket.send('40{"name":"breaks off"}')
            assert str(websocket.recv(timeout=DEADLINE)).startswith("40")
            reset(websocket.socket)
        noted(server, "breaks off gone: transport close")

    def test_bad_request(self, server: ServerProcess) -> None:
        """What is no Engine.IO is refused: with 400, or 403 where it is a handshake."""
        address = f"{server.url}/socket.io/"
        for query in ("", "?EIO=4&transport=carrier-pigeon", "?EIO=4&transport=polling&sid=none"):
            assert httpx.get(address + query, timeout=DEADLINE).status_code == 400
        with (
            pytest.raises(InvalidStatus, match="403"),
            opened(server, "/socket.io/?EIO=4&transport=websocket&sid=x"),
        ):
            pass


def test_stop(tmp_path: Path) -> None:
    """When the server stops, everybody is told, and long polls do not hold it up."""
    with served(tmp_path, APP) as server:

        async def stop() -> None:
            async with (
                connected(server, POLLING, auth={"name": "poll"}) as polling,
                connected(server, UPGRADE, auth={"name": "socket"}) as upgraded,
            ):
                reasons: list[str] = []
                for client in (polling, upgraded):
                    client.on("disconnect", reasons.append)
                assert await asyncio.to_thread(server.terminate) == 0
                await until(lambda: len(reasons) == 2)

        run(stop)
        assert notes(server, "poll") == ["gone: server disconnect"]
        assert len(notes(server, "socket")) == 1
        noted(server, "socketio ended")
