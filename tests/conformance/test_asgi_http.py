"""What applications and clients see of each other when a real process serves them, in the order of events in
the ASGI HTTP specification. Scopes are in test_asgi_scopes.py.
"""

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.conftest import mounts
from tests.support.http_peer import get, read_responses, request
from tests.support.process import ServerProcess, start_server
from tests.support.sockets import DEADLINE, raw

CLOSE = "Connection: close"


def connect(server: ServerProcess) -> socket.socket:
    """Open a connection whose every wait has a deadline."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE)


def report(server: ServerProcess, key: str) -> Any:
    """Wait until an application has told what happened."""
    return httpx.get(f"{server.url}/report?{key}", timeout=DEADLINE).json()


def tell(server: ServerProcess, key: str) -> None:
    """Let those go on who wait for a key."""
    httpx.get(f"{server.url}/tell?{key}", timeout=DEADLINE).raise_for_status()


# Request.


@pytest.mark.parametrize("path", ["/deaf", "/echoes"])
@pytest.mark.parametrize("framing", ["Content-Length: 11", "Transfer-Encoding: chunked"])
def test_request_body(witness: ServerProcess, path: str, framing: str) -> None:
    """A body comes without its coding, in parts of which the last one says so, read or not."""
    body = b"hello world" if "Length" in framing else b"6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\nA: b\r\n\r\n"
    data = raw(witness.port, request("POST", path, framing, body=body) + get("/deaf", CLOSE))
    first, after = read_responses(data, "POST", "GET", closed=True)
    assert (first.body, after.body) == (b"deaf" if path == "/deaf" else b"hello world", b"deaf")


@pytest.mark.parametrize("framing", ["Content-Length: 8000000", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("path", ["/deaf", "/refuses"])
def test_response_before_the_body_has_come(witness: ServerProcess, path: str, framing: str) -> None:
    """An application may answer and return while the client still sends; the client gets the whole response,
    although it reads that only when it has sent everything.
    """
    part = bytes(8000) if "Length" in framing else b"1f40\r\n" + bytes(8000) + b"\r\n"
    end = b"" if "Length" in framing else b"0\r\n\r\n"
    with connect(witness) as client:
        client.sendall(request("POST", path, framing))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(1000):
                client.sendall(part)
            client.sendall(end)
        data = b"".join(iter(lambda: client.recv(65536), b""))
    (response,) = read_responses(data, "POST", closed=True)
    assert (response.status, response.body) == ((200, b"deaf") if path == "/deaf" else (413, b"too much"))


# Response.


def test_smallest_messages(witness: ServerProcess) -> None:
    """`headers`, `body` and `more_body` may be left out, and keys that nobody knows may be there."""
    (response,) = read_responses(raw(witness.port, get("/sends_little", CLOSE)), closed=True)
    assert (response.status, response.body) == (200, b"")
    assert response.values(b"content-length") == [b"0"]


def test_headers(witness: ServerProcess) -> None:
    """Headers go out in their order and as often as they were sent; Transfer-Encoding is the server's."""
    (response,) = read_responses(raw(witness.port, get("/sends_fields", CLOSE)), closed=True)
    own = [(b"b", b"2"), (b"a", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert response.headers[: len(own)] == own
    assert response.values(b"transfer-encoding") == [b"chunked"]
    assert response.body == b"all of it"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_more_body(witness: ServerProcess, version: str) -> None:
    """Parts follow each other until one says that it is the last, be it empty; empty ones are no end."""
    (response,) = read_responses(raw(witness.port, get("/sends_parts", CLOSE, version=version)), closed=True)
    assert response.body == b"onetwothree"


def test_parts_leave_at_once(witness: ServerProcess) -> None:
    """What `send` has taken is on its way, whether more follows or not."""
    with connect(witness) as client:
        client.sendall(get("/sends_and_waits?part"))
        data = b""
        while b"first" not in data:
            data += client.recv(65536)
        tell(witness, "part-go")
        while not data.endswith(b"0\r\n\r\n"):
            data += client.recv(65536)
    assert read_responses(data)[0].body == b"firstlast"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 205), ("GET", 304)])
