"""What is remembered of files, and for how long."""

import os
import time
from pathlib import Path

import pytest

from hybrid.bridge.static import shelf as module
from hybrid.bridge.static.shelf import Manners, Shelf
from hybrid.bridge.static.sources import Directory, NotServed, read_file
from hybrid.bridge.static.variants import Variant

FRESH = Manners(60, fresh=True)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Have the shelf look at a clock of ours."""
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def shelf_of(folder: Path, manners: Manners | None = None) -> Shelf:
    """Make a shelf for a folder."""
    return Shelf(Directory(folder), manners or Manners(60))


def content(shelf: Shelf, name: str, accepted: bytes | None = None) -> bytes:
    """Read a file as a request has it."""
    entry = shelf.find(name)
    variant, descriptor = shelf.open(entry, entry.choose(accepted))
    if descriptor is None:
        assert variant.content is not None
        return variant.content
    try:
        return os.pread(descriptor, variant.size, 0)
    finally:
        os.close(descriptor)


def only(shelf: Shelf, name: str) -> Variant:
    """Give the only variant of a file."""
    (variant,) = shelf.find(name).variants.values()
    return variant


def write(path: Path, text: str, age: float = 1000) -> None:
    """Write a file that was changed so many seconds ago."""
    path.write_text(text)
    then = time.time() - age
    os.utime(path, (then, then))


def test_remembered_for_a_second(tmp_path: Path, clock: Clock) -> None:
    """Within a second the file system is not asked again; afterwards a change is seen."""
    write(tmp_path / "a.js", "old")
    shelf = shelf_of(tmp_path)
    assert content(shelf, "a.js") == b"old"
    write(tmp_path / "a.js", "new", age=500)
    clock.now += 0.9
    assert content(shelf, "a.js") == b"old"
    clock.now += 0.2
    assert content(shelf, "a.js") == b"new"


def test_unchanged_file_is_not_read_again(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking whether it has changed is enough."""
    write(tmp_path / "a.js", "js")
    shelf = shelf_of(tmp_path)
    before = shelf.find("a.js").choose(None)
    assert content(shelf, "a.js") == b"js"
    monkeypatch.delattr(os, "open")
    clock.now += 5
    assert content(shelf, "a.js") == b"js"
    assert shelf.find("a.js").choose(None) is before


def test_fresh(tmp_path: Path, clock: Clock) -> None:
    """In development a change is seen at once, and so is a new file."""
    shelf = shelf_of(tmp_path, FRESH)
    with pytest.raises(NotServed):
        shelf.find("a.js")
    write(tmp_path / "a.js", "old")
    assert content(shelf, "a.js") == b"old"
    write(tmp_path / "a.js", "new", age=500)
    assert content(shelf, "a.js") == b"new"


def test_gone(tmp_path: Path, clock: Clock) -> None:
    """A file that has gone is there for another second at most, and leaves nothing behind."""
    write(tmp_path / "a.js", "js")
    shelf = shelf_of(tmp_path)
    assert content(shelf, "a.js") == b"js"
    (tmp_path / "a.js").unlink()
    assert content(shelf, "a.js") == b"js"
    clock.now += 1
    with pytest.raises(NotServed):
        shelf.find("a.js")
    assert repr(shelf) == "<Shelf of 0 files, 0 bytes>"


def test_large_file_is_not_kept(tmp_path: Path, clock: Clock) -> None:
    """It is opened each time, and what it is then counts, not what was seen before."""
    size = module.SMALL + 1
    write(tmp_path / "a.bin", "x" * size)
    shelf = shelf_of(tmp_path)
    entry = shelf.find("a.bin")
    seen = entry.choose(None)
    assert content(shelf, "a.bin") == b"x" * size
    assert repr(shelf) == "<Shelf of 1 files, 0 bytes>"
    write(tmp_path / "a.bin", "y" * (size + 1), age=500)
    variant, descriptor = shelf.open(entry, seen)
    assert descriptor is not None
    os.close(descriptor)
    assert variant.size == size + 1
    assert variant.etag != seen.etag
    assert only(shelf, "a.bin").etag == variant.etag


def test_file_that_shrinks_below_the_limit(tmp_path: Path, clock: Clock) -> None:
    """It was large when it was looked at, and is small when it is opened."""
    write(tmp_path / "a.bin", "x" * (module.SMALL + 1))
    shelf = shelf_of(tmp_path)
    entry = shelf.find("a.bin")
    write(tmp_path / "a.bin", "small", age=500)
    variant, descriptor = shelf.open(entry, entry.choose(None))
    assert (variant.content, descriptor) == (b"small", None)
    assert content(shelf, "a.bin") == b"small"


