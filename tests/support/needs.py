"""What a test needs of the machine: missing in CI is a failure, missing elsewhere is a skip that says why."""

import importlib.util
import os
import shutil
from typing import NoReturn

import pytest


def missing(what: str) -> NoReturn:
    """Fail in CI, whose script installs everything; skip with the reason anywhere else."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI must have it: .ci/run installs it", pytrace=False)
    pytest.skip(f"{what} is missing on this machine")


def require_program(*names: str) -> str:
    """Return the path of the first of these programs that is installed."""
    for name in names:
        if path := shutil.which(name):
            return path
    missing(f"the program {' or '.join(names)}")


def require_module(name: str) -> None:
    """Go on only when a module can be imported."""
    if importlib.util.find_spec(name) is None:
        missing(f"the Python module {name}")
