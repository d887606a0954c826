"""Since which version of Django something has an asynchronous twin."""

from typing import Final

from hybrid.adapters.django.migrate.fixes.draft import Draft
from hybrid.adapters.django.migrate.fixes.leaving import LeftAlone

QUERYSETS: Final = (4, 1)
OBJECTS: Final = (4, 2)
FUNCTIONS: Final = (5, 0)
USERS: Final = (5, 0)
SESSIONS: Final = (5, 1)
STREAMS: Final = (4, 2)
MARKED: Final = (4, 2)
#: What is taken for granted where the project was not imported.
_SURELY: Final = (4, 2)


def check_version(draft: Draft, needed: tuple[int, int], what: str) -> str:
    """Return what to know of the version of Django that something needs.

    Raises:
        LeftAlone: the project has one without it.
    """
    said = draft.facts.versions.get("django", "")
    number = ".".join(map(str, needed))
    if not said:
        return f"{what} needs Django {number}" if needed > _SURELY else ""
    if _numbers(said) < needed:
        raise LeftAlone(f"{what} needs Django {number}, and the project has {said}")
    return ""


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(each) if each.isdigit() else 0 for each in parts)
