"""The same tests with Channels' communicators and with this project's: what they are told, step by step."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.needs import require_module

SOURCE = Path(__file__).with_name("same_communicators.py")

Told = dict[str, list[str]]

#: Steps that differ on purpose: what Channels tells, and what is told here.
DIFFERENT = {
    "empty text": [("AssertionError", "None"), ("TimeoutError", "''")],
    "does not return": [("None", "TimeoutError")],  # Channels cancels it, and the test goes on as if it had
    "HTTP body": [("AssertionError", "TypeError")],
}


def told_with(package: str) -> Told:
    """Return what each scenario gives."""
    done = subprocess.run(
        [sys.executable, SOURCE, package], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    told: Told = json.loads(done.stdout)
    return told


@pytest.fixture(scope="module")
def both() -> tuple[Told, Told]:
    """Play the scenarios twice."""
    for name in ("channels", "django"):
        require_module(name)
    return told_with("channels"), told_with("hybrid")


def test_steps(both: tuple[Told, Told]) -> None:
    """Each step gives the same, or raises an error of the same type, but where the table says otherwise."""
    theirs, ours = both
    assert len(theirs) >= 30
    assert sum("LookupError" in steps for steps in theirs.values()) >= 4
    differing = {
        name: [pair for pair in zip(steps, ours[name], strict=True) if pair[0] != pair[1]]
        for name, steps in theirs.items()
        if steps != ours[name]
    }
    assert differing == DIFFERENT
