"""The Pythons of this machine, and environments of them with nothing but what a release brings."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.process import ROOT

#: Minutes are enough for what is downloaded.
_PATIENCE = 600.0


class ReleaseError(Exception):
    """A step of a release has failed; the text says which, and why."""


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command, and return what it writes.

    Raises:
        ReleaseError: it failed; the text has all that it wrote.
    """
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    if done.returncode:
        raise ReleaseError(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def find_pythons(versions: Sequence[str]) -> dict[str, Path]:
    """Return the interpreters of these versions that are installed: this one, on PATH, or by pyenv."""
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": Path(sys.executable)}
    for version in versions:
        for candidate in _candidates(version):
            if version not in found and _works(candidate, version):
                found[version] = candidate
    return {version: found[version] for version in versions if version in found}


def _candidates(version: str) -> Iterator[Path]:
    if on_path := shutil.which(f"python{version}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/*/bin/python{version}"))


def _works(python: Path, version: str) -> bool:
    """Tell whether it is more than a name: pyenv has some that only say what is missing."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False)
    return done.returncode == 0 and done.stdout.strip() == version


def new_environment(python: Path, folder: Path, archive: Path, extras: str) -> Path:
    """Make an environment with an archive and what it depends on, and nothing else; return its Python.

    Raises:
        ReleaseError: the archive cannot be installed, or something that it needs is missing or too old.
    """
    if python == Path(sys.executable):
        venv.create(folder, with_pip=True, symlinks=True)
    else:
        run(python, "-m", "venv", folder)
    own = folder / "bin" / "python"
    pip = (own, "-m", "pip", "--disable-pip-version-check", "--no-input")
    run(*pip, "install", "--quiet", f"{archive}[{extras}]")
    run(*pip, "check")
    return own
