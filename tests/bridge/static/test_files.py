"""Files as an ASGI application, as any server calls it."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hybrid.bridge.routing import PathRouter
from hybrid.bridge.static import responses, sending, sources
from hybrid.bridge.static.files import StaticFiles
from hybrid.bridge.static.shelf import SMALL
from hybrid.bridge.static.sources import Directory
from hybrid.bridge.types import ASGIApp, Message
from tests.bridge.static.test_shelf import write
from tests.support.downloads import open_descriptors

BIG = bytes(range(256)) * 4096


class Reply(NamedTuple):
    """What an application has sent: its status, its fields, and its messages after those."""

    status: int
    headers: dict[bytes, bytes]
    messages: list[Message]

    @property
    def body(self) -> bytes:
        """The body."""
        return b"".join(message["body"] for message in self.messages)


def ask(
    app: ASGIApp, path: str = "/a.js", *, method: str = "GET", extensions: Any = None, **fields: str
) -> Reply:
    """Call an application with a request; its fields are written with underscores."""
    return asyncio.run(asking(app, path, method=method, extensions=extensions, **fields))


async def asking(
    app: ASGIApp, path: str, *, method: str = "GET", extensions: Any = None, **fields: str
) -> Reply:
    """Do as `ask`, in a loop that runs."""
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"q=1",
        "headers": headers,
        "extensions": extensions,
    }
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *messages = sent
    assert start["type"] == "http.response.start"
    return Reply(start["status"], dict(start["headers"]), messages)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Give a folder with files; in the end none of them may be open."""
    write(tmp_path / "a.js", "javascript")
    write(tmp_path / "a.js.gz", "gzipped")
    write(tmp_path / "empty.txt", "")
    (tmp_path / "docs").mkdir()
    write(tmp_path / "docs" / "index.html", "docs")
    write(tmp_path / "index.html", "root")
    (tmp_path / "bare").mkdir()
    (tmp_path / "big.bin").write_bytes(BIG)
    yield tmp_path
    if Path("/proc/self/fd").exists():
        assert open_descriptors(tmp_path / "big.bin") == 0


@pytest.fixture
def app(folder: Path) -> StaticFiles:
    """Give the application for it."""
    return StaticFiles(folder)


def test_file(app: StaticFiles) -> None:
    """A file comes with all that there is to know of it."""
    reply = ask(app)
    assert reply.status == 200
    assert reply.body == b"javascript"
    assert reply.headers.pop(b"etag").startswith(b'"')
    assert reply.headers.pop(b"last-modified").endswith(b" GMT")
    assert reply.headers == {
        b"content-type": b"text/javascript; charset=utf-8",
        b"content-length": b"10",
        b"accept-ranges": b"bytes",
        b"cache-control": b"public, max-age=60",
        b"vary": b"accept-encoding",
        b"x-content-type-options": b"nosniff",
    }


def test_encoded(app: StaticFiles) -> None:
    """Who accepts it gets the encoded one, with a tag and a length of its own."""
    plain, encoded = ask(app), ask(app, accept_encoding="gzip")
    assert encoded.body == b"gzipped"
    assert encoded.headers[b"content-encoding"] == b"gzip"
    assert encoded.headers[b"content-length"] == b"7"
    assert encoded.headers[b"content-type"] == plain.headers[b"content-type"]
    assert encoded.headers[b"etag"] != plain.headers[b"etag"]


def test_range_of_encoded(app: StaticFiles) -> None:
    """The bytes are those of what is sent, and its tag is the one that counts."""
    tag = ask(app, accept_encoding="gzip").headers[b"etag"].decode()
    reply = ask(app, accept_encoding="gzip", range="bytes=0-1", if_range=tag)
    assert (reply.status, reply.body) == (206, b"gz")
    assert reply.headers[b"content-range"] == b"bytes 0-1/7"
    assert ask(app, range="bytes=0-1", if_range=tag).status == 200


@pytest.mark.parametrize(
    ("wanted", "status", "body", "place"),
    [
        ("bytes=0-0", 206, b"j", b"bytes 0-0/10"),
        ("bytes=4-", 206, b"script", b"bytes 4-9/10"),
        ("bytes=-1", 206, b"t", b"bytes 9-9/10"),
        ("bytes=0-3,4-5", 206, b"javasc", b"bytes 0-5/10"),
        ("bytes=0-1,4-5", 200, b"javascript", None),
        ("bytes=10-", 416, b"Range Not Satisfiable\n", b"bytes */10"),
        ("bytes=x", 200, b"javascript", None),
    ],
)
def test_ranges(app: StaticFiles, wanted: str, status: int, body: bytes, place: bytes | None) -> None:
    """One range is sent; several that are not one are answered with the whole."""
    reply = ask(app, range=wanted)
    assert (reply.status, reply.headers.get(b"content-range")) == (status, place)
    assert status == 416 or reply.body == body
    if status == 206:
        assert reply.headers[b"content-length"] == str(len(body)).encode()
        assert {b"etag", b"vary", b"cache-control", b"x-content-type-options"} <= reply.headers.keys()
    if status == 416:
        assert reply.headers[b"cache-control"] == b"no-store"


