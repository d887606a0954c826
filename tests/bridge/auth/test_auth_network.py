"""Authentication behind real servers, this project's and uvicorn, with real clients."""

import http.client
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection
from websockets.typing import Origin, Subprotocol

from tests.apps.authenticated import ANN, BOB
from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, ROOT, ServerProcess, start_server
from tests.support.uvicorn import start_uvicorn
from tests.support.websocket_clients import close_of, opened, status_of

ENVIRONMENT = {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module", params=["hybrid", "uvicorn"])
def server(request: pytest.FixtureRequest) -> Iterator[ServerProcess]:
    """Serve the applications; the end must be without complaints, and no token in the log."""
    if request.param == "uvicorn":
        require_module("uvicorn")
        server: ServerProcess = start_uvicorn("authenticated:app", cwd=APPS, env=ENVIRONMENT)
    else:
        server = start_server("authenticated:app", cwd=APPS, env=ENVIRONMENT, access_log=False)
    with server:
        yield server
    for complaint in ("never retrieved", "never awaited", "Exception in", "Task was destroyed", ANN, BOB):
        assert complaint not in server.stderr


def wait_for(server: ServerProcess, what: str) -> None:
    """Return once something has been noted, and forget nothing that comes after."""
    server.wait_for_stderr(re.compile(rf"note: {re.escape(what)}\n"))


def heard(websocket: ClientConnection) -> str:
    """Return the next message."""
    message = websocket.recv(timeout=DEADLINE)
    assert isinstance(message, str)
    return message


def with_token(
    server: ServerProcess, path: str, token: str, **options: Any
) -> AbstractContextManager[ClientConnection]:
    """Open a WebSocket with a bearer token."""
    return opened(server, path, additional_headers={"Authorization": f"Bearer {token}"}, **options)


def with_cookie(
    server: ServerProcess, path: str, cookie: str, origin: str | None = "own"
) -> AbstractContextManager[ClientConnection]:
    """Open a WebSocket with a cookie, from a page of the server's own or of another site."""
    page = f"http://127.0.0.1:{server.port}" if origin == "own" else origin
    named = None if page is None else Origin(page)
    return opened(server, path, origin=named, additional_headers={"Cookie": f"who={cookie}"})


def test_bearer(server: ServerProcess) -> None:
    """Who has a token is let in with it, and talks; who has none, or another one, gets 401."""
    with with_token(server, "/bearer", ANN) as websocket:
        assert heard(websocket) == "ann [] []"
        websocket.send("hello")
        assert heard(websocket) == "hello"
    assert status_of(opened(server, "/bearer")) == 401
    assert status_of(with_token(server, "/bearer", "wrong")) == 401
    assert status_of(with_token(server, "/bearer", "x" * 8000)) == 401


def test_not_required(server: ServerProcess) -> None:
    """Visitors are let in, and are nobody."""
    with opened(server, "/optional") as websocket:
        assert heard(websocket) == "x [] []"
    with with_token(server, "/optional", BOB) as websocket:
        assert heard(websocket) == "{'name': 'Bob'} [] []"


def test_http(server: ServerProcess) -> None:
    """Requests are let in, too, and the others told how (RFC 6750 section 3)."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)) as client:
        client.request("GET", "/", headers={"Authorization": f"Bearer {ANN}"})
        assert client.getresponse().read() == b"ann"
        client.request("GET", "/", headers={"Cookie": "who=carl"})
        assert client.getresponse().read() == b"carl"
        client.request("POST", "/", headers={"Cookie": "who=carl", "Origin": "https://evil.example"})
        response = client.getresponse()
        assert (response.status, response.read()) == (403, b"Forbidden\n")
        client.request("GET", "/")
        response = client.getresponse()
        assert (response.status, response.read()) == (401, b"Unauthorized\n")
        assert response.headers["WWW-Authenticate"] == "Bearer"


def test_origins(server: ServerProcess) -> None:
    """Pages of listed origins come in, and with no list those of the same host; all others get 403."""
    own, shop, evil = f"http://127.0.0.1:{server.port}", "https://shop.example", "https://evil.example"
    for path, friend, stranger in (("/listed", shop, own), ("/own", own, shop)):
        with opened(server, path, origin=Origin(friend)) as websocket:
            assert heard(websocket) == "None [] []"
        for origin in (stranger, evil, "null", None):
            assert status_of(opened(server, path, origin=origin and Origin(origin))) == 403
    server.wait_for_stderr("websocket /listed: refused: origin https://evil.example is not allowed")


def test_cookie(server: ServerProcess) -> None:
    """The user's own pages are let in; other sites' pages, for which the browser sends it too, are not."""
    with with_cookie(server, "/cookie", "carl") as websocket:
        assert heard(websocket) == "carl [] []"
    for origin in ("https://evil.example", "null", None):
        assert status_of(with_cookie(server, "/cookie", "carl", origin)) == 403
    assert status_of(with_cookie(server, "/cookie", "nobody")) == 403
    server.wait_for_stderr("websocket /cookie: refused with 403: origin https://evil.example is not allowed")


def test_a_function_that_fails(server: ServerProcess) -> None:
    """The client gets 500, and the log has the traceback."""
    assert status_of(with_cookie(server, "/cookie", "fails")) == 500
    server.wait_for_stderr("RuntimeError: on purpose")
    server.wait_for_stderr("websocket /cookie: <CookieSession> failed")


def test_subprotocol(server: ServerProcess) -> None:
    """The token is seen by nobody; what is accepted is another one of those that were offered."""
    for offered, accepted, seen in (
        (["chat", f"bearer.{ANN}"], "chat", "ann ['chat'] [b'chat']"),
        (["hybrid.auth", f"bearer.{ANN}"], "hybrid.auth", "ann [] []"),
        ([f"bearer.{ANN}"], None, "ann [] []"),
    ):
        with opened(server, "/subprotocol", subprotocols=[*map(Subprotocol, offered)]) as websocket:
            assert websocket.subprotocol == accepted
            assert heard(websocket) == seen
    offered = ["hybrid.auth", "bearer.wrong"]
    assert status_of(opened(server, "/subprotocol", subprotocols=[*map(Subprotocol, offered)])) == 403


def test_first_message(server: ServerProcess) -> None:
    """The handshake is accepted; after the token comes whatever the application has to say."""
    with opened(server, "/first", subprotocols=[*map(Subprotocol, ["v9", "v2", "chat"])]) as websocket:
        assert websocket.subprotocol == "v2"
        websocket.send(ANN)
        assert heard(websocket) == "ann ['v9', 'v2', 'chat'] [b'v9, v2, chat']"
        websocket.send("hello")
        assert heard(websocket) == "hello"
    server.wait_for_stderr("the application accepts the subprotocol v9, which is too late")
    for message, code in (("wrong", 4401), ("x" * 9000, 4401), (b"bytes", 4401)):
        with opened(server, "/first") as websocket:
            websocket.send(message)
            assert close_of(websocket) == (code, "")
    with opened(
        server, "/first", subprotocols=[*map(Subprotocol, ["hybrid.auth", f"bearer.{ANN}"])]
    ) as websocket:
        assert heard(websocket) == "ann [] []"  # no message is waited for


def test_no_first_message(server: ServerProcess) -> None:
    """A client that does not say who it is gets 4408."""
    with opened(server, "/hurried") as websocket:
        assert close_of(websocket) == (4408, "")


def test_an_application_that_refuses_after_the_first_message(server: ServerProcess) -> None:
    """Its refusal is a close code, as the handshake has been accepted."""
    with opened(server, "/refusing") as websocket:
        websocket.send(ANN)
        assert close_of(websocket) == (4403, "")


def test_expiry(server: ServerProcess) -> None:
    """When the session ends, the socket is closed, and the application told."""
    with with_cookie(server, "/cookie", "carl:1") as websocket:
        assert heard(websocket) == "carl [] []"
        assert close_of(websocket) == (4401, "the sign-in has expired")
    wait_for(server, "/cookie left 4401")


def test_expiry_of_what_never_receives(server: ServerProcess) -> None:
    """An application that only sends is told by its sending."""
    with with_cookie(server, "/deaf", "carl:1") as websocket:
        with suppress(ConnectionClosed):
            for _ in websocket:
                pass
        assert websocket.close_code == 4401
    wait_for(server, "deaf ends: ClientDisconnected")


def test_blocking_a_user(server: ServerProcess) -> None:
    """Asked again whose a session is, the application can say that it is nobody's any more."""
    with with_cookie(server, "/rechecked", "emil") as emil, with_cookie(server, "/rechecked", "ida") as ida:
        assert heard(emil) == "emil [] []"
        assert heard(ida) == "ida [] []"
        ida.send("block emil")
        assert close_of(emil) == (4444, "the sign-in has ended")
        ida.send("still here")
        assert heard(ida) == "still here"
    wait_for(server, "/rechecked left 4444")


def test_disconnecting_a_user(server: ServerProcess) -> None:
    """All of the user's sockets are closed, however they came in, and nobody else's."""
    with (
        with_cookie(server, "/cookie", "ann") as one,
        with_token(server, "/bearer", ANN) as two,
        opened(server, "/first") as three,
        with_token(server, "/bearer", BOB) as bob,
    ):
        three.send(ANN)
        for websocket in (one, two, three, bob):
            heard(websocket)
        bob.send("out ann")
        for websocket in (one, two, three):
            assert close_of(websocket) == (4409, "out")
        bob.send("still here")
        assert heard(bob) == "still here"
    wait_for(server, "/bearer left 4409")


def test_who_comes_back(server: ServerProcess) -> None:
    """A user who signs in again can be disconnected again."""
    with with_token(server, "/bearer", BOB) as bob:
        heard(bob)
        for _ in range(3):
            with with_token(server, "/bearer", ANN) as ann:
                heard(ann)
                bob.send("out ann")
                assert close_of(ann) == (4409, "out")
