"""flask-sock, simple-websocket and Flask-SocketIO as they are, behind a real `hybrid serve`."""

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import socketio
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from tests.support.bridges import Bridge, bridge_to
from tests.support.needs import require_module
from tests.support.process import DEADLINE
from tests.support.waiting import until
from tests.support.websocket_clients import HANDSHAKE, close_of, handshake_bytes, opened, reset

TARGETS = [
    "tests.apps.wsgi_flask_sock",
    "/bare=tests.apps.wsgi_simple_websocket",
    "/uncaught=tests.apps.wsgi_simple_websocket:uncaught",
    "/socketio=tests.apps.wsgi_socketio",
    "/events=tests.apps.wsgi_events",
]
#: Sockets that stay open while HTTP goes on; the pool of HTTP has one thread.
SOCKETS = 8


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    for name in ("flask_sock", "flask_socketio", "simple_websocket", "socketio"):
        require_module(name)


@pytest.fixture(scope="module")
def bridge(loop: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """Serve all of them, HTTP on one thread."""
    folder = tmp_path_factory.mktemp("served")
    with bridge_to("direct", TARGETS, folder, loop=loop, threads=1) as served:
        yield served


def descriptors(bridge: Bridge) -> int:
    """Count the open files of the server."""
    return len(list(Path(f"/proc/{bridge.server.pid}/fd").iterdir()))


class TestFlaskSock:
    """flask-sock, which sits on simple-websocket."""

    @pytest.mark.parametrize("compression", [None, "deflate"])
    def test_messages(self, bridge: Bridge, compression: str | None) -> None:
        """Text and binary of every size come back, compressed too: that is between library and client."""
        with opened(bridge, "/echo", compression=compression) as websocket:
            for size in (0, 1, 126, 65536, 1 << 20):
                for message in ("é" * (size // 2), b"\xff" * size):
                    websocket.send(message)
                    assert websocket.recv(timeout=DEADLINE) == message

    def test_handshake(self, bridge: Bridge) -> None:
        """The view sees the query, the cookies and the fields of the handshake."""
        fields = {"Cookie": "a=1", "X-Own": "2"}
        with opened(bridge, "/handshake?q=0", additional_headers=fields) as websocket:
            assert websocket.recv(timeout=DEADLINE) == "q=0 1 2"

    def test_client_closes(self, bridge: Bridge) -> None:
        """The view is told the client's code and reason, and the close frame is answered."""
        with opened(bridge, "/witness/closes") as websocket:
            websocket.send("a")
            websocket.close(4000, "mine")
            assert websocket.protocol.close_rcvd is not None
        events = bridge.wait_for_event("closes", "closed 4000 mine")
        assert events == ["open", "received a", "closed 4000 mine"]

    @pytest.mark.parametrize(
        ("path", "close"), [("/close", (4001, "enough")), ("/return", (1000, "")), ("/fail", None)]
    )
    def test_server_closes(self, bridge: Bridge, path: str, close: tuple[int, str] | None) -> None:
        """What the view sent arrives, then its close frame; a view that fails has none, and no response."""
        with opened(bridge, path) as websocket:
            assert websocket.recv(timeout=DEADLINE) == "last words"
            assert close_of(websocket) == close

    def test_nothing_follows(self, bridge: Bridge) -> None:
        """The empty response that flask-sock returns in the end is not on the wire."""
        request = handshake_bytes("/close")
        head, _, frames = bridge.raw(request).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")
        assert frames == b"\x81\x0alast words" + b"\x88\x08" + (4001).to_bytes(2, "big") + b"enough"

    @pytest.mark.parametrize("how", ["closes", "resets"])
    def test_client_vanishes(self, bridge: Bridge, how: str) -> None:
        """A view whose client is gone without a word learns it from receive()."""
        name = f"vanishes-{how}"
        client = bridge.open(f"/witness/{name}", *HANDSHAKE)
        bridge.wait_for_event(name, "open")
        client.close() if how == "closes" else reset(client)
        assert bridge.wait_for_event(name, "closed 1005 None") == ["open", "closed 1005 None"]

    def test_frames_right_behind_the_handshake(self, bridge: Bridge) -> None:
        """A client that does not wait for the answer is heard all the same."""
        request = handshake_bytes("/echo")
        early = Frame(Opcode.TEXT, b"early").serialize(mask=True)
        assert bridge.raw(request + early, until=b"\x81\x05early").startswith(b"HTTP/1.1 101 ")

    def test_view_reads_slowly(self, bridge: Bridge) -> None:
        """What the client sends meanwhile waits, whole and in order."""
        message = bytes(range(256)) * 40_000
        with opened(bridge, "/digest") as websocket, ThreadPoolExecutor(1) as pool:
            websocket.send("read on")
            sending = pool.submit(websocket.send, message)
            assert websocket.recv(timeout=DEADLINE) == hashlib.sha256(message).hexdigest()
            sending.result(DEADLINE)

    def test_client_reads_slowly(self, bridge: Bridge) -> None:
        """send() waits for the client, the server keeps little, and the view learns of the end."""
        client = bridge.open("/flood/slow", *HANDSHAKE, receive_buffer=4096)
        before = bridge.peak_memory()
        bridge.wait_for_event("slow", "sent")
        sent = -1
        while (now := len(bridge.events("slow"))) != sent:  # until it has stopped
            sent = now
            time.sleep(0.2)
        assert bridge.peak_memory() - before < 8 << 20
        assert sent < 100
        reset(client)
        bridge.wait_for_event("slow", "closed")

    @pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/hello", 400)])
    def test_no_websocket_there(self, bridge: Bridge, path: str, status: int) -> None:
        """Flask's own answer to a handshake that no view takes is the response, and the connection ends."""
        with pytest.raises(InvalidStatus) as caught, opened(bridge, path):
            pass
        assert caught.value.response.status_code == status
        assert b"<title>" in caught.value.response.body
        assert caught.value.response.headers["connection"] == "close"

    def test_http_goes_on(self, bridge: Bridge) -> None:
        """Open WebSockets take nothing from HTTP, which has one thread here."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(opened(bridge, "/echo")) for _ in range(SOCKETS)]
            for _ in range(20):
                assert bridge.ask("/hello").body == b"hello"
            for number, websocket in enumerate(sockets):
                websocket.send(str(number))
                assert websocket.recv(timeout=DEADLINE) == str(number)

    @pytest.mark.parametrize("path", ["/echo", "/nowhere", "/close", "/fail", "/bare/"])
    def test_no_descriptor_is_left(self, bridge: Bridge, path: str) -> None:
        """However a WebSocket ends, nothing of it stays open."""
        before = descriptors(bridge)
        for _ in range(50):
            client = bridge.open(path, *HANDSHAKE)
            assert client.recv(1)
            reset(client)
        until(lambda: descriptors(bridge) <= before)


class TestSimpleWebsocket:
    """simple-websocket without a framework."""

    def test_subprotocol(self, bridge: Bridge) -> None:
        """The library chooses, and what the application then returns, without a status, is no error."""
        offer = [Subprotocol("other"), Subprotocol("echo")]
        with opened(bridge, "/bare/", subprotocols=offer) as websocket:
            assert websocket.subprotocol == "echo"
            websocket.send("x")
            assert websocket.recv(timeout=DEADLINE) == "x"
        assert "without calling start_response" not in bridge.server.stderr

    def test_ping(self, bridge: Bridge) -> None:
        """Pings of the library reach the client, and a client that answers stays."""
        with opened(bridge, "/bare/?0.5") as websocket:
            client = bridge.open("/bare/?0.2", *HANDSHAKE)  # one that does not answer
            with client, client.makefile("rb") as received:
                assert received.read().endswith(
                    Frame(Opcode.PING, b"").serialize(mask=False)
                    + Frame(Opcode.CLOSE, (1008).to_bytes(2, "big") + b"Ping/Pong timeout").serialize(
                        mask=False
                    )
                )
            websocket.send("still here")
            assert websocket.recv(timeout=DEADLINE) == "still here"

    def test_uncaught(self, bridge: Bridge) -> None:
        """An error after the handshake is logged once, and the client has its close frame all the same."""
        with opened(bridge, "/uncaught/") as websocket:
            websocket.close(4000)
            assert websocket.protocol.close_rcvd is not None
        text = bridge.server.wait_for_stderr("simple_websocket.errors.ConnectionClosed")
        assert text.count("GET /uncaught/: the WSGI application failed") == 1


class TestSocketIO:
    """Flask-SocketIO in threading mode, with the client that its author provides."""

    @pytest.fixture
    def clients(self, bridge: Bridge) -> Iterator[Callable[..., socketio.Client]]:
        """Give a function that connects a client; it is disconnected at the end."""
        with ExitStack() as stack:

            def start(**options: Any) -> socketio.Client:
                client = socketio.Client(reconnection=False)
                stack.callback(client.disconnect)
                path = "socketio/socket.io"
                client.connect(
                    f"http://127.0.0.1:{bridge.port}", socketio_path=path, wait_timeout=DEADLINE, **options
                )
                until(lambda: client.transport() == "websocket")
                return client

            yield start

    @pytest.mark.parametrize("transports", [["polling", "websocket"], ["websocket"]])
    def test_echo(self, clients: Callable[..., socketio.Client], transports: list[str]) -> None:
        """A client that begins by polling changes to a WebSocket; events and acknowledgements come back."""
        client = clients(transports=transports)
        echoed: list[Any] = []
        client.on("echoed", echoed.append)
        data = {"text": "é", "bytes": bytes(200_000)}
        assert client.call("echo", data, timeout=int(DEADLINE)) == data
        until(lambda: echoed == [data])

    def test_rooms(self, bridge: Bridge, clients: Callable[..., socketio.Client]) -> None:
        """What an HTTP view sends to a room reaches everybody in it, and nobody else."""
        heard: dict[int, list[str]] = {}
        for number in range(4):
            client = clients()
            client.on("said", heard.setdefault(number, []).append)
            assert client.call("join", "even" if number % 2 == 0 else "odd") is not None
        assert bridge.ask("/socketio/say/even", b"hello").body == b"said"
        assert bridge.ask("/socketio/say/odd", b"bye").body == b"said"
        until(lambda: sum(map(len, heard.values())) == 4)
        assert heard == {0: ["hello"], 1: ["bye"], 2: ["hello"], 3: ["bye"]}

    def test_end(self, bridge: Bridge, clients: Callable[..., socketio.Client]) -> None:
        """The application hears of the end, and the error that ends each WebSocket there is not logged."""
        before = len(bridge.events("socketio"))
        clients().disconnect()
        until(lambda: len(bridge.events("socketio")) > before)
        assert "Error on request" not in bridge.server.stderr
        assert "ConnectionError" not in bridge.server.stderr


class TestBudget:
    """Threads for WebSockets are counted by themselves."""

    def test_all_taken(self, loop: str, folder: Path) -> None:
        """One too many is answered 503 at once, logged, and welcome when another one has left."""
        options: dict[str, Any] = {"loop": loop, "websocket_threads": 2}
        with (
            bridge_to("direct", TARGETS, folder, **options) as bridge,
            opened(bridge, "/echo"),
            opened(bridge, "/echo") as second,
        ):
            with pytest.raises(InvalidStatus) as caught, opened(bridge, "/echo"):
                pass
            assert caught.value.response.status_code == 503
            assert caught.value.response.headers["retry-after"] == "1"
            assert bridge.ask("/hello").status == 200
            bridge.server.wait_for_stderr("refused, all 2 'websocket' threads are taken")
            second.close()
            until(lambda: self._is_taken(bridge))

    @staticmethod
    def _is_taken(bridge: Bridge) -> bool:
        try:
            with opened(bridge, "/echo") as websocket:
                websocket.send("x")
                return websocket.recv(timeout=DEADLINE) == "x"
        except InvalidStatus:  # not yet
            return False

    def test_none(self, loop: str, folder: Path) -> None:
        """Without threads for them, WebSockets of WSGI applications are refused."""
        options: dict[str, Any] = {"loop": loop, "websocket_threads": 0}
        with bridge_to("direct", TARGETS, folder, **options) as bridge:
            with pytest.raises(InvalidStatus) as caught, opened(bridge, "/echo"):
                pass
            assert caught.value.response.status_code == 404


class TestDrain:
    """What becomes of open WebSockets when the server stops."""

    def test_views_end(self, loop: str, folder: Path) -> None:
        """Every client hears 1012, and every view gets the end of its input, so that the server stops without
        complaints.
        """
        with bridge_to("direct", TARGETS, folder, loop=loop) as bridge, ExitStack() as stack:
            sockets = [stack.enter_context(opened(bridge, "/echo")) for _ in range(3)]
            client = socketio.Client(reconnection=False)
            client.connect(f"http://127.0.0.1:{bridge.port}", socketio_path="socketio/socket.io")
            stack.callback(client.eio.ws.shutdown)  # it leaves its socket open after a close frame
            stack.callback(client.disconnect)
            assert bridge.server.terminate() == 0
            assert [close_of(each) for each in sockets] == [(1012, "the server is stopping")] * 3
            assert "cutting off" not in bridge.server.stderr

    def test_view_that_does_not_end(self, loop: str, folder: Path) -> None:
        """A view that looks at nothing is cut off in the end, and the log counts it."""
        options: dict[str, Any] = {"loop": loop, "timeout_graceful_shutdown": 0.1}
        targets = ["tests.apps.wsgi_left", "/events=tests.apps.wsgi_events"]
        with bridge_to("direct", targets, folder, **options) as bridge:
            with bridge.open("/deaf", *HANDSHAKE):
                bridge.wait_for_event("deaf", "waiting")
                assert bridge.server.terminate() == 0
            assert "cutting off 1 connection, 1 WSGI call" in bridge.server.stderr


def test_access_log(loop: str, tmp_path: Path, serve: Callable[..., Any]) -> None:
    """A WebSocket is logged as 101 when it opens, and when it has closed, with what was carried; any other
    answer is logged as it is.
    """
    log = tmp_path / "access.log"
    with log.open("wb") as stdout:
        targets = ("wsgi_simple_websocket", "/hello=hello_wsgi")
        server = serve(*targets, loop=loop, stdout=stdout, env={"PYTHONPATH": str(Path.cwd())})
        bridge = Bridge("direct", server)
        with opened(bridge, "/ws"):
            pass
        with pytest.raises(InvalidStatus) as caught, opened(bridge, "/hello"):
            pass
        assert caught.value.response.status_code == 200
    until(lambda: log.read_text().count("\n") == 3)
    requests = sorted(line.partition('"')[2] for line in log.read_text().splitlines())
    other, opening, closing = (re.sub(r"\d+\.\d{6}s", "…s", line) for line in requests)
    assert (opening, other) == ('GET /ws HTTP/1.1" 101 …s', 'GET /hello HTTP/1.1" 200 …s')
    assert re.fullmatch(r'WebSocket /ws" closed - "-" …s in -/\d+ out -/\d+', closing)
