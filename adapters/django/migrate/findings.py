"""What is found in a project: facts, of which every kind of report shows the same."""

from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters. In order, the worst first."""

    ERROR = "error"
    """It breaks, or is insecure."""
    WARNING = "warning"
    """It is slower, or a risk."""
    NOTE = "note"
    """It changes, and one should know."""


class Confidence(StrEnum):
    """How sure it is that the place found is one of its rule."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Seen(StrEnum):
    """How a finding was made."""

    STATIC = "static"
    """By reading the source."""
    IMPORT = "import"
    """By importing the project and looking at its objects."""
    RUN = "run"
    """While it was served."""


class FixKind(StrEnum):
    """What can be done about a finding, and who can do it."""

    AUTO = "auto"
    """``hybrid migrate fix`` writes it."""
    SUGGEST = "suggest"
    """A change to read first: ``hybrid migrate fix --suggest``."""
    LANE = "lane"
    """Keep the view on a lane, or move it."""
    SETTING = "setting"
    """A setting, of the project or of the server, or a version."""
    NONE = "none"
    """Nothing has to be done."""


@dataclass(frozen=True)
class Fix:
    """What can be done.

    Attributes:
        text: one sentence that says what.
        patch: a unified diff, where there is one.
    """

    kind: FixKind
    text: str
    patch: str = ""


@dataclass(frozen=True)
class Place:
    """Where in the source; lines begin with 1.

    Attributes:
        file: below the project's directory with slashes, or absolute where it is outside; ``""`` for what is
            in no file, such as a version.
        symbol: the function, class or setting that it is in: ``shop.views.Cart.get``.
    """

    file: str = ""
    line: int = 0
    end_line: int = 0
    symbol: str = ""


@dataclass(frozen=True)
class Finding:
    """One place where a rule of the catalogue applies.

    Attributes:
        rule: its id, such as ``HM101``.
        evidence: one sentence on this place; names the lane on which it bites.
        lanes: where it bites: ``("asgi",)``, ``("wsgi",)`` or both.
        cause: findings with the same cause are told of together: one class that is used by many routes, say.
            ``""`` for the rule and the symbol.
        routes: the names, or patterns, of the routes that reach it: ``("*",)`` for all of them; empty where
            that is not known.
        reachable: whether some route reaches it; None where that is not known.
        masked_by: what hides it for now, to be read behind "is masked by": ``HM302 in
            shop.middleware.Old, which makes the chain around it synchronous``.
    """

    rule: str
    level: Level
    confidence: Confidence
    place: Place
    evidence: str
    seen: Seen
    fix: Fix
    lanes: tuple[str, ...] = ("asgi",)
    cause: str = ""
    routes: tuple[str, ...] = field(default=(), compare=False)
    reachable: bool | None = field(default=None, compare=False)
    masked_by: str = field(default="", compare=False)

    @property
    def group(self) -> str:
        """What findings of one cause have in common."""
        return self.cause or f"{self.rule} {self.place.symbol or self.place.file}"
