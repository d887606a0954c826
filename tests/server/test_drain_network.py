"""What clients of a real server see while it stops."""

import resource
import selectors
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.support.http_peer import get
from tests.support.process import Serve, ServerProcess
from tests.support.sockets import DEADLINE
from tests.support.waiting import until
from tests.support.websocket_clients import handshake_bytes

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
TARGETS = ("/a=stopping:app", "/w=stopping:wsgi")
HELLO = b"HTTP/1.1 200 OK"

#: The steps, in their order, as the log names them.
STEPS = [
    "stopping: not ready",
    "stopping: listening no more",
    "stopping: the applications are told",
    "stopping: closing 1 WebSockets within 0.1 s",
    "stopping, after ",
    "stopping: told 1 responses to end, within ",
    "cutting off 1 connection, 1 ASGI call",
    "stopping: the applications shut down",
]


def connect(server: ServerProcess, stack: ExitStack) -> socket.socket:
    """Connect to a server for the length of a test."""
    client = stack.enter_context(closing(socket.create_connection(("127.0.0.1", server.port), DEADLINE)))
    client.settimeout(DEADLINE)
    return client


def opened(server: ServerProcess, stack: ExitStack, path: str, until: bytes) -> socket.socket:
    """Ask for a response, and read as far as a text in it."""
    client = connect(server, stack)
    client.sendall(get(path))
    assert read(client, until).endswith(until)
    return client


def read(client: socket.socket, until: bytes | None = None) -> bytes:
    """Return what comes, as far as a text or the end, whichever kind of end."""
    received = b""
    while until is None or until not in received:
        try:
            data = client.recv(65536)
        except ConnectionResetError:
            break
        if not data:
            break
        received += data
    return received


@LOOPS
@pytest.mark.parametrize("mount", ["/a", "/w"])
def test_fifty_requests_in_flight(serve: Serve, loop: str, mount: str) -> None:
    """All requests that have come are answered, those too that wait for a thread, and say that they are the
    last.
    """
    reset = loop == "asyncio"  # the notice is there all the same
    server = serve(*TARGETS, loop=loop, threads=4, reset_contextvars=reset)
    with ExitStack() as stack:
        clients = [opened(server, stack, f"{mount}/", b"hello") for _ in range(50)]
        for client in clients:  # known to the server, whose loop reads what they have sent
            client.sendall(get(f"{mount}/late"))
        until(lambda: server.stderr.count("waiting") == (50 if mount == "/a" else 4))
        server.signal(signal.SIGTERM)
        responses = [read(client) for client in clients]
    assert all(response.count(HELLO) == 1 for response in responses)
    assert all(b"\r\nconnection: close\r\n" in response.lower() for response in responses)
    assert all(b"late" in response for response in responses)
    assert server.wait() == 0
    assert "cutting off" not in server.stderr


