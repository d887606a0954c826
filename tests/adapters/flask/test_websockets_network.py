"""WebSockets of a Flask application: real servers, and the `websockets` client.

`hybrid serve` with the Flask application alone, uvicorn with the ASGI application that is made of both, and
gunicorn with our worker.
"""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from http.cookies import SimpleCookie
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.typing import Subprotocol

from tests.support.gunicorn import start_gunicorn
from tests.support.needs import require_module
from tests.support.process import APPS, DEADLINE, ServerProcess, start_server
from tests.support.uvicorn import UvicornProcess, start_uvicorn
from tests.support.websocket_clients import close_of, opened, reset

#: Both kinds of handlers: what is before the path of the route.
KINDS = pytest.mark.parametrize("kind", ["", "/thread"])


@pytest.fixture(scope="module", params=["hybrid", "uvicorn", "gunicorn"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """Serve the application, HTTP and WebSockets."""
    require_module("flask_login")
    folder = tmp_path_factory.mktemp("served")
    started: ServerProcess
    if request.param == "hybrid":
        started = start_server("flask_sockets", cwd=folder, access_log=False)
    elif request.param == "uvicorn":
        started = start_uvicorn("flask_sockets:asgi", cwd=folder, app_dir=APPS)
    else:
        worker = "hybrid.adapters.gunicorn.HybridWorker"
        started = start_gunicorn("flask_sockets:app", cwd=folder, worker_class=worker, pythonpath=APPS)
    with started:
        yield started


def heard(websocket: ClientConnection) -> Any:
    """Receive a message."""
    return websocket.recv(timeout=DEADLINE)


def heard_json(websocket: ClientConnection) -> Any:
    """Receive a message that is JSON."""
    return json.loads(heard(websocket))


def get(server: ServerProcess, path: str, **options: Any) -> httpx.Response:
    """Ask for a page."""
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", trust_env=False, timeout=DEADLINE, **options)


def refused(server: ServerProcess, path: str, **options: Any) -> Any:
    """Return the response with which a handshake is refused."""
    with pytest.raises(InvalidStatus) as caught, opened(server, path, **options):
        pass
    return caught.value.response


def wait_for(server: ServerProcess, what: str, times: int = 1) -> None:
    """Return once something has been noted so many times."""
    server.wait_for_stderr(re.compile(rf"(?:note: {re.escape(what)}\n(?:.*\n)*?){{{times}}}"))


def count(server: ServerProcess, what: str) -> int:
    """Count the notes of something so far."""
    return server.stderr.count(f"note: {what}\n")


def signed_in(server: ServerProcess, name: str) -> dict[str, str]:
    """Sign in, and return the field with the cookie."""
    response = get(server, f"/in/{name}")
    return {"Cookie": f"session={response.cookies['session']}"}


class TestMessages:
    """What goes back and forth."""

    @KINDS
    def test_echo(self, server: ServerProcess, kind: str) -> None:
        """Text and bytes come back, empty and large ones too, and the handler is told how the client left."""
        before = count(server, "left 4001 bye")
        with opened(server, f"{kind}/echo") as websocket:
            for message in ("hello", "", b"\0", b"", "ü" * 70_000):
                websocket.send(message)
                assert heard(websocket) == message
            websocket.close(4001, "bye")
        wait_for(server, "left 4001 bye", before + 1)

    @KINDS
    def test_what_was_said_before_leaving_is_read(self, server: ServerProcess, kind: str) -> None:
        """A client that vanishes ends the iteration, after what it has said."""
        code = 1005 if isinstance(server, UvicornProcess) else 1006
        before = count(server, f"left {code} ")
        with opened(server, f"{kind}/echo") as websocket:
            for number in range(100):
                websocket.send(str(number))
            assert [heard(websocket) for _ in range(100)] == [str(number) for number in range(100)]
            reset(websocket.socket)
            wait_for(server, f"left {code} ", before + 1)

    @KINDS
    def test_time_out(self, server: ServerProcess, kind: str) -> None:
        """Without a message in time there is None; JSON goes both ways."""
        with opened(server, f"{kind}/timeout") as websocket:
            assert heard_json(websocket) is None
            websocket.send('{"a": [1]}')
            assert heard_json(websocket) == {"a": [1]}

    @KINDS
    def test_many_senders(self, server: ServerProcess, kind: str) -> None:
        """Several tasks or threads send at once, and every message arrives whole."""
        with opened(server, f"{kind}/flood") as websocket:
            messages = [heard(websocket) for _ in range(80)]
        assert sorted(messages) == sorted(letter * 70_000 for letter in "abcd" for _ in range(20))

    def test_closing(self, server: ServerProcess) -> None:
        """Code and reason reach the client, and the handler goes on to its end."""
        with opened(server, "/close") as websocket:
            assert heard(websocket) == "last words"
            assert close_of(websocket) == (4001, "enough")
        wait_for(server, "closed")

    def test_a_handler_that_does_nothing(self, server: ServerProcess) -> None:
        """It accepts and closes with 1000."""
        with opened(server, "/silent") as websocket:
            assert close_of(websocket) == (1000, "")

    @KINDS
    def test_subprotocol(self, server: ServerProcess, kind: str) -> None:
        """The handler chooses."""
        offered = [Subprotocol("a"), Subprotocol("b")]
        with opened(server, f"{kind}/subprotocol", subprotocols=offered) as websocket:
            assert websocket.subprotocol == "b"
            assert heard(websocket) == "b"


class TestFlask:
    """What Flask offers in handlers."""

    @KINDS
    def test_what_a_handler_knows(self, server: ServerProcess, kind: str) -> None:
        """Session, user, request, application and g are those of the handshake."""
        fields = {**signed_in(server, "ann"), "X-Own": "x"}
        with opened(server, f"{kind}/who?q=1", additional_headers=fields) as websocket:
            known = heard_json(websocket)
            assert known.pop("greeting").startswith("hello ")
            assert known == {
                "name": "ann", "user": "ann", "query": "1", "field": "x", "address": "127.0.0.1",
                "app": "flask_sockets", "url": "http",
            }  # fmt: skip
            assert heard_json(websocket) == ["ann"]

    @KINDS
    def test_two_at_once(self, server: ServerProcess, kind: str) -> None:
        """Each has its own session, and one without a cookie has none."""
        with ExitStack() as sockets:
            websockets = [
                sockets.enter_context(opened(server, f"{kind}/who", additional_headers=fields))
                for fields in (signed_in(server, "ann"), signed_in(server, "bob"), {})
            ]
            assert [heard_json(each)["user"] for each in websockets] == ["ann", "bob", None]

    @KINDS
    def test_login_required(self, server: ServerProcess, kind: str) -> None:
        """Flask-Login's decorator lets in who has signed in, and answers 401 to others."""
        with opened(server, f"{kind}/private", additional_headers=signed_in(server, "ann")) as websocket:
            assert heard(websocket) == "welcome ann"
        assert refused(server, f"{kind}/private").status_code == 401

    @pytest.mark.parametrize(
        ("path", "expected"),
        [("/number/41", "42"), ("/number/", "0"), ("/word/olleh", "hello"), ("/rooms/x", "joined")],
    )
    def test_url_rules(self, server: ServerProcess, path: str, expected: str) -> None:
        """Converters, defaults and blueprints are Flask's."""
        with opened(server, path) as websocket:
            assert heard(websocket) == expected

    def test_a_slash_that_is_missing(self, server: ServerProcess) -> None:
        """The handshake is redirected; this client follows."""
        with opened(server, "/number") as websocket:
            assert heard(websocket) == "0"

    def test_urls(self, server: ServerProcess) -> None:
        """url_for() gives URLs of WebSockets."""
        host = f"127.0.0.1:{server.port}"
        assert get(server, "/urls").json() == [
            f"ws://{host}/echo",
            f"wss://{host}/number/7",
            f"ws://{host}/rooms/a",
        ]

    def test_before_and_after_request(self, server: ServerProcess) -> None:
        """They run for a handshake as for a request, and the one before may answer it."""
        with opened(server, "/silent") as websocket:
            assert websocket.response is not None
            assert websocket.response.headers["X-After"] == "yes"
            assert "Content-Type" not in websocket.response.headers
        response = refused(server, "/silent?closed")
        assert (response.status_code, response.body) == (401, b"closed for today")
        assert response.headers["X-After"] == "yes"

    @pytest.mark.parametrize(
        ("path", "error"), [("/silent", None), ("/echo", None), ("/late/error", "RuntimeError")]
    )
    def test_teardown(self, server: ServerProcess, path: str, error: str | None) -> None:
        """It runs when the handler has ended, with its error."""
        what = f"torn down: {error or 'NoneType'}"
        before = count(server, what)
        with opened(server, f"{path}?told"):
            pass
        wait_for(server, what, before + 1)

    def test_the_session_before_acceptance(self, server: ServerProcess) -> None:
        """Changes before it are in the cookie of the handshake's response; later ones are lost and logged."""
        with opened(server, "/visits?late") as websocket:
            assert websocket.response is not None
            assert websocket.response.headers["X-Visits"] == "1"
            cookie: SimpleCookie = SimpleCookie(websocket.response.headers["Set-Cookie"])
        fields = {"Cookie": f"session={cookie['session'].value}"}
        assert get(server, "/session", headers=fields).json() == {"visits": 1}
        server.wait_for_stderr("the session was changed after the WebSocket was accepted")


class TestRefusals:
    """Handshakes that are not granted, and errors."""

    @KINDS
    @pytest.mark.parametrize(
        ("how", "status", "body"),
        [
            ("teapot", 418, b'{"teapot":true}\n'),
            ("forbidden", 403, b"<!doctype html>"),
            ("return", 409, b"not here"),
            ("error", 500, b"<!doctype html>"),
            ("exit", 500, b"Internal Server Error\n"),
        ],
    )
    def test_before_acceptance(
        self, server: ServerProcess, kind: str, how: str, status: int, body: bytes
    ) -> None:
        """What a view would answer is the response."""
        response = refused(server, f"{kind}/fail/{how}")
        assert response.status_code == status
        assert response.body.startswith(body)

    @KINDS
    @pytest.mark.parametrize("how", ["forbidden", "error", "exit"])
    def test_after_acceptance(self, server: ServerProcess, kind: str, how: str) -> None:
        """The client gets 1011, and the log the route."""
        with opened(server, f"{kind}/late/{how}") as websocket:
            assert heard(websocket) == "open"
            closed = close_of(websocket)
            assert closed is not None
            assert closed[0] == 1011
        path = f"{kind}/late"
        server.wait_for_stderr(f"Exception on websocket {path}/{how} (route {path}/<how>, endpoint")

    def test_closing_before_acceptance(self, server: ServerProcess) -> None:
        """The handshake is refused with 403."""
        assert refused(server, "/refuse").status_code == 403

    @pytest.mark.parametrize("path", ["/none", "/session", "/number/x"])
    def test_no_route(self, server: ServerProcess, path: str) -> None:
        """404."""
        assert refused(server, path).status_code == 404

    def test_http_at_the_url_of_a_websocket(self, server: ServerProcess) -> None:
        """404, which says what is there."""
        response = get(server, "/echo")
        assert response.status_code == 404
        assert "There is a WebSocket at this URL" in response.text

    @pytest.mark.parametrize(
        ("origin", "is_granted"),
        [
            ("http://127.0.0.1:{port}", True),
            ("https://friend.example", True),
            ("http://friend.example", False),
            ("http://127.0.0.1", False),
            ("https://evil.example", False),
            ("null", False),
        ],
    )
    def test_origin(self, server: ServerProcess, origin: str, is_granted: bool) -> None:
        """Pages of other sites are refused, but for those that are allowed."""
        fields = {"Origin": origin.format(port=server.port)}
        if is_granted:
            with opened(server, "/silent", additional_headers=fields) as websocket:
                assert close_of(websocket) == (1000, "")
        else:
            assert refused(server, "/silent", additional_headers=fields).status_code == 403

    def test_more_threads_than_there_are(self, server: ServerProcess) -> None:
        """503; handlers on the loop are served all the same."""
        before = count(server, "left 1000 ")
        with ExitStack() as sockets:
            for _ in range(8):
                websocket = sockets.enter_context(opened(server, "/thread/echo"))
                websocket.send("x")
                assert heard(websocket) == "x"
            assert refused(server, "/thread/echo").status_code == 503
            with opened(server, "/echo") as other:
                other.send("x")
                assert heard(other) == "x"
        wait_for(server, "left 1000 ", before + 9)  # who comes next needs threads, too


class TestGroups:
    """Groups of sockets."""

    @pytest.mark.parametrize("kind", ["/rooms", "/rooms/thread"])
    def test_talking(self, server: ServerProcess, kind: str) -> None:
        """What one says all hear, until they leave; other rooms hear nothing."""
        with ExitStack() as sockets:
            ann, bob, cid = (
                sockets.enter_context(opened(server, f"{kind}/{name}")) for name in ("one", "one", "two")
            )
            for each in (ann, bob, cid):
                assert heard(each) == "joined"
            ann.send("hello")
            assert heard(ann) == heard(bob) == "hello"
            bob.send("leave")
            assert heard(bob) == "left"
            ann.send("alone")
            assert heard(ann) == "alone"
            bob.send("back")
            assert heard(ann) == "back"
            cid.send("x")
            assert heard(cid) == "x"

    @pytest.mark.parametrize("kind", ["/rooms", "/rooms/thread"])
    def test_from_a_view(self, server: ServerProcess, kind: str) -> None:
        """Text, bytes and JSON arrive though the handler waits for the client."""
        with opened(server, f"{kind}/views") as websocket:
            assert heard(websocket) == "joined"
            assert get(server, "/say/views").text == "said"
            assert [heard_json(websocket), heard(websocket), heard(websocket)] == [
                {"text": "hello"},
                "plain",
                b"\0\1",
            ]

    @pytest.mark.parametrize("kind", ["/rooms", "/rooms/thread"])
    def test_who_is_here(self, server: ServerProcess, kind: str) -> None:
        """Handlers and views are told, and who vanishes is not there any more."""
        here = f"here.{kind.rpartition('/')[2]}"  # where nobody of the other kind may still be
        with opened(server, f"{kind}/{here}?name=ann") as ann:
            assert heard(ann) == "joined"
            with opened(server, f"{kind}/{here}?name=bob") as bob:
                assert heard(bob) == "joined"
                ann.send("who")
                assert heard_json(ann) == [{"name": "ann"}, {"name": "bob"}]
                assert get(server, f"/members/{here}").json() == [{"name": "ann"}, {"name": "bob"}]
                with opened(server, f"/rooms/{here}?name=eve&watch") as eve:
                    assert heard(eve) == "joined"
                    reset(bob.socket)
                    event = heard_json(eve)
                    assert (event["type"], event["metadata"]) == ("group.leave", {"name": "bob"})
            ann.send("who")
            assert {"name": "bob"} not in heard_json(ann)

    @pytest.mark.parametrize("kind", ["/resume", "/thread/resume"])
    def test_resuming(self, server: ServerProcess, kind: str) -> None:
        """What was missed comes first, with numbers that one can go on from; a gap is told."""
        group = f"history{kind.replace('/', '.')}"
        with opened(server, f"{kind}/{group}") as websocket:
            assert heard_json(websocket)["count"] == 0
            get(server, f"/say/{group}")
            first = heard_json(websocket)
            assert first["text"] == "hello"
        get(server, f"/say/{group}")
        with opened(server, f"{kind}/{group}?after={first['sequence'] + 2}") as websocket:
            assert heard_json(websocket) == {"text": "hello", "sequence": first["sequence"] + 3}
            assert [heard(websocket), heard(websocket)] == ["plain", b"\0\1"]
            assert heard_json(websocket) == {"count": 3, "last": first["sequence"] + 5, "gap": False}
            get(server, f"/say/{group}")
            assert heard_json(websocket)["sequence"] == first["sequence"] + 6
        with opened(server, f"{kind}/{group}?after={first['sequence']}") as websocket:
            while not isinstance(message := heard(websocket), str) or "gap" not in message:
                pass
            assert json.loads(message)["gap"] is True

    def test_resuming_and_watching(self, server: ServerProcess) -> None:
        """Comings and goings are told after what was missed."""
        with opened(server, "/resume/history.watched?watch") as websocket:
            assert heard_json(websocket)["gap"] is False
            with opened(server, "/resume/history.watched") as other:
                assert heard_json(other)["count"] == 0
                assert heard_json(websocket)["type"] == "group.join"
            event = heard_json(websocket)
            assert (event["type"], event["metadata"]) == ("group.leave", {"name": "x"})

    def test_a_name_that_no_group_can_have(self, server: ServerProcess) -> None:
        """The handler's mistake: 1011."""
        with opened(server, "/rooms/a%20b") as websocket, pytest.raises(ConnectionClosed) as caught:
            heard(websocket)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1011
