"""GraphQL with Ariadne: queries over HTTP, subscriptions over the two protocols for WebSockets."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection
from websockets.typing import Subprotocol

from tests.support.frameworks import heard, noted, notes, served, tell
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import until
from tests.support.websocket_clients import close_of, opened, reset

APP = "tests.frameworks.apps.graphql_app"
TARGETS = (APP, f"/legacy={APP}:legacy")


@dataclass(frozen=True)
class Dialect:
    """How one of the protocols says things."""

    path: str
    subprotocol: str
    start: str
    data: str
    stop: str

    def __str__(self) -> str:
        return self.subprotocol


TRANSPORT = Dialect("/", "graphql-transport-ws", "subscribe", "next", "complete")
LEGACY = Dialect("/legacy/", "graphql-ws", "start", "data", "stop")

in_each_dialect = pytest.mark.parametrize("dialect", [TRANSPORT, LEGACY], ids=str)


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    require_module("ariadne")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the application, at the root and below a prefix."""
    with served(tmp_path_factory.mktemp("served"), *TARGETS) as server:
        yield server


def ask(server: ServerProcess, query: str) -> Any:
    """Ask over HTTP."""
    answer = httpx.post(server.url, json={"query": query}, timeout=DEADLINE)
    assert answer.status_code == 200
    return answer.json()["data"]


def post(server: ServerProcess, room: str, text: str) -> int:
    """Post a text to a room, and return how many have subscribed."""
    count: int = ask(server, f'mutation {{ post(room: "{room}", text: "{text}") }}')["post"]
    return count


@contextmanager
def begun(server: ServerProcess, dialect: Dialect, **payload: Any) -> Iterator[ClientConnection]:
    """Open a WebSocket and begin the protocol."""
    with opened(server, dialect.path, subprotocols=[Subprotocol(dialect.subprotocol)]) as websocket:
        assert websocket.subprotocol == dialect.subprotocol
        tell(websocket, type="connection_init", payload=payload)
        yield websocket


@contextmanager
def subscribed(server: ServerProcess, dialect: Dialect, room: str) -> Iterator[ClientConnection]:
    """Open a WebSocket and subscribe to a room."""
    with begun(server, dialect) as websocket:
        assert heard(websocket)["type"] == "connection_ack"
        query = f'subscription {{ posted(room: "{room}") }}'
        tell(websocket, id="1", type=dialect.start, payload={"query": query})
        noted(server, f"{room} began")
        yield websocket


def said(dialect: Dialect, text: str) -> dict[str, Any]:
    """Give the message that brings a text."""
    return {"id": "1", "type": dialect.data, "payload": {"data": {"posted": text}}}


def heard_of_subscription(websocket: ClientConnection) -> Any:
    """Receive the next message that is no sign of life of the protocol."""
    while (message := heard(websocket))["type"] == "ka":
        pass
    return message


def test_query(server: ServerProcess) -> None:
    """A query is answered over HTTP."""
    assert ask(server, '{ hello(name: "Zoë") }') == {"hello": "Hello, Zoë!"}