def test_response_without_body(witness: ServerProcess, method: str, status: int) -> None:
    """What an application sends of a body is left out where there is none, and the connection goes on."""
    data = raw(witness.port, request(method, f"/bodiless?{status}") + get("/deaf", CLOSE))
    first, after = read_responses(data, method, "GET", closed=True)
    assert (first.status, first.body, after.body) == (status, b"", b"deaf")


def test_response_without_body_that_has_no_end(witness: ServerProcess) -> None:
    """An application that goes on with a body that nobody gets does not stop the server, and hears of the
    end.
    """
    with connect(witness) as client:
        client.sendall(request("HEAD", "/sends_to_nobody?head"))
        assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
        assert httpx.get(f"{witness.url}/deaf", timeout=DEADLINE).text == "deaf"
    assert report(witness, "head") == "OSError"


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


@pytest.mark.parametrize("path", ["/translates", "/sends_in_a_group"])
def test_client_leaves_and_the_error_is_wrapped(witness: ServerProcess, path: str) -> None:
    """That OSError is no failure either when it comes in a group, or as an error of a framework."""
    with connect(witness) as client:
        client.sendall(get(f"{path}?wrapped{path[1:]}"))
        client.recv(100)
    assert report(witness, f"wrapped{path[1:]}").startswith("OSError")
    witness.wait_for_stderr(f"GET {path}: ended with ")


def test_receive_after_the_response(witness: ServerProcess) -> None:
    """`receive` may be called again and again, and by many at once: it always says that it is over."""
    assert httpx.get(f"{witness.url}/receives_again?again", timeout=DEADLINE).status_code == 200
    assert report(witness, "again") == ["http.request"] + 4 * ["http.disconnect"]


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


# How a call can end; for messages that break a rule, see test_asgi_messages.py.

CUT = "cut"
ENDS = [
    ("no_response", 500, "returned without completing its response"),
    ("start_only", 500, "returned without completing its response"),
    ("no_end", CUT, "returned without completing its response"),
    ("raises_first", 500, "RuntimeError: failed on purpose"),
    ("raises_after_the_start", 500, "RuntimeError: failed on purpose"),
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
    """Serve the applications that end as they should not, and one that does not."""
    targets = mounts("misbehaving", [name for name, _, _ in ENDS])
    with start_server(*targets, "hello_asgi:app", cwd=folder, access_log=False, lifespan="off") as server:
        yield server
        assert "Warning" not in server.stderr
        assert "never retrieved" not in server.stderr


@pytest.mark.parametrize(("name", "outcome", "logged"), ENDS, ids=[name for name, _, _ in ENDS])
def test_end_of_a_call(misbehaving: ServerProcess, name: str, outcome: int | str, logged: str) -> None:
    """The client gets 500, or can tell that its response was cut off; the log says why, once."""
    data = raw(misbehaving.port, get(f"/{name}") + get("/", CLOSE))
    assert b"secret" not in data
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
    if logged:
        title = f"GET /{name}: the application "
        text = misbehaving.wait_for_stderr(re.compile(re.escape(title) + r"[\s\S]*?" + re.escape(logged)))
        assert text.count(title) == 1


@pytest.mark.parametrize("name", ["no_response", "raises_first"])
def test_failure_before_the_body_has_come(misbehaving: ServerProcess, name: str) -> None:
    """A client that is still sending can read that the application has failed."""
    data = raw(
        misbehaving.port, request("POST", f"/{name}", "Content-Length: 5000000", body=bytes(5_000_000))
    )
    (response,) = read_responses(data, "POST", closed=True)
    assert (response.status, response.body) == (500, b"Internal Server Error")
