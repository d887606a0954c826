"""WebSockets over HTTP/2 (RFC 8441) beside requests on one connection, for applications of every kind."""

import json
import signal
from collections.abc import Iterator

import pytest
from h2.errors import ErrorCodes

from tests.support.certificates import Authority
from tests.support.http2_clients import Http2Client, http2
from tests.support.http2_websockets import Refused, open_websocket, start_websocket
from tests.support.http_versions import BOTH
from tests.support.process import ROOT, Serve, ServerProcess
from tests.support.waiting import until

ECHOES = ["/ws", "/sockets/echo", "/sockets/thread/echo", "/sock/echo"]


@pytest.fixture
def client(mixed: ServerProcess) -> Iterator[Http2Client]:
    """Connect."""
    with http2(mixed) as client:
        yield client


def skip_greeting(path: str) -> int:
    """Return how many messages come before the first echo."""
    return 1 if path == "/ws" else 0


@pytest.mark.parametrize("deflates", [False, True])
@pytest.mark.parametrize("path", ECHOES)
def test_messages(client: Http2Client, path: str, *, deflates: bool) -> None:
    """Messages of every kind and size go both ways: on the loop, on threads, and on a socket of their own."""
    websocket = open_websocket(client, path, deflates=deflates and path != "/sock/echo")
    for _ in range(skip_greeting(path)):
        websocket.recv()
    for message in ("text", "é" * 70_000, b"", bytes(300_000)):
        websocket.send(message)
        assert websocket.recv() == message
    websocket.ping()
    received = websocket.close(4000, "enough")
    assert received is not None
    assert received[0] in {4000, 1000}


def test_answer(client: Http2Client) -> None:
    """The handshake is answered with 200 and the subprotocol, without what HTTP/1.1 has for it."""
    websocket = open_websocket(client, "/ws", subprotocols=["one", "two"])
    assert websocket.headers[b"sec-websocket-protocol"] == b"one"
    assert not {b"upgrade", b"connection", b"sec-websocket-accept"} & websocket.headers.keys()
    assert json.loads(websocket.recv())["version"] == "2"


def test_beside_requests(client: Http2Client) -> None:
    """Twenty WebSockets and many requests share a connection, and none waits for another one."""
    sockets = [open_websocket(client, "/ws") for _ in range(20)]
    ports = {json.loads(socket.recv())["port"] for socket in sockets}
    requests = [client.start(f"/flask/hello/{number}") for number in range(20)]
    for number, socket in enumerate(sockets):
        socket.send(f"message {number}")
    assert [socket.recv() for socket in reversed(sockets)] == [f"message {n}" for n in reversed(range(20))]
    assert [stream.response().body for stream in requests] == [b"Hello, %d!" % number for number in range(20)]
    assert {json.loads(client.ask("/peer").body)["port"]} == ports
    assert [socket.close(1000) for socket in sockets] == [(1000, "")] * 20


def test_under_tls(secure: ServerProcess, authority: Authority) -> None:
    """So it is under TLS."""
    with http2(secure, authority.client_context()) as client:
        websocket = open_websocket(client, "/sockets/echo")
        websocket.send("hello")
        assert websocket.recv() == "hello"


def test_reset(mixed: ServerProcess, client: Http2Client) -> None:
    """A stream that is reset is a client that has left, and the others go on."""
    websocket, other = (open_websocket(client, "/sockets/echo") for _ in range(2))
    left = mixed.stderr.count("note: left 1006")
    websocket.stream.reset()
    until(lambda: mixed.stderr.count("note: left 1006") > left)
    other.send("still here")
    assert other.recv() == "still here"


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/sockets/nowhere", [], 404),
        ("/sockets/echo", [("origin", "https://stranger.example")], 403),
        ("/sockets/echo?closed", [], 401),
        ("/sockets/refuse", [], None),
        ("/flask/hello/you", [], None),
    ],
)
def test_refused(client: Http2Client, path: str, fields: list[tuple[str, str]], status: int | None) -> None:
    """What is no WebSocket, or none for this client, is answered as a request is; the connection goes on."""
    with pytest.raises(Refused) as caught:
        open_websocket(client, path, *fields)
    response = caught.value.response
    assert response.status == status or (status is None and 400 <= response.status < 500)
    assert client.ask("/peer").status == 200


def test_other_protocols(client: Http2Client) -> None:
    """A protocol that the server does not speak is 501 (RFC 8441 section 4, RFC 9220)."""
    assert start_websocket(client, "/ws", protocol="connect-udp").response().status == 501


def test_wrong_version(mixed: ServerProcess, client: Http2Client) -> None:
    """A client of a version that does not exist is told which one does (RFC 6455 section 4.4)."""
    client.settle()
    stream = client.start(
        "/ws", ("sec-websocket-version", "99"), method="CONNECT", ends=False, protocol="websocket"
    )
    response = stream.response()
    assert (response.status, response.values(b"sec-websocket-version")) == (426, [b"13"])


def test_broken_frames(client: Http2Client) -> None:
    """Bytes that are no frame end the WebSocket, with the reason, and nothing else."""
    websocket = open_websocket(client, "/sockets/echo")
    websocket.send_bytes(b"\xff\xff")
    end = websocket.end()
    assert end is not None
    assert end[0] == 1002
    assert client.ask("/peer").status == 200


def test_server_that_stops(serve: Serve) -> None:
    """It closes WebSockets with 1012, and then the connection."""
    server = serve("http2_asgi", env={"PYTHONPATH": str(ROOT)}, ws_close_spread=0, **BOTH)
    with http2(server) as client:
        websockets = [open_websocket(client, "/ws") for _ in range(3)]
        client.ping()
        server.signal(signal.SIGTERM)
        assert [websocket.end() for websocket in websockets] == [(1012, "the server is stopping")] * 3
        client.wait_until_closed()
        assert client.goaway is not None
        assert client.goaway.code == ErrorCodes.NO_ERROR
    assert server.wait() == 0
