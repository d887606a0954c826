"""Files as parts of a response: which are taken, how they are framed, and whose descriptor is used."""

import asyncio
import contextlib
import io
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.server.wire.errors import ResponseError
from tests.support.http_peer import Call, Peer, Puppet, get, on_loop, request, settle, start_waiting, started

CONTENT = bytes(range(256)) * 800
SIZES = pytest.mark.parametrize("size", [0, 1, 32 * 1024, 32 * 1024 + 1, len(CONTENT)])
VERSIONS = pytest.mark.parametrize("version", ["1.0", "1.1"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file."""
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(autouse=True)
def descriptors(tmp_path: Path) -> Iterator[None]:
    """See that no descriptor of a file is left."""
    folder = Path("/proc/self/fd")
    if not folder.exists():
        yield
        return
    yield
    assert not [
        each for each in folder.iterdir() if each.exists() and each.readlink().is_relative_to(tmp_path)
    ]


async def send_path(call: Call, path: Any) -> None:
    """Send the whole body from the file of a path."""
    await call.send({"type": "http.response.pathsend", "path": path})


async def send_file(call: Call, file: Any, **keys: Any) -> None:
    """Send a part of the body from an open file."""
    await call.send({"type": "http.response.zerocopysend", "file": file, **keys})


async def held_up(path: Path) -> "tuple[Puppet, Peer, asyncio.Future[None]]":
    """Give a response that is a file, for a client that does not read, and the call that sends it."""
    app, peer = await started()
    await peer.stop_reading()
    return app, peer, await start_waiting(send_path(app.call, str(path)))


# A file by its path.


@VERSIONS
@SIZES
@pytest.mark.parametrize("length", [False, True])
@on_loop
async def test_path(path: Path, size: int, version: str, length: bool) -> None:
    """The file is the whole body, which has its length, whoever says it."""
    os.truncate(path, size)
    app = Puppet()
    peer = Peer(app)
    for _ in range(2):
        await peer.send(get("/", "Connection: keep-alive", version=version))
        await app.call.start(200, [(b"content-length", b"%d" % size)] if length else [])
        await send_path(app.call, str(path))
        response = peer.response()
        assert response.values(b"content-length") == [b"%d" % size]
        assert response.body == CONTENT[:size]
        await app.call.finish()


@on_loop
async def test_relative_path(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is taken as `open()` does: frameworks pass on what they were given."""
    monkeypatch.chdir(path.parent)
    app, peer = await started()
    await send_path(app.call, path.name)
    assert peer.response().body == CONTENT
    await app.call.finish()


@on_loop
async def test_path_after_a_part(path: Path) -> None:
    """It is the whole body, or nothing of it: an error, and the response may go on."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    with pytest.raises(ProtocolError, match=r"http\.response\.start is due"):
        await send_path(app.call, str(path))
    await app.call.start()
    await app.call.body(b"a", more=True)
    with pytest.raises(ProtocolError, match="must be the whole body"):
        await send_path(app.call, str(path))
    await app.call.body(b"b")
    with pytest.raises(ProtocolError, match="complete"):
        await send_path(app.call, str(path))
    await app.call.finish()
    assert peer.response().body == b"ab"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing", "No such file or directory"),
        (".", "not a regular file"),
        ("pipe", "not a regular file"),
        ("content/below", "Not a directory"),
        ("\0", "null"),
        ("\udcff\ud800", "surrogates"),
        (b"content", "path must be str"),
        (None, "path must be str"),
        (3, "path must be str"),
    ],
)
@on_loop
async def test_path_of_no_file(path: Path, name: Any, error: str, caplog: pytest.LogCaptureFixture) -> None:
    """The application is told, and not that the client has left; without it the answer is 500."""
    os.mkfifo(path.parent / "pipe")
    where = f"{path.parent}/{name}" if isinstance(name, str) else name
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"content-length", b"5")])
    with pytest.raises(ResponseError, match=error) as raised:
        await send_path(app.call, where)
    with pytest.raises(ResponseError, match="'path' is missing"):
        await app.call.send({"type": "http.response.pathsend"})
    app.call.end.set_exception(raised.value)
    await settle()
    assert peer.response().status == 500
    assert "the application failed" in caplog.text


@pytest.mark.parametrize("length", [1, len(CONTENT) - 1, len(CONTENT) + 1])
@on_loop
async def test_path_and_another_length(path: Path, length: int) -> None:
    """A file that has not the length of the Content-Length is refused before anything of it is sent."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"content-length", b"%d" % length)])
    with pytest.raises(ResponseError, match="bytes of the body are missing"):
        await send_path(app.call, str(path))
    await app.call.finish()
    await settle()
    assert peer.response().status == 500


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
@on_loop
async def test_no_body(path: Path, method: str, status: int) -> None:
    """Where there is no body the file is looked at, and not sent; a HEAD response has its length."""
    app = Puppet()
    peer = Peer(app)
    for send in (send_path, send_file):
        await peer.send(request(method, "/"))
        await app.call.start(status, [(b"content-length", b"%d" % len(CONTENT))])
        with path.open("rb") as file:
            await send(app.call, str(path) if send is send_path else file)
        response = peer.response(method)
        assert (response.status, response.body) == (status, b"")
        assert (response.values(b"content-length") == []) is (status == 204)
        await app.call.finish()


# An open file.


@VERSIONS
@pytest.mark.parametrize("length", [False, True])
@on_loop
async def test_parts(path: Path, version: str, length: bool) -> None:
    """Parts of files, large and small, and other parts make up one body in the order in which they come."""
    body = b"a" + CONTENT[5:100_005] + b"b" + CONTENT[7:10] + CONTENT + CONTENT[-1:]
    app = Puppet()
    peer = Peer(app)
    await peer.send(get(version=version))
    await app.call.start(200, [(b"content-length", b"%d" % len(body))] if length else [])
    await app.call.body(b"a", more=True)
    with path.open("rb") as file:
        await send_file(app.call, file, offset=5, count=100_000, more_body=True)
        await app.call.body(b"b", more=True)
        await send_file(app.call, file.fileno(), offset=7, count=3, more_body=True)
        await send_file(app.call, file, offset=len(CONTENT), more_body=True)
        await send_file(app.call, file, offset=0, more_body=True)
        await send_file(app.call, file, offset=len(CONTENT) - 1)
        assert file.tell() == 0, "an offset leaves the position alone"
    with pytest.raises(ProtocolError, match="complete"):
        await app.call.body()
    await app.call.finish()
    assert peer.response().body == body


@on_loop
async def test_first_part(path: Path) -> None:
    """A body that begins with a part of a file, and ends with another kind of part."""
    app, peer = await started()
    with path.open("rb") as file:
        await send_file(app.call, file, more_body=True)
    await app.call.body(b"end")
    await app.call.finish()
    assert peer.response().body == CONTENT + b"end"


def open_as(kind: str, path: Path) -> Any:
    """Open a file in one of several ways."""
    if kind != "temporary":
        return path.open("rb", buffering=0 if kind == "raw" else -1)
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the test
    file.write(CONTENT)
    file.seek(0)
    return file


@pytest.mark.parametrize("kind", ["buffered", "raw", "descriptor", "temporary"])
@on_loop
async def test_position(path: Path, kind: str) -> None:
    """Without an offset a part begins at the position, where the next read would, and moves it."""
    app, peer = await started()
    with contextlib.closing(open_as(kind, path)) as file:
        assert file.read(1) == CONTENT[:1]
        what = file.fileno() if kind == "descriptor" else file
        if kind == "descriptor":
            os.lseek(what, 1, os.SEEK_SET)
        await send_file(app.call, what, count=10, more_body=True)
        await send_file(app.call, what, count=100_000, more_body=True)
        await send_file(app.call, what)
        if kind != "descriptor":
            assert file.tell() == len(CONTENT)
    await app.call.finish()
    assert peer.response().body == CONTENT[1:]


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"count": -1}, "count must be"),
        ({"count": 1.5}, "count must be"),
        ({"offset": "1"}, "offset must be"),
        ({"offset": -1}, "offset must be"),
        ({"count": len(CONTENT) + 1}, f"{len(CONTENT)} bytes are left"),
        ({"offset": len(CONTENT), "count": 1}, "0 bytes are left"),
        ({"offset": len(CONTENT) + 7, "count": 1}, "0 bytes are left"),
    ],
)
@on_loop
async def test_wrong_part(path: Path, keys: dict[str, Any], error: str) -> None:
    """A part that is not there, or no part, is refused; the position stays where it is."""
    app, peer = await started()
    with path.open("rb") as file:
        with pytest.raises(ResponseError, match=error):
            await send_file(app.call, file, **keys)
        assert file.tell() == 0
    await app.call.body(b"something else")
    await app.call.finish()
    assert peer.response().body == b"something else"


