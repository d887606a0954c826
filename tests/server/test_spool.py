"""What waits on disk for a client: a ring between one worker and the loop."""

import asyncio
import gc
import os
import random
import tempfile
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import hybrid.server.spool as module
from hybrid.bridge.errors import ClientDisconnected
from hybrid.server.spool import Spool
from tests.support.http_peer import on_loop, settle


@pytest.fixture
def spool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spool]:
    """Give a spool of ten bytes."""
    monkeypatch.setattr(module, "SPOOL_SIZE", 10)
    spool = Spool()
    yield spool
    spool.release()
    spool.close()


def append(spool: Spool, data: bytes) -> int:
    """Append what finds room."""
    return spool.append(memoryview(data))


def take(spool: Spool, most: int = 100) -> bytes:
    """Send as the loop does: one region, or the beginning of it."""
    descriptor, offset, count = spool.region()
    data = os.pread(descriptor, min(count, most), offset)
    spool.advance(len(data))
    return data


def test_bytes_come_in_order(spool: Spool) -> None:
    """What was appended can be sent, once."""
    assert append(spool, b"abc") == 3
    assert append(spool, b"de") == 2
    assert repr(spool) == "<Spool 5 bytes wait>"
    assert (take(spool, 2), take(spool), take(spool)) == (b"ab", b"cde", b"")
    assert spool.pending == 0


def test_no_more_than_there_is_room(spool: Spool) -> None:
    """A full spool takes nothing; what was sent makes room, at the beginning of the file."""
    assert append(spool, b"0123456789ab") == 10
    assert append(spool, b"ab") == 0
    assert take(spool, 4) == b"0123"
    assert append(spool, b"abcdef") == 4
    assert append(spool, b"ef") == 0
    assert (take(spool), take(spool)) == (b"456789", b"abcd")


def test_the_loop_is_told_once(spool: Spool) -> None:
    """As long as the loop looks by itself, it has not to be told of more."""
    append(spool, b"a")
    assert spool.claim()
    append(spool, b"b")
    assert not spool.claim()
    assert take(spool) == b"ab"
    append(spool, b"c")
    assert not spool.claim(), "it has not looked since"
    assert (take(spool), take(spool)) == (b"c", b"")
    append(spool, b"d")
    assert spool.claim()


def test_any_sizes_on_two_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread appends and another one sends, and no byte is lost, doubled or overtaken; nor is a call."""
    monkeypatch.setattr(module, "SPOOL_SIZE", 1000)
    spool = Spool()
    chance = random.Random(5)  # noqa: S311 - the same each time
    data = chance.randbytes(300_000)
    told = threading.Semaphore(0)

    def work() -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[spool.append(rest[: chance.randrange(1, 700)]) :]
            if spool.claim():
                told.release()

    worker = threading.Thread(target=work)
    worker.start()
    received = bytearray()
    while len(received) < len(data):
        assert told.acquire(timeout=20)
        while part := take(spool, 300):
            received += part
    worker.join()
    assert bytes(received) == data
    spool.release()
    spool.close()


def test_each_side_closes_its_own(spool: Spool) -> None:
    """What one side has closed the other can still use."""
    append(spool, b"a")
    spool.release()
    spool.release()
    assert take(spool) == b"a"
    other = Spool()
    other.close()
    assert append(other, b"a") == 1
    other.release()


def test_disk_that_fails(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error is raised, and nothing was taken."""

    def fail(*_: object) -> int:
        raise OSError("no space left")

    append(spool, b"a")
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", fail)
        with pytest.raises(OSError, match="no space"):
            append(spool, b"b")
    assert take(spool) == b"a"


@pytest.mark.parametrize("what", ["no descriptor is left", "pwrite"])
def test_none_can_be_had(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """A system without pwrite, or without descriptors, has no spool, and nothing stays open."""
    made: list[Any] = []
    temporary = tempfile.TemporaryFile

    def make(*arguments: Any, **options: Any) -> Any:
        made.append(temporary(*arguments, **options))
        return made[-1]

    def fail(_: int) -> int:
        raise OSError(what)

    monkeypatch.setattr(tempfile, "TemporaryFile", make)
    if what == "pwrite":
        monkeypatch.delattr(os, "pwrite")
    else:
        monkeypatch.setattr(os, "dup", fail)
    with pytest.raises(OSError, match="cannot write at an offset" if what == "pwrite" else what):
        Spool()
    assert all(file.closed for file in made)


# Waiting, on the loop.


def test_wait_for_room(spool: Spool) -> None:
    """Room is waited for until half of the spool is free."""

    @on_loop
    async def check() -> None:
        append(spool, b"0123456789")
        waiting = asyncio.create_task(spool.wait_for_room())
        await settle()
        take(spool, 4)
        await settle()
        assert not waiting.done()
        take(spool, 1)
        await waiting

    check()


@on_loop
async def test_wait_for_a_client_that_leaves() -> None:
    """Whoever waits is told that what waits will not be sent, now or later."""
    spool = Spool()
    await spool.wait_until_empty()
    append(spool, b"a")
    waiting = asyncio.create_task(spool.wait_until_empty())
    await settle()
    spool.close()
    with pytest.raises(ClientDisconnected):
        await waiting
    with pytest.raises(ClientDisconnected):
        await spool.wait_until_empty()
    spool.release()
    gc.collect()
