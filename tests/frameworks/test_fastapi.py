"""A FastAPI application, as its users would use it, leave it, and stop it."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode
from websockets.typing import Subprotocol

from tests.support.frameworks import check_unread, heard, noted, notes, served, settled, tell
from tests.support.needs import require_module, require_program
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import asking, until
from tests.support.websocket_clients import close_of, handshake, opened, reset

APP = "tests.frameworks.apps.fastapi_app"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the application; a response whose client is gone may do nothing for half a second."""
    for name in ("fastapi", "python_multipart"):
        require_module(name)
    with served(tmp_path_factory.mktemp("served"), APP, timeout_disconnect=0.5) as server:
        yield server


@pytest.fixture
def client(server: ServerProcess) -> Iterator[httpx.Client]:
    """Give a client with one connection."""
    limits = httpx.Limits(max_connections=1)
    with httpx.Client(base_url=server.url, timeout=DEADLINE, limits=limits) as client:
        yield client


class TestRequests:
    """What a request can be, and what becomes of it."""

    def test_state(self, client: httpx.Client) -> None:
        """What the lifespan yields is the state of each request."""
        assert client.get("/greeting").json() == {"greeting": "hello", "client": "127.0.0.1"}

    def test_thread(self, client: httpx.Client) -> None:
        """A function that is no coroutine runs beside the event loop."""
        assert client.get("/thread").json() == {"main": False}

    def test_json(self, client: httpx.Client) -> None:
        """A body becomes a model, or 422, and the middleware marks both."""
        good, bad = client.post("/items", json={"name": "é", "price": 1}), client.post("/items", json={})
        assert (good.status_code, good.json()) == (201, {"name": "é", "price": 1.0})
        assert (bad.status_code, bad.headers["x-marked"]) == (422, "yes")

    @pytest.mark.parametrize("length", ["known", "chunked"])
    def test_upload(self, client: httpx.Client, length: str) -> None:
        """Files of a form, larger than what is kept in memory, arrive as they are."""
        contents = {"small.bin": b"x", "empty.bin": b"", "large.bin": bytes(range(256)) * 20_000}
        files = [("files", (name, content)) for name, content in contents.items()]
        request = client.build_request("POST", "/upload", data={"title": "Zoë"}, files=files)
        if length == "chunked":
            del request.headers["content-length"]
            request.headers["transfer-encoding"] = "chunked"
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        assert client.send(request).json() == {"title": "Zoë", "files": digests}

    def test_upload_by_curl(self, server: ServerProcess, tmp_path: Any) -> None:
        """A client like curl waits for `100 Continue` before a large form, and is told to go on."""
        file = tmp_path / "large.bin"
        file.write_bytes(bytes(3 << 20))
        form = ["-F", "title=x", "-F", f"files=@{file}"]
        curl = [require_program("curl"), "-sv", "--expect100-timeout", "20", "-H", "Expect: 100-continue"]
        done = subprocess.run(
            [*curl, *form, f"{server.url}/upload"], capture_output=True, check=True, timeout=DEADLINE
        )
        assert hashlib.sha256(bytes(3 << 20)).hexdigest().encode() in done.stdout
        assert b"HTTP/1.1 100 Continue" in done.stderr

    def test_dependency(self, server: ServerProcess, client: httpx.Client) -> None:
        """A dependency that yields is closed after the request."""
        assert client.get("/session/plain").json() == "session of plain"
        noted(server, "plain session closed")
        assert notes(server, "plain") == ["session opened", "session closed"]

    def test_refused(self, client: httpx.Client) -> None:
        """An HTTPException is a response, with its header."""
        answer = client.get("/refused")
        assert (answer.status_code, answer.json()) == (418, {"detail": "a teapot"})
        assert answer.headers["x-kettle"] == "on"

    def test_failure(self, server: ServerProcess, client: httpx.Client) -> None:
        """An exception is a 500, the dependency is closed all the same, and the connection goes on."""
        assert client.get("/broken/failure").status_code == 500
        noted(server, "failure session closed")
        assert client.get("/thread").status_code == 200


