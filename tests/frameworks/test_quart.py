"""A Quart application by itself, and in one gateway with Flask."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode
from websockets.typing import Subprotocol

from tests.support.frameworks import check_unread, heard, noted, notes, served, settled, tell
from tests.support.needs import require_module
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import asking, until
from tests.support.websocket_clients import close_of, opened, reset

APP = "tests.frameworks.apps.quart_app"
FLASK = "tests.apps.wsgi_flask"


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    for name in ("quart", "flask"):
        require_module(name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve Flask's views and Quart's WebSockets at the root, and all of Quart below a prefix."""
    ignored = ("ClientDisconnected",)  # Quart logs what `send` raises when the client has left
    with served(tmp_path_factory.mktemp("served"), FLASK, APP, f"/quart={APP}", ignored=ignored) as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    """Give a client that keeps its connection."""
    with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
        yield client


class TestGateway:
    """Both applications on one port."""

    def test_views(self, client: httpx.Client) -> None:
        """Each answers what is its own, in turn, on one connection."""
        for name in ("one", "two"):
            assert client.get(f"/hello/{name}").text == f"Hello, {name}!"
            assert client.get(f"/quart/hello/{name}").text == f"Hello, {name}!"
            assert client.get("/count").text.isdigit()  # which Flask alone has
            assert client.get("/quart/count").status_code == 404

    def test_websocket(self, server: ServerProcess, client: httpx.Client) -> None:
        """A WebSocket at the root is Quart's, while Flask has the views there."""
        with opened(server, "/ws/beside") as websocket:
            assert client.get("/hello/x").status_code == 200
            tell(websocket, text="é")
            assert heard(websocket) == {"got": {"text": "é"}}

    def test_redirect(self, client: httpx.Client) -> None:
        """URLs that Quart makes lead below its prefix."""
        answer = client.get("/quart/away")
        assert (answer.status_code, answer.headers["location"]) == (302, "/quart/hello/again")


class TestRequests:
    """Requests and their bodies."""

    def test_form(self, client: httpx.Client) -> None:
        """A form with a file."""
        answer = client.post("/quart/form", data={"a": "é"}, files={"f": bytes(300_000)})
        assert answer.json() == {"form": {"a": "é"}, "files": {"f": 300_000}}

    @pytest.mark.parametrize("length", ["known", "chunked"])
    def test_body_in_parts(self, client: httpx.Client, length: str) -> None:
        """A body that is read as it comes is whole."""
        body = bytes(range(256)) * 20_000
        content = body if length == "known" else iter([body[:70_000], body[70_000:]])
        assert client.post("/quart/digest", content=content).text == hashlib.sha256(body).hexdigest()

    def test_failure(self, client: httpx.Client) -> None:
        """An exception is Quart's own 500, and the connection goes on."""
        assert client.get("/quart/broken").status_code == 500
        assert client.get("/quart/hello/x").status_code == 200

    def test_background_task(self, server: ServerProcess, client: httpx.Client) -> None:
        """A task goes on after the response, and the connection beside it."""
        assert client.post("/quart/later/task").text == "later"
        assert notes(server, "task") == []
        assert client.post("/quart/release").text == "released"
        noted(server, "task worked")


class TestStreams:
    """Responses in parts."""

    def test_to_the_end(self, server: ServerProcess, client: httpx.Client) -> None:
        """A stream that ends does so in good order."""
        assert client.get("/quart/stream/short/short").text == "0\n1\n2\n"
        noted(server, "short ended")

    @pytest.mark.parametrize("how", ["closes", "resets"])
    @pytest.mark.parametrize("kind", ["quiet", "flood"])
    def test_client_leaves(self, server: ServerProcess, kind: str, how: str) -> None:
        """The generator ends, whether it sends or waits for something else."""
        name = f"{kind}-{how}"
        with asking(server, f"/quart/stream/{kind}/{name}") as client:
            assert client.recv(1)
            if how == "resets":
                reset(client)
        noted(server, f"{name} ended")

    def test_client_reads_slowly(self, server: ServerProcess) -> None:
        """A generator rests while its client does not read."""
        check_unread(server, "/quart/stream/flood/slow", "slow")


class TestWebSockets:
    """WebSockets of Quart."""

    def test_handshake(self, server: ServerProcess) -> None:
        """A subprotocol is chosen and a field is added."""
        with opened(server, "/ws/fields", subprotocols=[Subprotocol("one")]) as websocket:
            assert websocket.subprotocol == "one"
            assert websocket.response is not None
            assert websocket.response.headers["x-name"] == "fields"

    @pytest.mark.parametrize(("path", "status"), [("refused", 401), ("failing", 500), ("nowhere", 404)])
    def test_refused(self, server: ServerProcess, path: str, status: int) -> None:
        """A handshake that is refused has Quart's response."""
        with pytest.raises(InvalidStatus) as caught, opened(server, f"/{path}"):
            pass
        assert caught.value.response.status_code == status
        assert b"<title>" in caught.value.response.body

    @pytest.mark.parametrize("how", ["closes", "vanishes", "resets"])
    def test_client_leaves(self, server: ServerProcess, how: str) -> None:
        """Quart cancels the handler of a client that has left."""
        with opened(server, f"/ws/{how}") as websocket:
            tell(websocket)
            heard(websocket)
            match how:
                case "closes":
                    websocket.close(4000)
                case "vanishes":
                    websocket.socket.shutdown(2)
                case _:
                    reset(websocket.socket)
        noted(server, f"{how} ended")

    def test_handler_closes(self, server: ServerProcess) -> None:
        """The client is told code and reason."""
        with opened(server, "/ws/own") as websocket:
            tell(websocket, close=4001, reason="enough")
            assert close_of(websocket) == (4001, "enough")
        noted(server, "own ended")

    def test_handler_returns(self, server: ServerProcess) -> None:
        """One that returns closes with 1000."""
        with opened(server, "/ws/returns") as websocket:
            tell(websocket, **{"return": True})
            assert close_of(websocket) == (1000, "")

    def test_handler_fails(self, server: ServerProcess) -> None:
        """One that raises closes with 1000 too, which is what Quart sends."""
        with opened(server, "/ws/fails") as websocket:
            tell(websocket, fail=True)
            assert close_of(websocket) == (1000, "")

    def test_client_reads_slowly(self, server: ServerProcess) -> None:
        """`send` waits for the client, and the handler ends when that has left."""
        before = server.peak_memory()
        with opened(server, "/ws/slow-ws", max_queue=1) as websocket:
            tell(websocket, flood=True)
            noted(server, "slow-ws message")
            until(lambda: settled(server, "slow-ws") > 1)
            assert server.peak_memory() - before < 16 << 20
            reset(websocket.socket)
        noted(server, "slow-ws ended")


def test_stop(tmp_path: Path) -> None:
    """WebSockets hear 1012, their handlers end, and the lifespan ends after them."""
    with served(tmp_path, FLASK, APP) as server, ExitStack() as stack:
        sockets = [stack.enter_context(opened(server, f"/ws/{name}")) for name in ("one", "two")]
        assert server.terminate() == 0
        assert [close_of(each) for each in sockets] == [
            (CloseCode.SERVICE_RESTART, "the server is stopping")
        ] * 2
        for name in ("one", "two"):
            noted(server, f"{name} ended")
        assert [each for each in server.stderr.splitlines() if each.startswith("note:")][
            -1
        ] == "note: lifespan ended"