@LOOPS
def test_who_waits_to_be_accepted(serve: Serve, loop: str, tmp_path: Path) -> None:
    """Whoever has connected before the server stops is answered, however busy it was."""
    path = tmp_path / "web.sock"
    server = serve("stopping:app", loop=loop, bind=["127.0.0.1:0", f"unix:{path}"])
    with ExitStack() as stack:
        server.signal(signal.SIGSTOP)
        clients = [connect(server, stack) for _ in range(80)]
        for _ in range(80):
            client = stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
            client.settimeout(DEADLINE)
            client.connect(str(path))
            clients.append(client)
        for client in clients:
            client.sendall(get("/"))
        server.signal(signal.SIGTERM)
        server.signal(signal.SIGCONT)
        responses = [read(client) for client in clients]
    assert server.wait() == 0
    assert [response.count(HELLO) for response in responses] == [1] * 160


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """Have room for a thousand connections in this process, and in those that it starts."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 4096:
        pytest.skip(f"this machine allows {before[1]} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 4096), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


HANDSHAKE = handshake_bytes("/a")
#: How a server says 1012, and a client answers.
CLOSE = b"\x88\x18\x03\xf4the server is stopping"
CLOSE_ANSWER = b"\x88\x82\0\0\0\0\x03\xf4"


def websockets(server: ServerProcess, stack: ExitStack, count: int) -> list[socket.socket]:
    """Open WebSockets."""
    clients = []
    for _ in range(count):
        client = connect(server, stack)
        client.sendall(HANDSHAKE)
        assert read(client, b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
        clients.append(client)
    return clients


def answer_closes(clients: Sequence[socket.socket]) -> list[bytes]:
    """Play WebSocket clients until all have been closed; return what each has heard, in order of its end."""
    heard = dict.fromkeys(clients, b"")
    ended: list[bytes] = []
    end = time.monotonic() + DEADLINE
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < end:
            for key, _ in selector.select(1):
                assert isinstance(key.fileobj, socket.socket)
                client = key.fileobj
                try:
                    data = client.recv(4096)
                except ConnectionResetError:  # the answer came later than the server waits for it
                    data = b""
                heard[client] += data
                if data:
                    client.sendall(CLOSE_ANSWER)
                else:
                    ended.append(heard[client])
                    selector.unregister(client)
    return ended


@LOOPS
def test_a_thousand_idle_websockets(serve: Serve, many_descriptors: None, loop: str) -> None:
    """Each gets 1012, and none has to be cut off."""
    # Without pings, which would come first on a machine that takes so long to open a thousand.
    server = serve(*TARGETS, loop=loop, access_log=False, ws_ping_interval=0)
    with ExitStack() as stack:
        clients = websockets(server, stack, 1000)
        server.signal(signal.SIGTERM)
        assert answer_closes(clients) == [CLOSE] * 1000
    assert server.wait() == 0
    assert "stopping: closing 1000 WebSockets within 1 s" in server.stderr
    assert "cutting off" not in server.stderr


@LOOPS
@pytest.mark.parametrize("mount", ["/a", "/w"])
def test_events_end_with_the_notice(serve: Serve, loop: str, mount: str) -> None:
    """An event stream that follows the notice ends by itself, in good order and long before the time."""
    server = serve(*TARGETS, loop=loop)
    with ExitStack() as stack:
        client = opened(server, stack, f"{mount}/events", b"hello\n\n\r\n")
        server.signal(signal.SIGTERM)
        assert read(client) == b"b\r\ndata: bye\n\n\r\n0\r\n\r\n"
    assert server.wait() == 0
    assert "cutting off" not in server.stderr
    assert "responses to end" not in server.stderr
    assert server.stderr.index("noticed") < server.stderr.index("shutdown\n")


@LOOPS
@pytest.mark.parametrize("mount", ["/a", "/w"])
def test_events_end_before_the_deadline(serve: Serve, loop: str, mount: str) -> None:
    """One that only looks whether its client is there is told that it has left, and is still sent whole."""
    server = serve(*TARGETS, loop=loop, timeout_graceful_shutdown=4)  # a fifth of it for the end
    with ExitStack() as stack:
        client = opened(server, stack, f"{mount}/gone", b"hello\n\n\r\n")
        server.signal(signal.SIGTERM)
        assert read(client).endswith(b"data: bye\n\n\r\n0\r\n\r\n")
    assert server.wait() == 0
    assert "stopping: told 1 responses to end" in server.stderr
    assert "cutting off" not in server.stderr


@LOOPS
def test_steps(serve: Serve, loop: str) -> None:
    """Every step can be seen in the log, in its order; what does not end is cut off at the deadline."""
    server = serve(*TARGETS, loop=loop, timeout_graceful_shutdown=4, ws_close_spread=0.1)
    with ExitStack() as stack:
        clients = websockets(server, stack, 1)
        deaf = opened(server, stack, "/a/deaf", b"hello\n\n\r\n")
        server.signal(signal.SIGTERM)
        assert answer_closes(clients) == [CLOSE]
        assert read(deaf) == b""
    assert server.wait() == 0
    places = [server.stderr.find(step) for step in STEPS]
    assert -1 not in places
    assert places == sorted(places)


@LOOPS
def test_delay(serve: Serve, loop: str) -> None:
    """With `--shutdown-delay` a server that is told to stop goes on accepting for a while."""
    server = serve(*TARGETS, loop=loop, shutdown_delay=20)
    with ExitStack() as stack:
        server.signal(signal.SIGTERM)
        server.wait_for_stderr("stopping: not ready, and listening for another 20 s")
        client = opened(server, stack, "/a/", b"hello")
        client.sendall(get("/w/"))
        assert b"connection: close" not in read(client, b"hello").lower()
        server.signal(signal.SIGINT)
        assert read(client) == b""
    assert server.wait() == 130
    assert "stopping: listening no more" in server.stderr


@LOOPS
def test_slow_reader_of_a_finished_response(serve: Serve, loop: str) -> None:
    """A response that the application has finished is the client's to read, at its own pace."""
    server = serve("tests.apps.wsgi_big", loop=loop, env={"PYTHONPATH": str(Path.cwd())})
    with ExitStack() as stack:
        client = stack.enter_context(closing(socket.socket()))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.settimeout(DEADLINE)
        client.connect(("127.0.0.1", server.port))
        client.sendall(get("/?8000000/65536"))
        head = read(client, b"\r\n\r\n")
        server.signal(signal.SIGTERM)
        server.wait_for_stderr("stopping, after 1 connection")
        body = head.partition(b"\r\n\r\n")[2] + read(client)
    assert len(body) >= 8_000_000
    assert server.wait() == 0
    assert "cutting off" not in server.stderr