class TestBackgroundTasks:
    """What goes on after the response."""

    def test_connection_goes_on(self, server: ServerProcess, client: httpx.Client) -> None:
        """The next request on the connection is answered while the task is still at work."""
        assert client.post("/later/task").json() == {"will": "be done"}
        assert notes(server, "task") == []
        assert client.post("/release/task").status_code == 200
        noted(server, "task worked")

    def test_client_leaves(self, server: ServerProcess) -> None:
        """A client that leaves once it has its response does not end the task."""
        httpx.post(f"{server.url}/later/left-alone", timeout=DEADLINE)
        with asking(server, "/quiet/leaves-later") as client:
            assert client.recv(1)
        noted(server, "leaves-later ended")  # timeout_disconnect is over, for who left before as well
        httpx.post(f"{server.url}/release/left-alone", timeout=DEADLINE)
        noted(server, "left-alone worked")


class TestStreams:
    """Responses that do not end by themselves."""

    @pytest.mark.parametrize("path", ["flood", "quiet"])
    def test_client_leaves(self, server: ServerProcess, client: httpx.Client, path: str) -> None:
        """The response and its dependency end, whether the generator sends or waits for something else."""
        name = f"leaves-{path}"
        with client.stream("GET", f"/{path}/{name}") as answer:
            next(answer.iter_raw())
        noted(server, f"{name} session closed")

    def test_client_resets(self, server: ServerProcess) -> None:
        """The same when the connection breaks."""
        with asking(server, "/quiet/resets") as client:
            assert client.recv(1)
            reset(client)
        noted(server, "resets ended")

    def test_client_reads_slowly(self, server: ServerProcess) -> None:
        """A generator rests while its client does not read."""
        check_unread(server, "/flood/slow", "slow")
        noted(server, "slow session closed")


