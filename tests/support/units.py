"""Units of systemd: what they say, and what systemd's own tools have to say about them."""

import subprocess
from collections import defaultdict
from pathlib import Path

from tests.support.needs import require_program


def read_unit(file: Path) -> dict[str, list[str]]:
    """Return what a unit says, by the name of the setting, whatever its section: no two share one here."""
    said = defaultdict(list)
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and line[0] not in "#[":
            name, _, value = line.partition("=")
            said[name].append(value)
    return dict(said)


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `systemd-analyze`, which needs no systemd that runs."""
    program = require_program("systemd-analyze")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)