@on_loop
async def test_wrong_files(path: Path) -> None:
    """What has no descriptor, or one that is not a regular file's, is refused."""
    app, peer = await started()
    closed = path.open("rb")
    closed.close()
    one, other = socket.socketpair()
    with closing(one), closing(other), path.open() as text, path.open("rb") as lazy:
        lazy.tell = no_position  # type: ignore[method-assign, assignment]
        for file in (io.BytesIO(), closed, -1, None, "a", one, one.fileno(), text, lazy):
            with pytest.raises(ResponseError):
                await send_file(app.call, file)
        await send_file(app.call, lazy, offset=0)
    with pytest.raises(ProtocolError, match="complete"):
        await app.call.send({"type": "http.response.zerocopysend"})
    await app.call.finish()
    assert peer.response().body == CONTENT


def no_position() -> None:
    """Tell nothing, as a file whose methods have to be awaited."""


@pytest.mark.parametrize("count", [10, 100_000])
@on_loop
async def test_part_that_is_too_long(path: Path, count: int) -> None:
    """What is more than the Content-Length says is refused, and the file is as it was."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(get())
    await app.call.start(200, [(b"content-length", b"9")])
    with path.open("rb") as file:
        with pytest.raises(ResponseError):
            await send_file(app.call, file, count=count)
        assert file.tell() == 0
        await send_file(app.call, file, count=9)
    await app.call.finish()
    assert peer.response().body == CONTENT[:9]


@pytest.mark.parametrize("count", [10, 100_000])
@on_loop
async def test_no_descriptor_is_left(path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Where the system has none to give, or cannot read, the application is told before anything is sent."""

    def fail(*_: object) -> int:
        raise OSError(24, "Too many open files")

    app, peer = await started()
    with path.open("rb") as file, monkeypatch.context() as patch:
        patch.setattr(os, "dup", fail)
        patch.setattr(os, "pread", fail)
        with pytest.raises(ResponseError, match="Too many open files"):
            await send_file(app.call, file, count=count)
        assert file.tell() == 0
    await app.call.finish()
    await settle()
    assert peer.response().status == 500


