"""A request body, collected before a thread is given to it."""

import gc
import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid.bridge.errors import BodyRefused
from hybrid.bridge.types import BodyPolicy
from hybrid.bridge.wsgi.body import RequestBody

BUFFER = BodyPolicy().buffer


def collected(*parts: bytes, **policy: int) -> RequestBody:
    """Collect a body of these parts."""
    body = RequestBody(BodyPolicy(**policy))  # type: ignore[arg-type]
    for part in parts:
        body.write(part)
    return body


@contextmanager
def no_room() -> Iterator[int]:
    """Let this process write no file beyond a size, as a full disk would.

    Not a fixture: pytest writes how a test ended before it ends its fixtures, and may do so to a large file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield 100_000
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def is_on_disk(body: RequestBody) -> bool:
    """Tell where a body is."""
    return "on disk" in repr(body)


def test_empty() -> None:
    """A body without bytes is an empty file."""
    with collected().open() as file:
        assert file.read() == b""


@pytest.mark.parametrize("size", [1, BUFFER - 1, BUFFER])
def test_small_bodies_stay_in_memory(size: int) -> None:
    """Up to the limit nothing is written to disk."""
    body = collected(b"x" * size)
    assert not is_on_disk(body)
    with body.open() as file:
        assert file.read() == b"x" * size


def test_large_bodies_go_to_disk() -> None:
    """One byte beyond the limit, everything is in a file, and comes back from there."""
    body = collected(b"a" * BUFFER, b"b", b"c" * BUFFER)
    assert is_on_disk(body)
    assert not body._parts
    with body.open() as file:
        assert file.read() == b"a" * BUFFER + b"b" + b"c" * BUFFER


def test_file_has_no_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody else can open the file, and nothing is left when the process dies."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with collected(b"x" * BUFFER, b"x").open():
        assert list(tmp_path.iterdir()) == []


def test_empty_parts_are_not_kept() -> None:
    """Parts without bytes, which cost a client nothing, cost no memory either."""
    assert not collected(*[b""] * 1000)._parts


@given(st.lists(st.binary(max_size=100)), st.integers(0, 300))
def test_bytes_come_back_in_order(parts: list[bytes], limit: int) -> None:
    """Whatever the parts and wherever the limit, the file has all of it, from its start."""
    body = collected(*parts, buffer=limit)
    assert body.size == len(b"".join(parts))
    assert is_on_disk(body) == (body.size > limit)
    with body.open() as file:
        assert file.tell() == 0
        assert file.read() == b"".join(parts)


@pytest.mark.parametrize("limit", [0, 1000])
class TestInputStream:
    """What PEP 3333 asks of wsgi.input, in memory and on disk."""

    TEXT = b"one\ntwo\n\nlast"

    @pytest.fixture
    def stream(self, limit: int) -> BinaryIO:
        """Open the text as a body, in memory or on disk."""
        file = collected(self.TEXT[:5], self.TEXT[5:], buffer=limit).open()
        assert isinstance(file, io.BytesIO) == (limit > 0)
        return file

    def test_read(self, stream: BinaryIO) -> None:
        """read(n) gives at most n bytes, read() the rest, and then nothing."""
        with stream:
            assert [stream.read(2), stream.read(0), stream.read(3)] == [b"on", b"", b"e\nt"]
            assert [stream.read(), stream.read(), stream.read(1)] == [self.TEXT[5:], b"", b""]

    def test_readline(self, stream: BinaryIO) -> None:
        """readline() gives a line with its end, readline(n) at most n bytes of it."""
        with stream:
            assert [stream.readline(2), stream.readline(99)] == [b"on", b"e\n"]
            assert [stream.readline(), stream.readline(), stream.readline()] == [b"two\n", b"\n", b"last"]
            assert stream.readline() == b""

    def test_readlines(self, stream: BinaryIO) -> None:
        """readlines(hint) stops after the line with which the hint is reached; it counts bytes, not lines."""
        with stream:
            assert stream.readlines(5) == [b"one\n", b"two\n"]
            assert stream.readlines() == [b"\n", b"last"]

    def test_iteration(self, stream: BinaryIO) -> None:
        """Iteration gives lines, none of them empty."""
        with stream:
            assert list(stream) == [b"one\n", b"two\n", b"\n", b"last"]

    def test_seek(self, stream: BinaryIO) -> None:
        """A complete body can be read again, from any place."""
        with stream:
            assert stream.seekable()
            assert stream.read() == self.TEXT
            assert [stream.seek(4), stream.readline(), stream.tell()] == [4, b"two\n", 8]
            assert [stream.seek(-4, io.SEEK_END), stream.read(99)] == [len(self.TEXT) - 4, b"last"]


class TestRefused:
    """Bodies that are not taken."""

    def test_limit(self) -> None:
        """A body of exactly the limit is taken, and the byte beyond is refused."""
        body = collected(b"12345", limit=5)
        with pytest.raises(BodyRefused) as raised:
            body.write(b"6")
        assert (raised.value.status, raised.value.reason) == (413, "request body too large")

    def test_no_limit(self) -> None:
        """0 is no limit."""
        assert collected(b"12345", limit=0).size == 5

    @pytest.mark.parametrize(
        ("value", "refused"),
        [(b"5", False), (b"6", True), (b"006", True), (b"", False), (b"x", False), (b"-9", False)],
    )
    def test_announced_length(self, value: bytes, refused: bool) -> None:
        """A length above the limit is refused; what is no length is the server's matter."""
        fields = [(b"host", b"x"), (b"content-length", value)]
        with pytest.raises(BodyRefused) if refused else nullcontext():
            BodyPolicy(limit=5).check_head(fields)
        BodyPolicy(limit=0).check_head(fields)

    def test_no_room_for_a_part(self, caplog: pytest.LogCaptureFixture) -> None:
        """A part that the disk does not take is a 507, with the reason in the log; closing is no problem."""
        with no_room() as limit:
            body = collected(b"x" * limit, buffer=10)
            with pytest.raises(BodyRefused) as raised:
                body.write(b"y" * 100_000)
            body.close()
        assert raised.value.status == 507
        assert "no room on the disk for a request body: [Errno 27] File too large" in caplog.text
        del body, raised
        gc.collect()  # a file left open would warn here

    def test_no_room_for_the_last_bytes(self) -> None:
        """Neither is it to find this out only at the end, when the file object writes what it has held."""
        with no_room() as limit:
            body = collected(b"x" * limit, b"y", buffer=10)
            with pytest.raises(BodyRefused):
                body.open()
            body.close()

    def test_no_temporary_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """So it is where no temporary file can be had at all."""
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
        with pytest.raises(BodyRefused) as raised:
            collected(b"x" * 11, buffer=10)
        assert raised.value.status == 507


def test_close_before_it_was_opened() -> None:
    """Closing drops what was collected, on disk too, and may be repeated."""
    body = collected(b"x" * BUFFER, b"x")
    body.close()
    body.close()
    del body
    gc.collect()  # a file left open would warn here


def test_what_was_opened_belongs_to_the_caller() -> None:
    """The body itself may go; the file lives on."""
    with collected(b"x" * BUFFER, b"y").open() as file:
        gc.collect()
        assert file.read()[-1:] == b"y"
