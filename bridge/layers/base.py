"""What every channel layer shares: the interface, the rules for names and messages, and capacities.

Rules: Channels layer specification, https://channels.readthedocs.io/en/stable/channel_layer_spec.html.
"""

import abc
import copy
import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

MAX_NAME_LENGTH = 100

_CHANNEL_NAME = re.compile(r"[A-Za-z0-9\-_.]+(![A-Za-z0-9\-_.]*)?")
_GROUP_NAME = re.compile(r"[A-Za-z0-9\-_.]+")

_IMMUTABLE = frozenset((str, bytes, int, float, bool, type(None)))

#: Keys are glob patterns or compiled regular expressions of channel names, values are capacities.
ChannelCapacity = Mapping[str, int] | Mapping[re.Pattern[str], int] | Mapping[str | re.Pattern[str], int]


def copy_message(value: Any) -> Any:
    """Copy a message so that sender and receivers cannot see each other's changes to it.

    The containers that a message may have are copied here, which is several times faster than
    :func:`copy.deepcopy`; what a message should not contain, and does, is left to that function.
    """
    kind = cast("type[object]", type(value))
    if kind is dict:
        return {key: copy_message(item) for key, item in value.items()}
    if kind is list:
        return [copy_message(item) for item in value]
    if kind in _IMMUTABLE:
        return value
    return copy.deepcopy(value)


class BaseChannelLayer(abc.ABC):
    """The interface of a channel layer, whatever carries its messages.

    A *channel* is a first-in first-out queue that one reader waits on; a *group* is a set of channels that
    get the same messages. Delivery is at most once: a message may be lost (it expired, or its channel was
    full) and never arrives twice.

    Args:
        expiry: seconds after which a message that nobody has read is dropped.
        group_expiry: seconds for which a channel belongs to a group after its last :meth:`group_add`.
        capacity: messages that may wait in one channel.
        channel_capacity: other capacities, by pattern of the channel's name; the first match counts.
    """

    #: Optional parts of the specification that this layer has.
    extensions: tuple[str, ...] = ("groups", "flush")

    def __init__(
        self,
        expiry: float = 60,
        group_expiry: float = 86400,
        capacity: int = 100,
        channel_capacity: ChannelCapacity | None = None,
    ) -> None:
        for name, number in (("expiry", expiry), ("group_expiry", group_expiry), ("capacity", capacity)):
            if number <= 0:
                raise ValueError(f"{name} must be greater than 0, not {number!r}")
        self.expiry = expiry
        self.group_expiry = group_expiry
        self.capacity = capacity
        self.channel_capacity = _compiled((channel_capacity or {}).items())

    @abc.abstractmethod
    async def new_channel(self, prefix: str = "specific") -> str:
        """Return a name that no other channel has, for a reader in this process."""

    @abc.abstractmethod
    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Queue a message for the one reader of a channel; never waits for room.

        Raises:
            ChannelFull: the channel holds as many messages as its capacity.
            TypeError: the name breaks the rules, or the message is not a dict.
        """

    @abc.abstractmethod
    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel and return it. Cancelling the call loses no message."""

    @abc.abstractmethod
    async def group_add(self, group: str, channel: str) -> None:
        """Let a channel receive what is sent to a group, for ``group_expiry`` seconds from now."""

    @abc.abstractmethod
    async def group_discard(self, group: str, channel: str) -> None:
        """End a channel's membership of a group; it need not have been a member."""

    @abc.abstractmethod
    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Queue a message for every member of a group; a member whose channel is full does not get it."""

    @abc.abstractmethod
    def publish(self, group: str, message: dict[str, Any]) -> None:
        """Do what :meth:`group_send` does, from any thread, without an event loop and without waiting."""

    @abc.abstractmethod
    async def flush(self) -> None:
        """Forget every message and every group; readers that wait keep waiting."""

    async def close(self) -> None:  # noqa: B027 - most layers hold nothing
        """Let go of connections, in layers that have some."""

    def get_capacity(self, channel: str) -> int:
        """Return how many messages may wait in a channel of this name."""
        for pattern, capacity in self.channel_capacity:
            if pattern.match(channel):
                return capacity
        return self.capacity

    def require_valid_channel_name(self, name: str) -> bool:
        """Return True for a name that a channel may have.

        Raises:
            TypeError: it is no string of 1 to 99 letters, digits, ``-``, ``_``, ``.`` and at most one ``!``.
        """
        return _valid(name, _CHANNEL_NAME, "channel", ", with at most one '!', which is not the first")

    def require_valid_group_name(self, name: str) -> bool:
        """Return True for a name that a group may have.

        Raises:
            TypeError: it is no string of 1 to 99 letters, digits, ``-``, ``_`` and ``.``.
        """
        return _valid(name, _GROUP_NAME, "group", "")

    def require_valid_message(self, message: object) -> bool:
        """Return True for a dict.

        Raises:
            TypeError: it is anything else.
        """
        if isinstance(message, dict):
            return True
        raise TypeError(f"a channel layer message must be a dict, not {type(message).__name__}")


def _valid(name: object, pattern: re.Pattern[str], noun: str, exception: str) -> bool:
    if isinstance(name, str) and len(name) < MAX_NAME_LENGTH and pattern.fullmatch(name):
        return True
    raise TypeError(
        f"{noun} name {name!r} is not allowed: use 1 to {MAX_NAME_LENGTH - 1} ASCII letters, digits, "
        f"hyphens, underscores and periods{exception}"
    )


def _compiled(capacities: Iterable[tuple[str | re.Pattern[str], int]]) -> list[tuple[re.Pattern[str], int]]:
    return [
        (re.compile(fnmatch.translate(pattern)) if isinstance(pattern, str) else pattern, capacity)
        for pattern, capacity in capacities
    ]
