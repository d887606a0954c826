"""The commands of ``hybrid migrate``, and of ``manage.py hybrid_migrate``, which are the same."""

from typing import Final

_HERE: Final = "hybrid.adapters.django.migrate.commands"

#: The module of each command, which has it as ``command``; in the order of the list that ``--help`` prints.
COMMANDS: Final = {
    "audit": f"{_HERE}.audit",
    "routes": f"{_HERE}.routes",
    "chain": f"{_HERE}.chain",
    "fix": f"{_HERE}.fix",
    "plan": f"{_HERE}.plan",
    "observe": f"{_HERE}.observe",
    "shadow": f"{_HERE}.shadow",
    "record": f"{_HERE}.record",
    "replay": f"{_HERE}.replay",
    "test": f"{_HERE}.test",
    "baseline": f"{_HERE}.baseline",
}
