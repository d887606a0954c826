"""The channel layer of worker processes: real processes, killed, replaced and stopped."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection

from hybrid.bridge.layers.workers.places import VARIABLE
from tests.adapters.gunicorn.conftest import Gunicorn
from tests.support.process import DEADLINE, Serve, ServerProcess, process_environment
from tests.support.waiting import children_of, get, until
from tests.support.websocket_clients import opening

SCRIPT = "import hybrid; hybrid.publish('room', {'type': 'said', 'text': 'hello'})"


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder for private places, which must be empty in the end."""
    folder = tmp_path_factory.mktemp("r")
    yield folder
    assert list(folder.iterdir()) == []


def start(serve: Serve, runtime: Path, **options: Any) -> ServerProcess:
    """Start three workers, or as many as the options say, with the layer that these have by default."""
    settings = {"workers": 3, "timeout_graceful_shutdown": 2, **options}
    env = {"XDG_RUNTIME_DIR": str(runtime), VARIABLE: "", "HYBRID_LAYER": "workers:?history=50"}
    server = serve("workers_layer:app", env=env, **settings)
    server.wait_for_stderr(f"has {settings['workers']} workers")
    return server


def broker_of(server: ServerProcess) -> int:
    """Return the process id of the broker, as its lock says."""
    lock = Path(path_of(server) + ".lock")
    found: list[int] = []

    def is_said() -> bool:
        text = lock.read_text(encoding="ascii") if lock.exists() else ""
        found[:] = [int(text)] if text.endswith("\n") else []
        return bool(found)

    until(is_said)
    return found[0]


def path_of(server: ServerProcess) -> str:
    """Return the path of the layer's socket."""
    return str(json.loads(get(server, "/self"))["path"])


class Client:
    """A WebSocket of the application.

    Attributes:
        pid: the worker that it is connected to.
        gap: whether messages were missing when it came.
        heard: the messages that it has had, each with its number.
    """

    def __init__(self, websocket: ClientConnection) -> None:
        self.pid = 0
        self.gap = False
        self.heard: list[tuple[int, str]] = []
        self._websocket = websocket

    async def hear(self) -> dict[str, Any]:
        """Wait for one message."""
        async with asyncio.timeout(DEADLINE):
            message = cast("dict[str, Any]", json.loads(await self._websocket.recv()))
        if message["type"] == "said":
            self.heard.append((message["sequence"], message["text"]))
        return message

    async def hear_of(self, text: str) -> None:
        """Wait for a message with this text."""
        while (await self.hear()).get("text") != text:
            pass


@asynccontextmanager
async def client(server: ServerProcess, query: str = "") -> AsyncIterator[Client]:
    """Be a member of the group `room` while the block runs."""
    async with opening(server.port, f"/room{query}") as websocket:
        each = Client(websocket)
        while (message := await each.hear())["type"] != "joined":
            pass
        each.pid, each.gap = message["pid"], message["gap"]
        yield each


async def clients_of_all(server: ServerProcess, stack: AsyncExitStack, workers: int = 3) -> list[Client]:
    """Have a client on each worker at least."""
    clients: list[Client] = []
    async with asyncio.timeout(DEADLINE):
        while len({each.pid for each in clients}) < workers:
            clients.append(await stack.enter_async_context(client(server)))
    return clients


async def publish(server: ServerProcess, text: str) -> None:
    """Have one worker, whichever it is, send to the group."""
    await asyncio.to_thread(get, server, f"/publish/room/{text}")


async def flows(server: ServerProcess, clients: list[Client]) -> None:
    """Publish again and again until all have had a message that was published in here."""
    wanted: set[str] = set()

    async def hear(each: Client) -> None:
        while not wanted & {text for _, text in each.heard}:
            await each.hear()

    hearing = [asyncio.create_task(hear(each)) for each in clients]
    async with asyncio.timeout(DEADLINE):
        while not all(task.done() for task in hearing):
            wanted.add(f"flows{len(wanted)}")
            await publish(server, f"flows{len(wanted) - 1}")
            await asyncio.wait(hearing, timeout=0.2)
    for task in hearing:
        task.result()


