"""Files over real sockets, on both event loops: what a client gets, and what is left when it goes away."""

import errno
import logging
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from hybrid.server.ops.access_record import AccessRecord
from hybrid.server.server import Server
from tests.apps.wsgi_big import pattern
from tests.support.downloads import begun, connected, is_content, open_descriptors, read_all, without_sendfile
from tests.support.embedded import client, on_each_loop, serving, until, until_drained
from tests.support.http_peer import get, read_responses
from tests.support.waiting import poll

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")

SIZE = 20_000_000


class Files:
    """A WSGI application that answers with parts of one file, or says that its thread is free."""

    def __init__(self, folder: Path, size: int = SIZE) -> None:
        self.path = folder / "content"
        self.path.write_bytes(pattern(0, size))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer `/file`, or `/file?OFFSET,LENGTH`, from the file."""
        if environ["PATH_INFO"] != "/file":
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"free"]
        file = self.path.open("rb")
        headers = [("Content-Type", "text/plain")]
        if environ["QUERY_STRING"]:
            offset, length = map(int, environ["QUERY_STRING"].split(","))
            file.seek(offset)
            headers.append(("Content-Length", str(length)))
        start_response("206 Partial Content" if environ["QUERY_STRING"] else "200 OK", headers)
        wrapper: Iterable[bytes] = environ["wsgi.file_wrapper"](file)
        return wrapper

    @property
    def open(self) -> int:
        """How many descriptors this process has of the file."""
        return open_descriptors(self.path)


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    """Give the application; in the end, when threads have closed theirs, none has its file open."""
    app = Files(tmp_path)
    yield app
    assert poll(lambda: app.open == 0)


async def ask(server: Server, target: str = "/") -> bytes:
    """Ask on a connection of its own, and return the body."""
    async with client(server) as connection:
        connection.send(get(target, "Connection: close"))
        return (await connection.read_all()).partition(b"\r\n\r\n")[2]


# What the client gets.


@pytest.mark.parametrize("how", ["works", "missing", "EINVAL", "ENOTSUP"])
@on_each_loop
async def test_whole_file(files: Files, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A file arrives whole, with its length, whether the system sends it or we do."""
    without_sendfile(monkeypatch, how)

    async with serving(files) as (server, _), client(server) as connection:
        connection.send(get("/file", "Connection: close"))
        (response,) = read_responses(await connection.read_all(), closed=True)
        assert response.values(b"content-length") == [b"%d" % SIZE]
        assert is_content(response.body, 0, SIZE)


@pytest.mark.parametrize("receive_buffer", [8192, 1_000_000])
@on_each_loop
async def test_system_sends_it(files: Files, monkeypatch: pytest.MonkeyPatch, receive_buffer: int) -> None:
    """Most of it never passes through Python, however slowly the client reads."""
    sent: list[int] = []
    sendfile = os.sendfile

    def count(*arguments: Any) -> int:
        sent.append(sendfile(*arguments))
        return sent[-1]

    monkeypatch.setattr(os, "sendfile", count)
    async with serving(files) as (server, _):
        with closing(connected(server, get("/file", "Connection: close"), receive_buffer)) as sock:
            await begun(sock)
            assert len(await read_all(sock)) > SIZE
    assert sum(sent) > 0.5 * SIZE
    assert max(sent) <= 512 * 1024, "others have their turn in between"


@on_each_loop
async def test_pipeline(files: Files) -> None:
    """Files, parts of files and other responses alternate on one connection."""
    targets = ["/file", "/", "/file?5,100000", "/file?0,1", "/", "/file"]
    async with serving(files, threads=4) as (server, _), client(server) as connection:
        connection.send(b"".join(map(get, targets)) + get("/", "Connection: close"))
        responses = read_responses(await connection.read_all(), *["GET"] * 7, closed=True)
    assert [response.status for response in responses] == [200, 200, 206, 206, 200, 200, 200]
    for number, start, size in ((0, 0, SIZE), (2, 5, 100_000), (3, 0, 1), (5, 0, SIZE)):
        assert is_content(responses[number].body, start, size)
    assert {responses[number].body for number in (1, 4, 6)} == {b"free"}


@on_each_loop
async def test_keep_alive(files: Files) -> None:
    """A request that is sent only when the file has come is answered too."""
    async with serving(files) as (server, _), client(server) as connection:
        for _ in range(3):
            connection.send(get("/file?7,50000"))
            await connection.read_until(b"\r\n\r\n")
            assert await connection.read_until(pattern(7, 50_000)[-600:])
        connection.send(get("/", "Connection: close"))
        assert (await connection.read_all()).endswith(b"free")


