"""Where files are found and how they are opened."""

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.static.names import file_name
from hybrid.bridge.static.sources import Directory, NotServed, look_up, open_file, read_file


def served(directory: Directory, name: str) -> bytes | int:
    """Give what is in a file, or the status of its refusal."""
    try:
        path = directory.find(name)
        if path is None:
            return 404
        look_up(path)
        descriptor, status = open_file(path, follow=directory.follows_links)
    except NotServed as refused:
        return refused.status
    try:
        return read_file(descriptor, status.st_size)
    finally:
        os.close(descriptor)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a directory with files, and a secret beside it."""
    root = tmp_path / "static"
    (root / "css").mkdir(parents=True)
    (root / "css" / "site.css").write_text("css")
    (root / "a.js").write_text("js")
    (tmp_path / "secret").write_text("SECRET")
    (tmp_path / "static-old").mkdir()
    (tmp_path / "static-old" / "secret").write_text("SECRET")
    return root


def test_files(tree: Path) -> None:
    """What is there is found, at any depth."""
    directory = Directory(tree)
    assert served(directory, "a.js") == b"js"
    assert served(directory, "css/site.css") == b"css"
    assert served(directory, "css/none.css") == 404
    assert served(directory, "a.js/b") == 404


def test_no_directory(tree: Path) -> None:
    """One that is not there is an error at the start, and so is a file."""
    with pytest.raises(ConfigError, match=r'there is no directory ".*/none"'):
        Directory(tree / "none")
    with pytest.raises(ConfigError, match="there is no directory"):
        Directory(tree / "a.js")


def test_links(tree: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Links are followed as far as they stay below; one that leads out is said once."""
    (tree / "b.js").symlink_to("a.js")
    (tree / "style").symlink_to(tree / "css")
    (tree / "out").symlink_to("../secret")
    (tree / "old").symlink_to("../static-old")
    (tree / "up").symlink_to("..")
    (tree / "css" / "round").symlink_to("../css/round")
    (tree / "gone").symlink_to("nowhere")
    directory = Directory(tree)
    assert served(directory, "b.js") == b"js"
    assert served(directory, "style/site.css") == b"css"
    with caplog.at_level(logging.WARNING, "hybrid.static"):
        for name in ("out", "old/secret", "up/secret", "css/round", "gone"):
            assert served(directory, name) == 404
    assert [record.message for record in caplog.records] == [
        f"static files: 'out' is not served: it is a link out of {tree}"
    ]


def test_all_links(tree: Path) -> None:
    """Who says so has them followed wherever they lead."""
    (tree / "out").symlink_to("../secret")
    assert served(Directory(tree, links=True), "out") == b"SECRET"


def test_directory_that_is_a_link(tree: Path) -> None:
    """The directory may be one, and come to lead to a new version while it is served."""
    current = tree.parent / "current"
    current.symlink_to(tree)
    (tree / "b.js").symlink_to("a.js")
    directory = Directory(current)
    assert served(directory, "a.js") == served(directory, "b.js") == b"js"
    new = tree.parent / "new"
    new.mkdir()
    (new / "a.js").write_text("new")
    (tree.parent / "next").symlink_to(new)
    (tree.parent / "next").rename(current)
    assert served(directory, "a.js") == b"new"


def test_root_of_the_system(tree: Path) -> None:
    """Below it is everything, links and all."""
    (tree / "b.js").symlink_to("a.js")
    assert served(Directory("/"), str(tree / "b.js").lstrip("/")) == b"js"


def test_relative_directory(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stays the same one when the process goes elsewhere."""
    monkeypatch.chdir(tree.parent)
    directory = Directory("static")
    monkeypatch.chdir("/")
    assert served(directory, "a.js") == b"js"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_no_regular_files(tree: Path) -> None:
    """A pipe that nobody writes to holds nobody up, and devices are not files."""
    os.mkfifo(tree / "pipe")
    (tree / "null").symlink_to("/dev/zero")
    assert served(Directory(tree), "pipe") == 404
    assert served(Directory(tree, links=True), "null") == 404
    for path in (tree / "pipe", Path("/dev/zero"), tree):
        with pytest.raises(NotServed):
            open_file(str(path), follow=True)


def test_link_put_in_place_of_a_file(tree: Path) -> None:
    """A file that has become a link between being found and being opened is not there."""
    path = Directory(tree).find("a.js")
    assert path is not None
    (tree / "a.js").unlink()
    (tree / "a.js").symlink_to("../secret")
    with pytest.raises(NotServed):
        open_file(path, follow=False)


@pytest.mark.parametrize("name", ["x" * 300, "\udcff\ud800", "a\0b", "a/" * 3000 + "b"])
def test_impossible_names(tree: Path, name: str) -> None:
    """What no file can be called is not there."""
    assert served(Directory(tree), name) == 404


def refusing(number: int) -> Callable[..., int]:
    """Make an os.open that fails."""

    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


def test_forbidden(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not read it says so."""
    monkeypatch.setattr(os, "open", refusing(errno.EACCES))
    assert served(Directory(tree), "a.js") == 403


def test_no_descriptors(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That there are none left is no matter of the client's."""
    monkeypatch.setattr(os, "open", refusing(errno.EMFILE))
    with pytest.raises(OSError, match="Too many open files"):
        served(Directory(tree), "a.js")


def test_without_pread(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system cannot read at a position, the descriptor is moved."""
    monkeypatch.delattr(os, "pread")
    assert served(Directory(tree), "css/site.css") == b"css"


PARTS = st.sampled_from(
    [
        "..",
        ".",
        "static",
        "static-old",
        "secret",
        "up",
        "out",
        "in",
        "css",
        "site.css",
        "a.js",
        "%2e%2e",
        "\\",
        "",
    ]
)


@given(parts=st.lists(PARTS, max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_leads_out(tree: Path, parts: list[str]) -> None:
    """No path, through links or not, reads a file that is not below."""
    for link, target in (("up", ".."), ("out", "../secret"), ("in", "css")):
        if not (tree / link).is_symlink():
            (tree / link).symlink_to(target)
    name = file_name("/" + "/".join(parts))
    if name is not None and name:
        assert served(Directory(tree), name) in (404, b"js", b"css")
