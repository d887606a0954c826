"""Event streams of a Starlette application: who hears what, and how they end."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.frameworks import check_unread, noted, notes, served
from tests.support.needs import require_module, require_program
from tests.support.process import DEADLINE, ServerProcess
from tests.support.waiting import asking, until
from tests.support.websocket_clients import reset

APP = "tests.frameworks.apps.starlette_events"
#: Those of `/events` and `/library`, told apart.
KINDS = ("events", "library")


@pytest.fixture(scope="module", autouse=True)
def _libraries() -> None:
    for name in ("starlette", "sse_starlette"):
        require_module(name)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Serve the application; a response whose client is gone may do nothing for half a second."""
    with served(tmp_path_factory.mktemp("served"), APP, timeout_disconnect=0.5) as server:
        yield server


@contextmanager
def streaming(server: ServerProcess, path: str) -> Iterator[Iterator[str]]:
    """Ask for a stream, and give its lines, without those that are empty; the first one has come."""
    with httpx.stream("GET", f"{server.url}{path}", timeout=DEADLINE) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in answer.iter_lines() if line)
        assert "welcome" in next(lines)
        yield lines


def publish(server: ServerProcess, name: str, text: str, subscribers: int) -> None:
    """Publish a text once that many have subscribed."""
    address = f"{server.url}/publish/{name}"
    until(lambda: httpx.get(address, timeout=DEADLINE).text == str(subscribers))
    httpx.post(address, content=text, timeout=DEADLINE)


@pytest.mark.parametrize("kind", KINDS)
class TestEvents:
    """Streams of what is published now and then."""

    def test_everybody_hears(self, server: ServerProcess, kind: str) -> None:
        """Each event reaches all who listen, at once, however small it is."""
        name = f"all-{kind}"
        with ExitStack() as stack:
            streams = [stack.enter_context(streaming(server, f"/{kind}/{name}")) for _ in range(3)]
            for text in ("one", "two"):
                publish(server, name, text, subscribers=3)
                for lines in streams:
                    assert f"data: {text}" in lines
        until(lambda: notes(server, name).count("ended") == 3)

    @pytest.mark.parametrize("how", ["closes", "resets"])
    def test_client_leaves(self, server: ServerProcess, kind: str, how: str) -> None:
        """The generator ends although nothing is published any more."""
        name = f"leaves-{kind}-{how}"
        with asking(server, f"/{kind}/{name}") as client:
            publish(server, name, "x", subscribers=1)
            if how == "resets":
                reset(client)
        noted(server, f"{name} ended")

    def test_curl_is_killed(self, server: ServerProcess, kind: str) -> None:
        """The same with curl, which is there one moment and gone the next."""
        name = f"curl-{kind}"
        curl = [require_program("curl"), "-sN", f"{server.url}/{kind}/{name}"]
        with subprocess.Popen(curl, stdout=subprocess.PIPE, text=True) as process:
            publish(server, name, "hello", subscribers=1)
            assert process.stdout is not None
            assert any("hello" in line for line in process.stdout)
            process.kill()
        noted(server, f"{name} ended")


class TestResponses:
    """Other responses that take their time."""

    def test_client_close_handler(self, server: ServerProcess) -> None:
        """sse-starlette calls what is to be called when the client leaves."""
        with streaming(server, "/library/handler"):
            pass
        noted(server, "handler client closed")

    def test_failure(self, server: ServerProcess) -> None:
        """A stream that fails in the middle is cut off, so that nobody takes it for complete."""
        with streaming(server, "/events/fails") as lines:
            publish(server, "fails", "fail", subscribers=1)
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
                list(lines)

    def test_client_reads_slowly(self, server: ServerProcess) -> None:
        """A generator rests while its client does not read, and ends when that has left."""
        check_unread(server, "/flood/slow", "slow")
        noted(server, "slow ended")

    def test_client_closes_its_direction(self, server: ServerProcess) -> None:
        """A client that only says no more still reads what goes on being sent (RFC 9112 section 9.6)."""
        with asking(server, "/flood/half") as client:
            client.shutdown(1)
            for _ in range(200):
                assert client.recv(1 << 16)

    def test_to_the_end(self, server: ServerProcess) -> None:
        """A stream that ends does so in good order, and then the background task runs."""
        answer = httpx.get(f"{server.url}/numbers/last", timeout=DEADLINE)
        assert answer.text.split() == [str(number) for number in range(1000)]
        noted(server, "last task")

    def test_head(self, server: ServerProcess) -> None:
        """HEAD of an endless stream is answered with its head alone, takes nothing from others, and ends."""
        with httpx.Client(base_url=server.url, timeout=DEADLINE) as client:
            answer = client.head("/flood/head")
            assert answer.headers["transfer-encoding"] == "chunked"
            assert answer.content == b""
            assert httpx.get(f"{server.url}/numbers/beside", timeout=DEADLINE).status_code == 200
        noted(server, "head ended")


class TestStop:
    """What becomes of streams when the server stops."""

    def test_those_that_know(self, tmp_path: Path) -> None:
        """A stream that looks at the notice, and sse-starlette's, say good-bye and end in good order."""
        with served(tmp_path, APP) as server, ExitStack() as stack:
            polite = stack.enter_context(streaming(server, "/polite"))
            library = stack.enter_context(streaming(server, "/library/lib"))
            publish(server, "lib", "first", subscribers=1)
            assert server.terminate() == 0
            assert list(polite) == ["event: bye", "data: "]
            assert [line for line in library if line.startswith("data")] == ["data: first", "data: bye"]

    def test_those_that_do_not(self, tmp_path: Path) -> None:
        """Another one is cut off when the time is over, and its generator ends all the same."""
        with served(tmp_path, APP, timeout_graceful_shutdown=0.3) as server:
            with asking(server, "/events/cut") as client:
                publish(server, "cut", "x", subscribers=1)
                assert client.recv(1)
                assert server.terminate() == 0
            assert notes(server, "cut") == ["ended"]
            assert "cutting off 1 connection" in server.stderr
