"""The check of a release, as far as it costs no downloads; `make release-check` does all of it."""

import sys
import tomllib
from pathlib import Path

import pytest

from tests.release import __main__ as release
from tests.release.pythons import ReleaseError, find_pythons, run
from tests.release.smoke import SITE, smoke
from tests.support.process import ROOT


@pytest.mark.slow
def test_what_is_installed_serves(tmp_path: Path) -> None:
    """The smoke test passes with the environment of the tests."""
    smoke(Path(sys.executable), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("a coroutine", "a surprise", "expected 'a coroutine', found 'a surprise'"),
        ("from flask", "from flusk", "exit code 3"),
        ('"type": "websocket.send"', '"type": "websocket.close"', "ConnectionClosed"),
    ],
    ids=["answer", "import", "websocket"],
)
def test_what_does_not_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, complaint: str
) -> None:
    """The smoke test fails, and says what it has found, where something is wrong."""
    monkeypatch.setattr("tests.release.smoke.SITE", SITE.replace(right, wrong))
    with pytest.raises(ReleaseError, match=complaint):
        smoke(Path(sys.executable), tmp_path)


def test_pythons() -> None:
    """The one that runs is found, others where they are installed, and none that is only a name."""
    own = "{}.{}".format(*sys.version_info)
    assert find_pythons([own, "3.0"]) == {own: Path(sys.executable)}


def test_supported() -> None:
    """Which versions are tried follows from what the project says of itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = release.supported(project["classifiers"])
    assert f">={versions[0]}" == project["requires-python"]
    assert "{}.{}".format(*sys.version_info) in versions


def test_a_python_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """A version that was asked for and is not there is said before anything is built."""
    assert release.main(["--python", "3.0"]) == 2
    assert capsys.readouterr().err == "not installed: Python 3.0\n"


def test_a_command_that_fails() -> None:
    """What it wrote is in the error."""
    with pytest.raises(ReleaseError, match=r"exit code 1\n.*no such thing"):
        run(sys.executable, "-c", "raise SystemExit('no such thing')")


def test_remarks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version without a section in the changelog, changes and a missing tag are remarked upon."""
    said = {"status": "", "tag": ""}
    monkeypatch.setattr(release, "run", lambda *words: said[words[1]])
    section = "CHANGELOG.md has no section for 9.9.9."
    assert release.remarks("9.9.9") == [section, "what is checked out has no tag v9.9.9."]
    said["tag"] = "v9.9.9\n"
    assert release.remarks("9.9.9") == [section]
    said["status"] = " M README.md\n?? x\n"
    assert release.remarks("9.9.9") == [section, "2 files differ from what is committed."]


def test_it_uploads_nothing() -> None:
    """No module of the check has a command that uploads."""
    folder = Path(release.__file__).parent
    commands = [
        line for file in folder.glob("*.py") for line in file.read_text().splitlines() if "run(" in line
    ]
    assert commands
    assert not [line for line in commands if "upload" in line]