@in_each_dialect
class TestSubscriptions:
    """Subscriptions in both protocols."""

    def test_everybody_hears(self, server: ServerProcess, dialect: Dialect) -> None:
        """What is posted over HTTP reaches all who have subscribed, in order."""
        room = f"all-{dialect}"
        with ExitStack() as stack:
            sockets = [stack.enter_context(subscribed(server, dialect, room)) for _ in range(3)]
            until(lambda: notes(server, room).count("began") == 3)
            for text in ("one", "two"):
                assert post(server, room, text) == 3
            for websocket in sockets:
                assert [heard_of_subscription(websocket) for _ in range(2)] == [
                    said(dialect, "one"), said(dialect, "two")
                ]  # fmt: skip
            post(server, room, "end")
            until(lambda: notes(server, room).count("ended") == 3)

    def test_completes(self, server: ServerProcess, dialect: Dialect) -> None:
        """A subscription that ends says so, and the WebSocket stays."""
        room = f"completes-{dialect}"
        with subscribed(server, dialect, room) as websocket:
            post(server, room, "end")
            assert heard_of_subscription(websocket) == {"id": "1", "type": "complete"}
            noted(server, f"{room} ended")

    def test_failure(self, server: ServerProcess, dialect: Dialect) -> None:
        """A source that fails is an error of the subscription; the WebSocket stays."""
        room = f"fails-{dialect}"
        with subscribed(server, dialect, room) as websocket:
            post(server, room, "fail")
            message = heard_of_subscription(websocket)
            assert "on purpose" in str(message["payload"])
            noted(server, f"{room} ended")

    def test_nonsense(self, server: ServerProcess, dialect: Dialect) -> None:
        """A query that is wrong is an error of the subscription."""
        with begun(server, dialect) as websocket:
            heard(websocket)
            tell(websocket, id="1", type=dialect.start, payload={"query": "subscription { nothing }"})
            assert heard_of_subscription(websocket)["type"] == "error"


class TestEnds:
    """How clients end subscriptions that wait; Ariadne's graphql-ws does not survive it, under any server."""

    def test_client_stops(self, server: ServerProcess) -> None:
        """A client that has heard enough ends its subscription, and may have another one."""
        room = "stops"
        with subscribed(server, TRANSPORT, room) as websocket:
            tell(websocket, id="1", type=TRANSPORT.stop)
            noted(server, f"{room} ended")
            until(lambda: post(server, room, "nobody") == 0)
            tell(websocket, id="2", type=TRANSPORT.start, payload={"query": '{ hello(name: "x") }'})
            while (message := heard_of_subscription(websocket))["id"] == "1":
                pass
            assert message["payload"] == {"data": {"hello": "Hello, x!"}}

    @pytest.mark.parametrize("how", ["closes", "vanishes", "resets"])
    def test_client_leaves(self, server: ServerProcess, how: str) -> None:
        """The source of a subscription whose client has left ends, although nothing is posted."""
        room = f"{how}"
        with subscribed(server, TRANSPORT, room) as websocket:
            match how:
                case "closes":
                    websocket.close()
                case "vanishes":
                    websocket.socket.shutdown(2)
                case _:
                    reset(websocket.socket)
        noted(server, f"{room} ended")


class TestCloseCodes:
    """The codes that graphql-transport-ws gives its closes."""

    def test_not_begun(self, server: ServerProcess) -> None:
        """Who subscribes before the connection is acknowledged is 4401."""
        with opened(server, "/", subprotocols=[Subprotocol("graphql-transport-ws")]) as websocket:
            tell(websocket, id="1", type="subscribe", payload={"query": "{ hello }"})
            assert close_of(websocket) == (4401, "")

    def test_begun_twice(self, server: ServerProcess) -> None:
        """Who begins twice is 4429."""
        with begun(server, TRANSPORT) as websocket:
            heard(websocket)
            tell(websocket, type="connection_init")
            assert close_of(websocket) == (4429, "")

    def test_refused(self, server: ServerProcess) -> None:
        """Who may not begin is closed, with the code that the library gives it."""
        with begun(server, TRANSPORT, password="wrong") as websocket:
            assert close_of(websocket) == (1000, "")


def test_stop(tmp_path: Path) -> None:
    """When the server stops, clients hear 1012 and the sources of their subscriptions end."""
    with served(tmp_path, *TARGETS) as server, ExitStack() as stack:
        sockets = [
            stack.enter_context(subscribed(server, TRANSPORT, f"room-{number}")) for number in range(3)
        ]
        assert server.terminate() == 0
        for number, websocket in enumerate(sockets):
            assert close_of(websocket) == (CloseCode.SERVICE_RESTART, "the server is stopping")
            assert notes(server, f"room-{number}") == ["began", "ended"]
