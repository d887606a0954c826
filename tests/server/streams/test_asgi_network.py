"""ASGI applications on the streams of one connection, and what a client does with each of these."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Message, Receive, Scope, Send
from hybrid.server.http2 import Http2
from hybrid.server.streams.transport import StreamTransport
from tests.support.http2_clients import Http2Client, Stream, http2
from tests.support.http2_clock import Clock
from tests.support.http2_servers import part, served, serving, start
from tests.support.http2_websockets import open_websocket
from tests.support.waiting import until

TRAILERS = ("te", "trailers")


class Recorder:
    """Keeps what an application has seen."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def waits_for(self, *expected: object) -> None:
        """Return when exactly this has been seen."""
        until(lambda: len(self.seen) >= len(expected))
        assert self.seen == list(expected)


async def read_body(receive: Receive) -> bytes:
    """Return a body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message["body"]
        more = message["more_body"]
    return body


async def answer(send: Send, body: bytes = b"ok", **options: int) -> None:
    """Send a whole response."""
    await start(send, **options)
    await part(send, body)


# Trailers and interim responses.


def test_trailers_of_a_request() -> None:
    """They are dropped, as over HTTP/1.1: the body ends with them, and no field of the head changes."""
    recorder = Recorder()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        recorder.seen += [await read_body(receive), dict(scope["headers"]).get(b"x-user")]
        await answer(send)

    with served(app) as client:
        stream = client.start("/", ("x-user", "me"), method="POST", ends=False)
        stream.send(b"body")
        stream.send_trailers(("x-user", "somebody else"), ("x-digest", "abc"))
        assert stream.response().body == b"ok"
    assert recorder.seen == [b"body", b"me"]


@pytest.mark.parametrize(
    ("fields", "length", "sent"),
    [([TRAILERS], False, True), ([], False, False), ([TRAILERS], True, False)],
    ids=["asked-for", "not-asked-for", "with-a-length"],
)
def test_trailers_of_a_response(fields: list[tuple[str, str]], length: bool, sent: bool) -> None:
    """They are sent, in one block, to a client that says that it wants them; not in a response whose length
    has been said, as over HTTP/1.1.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, *([(b"content-length", b"4")] if length else []), trailers=True)
        await part(send, b"body")
        for name, more in ((b"x-one", True), (b"x-two", False)):
            headers = [(name, b"1")]
            await send({"type": "http.response.trailers", "headers": headers, "more_trailers": more})

    with served(app) as client:
        response = client.ask("/", *fields)
        assert (response.body, client.ask("/").body) == (b"body", b"body")
    assert response.trailers == ([(b"x-one", b"1"), (b"x-two", b"1")] if sent else [])


def test_early_hints() -> None:
    """They go out as they are sent, before the head of the response, and however often."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.early_hint", "links": [b"</a>", b"</b>"]})
        await receive()
        await start(send)
        await send({"type": "http.response.early_hint", "links": [b"</c>"]})
        await part(send, b"page")

    with served(app) as client:
        stream = client.start("/", method="POST", ends=False)
        client.wait_for(lambda: stream.interim)
        assert stream.head is None
        stream.end()
        response = stream.response()
    assert [(status, headers) for status, headers in response.interim] == [
        (103, [(b"link", b"</a>"), (b"link", b"</b>")]),
        (103, [(b"link", b"</c>")]),
    ]
    assert (response.status, response.body) == (200, b"page")


# Clients that wait to be told that they may send a body.


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the body, or without having read it."""
    await answer(send, await read_body(receive) if scope["path"] == "/read" else b"no")


def test_continue() -> None:
    """An application that asks for the body lets the client be told to send it."""
    with served(upload) as client:
        stream = client.start("/read", ("expect", "100-continue"), method="POST", ends=False)
        client.wait_for(lambda: stream.interim)
        assert stream.interim == [(100, [])]
        stream.send(b"body", ends=True)
        assert stream.response().body == b"body"


def test_continue_that_nobody_asks_for() -> None:
    """An application that does not read spares the client the body: the stream ends without it, and the
    connection goes on.
    """
    with served(upload) as client:
        stream = client.start("/", ("expect", "100-continue"), method="POST", ends=False)
        response = stream.response()
        assert (response.body, response.interim) == (b"no", [])
        assert client.ask("/read", body=b"body").body == b"body"
        assert stream.wait_for_reset() == ErrorCodes.NO_ERROR


# Responses without a body.


