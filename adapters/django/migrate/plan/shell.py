"""The commands that a plan names, with the options that its project needs."""

import shlex
from collections.abc import Iterable
from typing import Final

from hybrid.adapters.django.migrate.plan.step import Command
from hybrid.adapters.django.migrate.project.facts import Facts

#: The files that the plan has others written to.
OBSERVED: Final = "observe.json"
COMPARED: Final = "shadow.json"
BASELINE: Final = "hybrid-baseline.json"
CONFIG: Final = "hybrid.toml"

#: What ``hybrid migrate fix`` writes without having been read first.
FIXED: Final = ("HM101", "HM103", "HM104", "HM106", "HM113", "HM115", "HM116", "HM401")
#: What it writes with ``--suggest``.
SUGGESTED: Final = ("HM107", "HM302", "HM305")


class Shell:
    """Makes command lines for one project."""

    def __init__(self, facts: Facts) -> None:
        self._settings = f" --settings {facts.settings_module}" if facts.settings_module else ""

    def migrate(self, words: str, code: int | None = None, says: str = "") -> Command:
        """Return a command of ``hybrid migrate`` that needs to know the project."""
        name, _, rest = words.partition(" ")
        return Command(f"hybrid migrate {name}{self._settings}{f' {rest}' if rest else ''}", code, says)

    def is_clean(self, rules: Iterable[str]) -> Command:
        """Return what tells that nothing of some rules is left."""
        named = " ".join(f"--rule {each}" for each in rules)
        return self.migrate(f"audit {named} --fail-on note", 0, "finds nothing more of it")

    def fix(self, rules: Iterable[str]) -> tuple[Command, Command]:
        """Return what shows the changes for some rules, and what writes them."""
        named = " ".join(rules)
        return (
            self.migrate(f"fix {named}", 1, "shows the changes"),
            self.migrate(f"fix {named} --write", 1, "writes them"),
        )

    def is_fixed(self, rules: Iterable[str]) -> Command:
        """Return what tells that nothing is left that can be written."""
        return self.migrate(f"fix {' '.join(rules)}", 0, "has nothing left to change")

    @staticmethod
    def lanes(words: str, view: str = "", rest: str = "", says: str = "") -> Command:
        """Return a command of ``hybrid lanes``."""
        line = " ".join(filter(None, ("hybrid lanes", words, shlex.quote(view) if view else "", rest)))
        return Command(line, 0, says)