def test_file_that_is_being_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What changes while it is read is not sent, and not kept."""
    write(tmp_path / "a.js", "js")
    shelf = shelf_of(tmp_path)
    read = read_file

    def interrupted(descriptor: int, size: int) -> bytes:
        write(tmp_path / "a.js", "jsjs", age=500)
        return read(descriptor, size)

    monkeypatch.setattr(module, "read_file", interrupted)
    entry = shelf.find("a.js")
    with pytest.raises(NotServed) as refused:
        shelf.open(entry, entry.choose(None))
    assert refused.value.status == 503
    monkeypatch.undo()
    assert content(shelf, "a.js") == b"jsjs"


@pytest.mark.parametrize(("limit", "kept"), [("_ENTRIES", 3), ("_MEMORY", 3)])
def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock, limit: str, kept: int) -> None:
    """There is room for so many; who was asked for least recently goes."""
    monkeypatch.setattr(module, limit, 3 if limit == "_ENTRIES" else 30)
    shelf = shelf_of(tmp_path)
    for name in "abcd":
        write(tmp_path / name, name * 10)
    for name in "abcad":
        content(shelf, name)
    assert repr(shelf) == f"<Shelf of {kept} files, {kept * 10} bytes>"
    for name in "abcd":
        (tmp_path / name).unlink()
    assert [content(shelf, name) for name in "cad"] == [b"c" * 10, b"a" * 10, b"d" * 10]
    with pytest.raises(NotServed):
        shelf.find("b")


def test_encoded(tmp_path: Path, clock: Clock) -> None:
    """Files beside a file are that one, encoded, each with a tag of its own; a directory is not."""
    for name in ("a.js", "a.js.gz", "a.js.zst"):
        write(tmp_path / name, name)
    (tmp_path / "a.js.br").mkdir()
    shelf = shelf_of(tmp_path)
    entry = shelf.find("a.js")
    assert sorted(entry.variants) == [b"", b"gzip", b"zstd"]
    assert len({each.etag for each in entry.variants.values()}) == 3
    assert all((b"vary", b"accept-encoding") in each.about for each in entry.variants.values())
    assert content(shelf, "a.js", b"gzip, br") == b"a.js.gz"
    assert content(shelf, "a.js") == b"a.js"
    assert (b"vary", b"accept-encoding") not in only(shelf, "a.js.gz").about


def test_encoded_file_that_comes_later(tmp_path: Path, clock: Clock) -> None:
    """From then on the file itself says, too, that there is a choice."""
    write(tmp_path / "a.js", "js")
    shelf = shelf_of(tmp_path)
    assert only(shelf, "a.js").about[-1] != (b"vary", b"accept-encoding")
    write(tmp_path / "a.js.br", "br")
    clock.now += 1
    assert (b"vary", b"accept-encoding") in shelf.find("a.js").choose(None).about
    assert content(shelf, "a.js", b"br") == b"br"


def test_encoded_file_that_is_left_over(tmp_path: Path, clock: Clock) -> None:
    """One that is older than its file by more than a minute was made of another one."""
    write(tmp_path / "a.js", "js", age=1000)
    write(tmp_path / "a.js.gz", "gz", age=1050)
    write(tmp_path / "a.js.br", "br", age=1070)
    assert sorted(shelf_of(tmp_path).find("a.js").variants) == [b"", b"gzip"]


def test_encoded_file_that_leads_out(tmp_path: Path) -> None:
    """It is looked at like any other."""
    root = tmp_path / "static"
    root.mkdir()
    write(tmp_path / "secret", "SECRET")
    write(root / "a.js", "js")
    (root / "a.js.gz").symlink_to("../secret")
    assert list(shelf_of(root).find("a.js").variants) == [b""]


def test_encoded_files_in_development(tmp_path: Path) -> None:
    """They are made when all is done, and would hide what was changed since."""
    write(tmp_path / "a.js", "js")
    write(tmp_path / "a.js.gz", "gz", age=1)
    assert list(shelf_of(tmp_path, FRESH).find("a.js").variants) == [b""]


@pytest.mark.parametrize(
    ("name", "manners", "value"),
    [
        ("site.css", Manners(60), b"public, max-age=60"),
        ("site.css", Manners(0), b"no-cache"),
        ("base.27e20196a850.css", Manners(0), b"public, max-age=31536000, immutable"),
        ("assets/index.js", Manners(60, ("assets/*",)), b"public, max-age=31536000, immutable"),
        ("base.27e20196a850.css", FRESH, b"no-cache"),
    ],
)
def test_cache_control(name: str, manners: Manners, value: bytes) -> None:
    """What others may keep for how long."""
    assert manners.cache_control(name) == value


@pytest.mark.parametrize("seconds", [-1, 2**40, time.time() + 10_000], ids=["early", "late", "to come"])
def test_times_that_no_date_says(tmp_path: Path, seconds: float) -> None:
    """A file from the future, or from before 1970, has a tag and no date."""
    (tmp_path / "a.js").write_text("js")
    try:
        os.utime(tmp_path / "a.js", (seconds, seconds))
    except OSError:
        pytest.skip("this file system has no such time")
    variant = only(shelf_of(tmp_path), "a.js")
    assert variant.modified is None
    assert variant.etag.startswith(b'"')
    assert b"last-modified" not in dict(variant.about)


def test_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong with an open file, it is closed."""
    write(tmp_path / "a.js", "js")
    shelf = shelf_of(tmp_path)
    closed: list[int] = []
    close = os.close

    def note(descriptor: int) -> None:
        closed.append(descriptor)
        close(descriptor)

    def fail(*_: object) -> bytes:
        raise OSError("a disk is broken")

    monkeypatch.setattr(os, "close", note)
    monkeypatch.setattr(module, "read_file", fail)
    entry = shelf.find("a.js")
    with pytest.raises(OSError, match="broken"):
        shelf.open(entry, entry.choose(None))
    assert len(closed) == 1


def test_names_of_objects(tmp_path: Path) -> None:
    """They say what they are."""
    write(tmp_path / "a.js", "js")
    entry = shelf_of(tmp_path).find("a.js")
    assert repr(entry) == "<Entry 'a.js' [b'']>"
    assert repr(entry.choose(None)).startswith(f'<Variant {tmp_path}/a.js "')
