"""A body between a loop that receives it and a worker that reads it, without either."""

import gc
import io
import threading
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.errors import BodyRefused, ClientDisconnected
from hybrid.bridge.types import BodyPolicy
from hybrid.bridge.wsgi.stream import BodyStream

DEADLINE = 20.0
FULL = 64 * 1024


class Body:
    """A stream, its file, and what it told: how often its worker ``waits`` and goes on, and on which threads
    it said that there is room.
    """

    def __init__(self, *parts: bytes, complete: bool = True, limit: int = 0) -> None:
        self.waits = threading.Semaphore(0)
        self.went_on = 0
        self.rooms: list[str] = []
        self.room = threading.Event()
        self.stream = BodyStream(BodyPolicy(limit=limit), self)
        self.file = self.stream.open()
        for part in parts:
            self.stream.feed(part)
        if complete:
            self.stream.feed_eof()

    def body_waits(self) -> None:
        """Count."""
        self.waits.release()

    def body_goes_on(self) -> None:
        """Count."""
        self.went_on += 1

    def body_has_room(self) -> None:
        """Note it."""
        self.rooms.append(threading.current_thread().name)
        self.room.set()

    def wait_for_reader(self) -> None:
        """Return when the worker waits for the loop."""
        assert self.waits.acquire(timeout=DEADLINE)


