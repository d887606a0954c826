"""Who is in a group, and what was sent to it: the answers of a channel layer."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Member:
    """A channel that belongs to a group.

    Attributes:
        channel: its name.
        metadata: what it said of itself when it joined.
        since: when it joined, in seconds since 1970.
    """

    channel: str
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Replay:
    """What was sent to a group while somebody was away.

    Attributes:
        messages: the oldest first, each with its ``sequence``.
        last: the number of the newest message of the group, 0 when none is known: what to resume after.
        gap: whether messages are missing between the one that was resumed after and the first of these, as
            the history is too short, has expired, or is a new one.
    """

    messages: list[dict[str, Any]]
    last: int
    gap: bool