@pytest.mark.parametrize(
    ("method", "status", "length"),
    [("HEAD", 200, [b"4"]), ("GET", 204, []), ("GET", 304, [b"4"]), ("HEAD", 404, [b"4"])],
)
def test_no_body(method: str, status: int, length: list[bytes]) -> None:
    """The head ends the stream, and says how long the body would be where there could be one."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send, (b"content-length", b"4"), status=status)
        await part(send, b"body")

    with served(app) as client:
        response = client.ask("/", method=method)
        assert (response.status, response.body) == (status, b"")
        assert response.values(b"content-length") == length
        assert client.ask("/", method=method).status == status


# Clients that leave.


def test_disconnect_concerns_one_stream() -> None:
    """A client that resets a stream has left for its application alone, and nobody else hears of it."""
    recorder = Recorder()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        await part(send, b"one", more=True)
        await receive()
        recorder.seen.append((scope["path"], (await receive())["type"]))

    with served(app) as client:
        first, second = client.start("/1"), client.start("/2")
        assert [first.read(), second.read()] == [b"one", b"one"]
        first.reset()
        recorder.waits_for(("/1", "http.disconnect"))
        client.ping()
        assert second.code is None
        assert len(recorder.seen) == 1
        second.reset()
        recorder.waits_for(("/1", "http.disconnect"), ("/2", "http.disconnect"))


def test_connection_that_is_lost() -> None:
    """All applications hear of it, those that send by an exception."""
    recorder = Recorder()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await start(send)
            while scope["path"] == "/sends":
                await part(send, b"x" * 1000, more=True)
            await receive()
            recorder.seen.append((await receive())["type"])
        except ClientDisconnected:
            recorder.seen.append("raised")

    with served(app, acknowledges=False) as client:
        client.start("/sends").wait_for_head()
        client.start("/receives")
        client.ping()
    until(lambda: len(recorder.seen) == 2)
    assert {*map(str, recorder.seen)} == {"raised", "http.disconnect"}


def test_after_the_response() -> None:
    """An application that goes on to receive is told that there is nothing more, at once and ever again."""
    recorder = Recorder()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await answer(send)
        recorder.seen += [await receive(), await receive()]

    with served(app) as client:
        client.ask("/")
        recorder.waits_for(*[{"type": "http.disconnect"}] * 2)


def test_application_that_does_not_notice() -> None:
    """It is cancelled after `timeout_disconnect`, and it alone."""
    recorder = Recorder()
    go = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        await part(send, b"one", more=True)
        try:
            await go.wait()
        except asyncio.CancelledError:
            recorder.seen.append(scope["path"])
            raise

    with served(app, timeout_disconnect=0.05) as client:
        first, second = client.start("/1"), client.start("/2")
        assert [first.read(), second.read()] == [b"one", b"one"]
        first.reset()
        recorder.waits_for("/1")
        client.ping()
        assert (second.code, second.ended) == (None, False)
        second.reset()
        recorder.waits_for("/1", "/2")


def is_answered(stream: Stream) -> bool:
    """Tell whether a request is answered, or refused."""
    stream.client.wait_for(lambda: stream.ended or stream.code is not None)
    return stream.ended


def test_applications_that_run_on_have_their_number() -> None:
    """Those of streams that were reset count, beside as many that are open: new streams are refused until
    some of them have ended, be they requests' or WebSockets'. Nobody else is disturbed.
    """
    go: list[Callable[[], object]] = []
    begun: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun.append(scope["path"])
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
        if scope["path"] != "/now":
            loop, event = asyncio.get_running_loop(), asyncio.Event()
            go.append(lambda: loop.call_soon_threadsafe(event.set))
            await event.wait()
        if scope["path"] != "/left":
            await answer(send)

    with served(app, http2_max_concurrent_streams=2) as client:
        kept = client.start("/open")
        for _ in range(2):
            client.start("/left").reset()
        open_websocket(client, "/left").stream.reset()
        for _ in range(2):
            assert client.start("/now").wait_for_reset() == ErrorCodes.REFUSED_STREAM
        assert begun == ["/open", *["/left"] * 3]
        go[1]()
        until(lambda: is_answered(client.start("/now")))
        go[0]()
        assert kept.response().body == b"ok"
        for each in go[2:]:
            each()


def test_application_that_fails() -> None:
    """Its stream is answered 500, or reset where the client could take what it has for all; others go on."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/late":
            await start(send)
            await part(send, b"one", more=True)
        if scope["path"] != "/":
            raise RuntimeError("failed on purpose")
        await answer(send)

    with served(app) as client:
        assert client.ask("/early").status == 500
        assert client.start("/late").wait_for_reset() == ErrorCodes.INTERNAL_ERROR
        assert client.ask("/").body == b"ok"


def test_requests_that_are_refused_count() -> None:
    """A connection has so many, answered by an application or not; after the last it is told so."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await answer(send)

    with served(app, limit_keep_alive_requests=3, forwarded_allow_ips="none") as client:
        for _ in range(2):
            assert client.start("/", scheme="https").response().status == 421
        assert client.goaway is None
        assert client.start("/", scheme="https").response().status == 421
        goaway = client.wait_for_goaway()
        assert (goaway.code, goaway.last_stream) == (ErrorCodes.NO_ERROR, 5)
        client.wait_until_closed()


# Back-pressure.


def fill(client: Http2Client, path: str) -> tuple[int, int]:
    """Send as much of a body as the windows allow; return the stream's number, and how much it was."""
    stream = client.start(path, method="POST", ends=False)
    sent = 0
    while stream.room:
        size = min(stream.room, client.protocol.max_outbound_frame_size)
        client.protocol.send_data(stream.number, bytes(size))
        client.flush()
        client.ping()
        sent += size
    return stream.number, sent


