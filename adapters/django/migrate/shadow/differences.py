"""What comparing says: in what two answers to one request differ, and where."""

from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    """The parts of an answer that are compared."""

    STATUS = "status"
    HEADER = "header"
    BODY = "body"
    TIME = "time"
    QUERIES = "queries"
    WARNING = "warning"
    EXCEPTION = "exception"
    SENT = "sent"


@dataclass(frozen=True)
class Difference:
    """One place in which the new answer is another than the old one.

    Attributes:
        where: the place within the part: ``$.items[3].price``, ``vary``, ``set-cookie sessionid: max-age``, a
            statement; ``""`` where the part has one place only.
        old, new: what stands there, in short.
        note: whether it is told of without making the answers different.
    """

    what: What
    where: str
    old: str
    new: str
    note: bool = False

    @property
    def place(self) -> tuple[What, str]:
        """What the same difference has in common when it comes again."""
        return self.what, self.where
