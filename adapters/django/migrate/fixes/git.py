"""Whether git could give back what is about to be overwritten."""

import subprocess
from collections.abc import Iterable
from pathlib import Path


def why_not(root: Path, paths: Iterable[Path] = ()) -> str:
    """Return what keeps git from giving files back; ``""`` where nothing does.

    Args:
        root: the project's directory.
        paths: the files that are to be overwritten, where they are known: git has to have them.
    """
    status = _git(root, "status", "--porcelain", "--untracked-files=no", "--no-renames", "-z")
    if status is None:
        return f"{root} is in no git repository, or git is not installed"
    if changed := [each[3:] for each in status.split("\0") if each]:
        return f"git has changes that are not committed: {_some(changed)}"
    tracked = set((_git(root, "ls-files", "-z", "--full-name", ":/") or "").split("\0"))
    top = Path((_git(root, "rev-parse", "--show-toplevel") or "").removesuffix("\n")).resolve()
    missing = [each for each in paths if _below(each, top) not in tracked]
    return f"git does not have {_some(map(str, missing))}" if missing else ""


def _below(path: Path, top: Path) -> str:
    return path.relative_to(top).as_posix() if path.is_relative_to(top) else ""


def _some(names: Iterable[str]) -> str:
    first, *rest = names
    return f"{first} and {len(rest)} more" if rest else first


def _git(root: Path, *words: str) -> str | None:
    """Run git; None where that fails."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            ["git", "-C", str(root), *words],  # noqa: S607 - as the user's shell finds it
            capture_output=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.decode(errors="surrogateescape") if not done.returncode else None
