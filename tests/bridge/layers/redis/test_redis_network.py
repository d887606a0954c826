"""Server processes that share groups through Redis, with real clients."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from hybrid.bridge.layers.redis import hub
from tests.support.process import APPS, DEADLINE, ServerProcess, start_server
from tests.support.redis import RedisServer
from tests.support.waiting import until
from tests.support.websocket_clients import opened


@pytest.fixture
def servers(redis: RedisServer) -> Iterator[list[ServerProcess]]:
    """Two processes that serve the same rooms."""
    with ExitStack() as stack:
        options: dict[str, Any] = {"cwd": APPS, "env": {"REDIS_URL": redis.url}}
        yield [stack.enter_context(start_server("rooms:app", **options)) for _ in range(2)]


def say(client: ClientConnection, what: object) -> None:
    """Send something to the room, or ask."""
    client.send(json.dumps(what))


def hear(client: ClientConnection, timeout: float = DEADLINE) -> Any:
    """Return what comes next."""
    return json.loads(client.recv(timeout=timeout))


def hear_all(clients: list[ClientConnection]) -> list[list[int]]:
    """Return what each has heard when an end that the first says has come to all.

    It is said until then: a process that has its connection again need not be subscribed again.
    """
    heard: list[list[int]] = [[] for _ in clients]
    waiting = set(range(len(clients)))

    def all_have_heard_the_end() -> bool:
        say(clients[0], "end")
        for index in tuple(waiting):
            with suppress(TimeoutError):
                while (what := hear(clients[index], timeout=0.2)) != "end":
                    heard[index].append(what)
                waiting.discard(index)
        return not waiting

    until(all_have_heard_the_end)
    return heard


def answer(client: ClientConnection) -> Any:
    """Return what comes next but for ends."""
    while (what := hear(client)) == "end":
        pass
    return what


def test_two_processes_share_groups(servers: list[ServerProcess]) -> None:
    """What a client of one says reaches the clients of both, in order, and each knows who is here."""
    with ExitStack() as stack:
        clients = [stack.enter_context(opened(server, "/room")) for server in (*servers, servers[0])]
        pids = [hear(client)["pid"] for client in clients]
        assert pids == [servers[0].pid, servers[1].pid, servers[0].pid]
        for n in range(50):
            say(clients[0], n)
        for client in clients:
            assert [hear(client) for _ in range(50)] == list(range(50))
        say(clients[1], "who")
        assert hear(clients[1]) == sorted(pids)


def test_redis_is_killed_amid_traffic(redis: RedisServer, servers: list[ServerProcess]) -> None:
    """Clients stay connected; when it is back, messages flow again, none comes twice, and what did not come
    is counted. No pause between two attempts to reach it is longer than five seconds.
    """
    assert hub._LONGEST_PAUSE <= 5
    with ExitStack() as stack:
        clients = [stack.enter_context(opened(server, "/room")) for server in servers]
        for client in clients:
            hear(client)
        for n in range(100):
            say(clients[0], n)
        redis.kill()
        for server in servers:
            server.wait_for_stderr("lost the connection to unix://")
        for n in range(100, 110):
            say(clients[0], n)
        redis.start()
        for server in servers:
            server.wait_for_stderr("there is a connection to unix://")
        received = hear_all(clients)
        for each in received:
            assert each == sorted(set(each))
        # The sender's process was back when it sent what had waited, so its own client got all of that.
        assert received[0][-10:] == list(range(100, 110))
        say(clients[0], "losses")
        lost = answer(clients[0])["disconnected"]
        assert len(received[0]) + lost >= 110
        say(clients[1], "who")
        assert answer(clients[1]) == sorted(server.pid for server in servers)


def test_a_server_that_is_killed(servers: list[ServerProcess]) -> None:
    """Its clients are members no longer than the lease."""
    with opened(servers[0], "/room") as stays:
        hear(stays)
        with opened(servers[1], "/room") as goes:
            pid = hear(goes)["pid"]
            say(stays, "who")
            assert pid in hear(stays)
            servers[1].signal(signal.SIGKILL)
            servers[1].wait()

            def is_alone() -> bool:
                say(stays, "who")
                answer: list[int] = hear(stays)
                return answer == [servers[0].pid]

            until(is_alone)
