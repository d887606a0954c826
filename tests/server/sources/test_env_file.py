"""Environment variables from a file."""

import os
import sys
from pathlib import Path

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.sources.env_file import load_env_file, read_env_file


def written(tmp_path: Path, text: str) -> Path:
    """Write a file of variables."""
    file = tmp_path / ".env"
    file.write_text(text, encoding="utf-8")
    return file


def test_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments, quotes, `export` and `${NAME}` mean what they mean everywhere; a name alone gives nothing."""
    monkeypatch.setenv("GIVEN", "there")
    file = written(
        tmp_path, "# no\nA=1\nexport B='x y' # no\nC=\"é\\n\"\nD=${A}-${GIVEN}\nGIVEN=here\nNAME\nE=\n"
    )
    assert read_env_file(file) == {
        "A": "1",
        "B": "x y",
        "C": "é\n",
        "D": "1-there",
        "GIVEN": "here",
        "E": "",
    }


def test_what_is_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the process goes before the file's."""
    monkeypatch.setenv("HYBRID_TEST_GIVEN", "there")
    monkeypatch.setenv("HYBRID_TEST_NEW", "")
    monkeypatch.delenv("HYBRID_TEST_NEW")
    load_env_file(written(tmp_path, "HYBRID_TEST_GIVEN=here\nHYBRID_TEST_NEW=new"))
    assert (os.environ["HYBRID_TEST_GIVEN"], os.environ["HYBRID_TEST_NEW"]) == ("there", "new")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nB='open\nC=2", r"line 2: it is not NAME=VALUE"),
        ("a b c", r"line 1: it is not NAME=VALUE"),
    ],
)
def test_a_line_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    """It is a mistake, with its line, and not left out."""
    with pytest.raises(ConfigError, match=said):
        read_env_file(written(tmp_path, text))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file is a mistake too, and so is one in another encoding."""
    with pytest.raises(ConfigError, match=r"^env_file: cannot read .*gone: No such file or directory$"):
        read_env_file(tmp_path / "gone")
    (tmp_path / "latin").write_bytes(b"A=\xff")
    with pytest.raises(ConfigError, match=r"^env_file: cannot read .*latin: 'utf-8' codec"):
        read_env_file(tmp_path / "latin")


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    for name in ("dotenv", "dotenv.main", "dotenv.parser"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ConfigError, match=r"^env_file: it takes python-dotenv .*pip install"):
        read_env_file(written(tmp_path, "A=1"))