def test_responses_that_wait_have_a_joint_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a client that takes nothing of many responses about a megabyte is kept, and a part of each; when it
    takes them, they are whole.
    """
    clock, sent, count, size = Clock(monkeypatch), Counter[str](), 60, 8192

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        for each in range(16):
            await part(send, bytes(size), more=each < 15)
            sent[scope["path"]] += 1

    with serving(app) as at, http2(at, settings={SettingCodes.INITIAL_WINDOW_SIZE: 0}) as client:
        client.settle()
        (connection,) = clock.context.connections
        streams = [client.start(f"/{number}") for number in range(count)]
        carrier = connection.transport.get_protocol()  # type: ignore[attr-defined] # of the one connection
        assert isinstance(carrier, Http2)
        client.ping()  # all have been begun, and none is over: what another thread looks at stays as it is
        until(lambda: [each.writable for each in carrier.carried] == [False] * count)
        assert size * sent.total() <= carrier.backlog <= 1024 * 1024 + (count + 1) * size
        client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1 << 20})
        assert [len(stream.read_all()) for stream in streams] == [16 * size] * count
        assert carrier.backlog == 0


def test_application_that_does_not_receive() -> None:
    """Its client may send what the window says, beside the 64 KiB that an application need not ask for, and
    no more until it receives; uploads on other streams go on, through the connection's window too.
    """
    go: list[Callable[[], object]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/slow":
            event, loop = asyncio.Event(), asyncio.get_running_loop()
            go.append(lambda: loop.call_soon_threadsafe(event.set))
            await event.wait()
        await answer(send, b"%d" % len(await read_body(receive)))

    window, large = 100_000, 3_000_000
    with served(app, http2_initial_window_size=window) as client:
        client.settle()
        number, sent = fill(client, "/slow")
        assert window <= sent <= window + 2 * 65_536
        assert client.ask("/", body=bytes(large)).body == b"%d" % large
        client.ping()
        slow = client._streams[number]
        assert slow.room == 0
        go[0]()
        slow.send(bytes(large), ends=True)
        assert slow.response().body == b"%d" % (sent + large)


@pytest.mark.parametrize("closed", ["stream", "connection"])
def test_client_that_takes_nothing(closed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`send` waits while the window is closed, with a bounded number of bytes in memory; where it is the
    window of the stream alone, other streams go on.
    """
    recorder = Recorder()
    most = 0
    write = StreamTransport.write

    def watch(self: StreamTransport, data: bytes) -> None:
        nonlocal most
        write(self, data)
        most = max(most, self.get_write_buffer_size())

    monkeypatch.setattr(StreamTransport, "write", watch)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        for _ in range(100 if scope["path"] == "/large" else 1):
            await part(send, bytes(20_000), more=True)
            recorder.seen.append(scope["path"])
        await part(send)

    size = 1_000 if closed == "stream" else 1 << 20
    with served(app, acknowledges=False) as client:
        client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: size})
        large = client.start("/large")
        large.wait_for_head()
        client.ping()
        before = len(recorder.seen)
        assert 3 <= before <= 8  # 64 KiB in memory, and what the window takes
        if closed == "stream":
            assert len(client.ask("/small").body) == 20_000
        client.ping()
        assert recorder.seen.count("/large") == before
        assert len(large.read_all()) == 2_000_000
    assert recorder.seen.count("/large") == 100
    assert most <= 64 * 1024 + 20_000


# Files.


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file of a few megabytes."""
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 10_000)
    return path


def test_pathsend(file: Path) -> None:
    """A file that is given by its path comes whole, with its length, through windows that are smaller."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        await send({"type": "http.response.pathsend", "path": str(file)})

    with served(app, acknowledges=False) as client:
        response = client.ask("/")
    assert response.body == file.read_bytes()
    assert response.values(b"content-length") == [b"2560000"]


def test_zerocopysend(file: Path) -> None:
    """Parts of a file come among other parts, in order."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        await part(send, b"(", more=True)
        with file.open("rb") as opened:
            message: Message = {"type": "http.response.zerocopysend", "file": opened, "more_body": True}
            await send({**message, "offset": 3, "count": 1_000_000})
            await send({**message, "offset": 0, "count": 10})
        await part(send, b")")

    with served(app) as client:
        content = file.read_bytes()
        assert client.ask("/").body == b"(" + content[3:1_000_003] + content[:10] + b")"


def test_file_that_nobody_waits_for(file: Path) -> None:
    """A client that resets the stream ends the transfer, and lets the application know."""
    recorder = Recorder()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await start(send)
        try:
            await send({"type": "http.response.pathsend", "path": str(file)})
        except ClientDisconnected:
            recorder.seen.append("left")

    with served(app, acknowledges=False) as client:
        stream = client.start("/")
        assert stream.read()
        stream.reset()
        recorder.waits_for("left")
        assert client.start("/").wait_for_head().status == 200