def test_a_message_reaches_the_sockets_of_all_workers(serve: Serve, runtime: Path) -> None:
    """What one worker sends to a group comes to the members in all of them, and all are counted."""
    server = start(serve, runtime)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            clients = await clients_of_all(server, stack)
            members = json.loads(await asyncio.to_thread(get, server, "/members/room"))
            assert sorted(members) == sorted(each.pid for each in clients)
            for text in ("one", "two"):
                await publish(server, text)
            for each in clients:
                await each.hear_of("two")
                assert [said for _, said in each.heard] == ["one", "two"]

    asyncio.run(main())
    assert broker_of(server) in children_of(server)
    assert server.terminate() == 0


def test_another_worker_takes_over_when_the_broker_is_killed(serve: Serve, runtime: Path) -> None:
    """After kill -9 the clients of the others stay connected, messages flow again, and none comes twice."""
    server = start(serve, runtime)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            clients = await clients_of_all(server, stack)
            await publish(server, "before")
            for each in clients:
                await each.hear_of("before")
            killed = await asyncio.to_thread(broker_of, server)
            os.kill(killed, signal.SIGKILL)
            others = [each for each in clients if each.pid != killed]
            await flows(server, others)
            for each in others:
                assert len(set(each.heard)) == len(each.heard)
            assert await asyncio.to_thread(broker_of, server) != killed
            async with client(server, f"?after={clients[0].heard[0][0]}") as late:
                assert late.gap

    asyncio.run(main())
    assert server.terminate() == 0


def test_the_dead_are_no_members(serve: Serve, runtime: Path) -> None:
    """The members that a killed worker had are gone, whether it was the broker or not."""
    server = start(serve, runtime)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            clients = await clients_of_all(server, stack)
            broker = await asyncio.to_thread(broker_of, server)
            for killed in (next(each.pid for each in clients if each.pid != broker), broker):
                os.kill(killed, signal.SIGKILL)
                clients = [each for each in clients if each.pid != killed]
                await asyncio.to_thread(until, partial(are_members, server, clients))

    asyncio.run(main())
    assert server.terminate() == 0


def are_members(server: ServerProcess, clients: list[Client]) -> bool:
    """Tell whether the members are these; no while nobody can tell."""
    try:
        return sorted(json.loads(get(server, "/members/room"))) == sorted(each.pid for each in clients)
    except OSError:
        return False


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_graceful_end_of_the_broker_keeps_the_history(
    serve: Serve, runtime: Path, number: signal.Signals
) -> None:
    """After a reload, or the end of the broker's worker alone, who comes again gets what was missed, without
    a gap.
    """
    server = start(serve, runtime)
    before = children_of(server)
    broker = broker_of(server)

    async def main() -> None:
        async with client(server) as each:
            await publish(server, "one")
            await each.hear_of("one")
            await publish(server, "two")
        os.kill(server.pid if number == signal.SIGHUP else broker, number)
        gone = before if number == signal.SIGHUP else {broker}
        await asyncio.to_thread(until, lambda: not gone & children_of(server))
        await asyncio.to_thread(until, lambda: broker_of(server) != broker)
        async with client(server, f"?after={each.heard[0][0]}") as again:
            assert not again.gap
            assert [text for _, text in again.heard] == ["two"]

    asyncio.run(main())
    assert server.terminate() == 0


@pytest.mark.slow
def test_nothing_is_lost_while_the_broker_hands_over(serve: Serve, runtime: Path) -> None:
    """While the broker's worker is told to stop, members elsewhere get every message, and once."""
    server = start(serve, runtime)
    broker = broker_of(server)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            clients = [each for each in await clients_of_all(server, stack) if each.pid != broker]
            sent: list[str] = []

            async def keep_sending() -> None:
                while broker in await asyncio.to_thread(children_of, server) or len(sent) < 50:
                    await publish(server, f"m{len(sent)}")
                    sent.append(f"m{len(sent)}")

            sending = asyncio.create_task(keep_sending())
            await clients[0].hear_of("m5")
            os.kill(broker, signal.SIGTERM)
            await sending
            for each in clients:
                while len(each.heard) < len(sent):
                    await each.hear()
                assert sorted(text for _, text in each.heard) == sorted(sent)

    asyncio.run(main())
    assert server.terminate() == 0