@on_loop
async def test_missing_file() -> None:
    """A message without a file is refused."""
    app, peer = await started()
    with pytest.raises(ResponseError, match="'file' is missing"):
        await app.call.send({"type": "http.response.zerocopysend"})
    await app.call.body()
    await app.call.finish()
    assert peer.response().status == 200


def remove(path: Path) -> None:
    """Remove a file."""
    path.unlink()


# While it is being sent. The client in memory takes a small piece whenever it reads.


@on_loop
async def test_slow_client(path: Path) -> None:
    """It is not sent faster than the client reads, and the application waits; then it needs its file no more.

    What it does with the file meanwhile changes nothing.
    """
    app, peer = await started()
    await peer.stop_reading()
    with path.open("rb") as file:
        sending = peer.context.loop.create_task(send_file(app.call, file))
        await settle()
    remove(path)
    assert not sending.done()
    assert len(peer.transport.written) < 1000
    await peer.read_on()
    await sending
    await app.call.finish()
    assert peer.response().body == CONTENT


@on_loop
async def test_another_part_meanwhile(path: Path) -> None:
    """Nothing may be sent in between, by whatever task; what was being sent goes on."""
    app, peer, sending = await held_up(path)
    with path.open("rb") as file:
        for part in (app.call.body(b"x"), send_file(app.call, file), send_path(app.call, str(path))):
            with pytest.raises(ProtocolError):
                await part
    await peer.read_on()
    await sending
    await app.call.finish()
    assert peer.response().body == CONTENT