class TestWebSockets:
    """WebSockets, their dependencies and their ends."""

    def test_messages(self, server: ServerProcess) -> None:
        """JSON comes back, with the state of the lifespan; the handshake has the field of the application."""
        with opened(server, "/ws/talks") as websocket:
            for size in (1, 200, 70_000):
                tell(websocket, text="é" * size)
                assert heard(websocket) == {"got": {"text": "é" * size}, "greeting": "hello"}
            assert websocket.response is not None
            assert websocket.response.headers["x-session"] == "session of talks"
        noted(server, "talks session closed")

    @pytest.mark.parametrize(
        ("offer", "chosen"), [(["xml", "json.v2", "json.v1"], "json.v2"), (["xml"], None)]
    )
    def test_subprotocol(self, server: ServerProcess, offer: list[str], chosen: str | None) -> None:
        """The application chooses among what is offered, or nothing."""
        with opened(
            server, "/ws/subprotocol", subprotocols=[Subprotocol(each) for each in offer]
        ) as websocket:
            assert websocket.subprotocol == chosen

    @pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "going away"), (4321, "own")])
    def test_client_closes(self, server: ServerProcess, code: int, reason: str) -> None:
        """The application is told the client's code and reason."""
        with opened(server, f"/ws/closes-{code}") as websocket:
            websocket.close(code, reason)
        noted(server, f"closes-{code} left {code} {reason}")
        noted(server, f"closes-{code} session closed")

    @pytest.mark.parametrize("how", ["closes", "resets"])
    def test_client_vanishes(self, server: ServerProcess, how: str) -> None:
        """A client that is gone without a close frame is 1006."""
        name = f"vanishes-{how}"
        with opened(server, f"/ws/{name}") as websocket:
            tell(websocket)
            heard(websocket)
            (reset if how == "resets" else lambda sock: sock.shutdown(2))(websocket.socket)
        noted(server, f"{name} left {CloseCode.ABNORMAL_CLOSURE.value} ")

    def test_application_closes(self, server: ServerProcess) -> None:
        """The client is told the application's code and reason, and the application receives the end."""
        with opened(server, "/ws/own") as websocket:
            tell(websocket, close=4001, reason="enough")
            assert close_of(websocket) == (4001, "enough")
        noted(server, "own closed")

    def test_application_returns(self, server: ServerProcess) -> None:
        """One that returns closes with 1000."""
        with opened(server, "/ws/returns") as websocket:
            tell(websocket, **{"return": True})
            assert close_of(websocket) == (1000, "")

    def test_application_fails(self, server: ServerProcess) -> None:
        """One that raises closes with 1011, and the dependency is closed."""
        with opened(server, "/ws/fails") as websocket:
            tell(websocket, fail=True)
            code = close_of(websocket)
            assert code is not None
            assert code[0] == CloseCode.INTERNAL_ERROR
        noted(server, "fails session closed")

    @pytest.mark.parametrize(
        ("path", "status", "field"),
        [("http", 401, "Bearer"), ("code", 403, None), ("failing", 500, None), ("nowhere", 403, None)],
    )
    def test_refused(self, server: ServerProcess, path: str, status: int, field: str | None) -> None:
        """A handshake that is refused has the response that the application wants, body and fields too."""
        with pytest.raises(InvalidStatus) as caught, opened(server, f"/refused/{path}"):
            pass
        answer = caught.value.response
        assert (answer.status_code, answer.headers.get("www-authenticate")) == (status, field)
        assert (answer.body == b'{"detail":"who are you?"}') == (status == 401)

    def test_client_does_not_wait(self, server: ServerProcess, client: httpx.Client) -> None:
        """A client that is gone before its handshake is accepted is 1006, and nothing fails."""
        hasty = handshake(server, "/slow/hasty")
        noted(server, "hasty waits")
        reset(hasty)
        client.post("/release/hasty")
        noted(server, "hasty websocket.disconnect 1006")

    def test_client_reads_slowly(self, server: ServerProcess) -> None:
        """`send` waits for the client; when that has left, the exception that says so is not logged."""
        before = server.peak_memory()
        with opened(server, "/flood/slow-ws", max_queue=1) as websocket:
            noted(server, "slow-ws message")
            until(lambda: settled(server, "slow-ws") > 1)
            assert server.peak_memory() - before < 16 << 20
            reset(websocket.socket)
        noted(server, "slow-ws session closed")


class TestStop:
    """What becomes of what is open when the server stops."""

    def test_everything_ends(self, tmp_path: Any) -> None:
        """WebSockets hear 1012, a background task is waited for, and the lifespan ends last."""
        with served(tmp_path, APP) as server, ExitStack() as stack:
            sockets = [stack.enter_context(opened(server, f"/ws/{name}")) for name in ("one", "two")]
            httpx.post(f"{server.url}/later/last", timeout=DEADLINE)
            waiting = stack.enter_context(opened(server, "/ws/three"))
            tell(waiting)
            heard(waiting)
            httpx.post(f"{server.url}/release/last", timeout=DEADLINE)
            assert server.terminate() == 0
            for websocket in [*sockets, waiting]:
                code = close_of(websocket)
                assert code is not None
                assert code[0] == CloseCode.SERVICE_RESTART
            for name in ("one", "two", "three"):
                assert f"left {CloseCode.SERVICE_RESTART.value} the server is stopping" in notes(server, name)
                assert notes(server, name)[-1] == "session closed"
            assert [each for each in server.stderr.splitlines() if each.startswith("note:")][
                -1
            ] == "note: lifespan ended"

    def test_stream_is_cut_off(self, tmp_path: Any) -> None:
        """A stream that does not know of the end has its time; its generator ends as it should."""
        with served(tmp_path, APP, timeout_graceful_shutdown=0.3) as server:
            with asking(server, "/quiet/cut") as client:
                assert client.recv(1)
                assert server.terminate() == 0
            assert notes(server, "cut") == ["session opened", "ended", "session closed"]
