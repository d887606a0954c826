"""What is said of where views are served, and each change of that, as a journal has it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

from hybrid.adapters.django.lanes.rules import Rule

#: What is said of a name: a rule; that it has none; or nothing, so that what the configuration says counts.
Said = Rule | Literal["none", "file"]


class Effect(NamedTuple):
    """Where the requests of a view, or below a path, are served.

    Attributes:
        lane: which lane; None below a path for which there is no rule, as each view there has its own.
        percent: the share of the clients that are served there; None for all.
        reason: why.
    """

    lane: str | None
    percent: float | None
    reason: str

    def __str__(self) -> str:
        share = "" if self.percent is None else f" for {self.percent:g}%"
        return f"{self.lane or 'the lane of each view'}{share}"


@dataclass(frozen=True)
class Change:
    """One change of where the requests of a view, or below a path, are served.

    Attributes:
        number: 1 for the first of a server, and so on.
        time: when it was made, in seconds since the epoch.
        view: the view's name, its dotted path, or the pattern of paths.
        rule, was: what has been said of it since, and what was before.
        before, after: what that came to, and comes to.
        by: who made it; ``"hybrid"`` is the server itself.
        reason: why.
        undoes: the number of the change that this one takes back, if it does.
        baseline: figures of the lane that it was taken from, over the window before, as JSON has them.
    """

    number: int
    time: float
    view: str
    rule: Said
    was: Said
    before: Effect
    after: Effect
    by: str
    reason: str = ""
    undoes: int | None = None
    baseline: Mapping[str, Any] | None = None

    def __str__(self) -> str:
        before = f"{self.before}: {self.before.reason}" if self.before.reason else f"{self.before}"
        why = f": {self.reason}" if self.reason else ""
        return f"{self.view}: {self.after} (was {before}), by {self.by}{why}"

    def to_json(self) -> dict[str, Any]:
        """Return all of it, as a journal has it."""
        said = {"rule": _said_to_json(self.rule), "was": _said_to_json(self.was)}
        effects = {"before": self.before._asdict(), "after": self.after._asdict()}
        return {**asdict(self), **said, **effects}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Change":
        """Read what :meth:`to_json` has returned.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        read = dict(value)
        for key in ("rule", "was"):
            read[key] = _said_from_json(value["view"], value[key])
        for key in ("before", "after"):
            read[key] = Effect(**value[key])
        return cls(**read)


def _said_to_json(said: Said) -> object:
    if not isinstance(said, Rule):
        return said
    return {"lane": said.lane, "percent": said.percent, "otherwise": said.otherwise}


def _said_from_json(name: str, value: Any) -> Said:
    if value == "none":
        return "none"
    return "file" if value == "file" else Rule(name, value["lane"], value["percent"], value["otherwise"])