def test_not_modified(app: StaticFiles) -> None:
    """Who has it gets no body and none of its description, but what keeps it valid (section 15.4.5)."""
    fresh = ask(app)
    for fields in (
        {"if_none_match": fresh.headers[b"etag"].decode()},
        {"if_modified_since": fresh.headers[b"last-modified"].decode()},
    ):
        for method in ("GET", "HEAD"):
            reply = ask(app, method=method, range="bytes=0-1", **fields)
            assert (reply.status, reply.body) == (304, b"")
            assert reply.headers.keys() == {
                b"etag", b"last-modified", b"vary", b"cache-control", b"x-content-type-options"
            }  # fmt: skip


def test_tag_of_another_coding(app: StaticFiles) -> None:
    """What a client has in one coding is not what it would get in another."""
    tag = ask(app, accept_encoding="gzip").headers[b"etag"].decode()
    assert ask(app, if_none_match=tag).status == 200
    assert ask(app, if_none_match=tag, accept_encoding="gzip").status == 304


def test_failed_condition(app: StaticFiles) -> None:
    """What must be what it was, and is not, is refused."""
    assert ask(app, if_match='"x"').status == 412
    assert ask(app, if_unmodified_since="Sun, 06 Nov 1994 08:49:37 GMT").status == 412


def test_condition_after_refusal(app: StaticFiles) -> None:
    """Conditions say nothing of what is not there, or is asked for in another way (section 13.2.1)."""
    assert ask(app, "/none.js", if_none_match="*").status == 404
    assert ask(app, method="DELETE", if_match='"x"').status == 405


def test_several_lines(folder: Path) -> None:
    """The lines of a field are one list."""
    app = StaticFiles(folder)
    tag = ask(app).headers[b"etag"]
    scope = {"type": "http", "method": "GET", "path": "/a.js", "root_path": "", "headers": [
        (b"if-none-match", b'"x"'), (b"if-none-match", tag)]}  # fmt: skip
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 304


