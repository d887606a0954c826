"""What was judged of the findings, by reading the source of each."""

import tomllib
from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks.audited.projects import HERE


class Key(NamedTuple):
    """What a finding is known by, whatever its line. Several may have the same, and then one verdict."""

    project: str
    rule: str
    file: str
    symbol: str

    def __str__(self) -> str:
        return f"{self.project}: {self.rule} {self.file} {self.symbol}"


@dataclass(frozen=True)
class Verdict:
    """What was judged of a finding.

    Attributes:
        right: whether it is true.
        why: in a line.
        mended: it was wrong, and is not to be found any more.
        run: the code was served as well, and failed so.
    """

    right: bool
    why: str
    mended: bool = False
    run: bool = False


def verdicts(project: str) -> dict[Key, Verdict]:
    """Return the verdicts of one project, by what they are of."""
    tables: dict[str, list[dict[str, Any]]] = tomllib.loads((HERE / "verdicts.toml").read_text("utf-8"))
    found: dict[Key, Verdict] = {}
    for each in tables.get(project, []):
        verdict = Verdict(each["right"], each["why"], each.get("mended", False), each.get("run", False))
        for symbol in each["symbols"]:
            found[Key(project, each["rule"], each["file"], symbol)] = verdict
    return found
