"""A Django project on ASGI, and its Channels consumers."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode
from websockets.sync.client import ClientConnection
from websockets.typing import Origin, Subprotocol

from tests.support.frameworks import heard, noted, served, tell
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import asking
from tests.support.websocket_clients import close_of, opened, reset

APP = "tests.frameworks.apps.channels_project"
FRIEND = Origin("http://shop.example")


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    for name in ("channels", "django"):
        require_module(name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the project."""
    with served(tmp_path_factory.mktemp("served"), APP) as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    """Give a client that keeps its connection."""
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        yield client


def joined(
    server: ServerProcess, path: str, origin: Origin | None = FRIEND, **options: Any
) -> AbstractContextManager[ClientConnection]:
    """Open a WebSocket from a page of a friendly host."""
    return opened(server, path, origin=origin, **options)


class TestViews:
    """Django's views."""

    def test_address(self, server: ServerProcess, client: httpx.Client) -> None:
        """A view knows where the request came from, and where to."""
        assert client.get("/address").json() == {"client": "127.0.0.1", "url": f"{server.url}/address"}

    def test_host(self, client: httpx.Client) -> None:
        """Django refuses a host that is not its own."""
        assert client.get("/address", headers={"Host": "evil.example"}).status_code == 400

    def test_upload(self, client: httpx.Client) -> None:
        """Files of a form arrive, larger than what is kept in memory."""
        files = {"small": b"x", "large": bytes(4 << 20)}
        assert client.post("/upload", files=files).json() == {"small": 1, "large": 4 << 20}

    def test_failure(self, client: httpx.Client) -> None:
        """Django answers an exception itself."""
        assert client.get("/broken").status_code == 500

    @pytest.mark.parametrize("how", ["closes", "resets"])
    def test_client_leaves(self, server: ServerProcess, how: str) -> None:
        """A view whose client has left is cancelled, and so is a stream."""
        for path, first, last in (("wait", "waits", "cancelled"), ("stream", None, "ended")):
            name = f"{path}-{how}"
            with asking(server, f"/{path}/{name}") as connection:
                if first is None:
                    assert connection.recv(1)
                else:
                    noted(server, f"{name} {first}")
                if how == "resets":
                    reset(connection)
            noted(server, f"{name} {last}")


class TestConsumers:
    """Consumers of both kinds."""

    def test_groups(self, server: ServerProcess, client: httpx.Client) -> None:
        """What is said in a room, by a WebSocket or a view on a thread, reaches all in it and nobody else."""
        with ExitStack() as stack:
            here = [stack.enter_context(joined(server, f"/room/here/{number}")) for number in range(3)]
            there = stack.enter_context(joined(server, "/room/there/somebody"))
            tell(here[0], say="é")
            assert [heard(each) for each in here] == [{"by": "0", "text": "é"}] * 3
            assert client.post("/say/there", content="hello").text == "said"
            assert heard(there) == {"by": "the view", "text": "hello"}
            assert client.post("/say/here", content="bye").text == "said"
            assert [heard(each)["text"] for each in here] == ["bye"] * 3

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            (FRIEND, 101),
            (Origin("http://127.0.0.1:1"), 101),
            (Origin("http://evil.example"), 403),
            (None, 403),
        ],
    )
    def test_origin(self, server: ServerProcess, origin: Origin | None, status: int) -> None:
        """The validator sees the Origin of the handshake."""
        try:
            with joined(server, "/room/origins/one", origin) as websocket:
                assert websocket.response is not None
                found = websocket.response.status_code
        except InvalidStatus as error:
            found = error.response.status_code
        assert found == status

    def test_handshake(self, server: ServerProcess) -> None:
        """A consumer chooses the subprotocol and adds a field, or closes before it accepts, which is 403."""
        with joined(
            server, "/room/fields/one", subprotocols=[Subprotocol("one"), Subprotocol("two")]
        ) as websocket:
            assert websocket.subprotocol == "one"
            assert websocket.response is not None
            assert websocket.response.headers["x-room"] == "fields"
        with pytest.raises(InvalidStatus, match="403"), joined(server, "/room/closed/one"):
            pass

    @pytest.mark.parametrize("path", ["room/closes", "echo"])
    def test_client_closes(self, server: ServerProcess, path: str) -> None:
        """A consumer is told the client's code."""
        name = f"closes-{path[:4]}"
        with joined(server, f"/{path}/{name}") as websocket:
            websocket.close(4002)
        noted(server, f"{name} disconnected 4002")

    @pytest.mark.parametrize("how", ["closes", "resets"])
    @pytest.mark.parametrize("path", ["room/vanishes", "echo"])
    def test_client_vanishes(self, server: ServerProcess, path: str, how: str) -> None:
        """A client that is gone without a close frame is 1006."""
        name = f"vanishes-{path[:4]}-{how}"
        with joined(server, f"/{path}/{name}") as websocket:
            websocket.send('{"say": ""}')
            websocket.recv(timeout=DEADLINE)
            (reset if how == "resets" else lambda sock: sock.shutdown(2))(websocket.socket)
        noted(server, f"{name} disconnected {CloseCode.ABNORMAL_CLOSURE.value}")

    def test_consumer_closes(self, server: ServerProcess) -> None:
        """A consumer's own close reaches the client, code and reason, and then the consumer as its end."""
        with joined(server, "/room/own/own") as websocket:
            tell(websocket, close=4321, reason="enough")
            assert close_of(websocket) == (4321, "enough")
        noted(server, "own disconnected 4321")

    @pytest.mark.parametrize("path", ["/room/fails/one", "/echo/fails"])
    def test_consumer_fails(self, server: ServerProcess, path: str) -> None:
        """An exception closes with 1011."""
        with joined(server, path) as websocket:
            websocket.send("fail" if "echo" in path else '{"fail": 1}')
            code = close_of(websocket)
            assert code is not None
            assert code[0] == CloseCode.INTERNAL_ERROR

    def test_threads(self, server: ServerProcess) -> None:
        """A consumer that is no coroutine runs beside the event loop, on many WebSockets at once."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(joined(server, f"/echo/{number}")) for number in range(20)]
            for websocket in sockets:
                websocket.send("thread")
                websocket.send(b"\xff" * 70_000)
            for websocket in sockets:
                assert websocket.recv(timeout=DEADLINE) == "False"
                assert websocket.recv(timeout=DEADLINE) == b"\xff" * 70_000

    def test_client_reads_slowly(self, server: ServerProcess) -> None:
        """A consumer that floods waits for its client, and ends with it, without a traceback."""
        before = server.peak_memory()
        with joined(server, "/room/flood/one", max_queue=1) as websocket:
            tell(websocket, flood=64 * 1024)
            for _ in range(200):
                assert len(websocket.recv(timeout=DEADLINE)) == 64 * 1024
            assert server.peak_memory() - before < 16 << 20
            reset(websocket.socket)


def test_stop(tmp_path: Path) -> None:
    """When the server stops, clients hear 1012, and so do consumers of both kinds."""
    with served(tmp_path, APP) as server, ExitStack() as stack:
        sockets = [stack.enter_context(joined(server, path)) for path in ("/room/stop/async", "/echo/sync")]
        assert server.terminate() == 0
        assert [close_of(each) for each in sockets] == [
            (CloseCode.SERVICE_RESTART, "the server is stopping")
        ] * 2
        for name in ("async", "sync"):
            noted(server, f"{name} disconnected {CloseCode.SERVICE_RESTART.value}")
