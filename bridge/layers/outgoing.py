"""What waits to be sent to the hub: in order, bounded, and not for ever."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message for a group, or for a channel that is not in this process.

    Attributes:
        group: whom it is for; None when it is for a channel.
        channel: whom it is for; None when it is for a group.
        body: the message, encoded.
        since: when it was given to the layer, in seconds of its clock.
    """

    group: str | None
    channel: str | None
    body: bytes
    since: float

    @property
    def target(self) -> str:
        """Whom it is for, for the log."""
        return f"group {self.group}" if self.channel is None else f"channel {self.channel}"


class Outgoing:
    """A queue of parcels; all on the layer's loop.

    Args:
        limit: parcels that may wait.
        expiry: seconds for which one may.
    """

    def __init__(self, limit: int, expiry: float) -> None:
        self._limit = limit
        self._expiry = expiry
        self._parcels: deque[Parcel] = deque()

    def __len__(self) -> int:
        return len(self._parcels)

    def __repr__(self) -> str:
        return f"<Outgoing: {len(self._parcels)} of {self._limit}>"

    @property
    def is_crowded(self) -> bool:
        """Whether a sender that can wait should."""
        return len(self._parcels) * 2 > self._limit

    def put(self, parcel: Parcel) -> bool:
        """Let a parcel wait; False when there is no room."""
        if len(self._parcels) >= self._limit:
            return False
        self._parcels.append(parcel)
        return True

    def pop(self) -> Parcel | None:
        """Return the oldest, or None."""
        return self._parcels.popleft() if self._parcels else None

    def expire(self, now: float) -> list[Parcel]:
        """Take out, and return, what has waited too long."""
        expired: list[Parcel] = []
        while self._parcels and self._parcels[0].since + self._expiry <= now:
            expired.append(self._parcels.popleft())
        return expired

    def clear(self) -> None:
        """Forget everything."""
        self._parcels.clear()
