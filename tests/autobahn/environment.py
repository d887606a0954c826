"""Finds a Python 2.7 and keeps an environment with Autobahn's test suite, which runs on nothing newer."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")

#: Makes the client's masking and UTF-8 checks five times as fast; needs a compiler, so it may be missing.
ACCELERATOR = "wsaccel==0.6.6"
#: The last one that makes environments for Python 2.7.
VIRTUALENV = "virtualenv==20.21.1"

ADVICE = """\
Autobahn's test suite needs Python 2.7, and none was found. Install one, for example with
    pyenv install 2.7.18
(or the package python2.7, where the system still has it), or name one:
    make conformance AUTOBAHN_PYTHON=/path/to/python2.7"""

_IS_IT = "import sys; sys.exit(sys.version_info[:2] != (2, 7))"


class Unavailable(Exception):
    """The test suite cannot run on this machine; the text says why, and what to do."""


class NoPython(Unavailable):
    """There is no Python 2.7, and none was named."""


def find_python(environment: Mapping[str, str] = os.environ) -> str:
    """Return the Python 2.7 that ``AUTOBAHN_PYTHON`` names, or one on PATH, or the newest of pyenv's.

    Raises:
        NoPython: there is none.
        Unavailable: the named one is something else.
    """
    if named := environment.get("AUTOBAHN_PYTHON"):
        if _is_python2(named):
            return named
        raise Unavailable(f"AUTOBAHN_PYTHON={named} is missing or is not Python 2.7")
    for candidate in _candidates(environment):
        if _is_python2(candidate):
            return candidate
    raise NoPython(ADVICE)


def _candidates(environment: Mapping[str, str]) -> Iterator[str]:
    if on_path := shutil.which("python2.7", path=environment.get("PATH", "")):
        yield on_path  # pyenv puts one there that works only after `pyenv global`
    root = Path(environment.get("PYENV_ROOT") or Path(environment.get("HOME", "/")) / ".pyenv")
    for path in sorted(root.glob("versions/2.7*/bin/python2.7"), reverse=True):
        yield str(path)


def _is_python2(python: str) -> bool:
    try:
        done = subprocess.run([python, "-c", _IS_IT], capture_output=True, timeout=60, check=False)
    except OSError:
        return False
    return done.returncode == 0


def prepare(folder: Path, python: str) -> Path:
    """Return the program `wstest` of the environment in `folder`, made anew if anything about it has changed.

    Raises:
        Unavailable: something could not be installed.
    """
    wstest = folder / "python" / "bin" / "wstest"
    stamp = folder / "stamp"
    wanted = "\n".join((python, VIRTUALENV, ACCELERATOR, REQUIREMENTS.read_text(encoding="utf-8")))
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _make(folder, python)
        stamp.write_text(wanted, encoding="utf-8")
    return wstest


def _make(folder: Path, python: str) -> None:
    tools, target = folder / "tools", folder / "python"
    _run(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(tools), VIRTUALENV)
    _run(
        *(sys.executable, "-m", "virtualenv", "--quiet", "--python", python, str(target)),
        PYTHONPATH=str(tools),
        VIRTUALENV_OVERRIDE_APP_DATA=str(folder / "seed"),
    )
    install = (str(target / "bin" / "pip"), "--no-python-version-warning", "install", "--quiet", "--no-deps")
    _run(*install, "--requirement", str(REQUIREMENTS))
    try:
        _run(*install, ACCELERATOR)
    except Unavailable as why:
        sys.stderr.write(f"{ACCELERATOR} cannot be installed, so large messages take longer:\n{why}\n")


def _run(*command: str, **environment: str) -> None:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout.strip()}")
