"""Builds a release and tries it where nothing else is installed: `python -m tests.release`.

An sdist, and a wheel from that sdist, are built in `dist/` and checked; then each is installed, with what it
depends on, in a new environment of each Python that is supported and installed, and serves there. Nothing is
uploaded: that is left to whoever has read the last lines.
"""

import argparse
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tests.release.pythons import ReleaseError, find_pythons, new_environment, run
from tests.release.smoke import smoke
from tests.support.process import ROOT

#: What the smoke test needs beside the package itself.
_EXTRAS = "flask"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it all; 0 when it is fit for release, 1 when it is not, 2 when a Python is missing."""
    options = _parser().parse_args(arguments)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pythons = find_pythons(options.python or supported(project["classifiers"]))
    missing = [version for version in options.python or () if version not in pythons]
    if missing:
        print(f"not installed: Python {', '.join(missing)}", file=sys.stderr)
        return 2
    try:
        archives = build(options.dist)
        for version, python in pythons.items():
            for archive in archives:
                _say(f"Python {version}, {archive.name}")
                _try(python, archive)
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    _say(f"{project['name']} {project['version']} is fit for release, on Python {', '.join(pythons)}.")
    for remark in remarks(project["version"]):
        _say(f"But: {remark}")
    _say(f"To publish it: twine upload {' '.join(map(str, archives))}")
    return 0


def supported(classifiers: Sequence[str]) -> list[str]:
    """Return the versions of Python that the project says it supports, oldest first."""
    versions = [each.rpartition(" ")[2] for each in classifiers if each.startswith("Programming Language")]
    return [version for version in versions if version.startswith("3.")]


def build(dist: Path) -> list[Path]:
    """Build the wheel and the sdist, from nothing that an earlier build has left; have them checked.

    Raises:
        ReleaseError: they cannot be built, or a check found something.
    """
    shutil.rmtree(dist, ignore_errors=True)
    _say("Building")
    run(sys.executable, "-m", "build", "--outdir", dist, ROOT)
    archives = sorted((*dist.glob("*.whl"), *dist.glob("*.tar.gz")))
    _say(run(sys.executable, "-m", "twine", "--no-color", "check", "--strict", *archives).strip())
    return archives


def remarks(version: str) -> list[str]:
    """Say what is not as it should be on the day of a release."""
    found = []
    if f"## [{version}]" not in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"):
        found.append(f"CHANGELOG.md has no section for {version}.")
    if changes := run("git", "status", "--porcelain").splitlines():
        found.append(f"{len(changes)} files differ from what is committed.")
    elif not run("git", "tag", "--points-at", "HEAD", "--list", f"v{version}").strip():
        found.append(f"what is checked out has no tag v{version}.")
    return found


def _try(python: Path, archive: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        site = Path(folder, "site")
        site.mkdir()
        smoke(new_environment(python, Path(folder, "environment"), archive, _EXTRAS), site)


def _say(text: str) -> None:
    print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument(
        "--python", action="append", metavar="VERSION", help="try this version, such as 3.12, and no others"
    )
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="the folder for what is built")
    return parser


if __name__ == "__main__":
    sys.exit(main())
