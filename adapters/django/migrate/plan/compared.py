"""What ``hybrid migrate shadow`` has found to differ between the lanes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

#: The version of its JSON that is known.
SCHEMA: Final = 1


@dataclass(frozen=True)
class Difference:
    """Answers that differ for one reason.

    Attributes:
        cause: in one line.
        what: ``status``, ``header``, ``body``, ``time``, ``queries``, ``warning``, ``exception`` or ``sent``.
        view: the name of a view, or ``""``.
        rule: the rule that knows of it, or ``""``.
        old, new: what one lane and the other said.
        curl: asks for it once more.
    """

    cause: str
    what: str
    view: str = ""
    rule: str = ""
    count: int = 1
    old: str = ""
    new: str = ""
    curl: str = ""


@dataclass(frozen=True)
class Comparison:
    """What was compared in all.

    Attributes:
        requests, same, different, unreachable: how many there were.
        views: requests, and those that differ, by the name of the view.
    """

    requests: int
    same: int
    different: int
    unreachable: int
    views: dict[str, tuple[int, int]]
    differences: tuple[Difference, ...] = ()


def comparison_of(said: Mapping[str, Any]) -> Comparison:
    """Make one of JSON.

    Raises:
        ValueError: it is something else, in one line.
    """
    if said.get("kind") != "shadow" or said.get("schema") != SCHEMA:
        raise ValueError(f"it is no report of hybrid migrate shadow with the schema {SCHEMA}")
    try:
        return Comparison(
            int(said["requests"]),
            int(said["same"]),
            int(said["different"]),
            int(said["unreachable"]),
            {str(each["name"]): (int(each["requests"]), int(each["different"])) for each in said["views"]},
            tuple(_difference(each) for each in said["groups"] if not each.get("note")),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"it is no report of hybrid migrate shadow: {type(error).__name__}: {error}"
        ) from None


def _difference(said: Mapping[str, Any]) -> Difference:
    texts = {
        name: str(said.get(name) or "") for name in ("cause", "what", "view", "rule", "old", "new", "curl")
    }
    return Difference(**texts, count=int(said.get("count") or 1))


def together(comparisons: Iterable[Comparison]) -> Comparison | None:
    """Return several as one; None without any."""
    known = [*comparisons]
    if not known:
        return None
    views: dict[str, tuple[int, int]] = {}
    for each in known:
        for name, (requests, different) in each.views.items():
            before = views.get(name, (0, 0))
            views[name] = before[0] + requests, before[1] + different
    return Comparison(
        sum(each.requests for each in known),
        sum(each.same for each in known),
        sum(each.different for each in known),
        sum(each.unreachable for each in known),
        views,
        tuple(dict.fromkeys(difference for each in known for difference in each.differences)),
    )
