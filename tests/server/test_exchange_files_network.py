"""Files of ASGI applications over real sockets, on both event loops: what the client gets, what the
application hears, and what is left.
"""

import asyncio
import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hybrid.bridge.types import Receive, Scope, Send
from hybrid.server.ops.access_record import AccessRecord
from hybrid.server.wire.errors import ResponseError
from tests.apps.wsgi_big import pattern
from tests.support.certificates import Authority, authority
from tests.support.downloads import begun, connected, is_content, open_descriptors, read_all, without_sendfile
from tests.support.embedded import DEADLINE, client, on_each_loop, port_of, serving, until, until_drained
from tests.support.http_peer import get, read_responses
from tests.support.waiting import poll

__all__ = ["authority"]

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts descriptors in /proc")

SIZE = 12_000_000
KINDS = pytest.mark.parametrize("kind", ["path", "file"])


class Files:
    """An ASGI application that sends a file, by its path or out of an open one, and keeps how that went.

    Attributes:
        path: of the file.
        outcomes: for each file sent None, or what `send` raised.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "content"
        self.path.write_bytes(pattern(0, SIZE))
        self.outcomes: list[BaseException | None] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `/path` and `/file` with the file, everything else at once."""
        assert scope["type"] == "http"
        body: dict[str, Any] = {"type": "http.response.body", "body": b"free"}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        if scope["path"] not in ("/path", "/file"):
            await send(body)
            return
        try:
            if scope["path"] == "/path":
                await send({"type": "http.response.pathsend", "path": str(self.path)})
            else:
                await self._send_open(send)
        except BaseException as error:
            self.outcomes.append(error)
            raise
        self.outcomes.append(None)

    async def _send_open(self, send: Send) -> None:
        """Send the first half, then the second, and close the file as soon as it is not needed any more."""
        message: dict[str, Any] = {"type": "http.response.zerocopysend"}
        with self.path.open("rb") as file:
            await send({**message, "file": file, "count": SIZE // 2, "more_body": True})
            await send({**message, "file": file.fileno(), "offset": SIZE // 2})

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


@pytest.mark.parametrize("how", ["works", "missing", "EINVAL"])
@KINDS
@on_each_loop
async def test_pipeline(files: Files, monkeypatch: pytest.MonkeyPatch, kind: str, how: str) -> None:
    """Files arrive whole between other responses, whether the system sends them or we do."""
    without_sendfile(monkeypatch, how)
    targets = [f"/{kind}", "/", f"/{kind}", f"/{kind}", "/"]
    async with serving(files) as (server, _), client(server) as connection:
        connection.send(b"".join(map(get, targets)) + get("/", "Connection: close"))
        responses = read_responses(await connection.read_all(), *["GET"] * 6, closed=True)
    assert [response.status for response in responses] == [200] * 6
    for number in (0, 2, 3):
        assert is_content(responses[number].body, 0, SIZE)
    assert {responses[number].body for number in (1, 4, 5)} == {b"free"}
    assert files.outcomes == [None] * 3


@pytest.mark.parametrize("receive_buffer", [8192, 1_000_000])
@KINDS
@on_each_loop
async def test_system_sends_it(
    files: Files, monkeypatch: pytest.MonkeyPatch, kind: str, receive_buffer: int
) -> None:
    """Most of it never passes through Python, however slowly the client reads."""
    sent: list[int] = []
    sendfile = os.sendfile

    def count(*arguments: Any) -> int:
        sent.append(sendfile(*arguments))
        return sent[-1]

    monkeypatch.setattr(os, "sendfile", count)
    async with serving(files) as (server, _):
        with closing(connected(server, get(f"/{kind}", "Connection: close"), receive_buffer)) as sock:
            await begun(sock)
            assert len(await read_all(sock)) > SIZE
    assert sum(sent) > 0.5 * SIZE


@KINDS
@on_each_loop
async def test_slow_client(files: Files, kind: str) -> None:
    """The application waits for a client that does not read, and others do not."""
    async with serving(files) as (server, _):
        with closing(connected(server, get(f"/{kind}", "Connection: close"))) as sock:
            await begun(sock)
            async with client(server) as connection:
                connection.send(get("/", "Connection: close"))
                assert (await connection.read_all()).endswith(b"free")
            assert not files.outcomes
            (response,) = read_responses(await read_all(sock), closed=True)
    assert is_content(response.body, 0, SIZE)
    assert files.outcomes == [None]


@KINDS
@on_each_loop
async def test_tls(files: Files, monkeypatch: pytest.MonkeyPatch, authority: Authority, kind: str) -> None:
    """On an encrypted connection the file is read, and arrives just as well."""
    monkeypatch.setattr(os, "sendfile", None)  # not even tried
    context = authority.client_context()
    async with serving(files, ssl_certfile=authority.folder / "server.pem") as (server, _):
        reader, writer = await asyncio.open_connection("localhost", port_of(server), ssl=context)
        writer.write(get(f"/{kind}", "Connection: close"))
        received = await asyncio.wait_for(reader.read(), DEADLINE)
        writer.close()
    (response,) = read_responses(received, closed=True)
    assert is_content(response.body, 0, SIZE)


@pytest.mark.parametrize("how", ["works", "missing"])
@pytest.mark.parametrize("reset", [False, True])
@KINDS
@on_each_loop
async def test_client_leaves(
    files: Files, monkeypatch: pytest.MonkeyPatch, kind: str, how: str, reset: bool
) -> None:
    """The application is told, the file is closed, and nothing is logged: clients leave."""
    without_sendfile(monkeypatch, how)
    async with serving(files) as (server, _):
        sock = connected(server, get(f"/{kind}"))
        await begun(sock)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert sock.recv(1000)
        sock.close()
        await until(lambda: files.outcomes)
        await until(lambda: not files.open)
    (outcome,) = files.outcomes
    assert isinstance(outcome, OSError)


@pytest.mark.usefixtures("ticks")
@KINDS
@on_each_loop
async def test_client_that_takes_nothing(files: Files, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is given up after `timeout_write`, as with every response."""
    caplog.set_level(logging.INFO, "hybrid.server")
    async with serving(files, timeout_write=0.2) as (server, _):
        with closing(connected(server, get(f"/{kind}"))) as sock:
            await begun(sock)
            await until(lambda: files.outcomes)
            assert len(await read_all(sock)) < SIZE
    assert isinstance(files.outcomes[0], OSError)
    assert "takes nothing, and is given up" in caplog.text


@KINDS
@on_each_loop
async def test_drain(files: Files, kind: str) -> None:
    """A server that stops sends the file to its end first, though nobody read it until then."""
    async with serving(files) as (server, task):
        with closing(connected(server, get(f"/{kind}"))) as sock:
            await begun(sock)
            server.should_exit = True
            await until_drained(server)
            (response,) = read_responses(await read_all(sock), closed=True)
        await task
    assert is_content(response.body, 0, SIZE)


@KINDS
@on_each_loop
async def test_cut_off(files: Files, kind: str) -> None:
    """When its time is over it closes the file, and the client can tell."""
    async with serving(files, timeout_graceful_shutdown=0) as (server, task):
        with closing(connected(server, get(f"/{kind}"))) as sock:
            await begun(sock)
            server.should_exit = True
            await task
            assert files.open == 0
            assert len(await read_all(sock)) < SIZE


@pytest.mark.parametrize("how", ["works", "missing"])
@KINDS
@on_each_loop
async def test_file_that_shrinks(
    files: Files, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str, how: str
) -> None:
    """A file that becomes shorter while it is sent cuts the response off, and the application hears why."""
    without_sendfile(monkeypatch, how)
    async with serving(files) as (server, _):
        with closing(connected(server, get(f"/{kind}"))) as sock:
            await begun(sock)
            os.truncate(files.path, SIZE // 4)
            assert len(await read_all(sock)) < SIZE
    assert isinstance(files.outcomes[0], ResponseError)
    assert caplog.text.count("the application failed") == 1
    assert "a file cannot be sent: it became " in caplog.text


@on_each_loop
async def test_disk_that_fails(
    files: Files, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the disk is the application's, and not taken for a client that leaves."""

    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "sendfile", fail)
    async with serving(files) as (server, _), client(server) as connection:
        connection.send(get("/path"))
        assert len(await connection.read_all()) < 1000
    assert not isinstance(files.outcomes[0], OSError)
    assert "a file cannot be sent: [Errno 5] the disk is broken" in caplog.text


@KINDS
@pytest.mark.parametrize("stays", [False, True])
@on_each_loop
async def test_access_log(files: Files, kind: str, stays: bool) -> None:
    """The log has what was given to the connection: all of the file, or as much as it took before the client
    left.
    """
    records: list[AccessRecord] = []
    settings: dict[str, Any] = {"limit_concurrency": 1} if kind == "file" else {}
    async with serving(files, access_logger=records.append, **settings) as (server, _):
        with closing(connected(server, get(f"/{kind}", "Connection: close"))) as sock:
            await begun(sock)
            taken = bytearray()
            while len(taken) < 1000:  # the head, and some of the file
                await begun(sock)
                taken += sock.recv(1000)
            if stays:
                await read_all(sock)
        await until(lambda: records)
    (record,) = records
    assert (record.status, record.complete) == (200, stays)
    if stays:
        assert record.body_bytes == SIZE
    else:
        assert 0 < record.body_bytes < SIZE


@on_each_loop
async def test_gate(files: Files) -> None:
    """A request whose file is being sent counts for `limit_concurrency`; it makes room when that is over."""
    settings: dict[str, Any] = {"limit_concurrency": 1, "limit_concurrency_queue": 0}
    async with serving(files, **settings) as (server, _):
        with closing(connected(server, get("/path", "Connection: close"))) as sock:
            await begun(sock)
            async with client(server) as connection:
                connection.send(get("/", "Connection: close"))
                assert b" 503 " in await connection.read_until(b"\r\n")
            await read_all(sock)
        async with client(server) as connection:
            connection.send(get("/", "Connection: close"))
            assert (await connection.read_all()).endswith(b"free")
