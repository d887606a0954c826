"""Checks commands that are not run because of what they would change: what they name has to be there."""

import re
import tomllib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution

from tests.support.process import ROOT


def check_requirements(words: Sequence[str]) -> None:
    """Check that `pip install` names this package, with extras that it has, or what tests have installed."""
    assert words[0] == "install", words
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words[1:]:
        name, _, wanted = word.rstrip("]").partition("[")
        if name in {project["name"], "."}:
            extras = {each for each in wanted.split(",") if each}
            assert extras <= project["optional-dependencies"].keys(), word
        elif not name.startswith("-"):
            _check_distribution(name)


def _check_distribution(name: str) -> None:
    try:
        distribution(name)
    except PackageNotFoundError:
        raise AssertionError(f"{name} is not known here") from None


def check_targets(words: Sequence[str]) -> None:
    """Check that the Makefile has the targets."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in words:
        assert "=" in word or re.search(rf"^{re.escape(word)}:", text, re.MULTILINE), f"no target {word}"
