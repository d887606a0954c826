"""Files as they are on a disk: their encodings, line ends and modes; and what is not overwritten."""

import os
import stat
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.fixes.diff import unified
from hybrid.adapters.django.migrate.fixes.runner import Change
from hybrid.adapters.django.migrate.fixes.writing import write
from tests.support.fixing import fixed, found_in, sources_of

CODE = '"""Für alle."""\n\n\ndef shop(request):\n    return request.environ["ü"]\n'


@pytest.mark.parametrize(
    "raw",
    [
        CODE.encode(),
        b"\xef\xbb\xbf" + CODE.encode(),
        CODE.replace("\n", "\r\n").encode(),
        CODE.replace("\n\n", "\r\n\n").encode(),
        CODE.replace("    ", "\t").encode(),
        CODE.replace("\n\n\n", "\n\n\x0c\n").encode(),
        CODE.removesuffix("\n").encode(),
        f"# coding: utf-8\n{CODE}".encode(),
    ],
    ids=["plain", "mark", "crlf", "mixed", "tabs", "form feed", "no line end", "cookie"],
)
def test_only_what_changes_changes(tmp_path: Path, raw: bytes) -> None:
    """Whatever else is in the file stays as it is, byte for byte."""
    sources = sources_of(tmp_path, raw)
    fixes = fixed(sources, found_in(sources, "HM101"))
    assert [each.after for each in fixes.changes] == [raw.replace(b"environ", b"META")]


def test_an_import_has_the_line_ends_of_the_file(tmp_path: Path) -> None:
    """What is new ends its lines as the file does."""
    code = "import threading\n\nhere = threading.local()\n\n\ndef f(request):\n    here.request = request\n"
    sources = sources_of(tmp_path, code.replace("\n", "\r\n").encode())
    (change,) = fixed(sources, found_in(sources, "HM401")).changes
    assert change.after.startswith(b"from asgiref.local import Local\r\n\r\nhere = Local()\r\n")
    assert b"\n" not in change.after.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (
            CODE.replace("def", "\x0cdef"),
            "libcst does not keep all of the file: such as a form feed before code",
        ),
        (CODE + "\n", "the file has changed since it was read"),
        ("", "the file has changed since it was read"),
        (None, "the file cannot be read: "),
    ],
)
def test_files_that_are_left_alone(tmp_path: Path, after: str | None, reason: str) -> None:
    """What could not be kept, and what is not what was looked at."""
    sources = sources_of(tmp_path, (after if after and "\x0c" in after else CODE).encode())
    path = tmp_path / "shop" / "code.py"
    findings = found_in(sources, "HM101")
    if after is None:
        path.unlink()
    else:
        path.write_text(after)
    (left,) = fixed(sources, findings).left
    assert left.reason.startswith(reason)


def test_a_file_outside_of_the_project(tmp_path: Path) -> None:
    """It is not changed, even where it was read."""
    sources = sources_of(tmp_path, CODE.encode())
    findings = found_in(sources, "HM101")
    sources.root = tmp_path / "elsewhere"
    (left,) = fixed(sources, findings).left
    assert left.reason == f"the file is outside of {tmp_path / 'elsewhere'}"


def change(path: Path, before: bytes | None = b"old\n", after: bytes = b"new\n") -> Change:
    """Return a change of a file."""
    return Change(path, path.name, before, after)


def test_writing_keeps_the_mode_and_the_link(tmp_path: Path) -> None:
    """The file has the mode that it had; a link to it stays a link, and nothing is left beside it."""
    path, link = tmp_path / "code.py", tmp_path / "link.py"
    path.write_bytes(b"old\n")
    path.chmod(0o750)
    link.symlink_to(path)
    assert write(change(link)) == ""
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode), link.is_symlink()) == (
        b"new\n",
        0o750,
        True,
    )
    assert sorted(each.name for each in tmp_path.iterdir()) == ["code.py", "link.py"]


def test_a_new_file_has_the_mode_of_new_files(tmp_path: Path) -> None:
    """As if anything else had written it."""
    mask = os.umask(0o027)
    try:
        assert write(change(tmp_path / "new.py", None)) == ""
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "new.py").stat().st_mode) == 0o640


@pytest.mark.parametrize("before", [b"other\n", None])
def test_what_has_changed_meanwhile_is_not_overwritten(tmp_path: Path, before: bytes | None) -> None:
    """Neither a file that is another now, nor one that has come since."""
    path = tmp_path / "code.py"
    path.write_bytes(b"newer\n")
    assert write(change(path, before)) == "the file has changed meanwhile"
    assert path.read_bytes() == b"newer\n"


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    """That is said, and raises nothing."""
    said = write(change(tmp_path / "gone" / "code.py", None))
    assert said == "it cannot be written: No such file or directory"


def test_names_in_a_diff(tmp_path: Path) -> None:
    """Behind a name with spaces stands a tab, as git has it; a new file comes from nothing."""
    diff = unified([Change(tmp_path, "a b/ü.py", b"1\n2", b"1\n3"), Change(tmp_path, "new.py", None, b"1\n")])
    assert diff.decode() == (
        "--- a/a b/ü.py\t\n+++ b/a b/ü.py\t\n@@ -1,2 +1,2 @@\n 1\n"
        "-2\n\\ No newline at end of file\n+3\n\\ No newline at end of file\n"
        "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+1\n"
    )
