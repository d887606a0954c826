"""What applications and clients see of each other when a real process serves them, in the order of events in
the ASGI HTTP specification, over HTTP/1.1 and HTTP/2. Scopes are in test_asgi_scopes.py.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conformance.conftest import OPTIONS, mounts
from tests.support.http_peer import get, read_responses
from tests.support.http_versions import CutOff, Version, connected
from tests.support.process import ServerProcess, start_server
from tests.support.sockets import DEADLINE, raw


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """Give a test a key of its own for what its application tells."""
    return "".join(letter for letter in request.node.name if letter.isalnum())


def report(server: ServerProcess, key: str) -> Any:
    """Wait until an application has told what happened."""
    return httpx.get(f"{server.url}/report?{key}", timeout=DEADLINE).json()


def tell(server: ServerProcess, key: str) -> None:
    """Let those go on who wait for a key."""
    httpx.get(f"{server.url}/tell?{key}", timeout=DEADLINE).raise_for_status()


# Request.


@pytest.mark.parametrize("path", ["/deaf", "/echoes"])
@pytest.mark.parametrize("framing", ["Content-Length: 11", ""])
def test_request_body(witness: ServerProcess, version: Version, path: str, framing: str) -> None:
    """A body comes without its coding, in parts of which the last one says so, read or not."""
    with connected(witness, version) as client:
        exchange = client.start(path, *filter(None, [framing]), method="POST", ends=False)
        exchange.send(b"hello ")
        exchange.send(b"world")
        exchange.end()
        assert exchange.response().body == (b"deaf" if path == "/deaf" else b"hello world")
        assert client.ask("/deaf").body == b"deaf"


@pytest.mark.parametrize("framing", ["Content-Length: 8000000", ""])
@pytest.mark.parametrize("path", ["/deaf", "/refuses"])
def test_response_before_the_body_has_come(
    witness: ServerProcess, version: Version, path: str, framing: str
) -> None:
    """An application may answer and return while the client still sends; the client gets the whole response,
    although it reads that only when it has sent everything.
    """
    with connected(witness, version) as client:
        exchange = client.start(path, *filter(None, [framing]), method="POST", ends=False)
        for _ in range(1000):
            exchange.send(bytes(8000))
        exchange.end()
        response = exchange.response()
    assert (response.status, response.body) == ((200, b"deaf") if path == "/deaf" else (413, b"too much"))


# Response.


def test_smallest_messages(witness: ServerProcess, version: Version) -> None:
    """`headers`, `body` and `more_body` may be left out, and keys that nobody knows may be there."""
    with connected(witness, version) as client:
        response = client.ask("/sends_little")
    assert (response.status, response.body) == (200, b"")
    assert response.values(b"content-length") == [b"0"]


def test_headers(witness: ServerProcess, version: Version) -> None:
    """Headers go out in their order and as often as they were sent; Transfer-Encoding is the server's, and
    there is none in HTTP/2.
    """
    with connected(witness, version) as client:
        response = client.ask("/sends_fields")
    own = [(b"b", b"2"), (b"a", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
    assert response.headers[: len(own)] == own
    assert response.values(b"transfer-encoding") == ([b"chunked"] if version == "1.1" else [])
    assert response.body == b"all of it"


def test_more_body(witness: ServerProcess, version: Version) -> None:
    """Parts follow each other until one says that it is the last, be it empty; empty ones are no end."""
    with connected(witness, version) as client:
        assert client.ask("/sends_parts").body == b"onetwothree"


def test_more_body_for_an_old_client(witness: ServerProcess) -> None:
    """In HTTP/1.0 the end of the connection is the end of the body."""
    (response,) = read_responses(raw(witness.port, get("/sends_parts", version="1.0")), closed=True)
    assert response.body == b"onetwothree"


def test_parts_leave_at_once(witness: ServerProcess, version: Version, key: str) -> None:
    """What `send` has taken is on its way, whether more follows or not."""
    with connected(witness, version) as client:
        exchange = client.start(f"/sends_and_waits?{key}")
        assert exchange.read_until(b"first") == b"first"
        tell(witness, f"{key}-go")
        assert exchange.read_all() == b"last"


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 205), ("GET", 304)])
def test_response_without_body(witness: ServerProcess, version: Version, method: str, status: int) -> None:
    """What an application sends of a body is left out where there is none, and the connection goes on."""
    with connected(witness, version) as client:
        response = client.ask(f"/bodiless?{status}", method=method)
        assert (response.status, response.body) == (status, b"")
        assert client.ask("/deaf").body == b"deaf"


def test_response_without_body_that_has_no_end(witness: ServerProcess, version: Version, key: str) -> None:
    """An application that goes on with a body that nobody gets does not stop the server, and hears of the
    end.
    """
    with connected(witness, version) as client:
        assert client.start(f"/sends_to_nobody?{key}", method="HEAD").head().status == 200
        assert httpx.get(f"{witness.url}/deaf", timeout=DEADLINE).text == "deaf"
    assert report(witness, key) == "OSError"


# The end of a connection, or of a stream alone.


def test_client_leaves_while_the_application_waits(
    witness: ServerProcess, version: Version, key: str
) -> None:
    """An application that waits in `receive` hears that its client has left; then `send` raises OSError."""
    with connected(witness, version) as client:
        exchange = client.start(f"/receives_to_the_end?{key}", "Content-Length: 9", method="POST", ends=False)
        exchange.send(b"hello")
        exchange.leave()
        events = report(witness, key)
    assert set(events[:-2]) <= {"http.request"}
    assert events[-2:] == ["http.disconnect", "OSError"]


def test_client_leaves_while_the_application_sends(
    witness: ServerProcess, version: Version, key: str
) -> None:
    """An application that streams to a client that leaves gets an OSError, and the server logs nothing."""
    with connected(witness, version) as client:
        exchange = client.start(f"/sends_to_nobody?{key}")
        assert exchange.read()
        exchange.leave()
        assert report(witness, key) == "OSError"


@pytest.mark.parametrize("path", ["/translates", "/sends_in_a_group"])
def test_client_leaves_and_the_error_is_wrapped(
    witness: ServerProcess, version: Version, path: str, key: str
) -> None:
    """That OSError is no failure either when it comes in a group, or as an error of a framework."""
    with connected(witness, version) as client:
        exchange = client.start(f"{path}/{version}?{key}")
        assert exchange.read()
        exchange.leave()
        assert report(witness, key).startswith("OSError")
    witness.wait_for_stderr(f"GET {path}/{version}: ended with ")


def test_receive_after_the_response(witness: ServerProcess, version: Version, key: str) -> None:
    """`receive` may be called again and again, and by many at once: it always says that it is over."""
    with connected(witness, version) as client:
        assert client.ask(f"/receives_again?{key}").status == 200
        assert report(witness, key) == ["http.request"] + 4 * ["http.disconnect"]


def test_after_the_response(witness: ServerProcess, version: Version, key: str) -> None:
    """After the response `receive` says that it is over, and the application may go on with something else.

    Meanwhile its connection serves the next request.
    """
    with connected(witness, version) as client:
        assert client.ask(f"/works_afterwards?{key}").body == b"done"
        assert client.ask("/deaf").body == b"deaf"
        tell(witness, f"{key}-go")
        assert report(witness, key) == "http.disconnect"


def test_sending_from_many_tasks(witness: ServerProcess, version: Version) -> None:
    """Parts that are sent at once arrive whole, in the order of the calls."""
    with connected(witness, version) as client:
        body = client.ask("/sends_at_once").body
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
    with start_server(*targets, "hello_asgi:app", cwd=folder, **OPTIONS) as server:
        yield server
        assert "Warning" not in server.stderr
        assert "never retrieved" not in server.stderr


@pytest.mark.parametrize(("name", "outcome", "logged"), ENDS, ids=[name for name, _, _ in ENDS])
def test_end_of_a_call(
    misbehaving: ServerProcess, version: Version, name: str, outcome: int | str, logged: str
) -> None:
    """The client gets 500, or can tell that its response was cut off; the log says why, once.

    A connection of HTTP/2 goes on whatever happens to one of its streams.
    """
    with connected(misbehaving, version) as client:
        exchange = client.start(f"/{name}/{version}")
        if outcome == CUT:
            with pytest.raises(CutOff):
                exchange.response()
        else:
            response = exchange.response()
            assert (response.status, response.body) == (
                (200, b"all") if outcome == 200 else (500, b"Internal Server Error")
            )
            assert b"secret" not in repr(response).encode()
            is_last = outcome != 200 and version == "1.1"
            assert response.values(b"connection") == ([b"close"] if is_last else [])
        if version == "2" or outcome == 200:
            assert client.ask("/").body == b"hello\n"
    assert httpx.get(misbehaving.url, timeout=DEADLINE).text == "hello\n"
    if logged:
        title = f"GET /{name}/{version}: the application "
        text = misbehaving.wait_for_stderr(re.compile(re.escape(title) + r"[\s\S]*?" + re.escape(logged)))
        assert text.count(title) == 1


@pytest.mark.parametrize("name", ["no_response", "raises_first"])
def test_failure_before_the_body_has_come(misbehaving: ServerProcess, version: Version, name: str) -> None:
    """A client that is still sending can read that the application has failed."""
    with connected(misbehaving, version) as client:
        response = client.ask(f"/{name}", body=bytes(5_000_000))
    assert (response.status, response.body) == (500, b"Internal Server Error")
