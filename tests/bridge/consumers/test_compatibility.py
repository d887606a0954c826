"""The same source with Channels' classes and with this project's: the same messages, the same ends."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.needs import require_module

SOURCE = Path(__file__).with_name("same_source.py")


def played_with(package: str) -> dict[str, Any]:
    """Return what each row of the table gives."""
    done = subprocess.run(
        [sys.executable, SOURCE, package], capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr
    played: dict[str, Any] = json.loads(done.stdout)
    return played


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, Any], dict[str, Any]]:
    """Play the table twice."""
    for name in ("channels", "django"):
        require_module(name)
    return played_with("channels"), played_with("hybrid")


def test_messages(both: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """For every row the same ASGI messages are sent in the same order, and the call ends alike."""
    theirs, ours = both
    assert len(theirs) >= 40
    ends = [row[-1] for row in theirs.values()]
    assert ends.count("returned") >= 20
    differing = {name: (row, ours[name]) for name, row in theirs.items() if ours[name] != row}
    assert set(differing) <= {
        "async: private type",
        "async: leading period",
        "sync: private type",
        "sync: leading period",
    }
    for row, own in differing.values():  # the same error, which here names the type as well
        assert own[-1].startswith(row[-1])