def test_head(app: StaticFiles) -> None:
    """The same head, no body; ranges are for GET (section 14.2)."""
    for path in ("/a.js", "/big.bin", "/empty.txt"):
        get, head = (
            ask(app, path, extensions={sending.PATHSEND: {}}),
            ask(app, path, method="HEAD", range="bytes=0-1"),
        )
        assert (head.status, head.headers, head.body) == (200, get.headers, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"])
def test_methods(app: StaticFiles, method: str) -> None:
    """Files can be had, and nothing else."""
    reply = ask(app, method=method)
    assert (reply.status, reply.headers[b"allow"]) == (405, b"GET, HEAD")


@pytest.mark.parametrize(
    "path",
    ["/none.js", "/", "", "/docs", "/docs/", "/a.js/", "/a.js/x", "//a.js", "/../a.js", "/.env", "/a.js\0"],
)
def test_not_found(app: StaticFiles, path: str) -> None:
    """What is no file is not there, and nobody is told to remember that."""
    reply = ask(app, path)
    assert (reply.status, reply.headers[b"cache-control"]) == (404, b"no-store")


def test_empty_file(app: StaticFiles) -> None:
    """It has no bytes, and no ranges."""
    for fields in ({}, {"range": "bytes=0-"}, {"range": "bytes=-1"}):
        reply = ask(app, "/empty.txt", **fields)
        assert (reply.status, reply.headers[b"content-length"], reply.body) == (200, b"0", b"")


def test_index(folder: Path) -> None:
    """Where it is asked for, a directory is its index, and is asked for with a slash."""
    app = StaticFiles(folder, index=True)
    assert ask(app, "/").body == b"root"
    assert ask(app, "/docs/").body == b"docs"
    assert ask(app, "/docs/").headers[b"content-type"] == b"text/html; charset=utf-8"
    assert ask(app, "/docs/index.html").body == b"docs"
    reply = ask(app, "/docs")
    assert (reply.status, reply.headers[b"location"]) == (307, b"./docs/?q=1")
    for path in ("/bare", "/bare/", "/none", "/none/", "/a.js/"):
        assert ask(app, path).status == 404


def test_index_below_a_prefix(folder: Path) -> None:
    """The redirect is relative, and so leads below whatever prefix the client sees."""
    (folder / "a b?").mkdir()
    write(folder / "a b?" / "index.html", "odd")
    router = PathRouter({"/static": StaticFiles(folder, index=True)})
    assert ask(router, "/static").headers[b"location"] == b"./static/?q=1"
    assert ask(router, "/static/").body == b"root"
    assert ask(router, "/static/a b?").headers[b"location"] == b"./a%20b%3F/?q=1"


def test_index_that_is_a_directory(folder: Path) -> None:
    """It is none."""
    (folder / "bare" / "index.html").mkdir()
    app = StaticFiles(folder, index=True)
    assert ask(app, "/bare").status == ask(app, "/bare/").status == 404


def test_forbidden(app: StaticFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the server may not read is said to be there."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert ask(app).status == ask(app, method="HEAD").status == 403


def test_no_descriptors(
    app: StaticFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """That is the server's trouble, which it says."""

    def refuse(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "open", refuse)
    assert ask(app).status == 503
    assert caplog.messages == ["static files: '/a.js' cannot be read: [Errno 24] Too many open files"]


def test_headers_are_their_own(app: StaticFiles) -> None:
    """What somebody adds to one response is not in the next."""

    async def call() -> None:
        async def send(message: Message) -> None:
            if "headers" in message:
                message["headers"].append((b"set-cookie", b"x"))

        scope = {"type": "http", "method": "GET", "path": "/a.js", "root_path": "", "headers": []}
        await app(scope, None, send)  # type: ignore[arg-type]

    asyncio.run(call())
    assert b"set-cookie" not in ask(app).headers


def test_other_protocols(app: StaticFiles) -> None:
    """A WebSocket is refused, and a lifespan is none of its matters."""

    async def call(kind: str, *received: str) -> list[str]:
        sent: list[str] = []
        messages = iter(received)

        async def receive() -> Message:
            return {"type": next(messages)}

        async def send(message: Message) -> None:
            sent.append(message["type"])

        await app({"type": kind, "path": "/a.js"}, receive, send)
        return sent

    assert asyncio.run(call("websocket")) == ["websocket.close"]
    events = ("lifespan.startup", "lifespan.shutdown")
    assert asyncio.run(call("lifespan", *events)) == [f"{event}.complete" for event in events]


# Larger files


def test_descriptor(app: StaticFiles) -> None:
    """A server that takes descriptors gets an open one, for a range too."""
    offered: dict[str, Any] = {sending.ZEROCOPYSEND: {}, sending.PATHSEND: {}}
    (message,) = ask(app, "/big.bin", extensions=offered).messages
    assert isinstance(message["file"].fileno(), int)
    assert (message["type"], message["offset"], message["count"]) == (sending.ZEROCOPYSEND, 0, len(BIG))
    (message,) = ask(app, "/big.bin", extensions=offered, range="bytes=5-99").messages
    assert (message["offset"], message["count"]) == (5, 95)


def test_path(app: StaticFiles, folder: Path) -> None:
    """One that takes paths gets that of the whole; a part is read."""
    offered: dict[str, Any] = {sending.PATHSEND: {}}
    reply = ask(app, "/big.bin", extensions=offered)
    assert reply.messages == [{"type": sending.PATHSEND, "path": str(folder / "big.bin")}]
    assert ask(app, "/big.bin", extensions=offered, range="bytes=5-99").body == BIG[5:100]


@pytest.mark.parametrize("extensions", [None, {}])
def test_pieces(app: StaticFiles, extensions: Any) -> None:
    """Elsewhere it comes in pieces, of which each but the last says that more will come."""
    reply = ask(app, "/big.bin", extensions=extensions)
    assert reply.body == BIG
    assert [message["more_body"] for message in reply.messages] == [True] * 3 + [False]
    assert ask(app, "/big.bin", range="bytes=300-700000").body == BIG[300:700001]


def test_limit(tmp_path: Path) -> None:
    """Up to the limit a file is in memory."""
    for size, extension in ((SMALL, None), (SMALL + 1, sending.ZEROCOPYSEND)):
        (tmp_path / "a").write_bytes(b"x" * size)
        (message,) = ask(StaticFiles(tmp_path), "/a", extensions={sending.ZEROCOPYSEND: {}}).messages
        assert message["type"] == (extension or "http.response.body")


def test_file_that_becomes_shorter(app: StaticFiles, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response is cut off, so that the client can tell."""
    read = sources.read_at

    def cutting(descriptor: int, count: int, offset: int) -> bytes:
        os.truncate(folder / "big.bin", 300_000)
        return read(descriptor, count, offset)

    monkeypatch.setattr(sending, "read_at", cutting)
    with pytest.raises(RuntimeError, match="became shorter"):
        ask(app, "/big.bin")


def test_client_that_leaves(app: StaticFiles) -> None:
    """Nothing more is read for it, though the server would take it."""
    sent: list[Message] = []

    async def call() -> None:
        left = asyncio.Event()

        async def receive() -> Message:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if len(sent) == 2:
                left.set()
                await asyncio.sleep(0)

        scope = {"type": "http", "method": "GET", "path": "/big.bin", "root_path": "", "headers": []}
        await app(scope, receive, send)

    asyncio.run(call())
    assert len(sent) == 2


def test_request_body_before_leaving(app: StaticFiles) -> None:
    """A GET may have a body, which is read away while the file is sent."""

    async def call() -> bytes:
        received = iter([{"type": "http.request", "body": b"x", "more_body": False}])
        body = bytearray()

        async def receive() -> Message:
            for message in received:
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Message) -> None:
            body.extend(message.get("body", b""))

        scope = {"type": "http", "method": "GET", "path": "/big.bin", "root_path": "", "headers": []}
        await app(scope, receive, send)
        return bytes(body)

    assert asyncio.run(call()) == BIG


def test_cancelled_while_a_thread_reads(
    app: StaticFiles, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is closed when the thread is done with it, and not before."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("counts descriptors in /proc")

    async def call() -> None:
        loop = asyncio.get_running_loop()
        begun = asyncio.Event()
        go_on = threading.Event()
        read = sources.read_at

        def slow(descriptor: int, count: int, offset: int) -> bytes:
            loop.call_soon_threadsafe(begun.set)
            go_on.wait(20)
            return read(descriptor, count, offset)

        monkeypatch.setattr(sending, "read_at", slow)
        task = asyncio.ensure_future(asking(app, "/big.bin"))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert open_descriptors(folder / "big.bin") == 1
        go_on.set()
        async with asyncio.timeout(20):
            while open_descriptors(folder / "big.bin"):
                await asyncio.sleep(0.001)

    asyncio.run(call())


@pytest.mark.parametrize("at", [0, 1])
def test_send_that_fails(app: StaticFiles, at: int) -> None:
    """Whatever `send` raises, the file is closed; the fixture looks."""
    count = iter(range(5))

    async def send(message: Message) -> None:
        if next(count) == at:
            raise OSError("gone")

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/big.bin",
        "root_path": "",
        "headers": [],
        "extensions": {sending.ZEROCOPYSEND: {}},
    }
    with pytest.raises(OSError, match="gone"):
        asyncio.run(app(scope, None, send))  # type: ignore[arg-type]


def test_file_replaced_between_looking_and_opening(app: StaticFiles, folder: Path) -> None:
    """What is sent is described as what it is, and conditions are judged by it."""
    old = ask(app, "/big.bin", extensions={sending.ZEROCOPYSEND: {}})
    (folder / "big.bin").write_bytes(BIG + b"more")
    tag = old.headers[b"etag"].decode()
    reply = ask(app, "/big.bin", if_match=tag)
    assert reply.status == 412
    reply = ask(app, "/big.bin")
    assert reply.headers[b"content-length"] == str(len(BIG) + 4).encode()
    assert reply.body == BIG + b"more"


def test_failure_once_a_file_is_open(app: StaticFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even what nobody expects leaves no file open."""

    def fail(*_: object) -> None:
        raise ArithmeticError

    monkeypatch.setattr(responses, "select_range", fail)
    with pytest.raises(ArithmeticError):
        ask(app, "/big.bin", range="bytes=0-")


def test_range_of_a_large_file_that_is_not_there(app: StaticFiles) -> None:
    """The file is closed again."""
    assert ask(app, "/big.bin", range=f"bytes={len(BIG)}-").status == 416


def test_own_source(folder: Path) -> None:
    """Files may be found in another way."""

    class Elsewhere:
        """Finds one file."""

        follows_links = False

        def find(self, name: str) -> str | None:
            """Find it."""
            return str(folder / "docs" / name) if name == "index.html" else None

    app = StaticFiles(Elsewhere())
    assert ask(app, "/index.html").body == b"docs"
    assert ask(app, "/a.js").status == 404
    assert "Elsewhere" in repr(app)


def test_links(folder: Path) -> None:
    """They are followed out of a directory that says so."""
    (folder / "docs" / "out").symlink_to("../a.js")
    assert ask(StaticFiles(folder / "docs"), "/out").status == 404
    assert ask(StaticFiles(Directory(folder / "docs", links=True)), "/out").body == b"javascript"