Worker = Callable[..., "Future[Any]"]


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Give a thread that does what it is told; it must not be stuck at the end."""
    with ThreadPoolExecutor(1, "worker") as pool:
        yield pool.submit


class TestReading:
    """What PEP 3333 asks of wsgi.input."""

    TEXT = (b"on", b"e\ntwo\n", b"\nlast")

    @pytest.mark.parametrize(
        ("read", "results"),
        [
            (lambda file: [file.read(), file.read(), file.read(1)], [b"one\ntwo\n\nlast", b"", b""]),
            (lambda file: [file.read(2), file.read(0), file.read(3)], [b"on", b"", b"e\nt"]),
            (lambda file: [file.read(99), file.read(99)], [b"one\ntwo\n\nlast", b""]),
            (lambda file: [file.read1(99), file.read1(3)], [b"on", b"e\nt"]),
            (lambda file: [file.readline(2), file.readline(9), file.readline()], [b"on", b"e\n", b"two\n"]),
            (lambda file: [file.readlines(5), file.readlines()], [[b"one\n", b"two\n"], [b"\n", b"last"]]),
            (list, [b"one\n", b"two\n", b"\n", b"last"]),
        ],
    )
    def test_as_a_binary_file(self, read: Callable[[Any], list[Any]], results: list[Any]) -> None:
        """It reads as any binary file does, whatever the parts in which it came, and ends with the body."""
        assert read(Body(*self.TEXT).file) == results

    def test_no_body(self) -> None:
        """A body without bytes is at its end at once."""
        file = Body(b"").file
        assert [file.read(), file.readline(), list(file)] == [b"", b"", []]

    def test_what_it_cannot(self) -> None:
        """What has been read is gone: there is no seek; and nothing can be written."""
        file = Body(b"x").file
        assert (file.readable(), file.seekable(), file.writable()) == (True, False, False)
        with pytest.raises(io.UnsupportedOperation):
            file.seek(0)

    @given(st.lists(st.binary(max_size=50)), st.lists(st.integers(0, 60)), st.integers(1, 20))
    def test_bytes_come_in_order(self, parts: list[bytes], sizes: list[int], buffer: int) -> None:
        """Whatever the parts and the sizes asked for, the bytes are those that came."""
        stream = Body(*parts).stream
        file = io.BufferedReader(stream, buffer)
        assert b"".join([*map(file.read, sizes), file.read()]) == b"".join(parts)


class TestWaiting:
    """Reading what is not there yet."""

    def test_read_returns_as_soon_as_it_can(self, worker: Worker) -> None:
        """read(n) waits for n bytes, and for none more."""
        body = Body(b"ab", complete=False)
        reading = worker(body.file.read, 5)
        body.wait_for_reader()
        assert body.went_on == 0
        body.stream.feed(b"c")
        body.wait_for_reader()
        assert body.went_on == 1
        assert not reading.done()
        body.stream.feed(b"defgh")
        assert reading.result(DEADLINE) == b"abcde"
        assert body.file.read(3) == b"fgh"

    def test_readline_returns_with_the_line(self, worker: Worker) -> None:
        """readline() waits for the end of the line, and not for what comes after it."""
        body = Body(b"one", complete=False)
        reading = worker(body.file.readline)
        body.wait_for_reader()
        body.stream.feed(b" line\n")
        assert reading.result(DEADLINE) == b"one line\n"

    def test_read_to_the_end(self, worker: Worker) -> None:
        """read() waits for the end of the body."""
        body = Body(b"one", complete=False)
        reading = worker(body.file.read)
        body.wait_for_reader()
        body.stream.feed(b" two")
        body.wait_for_reader()
        assert not reading.done()
        body.stream.feed_eof()
        assert reading.result(DEADLINE) == b"one two"

    def test_nobody_is_told_without_need(self) -> None:
        """A worker that finds what it wants does not say that it waits."""
        body = Body(b"abc")
        body.file.read()
        assert not body.waits.acquire(blocking=False)
        assert body.went_on == 0


class TestFailing:
    """Bodies that will not be complete."""

    def test_while_the_worker_waits(self, worker: Worker) -> None:
        """A worker that waits is let go with the reason, an OSError, and not stuck the next time either."""
        body = Body(b"abc", complete=False)
        reading = worker(body.file.read)
        body.wait_for_reader()
        body.stream.fail("the client has left")
        with pytest.raises(ClientDisconnected, match="the client has left") as raised:
            reading.result(DEADLINE)
        assert isinstance(raised.value, OSError)
        with pytest.raises(ClientDisconnected):
            body.file.read(1)

    def test_before_it_is_read(self) -> None:
        """What has come can be read before."""
        body = Body(b"abc", complete=False)
        body.stream.fail("the client has left")
        assert body.file.read(3) == b"abc"
        with pytest.raises(ClientDisconnected):
            body.file.read(1)

    def test_after_the_end(self) -> None:
        """A body that is complete cannot fail any more; and one that has failed gets nothing more."""
        body = Body(b"abc")
        body.stream.fail("the client has left")
        assert body.file.read() == b"abc"
        body = Body(complete=False)
        body.stream.fail("first")
        body.stream.fail("second")
        body.stream.feed(b"late")
        body.stream.feed_eof()
        with pytest.raises(ClientDisconnected, match="first"):
            body.file.read()

    def test_limit(self) -> None:
        """A body that becomes too large is refused, and reading fails after what was allowed."""
        body = Body(b"12", b"345", complete=False, limit=5)
        with pytest.raises(BodyRefused) as raised:
            body.stream.feed(b"6")
        assert raised.value.status == 413
        assert body.file.read(5) == b"12345"
        with pytest.raises(ClientDisconnected, match="request body too large"):
            body.file.read(1)


class TestRoom:
    """The bounded buffer."""

    def test_full(self, worker: Worker) -> None:
        """The loop is told when there is no room, and told by the worker, once, when there is again."""
        body = Body(complete=False)
        part = b"x" * (FULL // 8)
        assert [body.stream.feed(part) for _ in range(8)] == [True] * 7 + [False]
        assert worker(body.file.read, 3 * len(part)).result(DEADLINE)
        assert body.rooms == []
        assert worker(body.file.read, 3 * len(part)).result(DEADLINE)
        assert body.rooms == ["worker_0"]
        assert body.stream.feed(part)

    def test_single_bytes_count_for_more(self) -> None:
        """A client that sends its body byte by byte fills the room early: each byte is an object here."""
        body = Body(complete=False)
        fed = 1
        while body.stream.feed(b"x"):
            fed += 1
        assert 500 < fed < 2000

    def test_nothing_lost_between_two_threads(self, worker: Worker) -> None:
        """However loop and worker interleave, one that was told to stop is told to go on."""
        body = Body(complete=False)
        part, parts = b"x" * 10_000, 20_000
        reading = worker(lambda: sum(iter(lambda: len(body.file.read1(7_000)), 0)))
        for _ in range(parts):
            if not body.stream.feed(part):
                assert body.room.wait(DEADLINE), "nobody said that there is room"
                body.room.clear()
        body.stream.feed_eof()
        assert reading.result(DEADLINE) == parts * len(part)

    def test_worker_at_the_worst_moment(self) -> None:
        """A worker that reads everything just before the loop notes that it must be told is not waited for:
        it would wait for the loop.
        """

        class Overtaken(BodyStream):
            """A stream whose worker comes at that moment."""

            def __setattr__(self, name: str, value: object) -> None:
                if name == "_held_back" and value:
                    assert self.readinto(bytearray(2 * FULL)) == 2 * FULL
                super().__setattr__(name, value)

        body = Body(complete=False)
        assert Overtaken(BodyPolicy(), body).feed(b"x" * 2 * FULL)
        assert body.rooms == []

    def test_memory(self, worker: Worker) -> None:
        """What passes through leaves nothing behind."""
        body = Body(complete=False)
        tracemalloc.start()
        try:
            for _ in range(1000):
                body.stream.feed(b"x" * 10_000)
                worker(body.file.read, 10_000).result(DEADLINE)
            assert tracemalloc.get_traced_memory()[0] < 100_000
        finally:
            tracemalloc.stop()


def test_close_lets_go() -> None:
    """A body that was not read to its end is freed with its request, without waiting for the collector."""
    gc.disable()
    try:
        body = Body(b"x")
        gone = weakref.ref(body)
        body.file.close()
        del body
        assert gone() is None
    finally:
        gc.enable()


def test_repr() -> None:
    """The repr says how much has come, and whether more will."""
    body = Body(b"abc", complete=False)
    assert repr(body.stream) == "<BodyStream 3 bytes, coming>"
    body.stream.feed_eof()
    assert repr(body.stream) == "<BodyStream 3 bytes, complete>"
    body = Body(complete=False)
    body.stream.fail("the client has left")
    assert repr(body.stream) == "<BodyStream 0 bytes, the client has left>"