def test_a_broker_that_drains_hands_over_at_once(serve: Serve, runtime: Path) -> None:
    """A worker that is told to stop, and has a request that takes long, is not the broker meanwhile."""
    server = start(serve, runtime, timeout_graceful_shutdown=DEADLINE)
    broker = broker_of(server)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            await clients_of_all(server, stack)
            os.kill(broker, signal.SIGTERM)
            await asyncio.to_thread(until, lambda: broker_of(server) not in {0, broker})

    asyncio.run(main())
    server.signal(signal.SIGQUIT)
    server.wait()


def test_a_script_publishes(serve: Serve, runtime: Path) -> None:
    """A process beside the server, with no event loop, reaches all members, and is not the broker then."""
    server = start(serve, runtime)
    path = path_of(server)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            clients = await clients_of_all(server, stack)
            await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", SCRIPT],
                check=True,
                timeout=DEADLINE,
                env=process_environment({"HYBRID_LAYER": f"workers://{path}?history=50"}),
            )
            for each in clients:
                await each.hear_of("hello")

    asyncio.run(main())
    assert broker_of(server) in children_of(server)
    assert server.terminate() == 0


def test_an_upgrade_keeps_the_history(serve: Serve, runtime: Path) -> None:
    """After SIGUSR2, and the end of the old processes, the new ones have what was sent before."""
    server = start(serve, runtime, workers=2)
    path = Path(path_of(server))

    async def main() -> int:
        async with client(server) as each:
            await publish(server, "one")
            await each.hear_of("one")
            await publish(server, "two")
        return each.heard[0][0]

    number = asyncio.run(main())
    old = children_of(server)
    server.signal(signal.SIGUSR2)
    server.wait_for_stderr(re.compile("(?s)has 2 workers.*has 2 workers"))
    (parent,) = children_of(server) - old
    server.signal(signal.SIGTERM)
    until(lambda: server._process.poll() is not None)

    async def look() -> None:
        async with client(server, f"?after={number}") as again:
            assert not again.gap
            assert [text for _, text in again.heard] == ["two"]

    try:
        asyncio.run(look())
        assert path.exists()
    finally:
        os.kill(parent, signal.SIGTERM)
        until(lambda: not Path(f"/proc/{parent}").exists())


def test_workers_of_gunicorn_meet(gunicorn: Gunicorn, runtime: Path) -> None:
    """Under `gunicorn -k …HybridWorker` it is the same, and nothing is left behind."""
    env = {"XDG_RUNTIME_DIR": str(runtime), VARIABLE: "", "HYBRID_LAYER": "workers:?history=50"}
    server = gunicorn("workers_layer:app", workers=2, env=env)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            clients = await clients_of_all(server, stack, workers=2)
            await publish(server, "one")
            for each in clients:
                await each.hear_of("one")

    asyncio.run(main())
    assert server.terminate() == 0


def test_servers_meet_at_a_path(serve: Serve, tmp_path: Path) -> None:
    """Two servers of one process each share groups where they are told the same path."""
    place = tmp_path / "run" / "app.sock"
    servers = [serve("workers_layer:app", layer=f"workers://{place}?history=50") for _ in range(2)]

    async def main() -> None:
        async with client(servers[0]) as one, client(servers[1]) as other:
            assert one.pid != other.pid
            await publish(servers[0], "hello")
            await one.hear_of("hello")
            await other.hear_of("hello")

    asyncio.run(main())
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert [server.terminate() for server in servers] == [0, 0]
    assert not place.exists()
