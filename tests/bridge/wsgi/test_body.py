"""A request body, collected before a thread is given to it."""

import gc
import io
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

import hybrid.bridge.wsgi.body as body_module
from hybrid.bridge.wsgi.body import MEMORY_LIMIT, RequestBody


def collected(*parts: bytes) -> RequestBody:
    """Collect a body of these parts."""
    body = RequestBody()
    for part in parts:
        body.write(part)
    return body


def is_on_disk(body: RequestBody) -> bool:
    """Tell where a body is."""
    return "on disk" in repr(body)


def test_empty() -> None:
    """A body without bytes is an empty file."""
    with RequestBody().open() as file:
        assert file.read() == b""


@pytest.mark.parametrize("size", [1, MEMORY_LIMIT - 1, MEMORY_LIMIT])
def test_small_bodies_stay_in_memory(size: int) -> None:
    """Up to the limit nothing is written to disk."""
    body = collected(b"x" * size)
    assert not is_on_disk(body)
    with body.open() as file:
        assert file.read() == b"x" * size


def test_large_bodies_go_to_disk() -> None:
    """One byte beyond the limit, everything is in a file, and comes back from there."""
    body = collected(b"a" * MEMORY_LIMIT, b"b", b"c" * MEMORY_LIMIT)
    assert is_on_disk(body)
    assert not body._parts
    with body.open() as file:
        assert file.read() == b"a" * MEMORY_LIMIT + b"b" + b"c" * MEMORY_LIMIT


def test_file_has_no_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody else can open the file, and nothing is left when the process dies."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with collected(b"x" * MEMORY_LIMIT, b"x").open():
        assert list(tmp_path.iterdir()) == []


def test_empty_parts_are_not_kept() -> None:
    """Parts without bytes, which cost a client nothing, cost no memory either."""
    assert not collected(*[b""] * 1000)._parts


@given(st.lists(st.binary(max_size=100)), st.integers(0, 300))
def test_bytes_come_back_in_order(parts: list[bytes], limit: int) -> None:
    """Whatever the parts and wherever the limit, the file has all of it, from its start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(body_module, "MEMORY_LIMIT", limit)
        body = collected(*parts)
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
    def stream(self, limit: int, monkeypatch: pytest.MonkeyPatch) -> BinaryIO:
        """Open the text as a body, in memory or on disk."""
        monkeypatch.setattr(body_module, "MEMORY_LIMIT", limit)
        file = collected(self.TEXT[:5], self.TEXT[5:]).open()
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


def test_close_before_it_was_opened() -> None:
    """Closing drops what was collected, on disk too, and may be repeated."""
    body = collected(b"x" * MEMORY_LIMIT, b"x")
    body.close()
    body.close()
    del body
    gc.collect()  # a file left open would warn here


def test_what_was_opened_belongs_to_the_caller() -> None:
    """The body itself may go; the file lives on."""
    with collected(b"x" * MEMORY_LIMIT, b"y").open() as file:
        gc.collect()
        assert file.read()[-1:] == b"y"
