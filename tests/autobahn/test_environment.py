"""Finding a Python 2.7, and the environment with Autobahn's test suite."""

from pathlib import Path

import pytest

from tests.autobahn import environment
from tests.autobahn.environment import NoPython, Unavailable, find_python, prepare


def program(path: Path, code: int = 0) -> Path:
    """Write a program that ends with an exit code, as a Python does that is asked for its version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexit {code}\n", encoding="ascii")
    path.chmod(0o755)
    return path


class TestFindPython:
    """Which one is taken."""

    def test_named(self, tmp_path: Path) -> None:
        """The one that is named comes first."""
        named = program(tmp_path / "mine")
        program(tmp_path / "python2.7")
        found = find_python({"AUTOBAHN_PYTHON": str(named), "PATH": str(tmp_path)})
        assert found == str(named)

    def test_named_wrongly(self, tmp_path: Path) -> None:
        """One that is named and is not there, or is another Python, is an error, whatever else there is."""
        program(tmp_path / "python2.7")
        other = program(tmp_path / "python3", 1)
        for wrong in (other, tmp_path / "none"):
            with pytest.raises(Unavailable, match="AUTOBAHN_PYTHON"):
                find_python({"AUTOBAHN_PYTHON": str(wrong), "PATH": str(tmp_path)})

    def test_on_path(self, tmp_path: Path) -> None:
        """`python2.7` on PATH comes before pyenv's."""
        on_path = program(tmp_path / "bin" / "python2.7")
        program(tmp_path / "pyenv" / "versions" / "2.7.18" / "bin" / "python2.7")
        found = find_python({"PATH": str(on_path.parent), "PYENV_ROOT": str(tmp_path / "pyenv")})
        assert found == str(on_path)

    def test_pyenv(self, tmp_path: Path) -> None:
        """Pyenv's newest 2.7 is found, where its command on PATH refuses to work."""
        program(tmp_path / "shims" / "python2.7", 127)
        for version in ("2.7.17", "2.7.18", "3.11.7"):
            program(tmp_path / ".pyenv" / "versions" / version / "bin" / "python2.7")
        found = find_python({"PATH": str(tmp_path / "shims"), "HOME": str(tmp_path)})
        assert found == str(tmp_path / ".pyenv" / "versions" / "2.7.18" / "bin" / "python2.7")

    def test_none(self, tmp_path: Path) -> None:
        """Where there is none, the error says how to get one."""
        with pytest.raises(NoPython, match=r"pyenv install 2\.7\.18"):
            find_python({"PATH": str(tmp_path), "HOME": str(tmp_path)})


class TestPrepare:
    """Making the environment, without a package index."""

    def test_made_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is made at first, and again when the Python or what is installed has changed, from nothing."""
        commands: list[tuple[str, ...]] = []
        monkeypatch.setattr(environment, "_run", lambda *command, **_: commands.append(command))
        folder = tmp_path / "environment"
        assert prepare(folder, "/usr/bin/python2.7") == folder / "python" / "bin" / "wstest"
        made = len(commands)
        assert made > 0
        left = folder / "left"
        left.touch()
        prepare(folder, "/usr/bin/python2.7")
        assert len(commands) == made
        assert left.exists()
        prepare(folder, "/other/python2.7")
        assert len(commands) == 2 * made
        assert not left.exists()

    def test_without_a_compiler(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The one package that needs a compiler may be missing, which is said."""

        def run(*command: str, **_: str) -> None:
            if environment.ACCELERATOR in command:
                raise Unavailable("no gcc")

        monkeypatch.setattr(environment, "_run", run)
        prepare(tmp_path / "environment", "/usr/bin/python2.7")
        assert "no gcc" in capsys.readouterr().err

    def test_failure_is_not_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """What could not be installed is tried again."""

        def run(*command: str, **_: str) -> None:
            raise Unavailable("no network")

        monkeypatch.setattr(environment, "_run", run)
        for _ in range(2):
            with pytest.raises(Unavailable, match="no network"):
                prepare(tmp_path / "environment", "/usr/bin/python2.7")

    def test_output_of_what_failed(self) -> None:
        """A command that fails is named, with what it wrote."""
        with pytest.raises(Unavailable, match="exit code 3\nwhat was wrong"):
            environment._run("sh", "-c", "echo what was wrong >&2; exit 3")