@on_loop
async def test_client_leaves(path: Path) -> None:
    """The application is told, and the file is closed at once."""
    app, peer, sending = await held_up(path)
    await peer.leave()
    with pytest.raises(ClientDisconnected):
        await sending
    with pytest.raises(ClientDisconnected):
        await app.call.body(b"x")
    await app.call.finish()


@on_loop
async def test_client_closes_its_direction(path: Path) -> None:
    """It still gets the file."""
    app, peer, sending = await held_up(path)
    await peer.send_eof()
    await peer.read_on()
    await sending
    await app.call.finish()
    assert peer.response().body == CONTENT


@on_loop
async def test_application_gives_up(path: Path) -> None:
    """Half of a part is on its way: the response is cut off, so that the client can tell."""
    app, peer, sending = await held_up(path)
    sending.cancel()
    await settle()
    assert sending.cancelled()
    assert peer.transport.aborted
    with pytest.raises(ClientDisconnected):
        await app.call.body(b"x")
    await app.call.finish()


@on_loop
async def test_file_that_shrinks(path: Path) -> None:
    """The response is cut off, and the application hears why."""
    app, peer, sending = await held_up(path)
    os.truncate(path, 100)
    await peer.read_on()
    with pytest.raises(ResponseError, match=r"a file cannot be sent: it became .* bytes shorter meanwhile"):
        await sending
    assert peer.transport.aborted
    await app.call.finish()


@on_loop
async def test_small_file_that_shrinks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that is read at once nothing has been sent yet."""
    os.truncate(path, 100)
    monkeypatch.setattr(os, "pread", lambda _, size, __: b"x" * (size - 1))
    app, peer = await started()
    with pytest.raises(ResponseError, match="1 bytes shorter"):
        await send_path(app.call, str(path))
    await app.call.finish()
    await settle()
    assert peer.response().status == 500


@on_loop
async def test_bytes_of_the_body_meanwhile(path: Path) -> None:
    """What the client sends meanwhile reaches the application, and does not disturb the file."""
    app = Puppet()
    peer = Peer(app)
    await peer.send(request("POST", "/", "Content-Length: 6"))
    await app.call.start()
    await peer.stop_reading()
    sending = peer.context.loop.create_task(send_path(app.call, str(path)))
    receiving = asyncio.ensure_future(app.call.receive())
    await settle()
    await peer.send(b"abc")
    assert (await receiving)["body"] == b"abc"
    await peer.send(b"def")
    await peer.read_on()
    await sending
    await app.call.finish()
    assert peer.response("POST").body == CONTENT


@on_loop
async def test_drain_meanwhile(path: Path) -> None:
    """A server that stops lets the file come to its end, and closes."""
    app, peer, sending = await held_up(path)
    peer.connection.drain()
    await peer.read_on()
    await sending
    await app.call.finish()
    await settle()
    assert peer.closed
    assert peer.response().body == CONTENT


@on_loop
async def test_leaving_between_parts(path: Path) -> None:
    """An application that only sends parts notices that the connection is closing."""
    app, peer = await started()
    peer.transport.abort()
    with path.open("rb") as file, pytest.raises(ClientDisconnected):
        await send_file(app.call, file, count=1, more_body=True)
    await app.call.finish()
