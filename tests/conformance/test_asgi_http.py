"""What applications see of HTTP when a real process serves them (ASGI HTTP specification)."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.conftest import check_quiet, mounts
from tests.support.http_peer import get, read_responses, request
from tests.support.process import Serve, ServerProcess, start_server
from tests.support.sockets import DEADLINE, raw


def connect(server: ServerProcess) -> socket.socket:
    """Open a connection whose every wait has a deadline."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)


def report(server: ServerProcess, key: str) -> Any:
    """Wait until an application has told what happened."""
    return httpx.get(f"{server.url}/report?{key}", timeout=DEADLINE).json()


def tell(server: ServerProcess, key: str) -> None:
    """Let those go on who wait for a key."""
    httpx.get(f"{server.url}/tell?{key}", timeout=DEADLINE).raise_for_status()


# The scope.


def test_scope_on_tcp(witness: ServerProcess) -> None:
    """`client` and `server` are the addresses of the two ends."""
    with connect(witness) as client:
        port = client.getsockname()[1]
        client.sendall(get("/shows_scope/%C3%A9?a=%20", "Connection: close"))
        data = b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(data, closed=True)
    scope = response.body.decode()
    assert f"'client': ('127.0.0.1', {port})" in scope
    assert f"'server': ('127.0.0.1', {witness.port})" in scope
    assert "'path': '/shows_scope/é', 'raw_path': b'/shows_scope/%C3%A9', 'query_string': b'a=%20'" in scope
    assert "'root_path': '/shows_scope'" in scope
    assert "'scheme': 'http'" in scope


def test_scope_on_a_unix_socket(serve: Serve, tmp_path: Path) -> None:
    """On a Unix socket there is no client address, and the server is its path."""
    path = tmp_path / "s"
    serve("witness:shows_scope", lifespan="off", uds=path)
    transport = httpx.HTTPTransport(uds=str(path))
    with httpx.Client(transport=transport, timeout=DEADLINE) as client:
        scope = client.get("http://x/").text
    assert "'client': None" in scope
    assert f"'server': ('{path}', None)" in scope


def test_root_path(serve: Serve) -> None:
    """The paths begin with what a proxy has taken off."""
    server = serve("witness:shows_scope", lifespan="off", root_path="/mount")
    scope = httpx.get(f"{server.url}/a", timeout=DEADLINE).text
    assert "'path': '/mount/a', 'raw_path': b'/mount/a'" in scope
    assert "'root_path': '/mount'" in scope


def test_state(serve: Serve) -> None:
    """Requests see the lifespan's state, each in a copy of its own that shares its values."""
    server = serve("witness:uses_state", lifespan="on")
    answers = [httpx.get(server.url, timeout=DEADLINE).json() for _ in range(2)]
    assert answers == [{"number": 2, "shared": ["seen"]}, {"number": 2, "shared": ["seen", "seen"]}]
    check_quiet(server)


# The end of a connection.


def test_client_leaves_while_the_application_waits(witness: ServerProcess) -> None:
    """An application that waits in `receive` hears that its client has left; then `send` raises OSError."""
    with connect(witness) as client:
        client.sendall(request("POST", "/receives_to_the_end?left", "Content-Length: 9", body=b"hello"))
    events = report(witness, "left")
    assert set(events[:-2]) <= {"http.request"}
    assert events[-2:] == ["http.disconnect", "OSError"]


def test_client_leaves_while_the_application_sends(witness: ServerProcess) -> None:
    """An application that streams to a client that leaves gets an OSError, and the server logs nothing."""
    with connect(witness) as client:
        client.sendall(get("/sends_to_nobody?streaming"))
        client.recv(100)
    assert report(witness, "streaming") == "OSError"


def test_after_the_response(witness: ServerProcess) -> None:
    """After the response `receive` says that it is over, and the application may go on with something else.

    Meanwhile its connection serves the next request.
    """
    with connect(witness) as client:
        client.sendall(get("/works_afterwards?task") + get("/deaf"))
        data = b""
        while b"deaf" not in data:
            data += client.recv(65536)
        assert [response.body for response in read_responses(data, "GET", "GET")] == [b"done", b"deaf"]
        tell(witness, "task-go")
        assert report(witness, "task") == "http.disconnect"


def test_sending_from_many_tasks(witness: ServerProcess) -> None:
    """Parts that are sent at once arrive whole, in the order of the calls."""
    body = httpx.get(f"{witness.url}/sends_at_once", timeout=DEADLINE).content
    assert body == b"".join(b"%03d," % number * 20_000 for number in range(20))


# Broken rules.

CUT = "cut"
RULES = [
    ("start_twice", 500, "'http.response.start' was sent, but http.response.body is due"),
    ("body_first", 500, "'http.response.body' was sent, but http.response.start is due"),
    ("body_after_the_end", 200, "'http.response.body' was sent, but the response is complete"),
    ("no_response", 500, "returned without completing its response"),
    ("no_end", CUT, "returned without completing its response"),
    ("unknown_message", 500, "'websocket.send' was sent, but http.response.start is due"),
    ("no_message", 500, "None is no ASGI message"),
    ("text_body", 500, "body must be bytes, not 'text'"),
    ("text_header", 500, "header name and value must be bytes, not 'a': 'b'"),
    ("text_status", 500, "response status '200' is not a number"),
    ("injected_value", 500, "invalid character in the value of header b'a'"),
    ("injected_name", 500, "invalid header name"),
    ("too_long", 500, "the body is longer than its Content-Length"),
    ("too_long_in_parts", CUT, "the body is longer than its Content-Length"),
    ("too_short", CUT, "the body is shorter than its Content-Length"),
    ("raises_first", 500, "RuntimeError: failed on purpose"),
    ("raises_in_the_middle", CUT, "RuntimeError: failed on purpose"),
    ("raises_last", 200, "RuntimeError: failed on purpose"),
    ("exits", 500, "SystemExit: 7"),
    ("interrupts", 500, "KeyboardInterrupt"),
    ("cancels", 500, ""),
    ("unusual", 500, "Unusual: failed on purpose"),
    ("exits_in_a_task", 500, "RuntimeError: failed on purpose"),
]


@pytest.fixture(scope="module")
def misbehaving(folder: Path) -> Iterator[ServerProcess]:
    """Serve the applications that break rules, and one that does not."""
    targets = mounts("misbehaving", [name for name, _, _ in RULES])
    with start_server(*targets, "hello_asgi:app", cwd=folder, access_log=False, lifespan="off") as server:
        yield server
        assert "Warning" not in server.stderr
        assert "never retrieved" not in server.stderr


@pytest.mark.parametrize(("name", "outcome", "logged"), RULES, ids=[name for name, _, _ in RULES])
def test_broken_rule(misbehaving: ServerProcess, name: str, outcome: int | str, logged: str) -> None:
    """The client gets 500, or can tell that its response was cut off; the log names the rule."""
    data = raw(misbehaving.port, get(f"/{name}") + get("/", "Connection: close"))
    assert b"evil" not in data
    if outcome == CUT:
        with pytest.raises(Exception, match=r"incomplete|closed|peer"):
            read_responses(data, closed=True)
    elif outcome == 200:
        first, after = read_responses(data, "GET", "GET", closed=True)
        assert (first.body, after.body) == (b"all", b"hello\n")
    else:
        (response,) = read_responses(data, closed=True)
        assert (response.status, response.body) == (500, b"Internal Server Error")
        assert response.values(b"connection") == [b"close"]
    assert httpx.get(misbehaving.url, timeout=DEADLINE).text == "hello\n"
    misbehaving.wait_for_stderr(logged)
