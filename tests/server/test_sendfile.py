"""One file on one connection in memory; real sockets are in test_sendfile_network.py."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hybrid.server.sendfile import FileRegion, FileSender, read_ahead
from tests.support.http_peer import Peer, Puppet, on_loop, settle

CONTENT = bytes(range(256)) * 1000


class Blocks:
    """A source that has more from time to time."""

    settled = False

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._offset = 0
        self.available = 0
        self.closed = 0

    def region(self) -> tuple[int, int, int]:
        """Give what there is."""
        return self._file.fileno(), self._offset, self.available

    def advance(self, count: int) -> None:
        """Go on."""
        self._offset += count
        self.available -= count

    def close(self) -> None:
        """Count."""
        self.closed += 1
        self._file.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a file."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def blocks(path: Path) -> Iterator[Blocks]:
    """Give a source over it, which must be closed once."""
    blocks = Blocks(path)
    yield blocks
    assert blocks.closed == 1


@on_loop
async def send_growing(blocks: Blocks) -> None:
    """The body of the test below."""
    peer = Peer(Puppet())
    through: list[int] = []
    sender = FileSender(peer.connection, blocks, lambda: through.append(len(peer.transport.written)))
    sender.start()
    await settle()
    assert through == [0]
    for size in (1, 65_536, 100_000):
        blocks.available = size
        sender.start()
        sender.start()
        await settle()
    assert through == [0, 1, 65_537, 165_537]
    assert peer.transport.take() == CONTENT[:165_537]
    sender.stop()
    sender.stop()
    sender.start()
    assert repr(sender).startswith("<FileSender stopped <")
    assert peer.connection.on_writable is None


def test_source_that_grows(blocks: Blocks) -> None:
    """It says whenever nothing is left for now, and goes on when it is started again, until it is stopped."""
    send_growing(blocks)


def test_client_that_does_not_read(blocks: Blocks) -> None:
    """Nothing is sent while the client does not read."""

    @on_loop
    async def check() -> None:
        peer = Peer(Puppet())
        sender = FileSender(peer.connection, blocks, list)
        blocks.available = 200_000
        await peer.stop_reading()
        sender.start()
        await settle()
        assert peer.transport.take() == b""
        await peer.read_on()
        assert peer.transport.take() == CONTENT[:200_000]
        sender.stop()

    check()


@pytest.mark.parametrize("how", ["closing", "stopped", "lost"])
def test_end_in_the_middle(blocks: Blocks, how: str) -> None:
    """Nothing is sent on a connection that is being closed, nor after the end."""

    @on_loop
    async def check() -> None:
        peer = Peer(Puppet())
        sender = FileSender(peer.connection, blocks, list)
        blocks.available = 1000
        sender.start()
        if how == "closing":
            peer.connection.close()
        elif how == "stopped":
            sender.stop()
        else:
            peer.transport.lose()
        await settle()
        assert peer.transport.take() == b""
        sender.stop()

    check()


def test_file_that_ends_early(blocks: Blocks, caplog: pytest.LogCaptureFixture) -> None:
    """Less than was promised cuts the connection off."""

    @on_loop
    async def check() -> None:
        peer = Peer(Puppet())
        sender = FileSender(peer.connection, blocks, list)
        blocks.available = len(CONTENT) + 7
        sender.start()
        await settle()
        assert peer.transport.take() == CONTENT
        assert peer.transport.aborted
        sender.stop()

    check()
    assert "192.0.2.1:50000: a file cannot be sent: it became 7 bytes shorter meanwhile" in caplog.text


def test_region_has_a_descriptor_of_its_own(path: Path) -> None:
    """Whoever owns the file may close it; the region is closed by whoever has it, and says what is sent."""
    sent: list[int] = []
    with path.open("rb") as file:
        region = FileRegion(file.fileno(), 3, 100, sent.append)
    assert repr(region) == "<FileRegion 100 bytes from 3>"
    region.advance(10)
    descriptor, offset, count = region.region()
    assert (offset, count, sent) == (13, 90, [10])
    assert os.pread(descriptor, 5, offset) == CONTENT[13:18]
    assert not os.get_inheritable(descriptor)
    region.close()
    gc.collect()


def test_read_ahead(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next slice is asked for, where the system takes such advice and there is any."""
    asked: list[Any] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda *arguments: asked.append(arguments[1:3]), raising=False)
    monkeypatch.setattr(os, "POSIX_FADV_WILLNEED", 3, raising=False)
    read_ahead(0, 5, 10)
    read_ahead(0, 5, 10_000_000)
    read_ahead(0, 5, 0)
    assert asked == [(5, 10), (5, 512 * 1024)]
    monkeypatch.delattr(os, "posix_fadvise")
    read_ahead(0, 5, 10)
