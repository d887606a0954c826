"""Streams of one connection: many at once, each with its own end, window and priority; seen by h2."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from tests.support.certificates import Authority
from tests.support.http2_clients import Http2Client, ResetByServer, http2
from tests.support.http_versions import BOTH
from tests.support.process import ROOT, Serve, ServerProcess
from tests.support.waiting import until

WINDOW = SettingCodes.INITIAL_WINDOW_SIZE


@pytest.fixture
def client(mixed: ServerProcess) -> Iterator[Http2Client]:
    """Connect."""
    with http2(mixed) as client:
        yield client


def events(server: ServerProcess, name: str) -> list[str]:
    """Return what has happened to the request of a name."""
    with http2(server) as client:
        found: list[str] = json.loads(client.ask(f"/events/{name}").body)
    return found


def step(server: ServerProcess, name: str) -> None:
    """Let the request of a name take a step."""
    with http2(server) as client:
        client.ask(f"/events/{name}", body=b"")


def serve_slowly(serve: Serve, **options: Any) -> ServerProcess:
    """Serve an application that takes steps when it is told to, on a pool of one thread."""
    targets = ["http2_asgi", "/stepping=tests.apps.wsgi_stepping@one", "/events=tests.apps.wsgi_events"]
    return serve(*targets, env={"PYTHONPATH": str(ROOT)}, pool=["one=1,50"], **BOTH, **options)


class TestAtOnce:
    """Many streams."""

    def test_all_kinds(self, client: Http2Client) -> None:
        """Applications on threads and on the loop answer side by side; each gets what is its own."""
        targets = [*(f"/flask/hello/{n}" for n in range(20)), *["/barrier?12"] * 12, *["/peer"] * 20]
        streams = [client.start(target) for target in targets]
        bodies = [stream.response().body for stream in reversed(streams)][::-1]
        assert bodies[:20] == [b"Hello, %d!" % number for number in range(20)]
        assert bodies[20:32] == [b"together"] * 12
        assert len({json.loads(body)["port"] for body in bodies[32:]}) == 1

    def test_bodies_in_turns(self, client: Http2Client) -> None:
        """Bodies that come in turns, a part of each at a time, are put together each by itself."""
        streams = [client.start("/upload", method="POST", ends=False) for _ in range(10)]
        for _ in range(20):
            for number, stream in enumerate(streams):
                stream.send(b"%d" % number * 1000)
        for stream in streams:
            stream.end()
        assert [json.loads(stream.response().body)["size"] for stream in streams] == [20_000] * 10

    def test_one_after_the_other(self, client: Http2Client) -> None:
        """A connection serves as many requests as its client likes."""
        for number in range(500):
            assert client.ask(f"/flask/hello/{number}").body == b"Hello, %d!" % number

    def test_under_tls(self, secure: ServerProcess, authority: Authority) -> None:
        """So it is under TLS, where ALPN has chosen HTTP/2."""
        with http2(secure, authority.client_context()) as client:
            streams = [client.start("/environ") for _ in range(30)]
            environs = [json.loads(stream.response().body) for stream in streams]
        assert {environ["SERVER_PROTOCOL"][1] for environ in environs} == {"HTTP/2.0"}
        assert {environ["wsgi.url_scheme"][1] for environ in environs} == {"https"}


class TestExtras:
    """What there is besides head and body."""

    def test_hints_and_trailers(self, client: Http2Client) -> None:
        """Early hints come before the response, and trailers end it."""
        response = client.ask("/extras", ("te", "trailers"))
        assert [head.status for head in response.interim] == [103]
        assert response.interim[0].headers == [(b"link", b"</style.css>; rel=preload")]
        assert (response.body, response.trailers) == (b"body and more", [(b"x-digest", b"abc")])

    def test_trailers_of_a_request(self, client: Http2Client) -> None:
        """The trailers of a request end its body."""
        stream = client.start("/upload", method="POST", ends=False)
        stream.send(b"body")
        stream.send_trailers(("x-digest", "abc"))
        assert json.loads(stream.response().body)["size"] == 4

    def test_crumbs_of_cookies(self, client: Http2Client) -> None:
        """Cookies that a client has taken apart are one for the application."""
        environ = json.loads(client.ask("/environ", ("cookie", "a=1"), ("cookie", "b=2")).body)
        assert environ["HTTP_COOKIE"] == ["str", "a=1; b=2"]


class TestWindows:
    """Flow control."""

    @pytest.mark.parametrize("size", [1, 1000, 1_000_000])
    def test_any_size(self, mixed: ServerProcess, size: int) -> None:
        """Bodies come whole through windows of any size, as long as not too much of them comes in crumbs."""
        expected = min(100 * size, 3_000_000)
        with http2(mixed, settings={WINDOW: size}) as client:
            assert len(client.ask(f"/download?{expected}").body) == expected
            assert client.ask("/upload", body=bytes(300_000)).status == 200

    def test_closed_and_opened(self, mixed: ServerProcess) -> None:
        """A window that opens later lets go on what waited for it, and a change counts for all streams."""
        with http2(mixed, settings={WINDOW: 0}) as client:
            streams = [client.start("/download?30000"), client.start("/flask/hello/you")]
            assert [stream.wait_for_head().status for stream in streams] == [200, 200]
            client.ping()
            assert not any(stream.ended for stream in streams)
            client.update_settings({WINDOW: 20_000})
            assert streams[1].response().body == b"Hello, you!"
            assert len(streams[0].response().body) == 30_000

    def test_stalled_stream(self, mixed: ServerProcess) -> None:
        """A response that nobody reads holds up no other one of its connection."""
        with http2(mixed, settings={WINDOW: 10_000}, acknowledges=False) as client:
            stalled = [client.start("/download?10000000") for _ in range(3)]
            assert [stream.wait_for_head().status for stream in stalled] == [200] * 3
            for number in range(20):
                assert client.ask(f"/flask/hello/{number}").body == b"Hello, %d!" % number
            for stream in stalled:
                stream.reset()
            assert client.ask("/peer").status == 200

    def test_large_frames(self, mixed: ServerProcess) -> None:
        """A client that takes larger frames and windows gets the same."""
        settings = {WINDOW: 1 << 24, SettingCodes.MAX_FRAME_SIZE: 1 << 20}
        with http2(mixed, settings=settings) as client:
            assert len(client.ask("/download?10000000").body) == 10_000_000


class TestPriority:
    """RFC 9218."""

    def test_urgent_first(self, mixed: ServerProcess) -> None:
        """When several responses wait, the most urgent goes first, as far as the window of the connection."""
        with http2(mixed, settings={WINDOW: 0}) as client:
            later = client.start("/download?60000", ("priority", "u=5"))
            sooner = client.start("/download?60000", ("priority", "u=1"))
            client.acknowledges = False
            for stream in (later, sooner):
                stream.wait_for_head()
            client.update_settings({WINDOW: 100_000})
            client.wait_for(lambda: sooner.ended)
            client.acknowledges = True
            assert len(sooner.response().body) == 60_000
            received = len(later.read())
            assert received <= 65_535 - 60_000


class TestEnds:
    """Streams that end before their time."""

    def test_client_that_leaves(self, serve: Serve) -> None:
        """Requests that are reset while they wait for a thread are not run, and the others are."""
        server = serve_slowly(serve)
        with http2(server) as client:
            first = client.start("/stepping/first")
            until(lambda: events(server, "first") == ["waiting"])
            queued = [client.start(f"/stepping/queued-{number}") for number in range(20)]
            last = client.start("/stepping/last")
            for stream in queued:
                stream.reset()
            client.ping()
            for name in ("first", "last"):
                for _ in range(3):
                    step(server, name)
            assert first.read_all() == last.read_all() == b"123"
        assert events(server, "last")[-2:] == ["complete", "left"]
        assert [events(server, f"queued-{number}") for number in range(20)] == [[]] * 20

    def test_connection_that_breaks(self, serve: Serve) -> None:
        """So are all of a connection that breaks."""
        server = serve_slowly(serve)
        with http2(server) as client:
            client.start("/stepping/first")
            until(lambda: events(server, "first") == ["waiting"])
            for number in range(20):
                client.start(f"/stepping/queued-{number}")
            client.ping()
        with http2(server) as client:
            last = client.start("/stepping/last")
            for name in ("first", "last"):
                for _ in range(3):
                    step(server, name)
            assert last.read_all() == b"123"
        assert [events(server, f"queued-{number}") for number in range(20)] == [[]] * 20

    def test_early_answer(self, client: Http2Client) -> None:
        """A client whose body nobody wants is told to stop when it has its answer; others go on."""
        stream = client.start("/peer", method="POST", ends=False)
        assert stream.response().status == 200
        with pytest.raises(ResetByServer) as caught:
            stream.send(bytes(50_000_000))
        assert caught.value.code == ErrorCodes.NO_ERROR
        assert client.ask("/peer").status == 200

    def test_server_that_stops(self, serve: Serve) -> None:
        """It says which requests it has taken, answers them, and closes."""
        server = serve("http2_asgi", "/upload=wsgi_upload", **BOTH)
        with http2(server) as client:
            running = [client.start("/upload", method="POST", ends=False) for _ in range(5)]
            for stream in running:
                stream.send(b"begun")
            client.ping()
            server.signal(signal.SIGTERM)
            goaway = client.wait_for_goaway()
            assert goaway.code == ErrorCodes.NO_ERROR
            assert goaway.last_stream >= running[-1].number
            for stream in running:
                stream.send(b", ended", ends=True)
            assert [json.loads(stream.response().body)["size"] for stream in running] == [12] * 5
            client.wait_until_closed()
        assert server.wait() == 0

    def test_log(self, serve: Serve, tmp_path: Path) -> None:
        """Each request has its line in the access log, also one that is given up."""
        with (tmp_path / "log").open("wb") as log:
            server = serve_slowly(serve, stdout=log)
            with http2(server) as client:
                client.ask("/peer?one")
                stream = client.start("/download?100000000")
                stream.read()
                stream.reset()
                client.ask("/peer?two")
                lines = (tmp_path / "log").read_text
                until(lambda: lines().count("HTTP/2.0") == 3)
        assert '"GET /peer?one HTTP/2.0" 200 ' in lines()
        assert '"GET /download?100000000 HTTP/2.0" ' in lines()