@on_each_loop
async def test_unix_socket(files: Files, tmp_path: Path) -> None:
    """It works on a Unix socket as well."""
    async with serving(files, uds=str(tmp_path / "socket")) as (server, _):
        assert is_content(await ask(server, "/file"), 0, SIZE)


@on_each_loop
async def test_client_that_closes_its_direction(files: Files) -> None:
    """It still gets all of the file, and then the end."""
    async with serving(files) as (server, _):
        with closing(connected(server, get("/file"))) as sock:
            sock.shutdown(socket.SHUT_WR)
            await begun(sock)
            received = await read_all(sock)
    assert is_content(received.partition(b"\r\n\r\n")[2], 0, SIZE)


# Slow clients.


@on_each_loop
async def test_slow_clients_need_no_thread(files: Files) -> None:
    """Clients that do not read keep no thread; they get everything when they do."""
    async with serving(files, threads=1) as (server, _):
        slow = [connected(server, get("/file", "Connection: close")) for _ in range(3)]
        assert await ask(server) == b"free"
        await until(lambda: files.open == len(slow))
        for sock in slow:
            with closing(sock):
                assert is_content((await read_all(sock)).partition(b"\r\n\r\n")[2], 0, SIZE)


# Clients that leave, and the end of the server.


@pytest.mark.parametrize("how", ["works", "missing"])
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("impatient", [False, True])
@on_each_loop
async def test_client_leaves(
    files: Files, monkeypatch: pytest.MonkeyPatch, how: str, reset: bool, impatient: bool
) -> None:
    """The file is closed when the client goes, also if it had sent more than the server wanted to read."""
    without_sendfile(monkeypatch, how)

    async with serving(files) as (server, _):
        sock = connected(server, get("/file") + get("/", f"X: {'x' * 7000}") * (20 * impatient))
        await begun(sock)
        assert sock.recv(1000)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()
        await until(lambda: not files.open)
        assert await ask(server) == b"free"


@on_each_loop
async def test_drain(files: Files) -> None:
    """A server that stops sends the file to its end first, though nobody read it until then."""
    async with serving(files) as (server, task):
        with closing(connected(server, get("/file"))) as sock:
            await begun(sock)
            server.should_exit = True
            await until_drained(server)
            assert is_content((await read_all(sock)).partition(b"\r\n\r\n")[2], 0, SIZE)
        await task


@on_each_loop
async def test_cut_off(files: Files) -> None:
    """When its time is over it closes the file, and the client can tell."""
    async with serving(files, timeout_graceful_shutdown=0) as (server, task):
        with closing(connected(server, get("/file"))) as sock:
            await begun(sock)
            server.should_exit = True
            await task
            await until(lambda: not files.open)  # the worker closes its own a moment later
            assert len(await read_all(sock)) < SIZE


# Files that are not what they seemed.


@pytest.mark.parametrize("how", ["works", "missing"])
@on_each_loop
async def test_file_that_shrinks(
    files: Files, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """A file that becomes shorter while it is sent cuts the response off, and the log says so."""
    without_sendfile(monkeypatch, how)
    caplog.set_level(logging.ERROR, "hybrid.server")

    async with serving(files) as (server, _):
        with closing(connected(server, get("/file"))) as sock:
            await begun(sock)
            os.truncate(files.path, SIZE // 2)
            assert len(await read_all(sock)) < SIZE

    assert "a file cannot be sent: it became " in caplog.text


@on_each_loop
async def test_file_that_grows(files: Files) -> None:
    """What is added later is not sent: it would be taken for the next response."""
    async with serving(files) as (server, _):
        with closing(connected(server, get("/file") + get("/", "Connection: close"))) as sock:
            await begun(sock)
            with files.path.open("ab") as file:
                file.write(b"more")
            responses = read_responses(await read_all(sock), "GET", "GET", closed=True)
        assert [len(response.body) for response in responses] == [SIZE, 4]


@on_each_loop
async def test_disk_that_fails(
    files: Files, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the disk cuts the response off, and the log says which."""

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "sendfile", fail)
    async with serving(files) as (server, _):
        assert await ask(server, "/file") == b""
    assert "a file cannot be sent: [Errno 5] the disk is broken" in caplog.text


@pytest.mark.parametrize("stays", [False, True])
@on_each_loop
async def test_access_log(files: Files, stays: bool) -> None:
    """The log has the bytes that were given to the connection, fewer than the file's when the client left."""
    records: list[AccessRecord] = []
    async with serving(files, access_logger=records.append) as (server, _):
        with closing(connected(server, get("/file", "Connection: close"))) as sock:
            await begun(sock)
            if stays:
                await read_all(sock)
        await until(lambda: records)
    (record,) = records
    assert record.complete is stays
    assert (record.body_bytes == SIZE) is stays
