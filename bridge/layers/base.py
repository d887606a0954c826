"""What every channel layer shares: the interface, the rules for names and messages, and capacities.

Rules: Channels layer specification, https://channels.readthedocs.io/en/stable/channel_layer_spec.html.
"""

import abc
import copy
import fnmatch
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers.losses import Losses
from hybrid.bridge.layers.presence import Member, Replay

#: What happens to a message for a channel that is full: it is dropped; the oldest that waits there is dropped
#: for it; or it is dropped and whoever reads the channel is told that it is too slow, see
#: :meth:`BaseChannelLayer.on_overflow`.
Overflow = Literal["drop_newest", "drop_oldest", "close"]
OVERFLOWS: Final = get_args(Overflow)

MAX_NAME_LENGTH = 100

_CHANNEL_NAME = re.compile(r"[A-Za-z0-9\-_.]+(![A-Za-z0-9\-_.]*)?")
_GROUP_NAME = re.compile(r"[A-Za-z0-9\-_.]+")

_IMMUTABLE = frozenset((str, bytes, int, float, bool, type(None)))

#: Keys are glob patterns or compiled regular expressions of channel names, values are capacities.
ChannelCapacity = Mapping[str, int] | Mapping[re.Pattern[str], int] | Mapping[str | re.Pattern[str], int]

#: How many messages of a group are kept: of every group, or of those with these names, as above.
HistoryLengths = int | ChannelCapacity


def copy_message(value: Any) -> Any:
    """Copy a message so that sender and receivers cannot see each other's changes to it.

    The containers that a message may have are copied here, which is several times faster than
    :func:`copy.deepcopy`; what a message should not contain, and does, is left to that function.
    """
    kind: Any = type(value)  # pyright: ignore[reportUnknownVariableType]
    # What needs no copy is looked at here, and not by a call of its own: most messages hold nothing else.
    if kind is dict:
        return {key: item if type(item) in _IMMUTABLE else copy_message(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) in _IMMUTABLE else copy_message(item) for item in value]
    if kind in _IMMUTABLE:
        return value
    return copy.deepcopy(value)


class LayerFigures(NamedTuple):
    """What a channel layer has, and has done since it was made, as far as this process knows.

    Attributes:
        groups: groups that have members.
        members: memberships of them.
        sent: messages to channels and groups that were delivered here.
        delivered: for how many channels these were, together.
    """

    groups: int
    members: int
    sent: int
    delivered: int


class BaseChannelLayer(abc.ABC):
    """The interface of a channel layer, whatever carries its messages.

    A *channel* is a first-in first-out queue that one reader waits on; a *group* is a set of channels that
    get the same messages. Delivery is at most once: a message may be lost (it expired, or its channel was
    full) and never arrives twice. What is lost is counted in :attr:`losses`, and the log says so.

    The members of a group can be asked for, with what they said of themselves (:meth:`group_members`), and
    watched (:meth:`group_watch`). Groups with a history number their messages, and who has been away can
    :meth:`resume`.

    Args:
        expiry: seconds after which a message that nobody has read is dropped.
        group_expiry: seconds for which a channel belongs to a group after its last :meth:`group_add`.
        capacity: messages that may wait in one channel.
        channel_capacity: other capacities, by pattern of the channel's name; the first match counts.
        overflow: what happens to a message for a channel that is full, see :data:`Overflow`.
        history: messages that are kept of each group, or of groups by pattern of their name; 0 keeps none.
        history_expiry: seconds after which the history of a group to which nothing is sent is forgotten.

    Attributes:
        losses: what was lost since the layer was made.
    """

    #: Optional parts of the specification that this layer has.
    extensions: tuple[str, ...] = ("groups", "flush")

    def __init__(  # noqa: PLR0913 - four of Channels' own, and those that are given by keyword only
        self,
        expiry: float = 60,
        group_expiry: float = 86400,
        capacity: int = 100,
        channel_capacity: ChannelCapacity | None = None,
        *,
        overflow: Overflow = "drop_newest",
        history: HistoryLengths = 0,
        history_expiry: float = 3600,
    ) -> None:
        numbers = {
            "expiry": expiry,
            "group_expiry": group_expiry,
            "capacity": capacity,
            "history_expiry": history_expiry,
        }
        for name, number in numbers.items():
            if number <= 0:
                raise ConfigError(f"{name} must be greater than 0, not {number!r}")
        if overflow not in OVERFLOWS:
            raise ConfigError(f"overflow must be one of {', '.join(OVERFLOWS)}, not {overflow!r}")
        self.expiry = expiry
        self.group_expiry = group_expiry
        self.capacity = capacity
        self.channel_capacity = _compiled((channel_capacity or {}).items())
        self.overflow: Overflow = overflow
        self.history_expiry = history_expiry
        self.losses = Losses(type(self).__name__)
        self._history = _compiled(({"*": history} if isinstance(history, int) else history).items())

    # Channels.

    @abc.abstractmethod
    async def new_channel(self, prefix: str = "specific") -> str:
        """Return a name that no other channel has, for a reader in this process."""

    @abc.abstractmethod
    async def send(self, channel: str, message: dict[str, Any]) -> None:
        """Queue a message for the one reader of a channel; never waits for room.

        Raises:
            ChannelFull: the channel holds as many messages as its capacity, and is known to here.
            TypeError: the name breaks the rules, or the message is not a dict.
        """

    @abc.abstractmethod
    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message of a channel and return it. Cancelling the call loses no message."""

    def on_overflow(self, channel: str, callback: Callable[[], object] | None) -> None:
        """Have a function called, on the loop of the channel's reader, when the channel was full and
        ``overflow`` is ``"close"``; None forgets it. On the reader's loop.
        """
        raise NotImplementedError

    def close_channel(self, channel: str) -> None:  # noqa: B027 - a layer that is somebody else's has none
        """End a channel whose reader is gone for good; on the loop of that reader, without waiting.

        Its memberships end, as does its watching and what :meth:`on_overflow` has noted; what waits in it is
        forgotten, and is no loss. From then on :meth:`group_add`, :meth:`group_watch` and :meth:`resume` do
        not add it to a group, whoever calls them, and so a handler that outlives its connection leaves
        nothing behind. A consumer's channel is closed when its connection has ended.
        """

    def stop_reading(self, channel: str) -> None:  # noqa: B027 - it only spares work
        """Say that nobody receives from a channel any more, though it belongs to groups until it is closed.

        It watches nothing any more, and what is sent to it is forgotten and is no loss. So when a server
        stops, its consumers are not told of one another's leaving. On the loop of the reader, as above.
        """

    # Groups.

    @abc.abstractmethod
    async def group_add(self, group: str, channel: str, metadata: Mapping[str, Any] | None = None) -> None:
        """Let a channel receive what is sent to a group, for ``group_expiry`` seconds from now.

        Args:
            group: its name.
            channel: who is to be a member; one that is already stays one for longer.
            metadata: what :meth:`group_members` is to say about this member, of the kinds of values that a
                message may have; None leaves what was said before.
        """

    @abc.abstractmethod
    async def group_discard(self, group: str, channel: str) -> None:
        """End a channel's membership of a group; it need not have been a member."""

    @abc.abstractmethod
    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Queue a message for every member of a group; a member whose channel is full does not get it."""

    async def group_count(self, group: str) -> int:
        """Return how many channels belong to a group, in all processes."""
        raise NotImplementedError

    async def group_members(self, group: str) -> list[Member]:
        """Return the channels that belong to a group, in all processes, those that joined first first."""
        raise NotImplementedError

    async def group_watch(self, group: str, channel: str) -> None:
        """Have a channel told who joins and leaves a group from now on, for ``group_expiry`` seconds.

        It gets ``{"type": "group.join", "group": …, "channel": …, "metadata": {…}}`` and the same with
        ``group.leave``, also when a membership expires or its process has died. It need not be a member.
        """
        raise NotImplementedError

    async def group_unwatch(self, group: str, channel: str) -> None:
        """End that; it need not have begun."""
        raise NotImplementedError

    async def resume(
        self,
        group: str,
        after: int | None,
        channel: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Replay:
        """Return what was sent to a group after a message that one has, and join it at the same moment.

        Each message of a group with a history carries a number, ``message["sequence"]``, one more than the
        message before it. Numbers begin at the time of the first in microseconds, so those of a history that
        is gone are smaller than all that come after it, and stay below 2**53.

        Args:
            group: its name.
            after: the number of the newest message that one has; 0 for none, None for all that are kept,
                whatever came before. With a number that is not of this history, as it is too old or was never
                given, one gets all that are kept, and the gap is said.
            channel: who joins the group with this call, and gets by :meth:`receive` exactly what comes after
                the messages that are returned; one that was a member already does not get those that still
                wait in it. None joins nobody.
            metadata: as for :meth:`group_add`.

        Raises:
            TypeError: a name breaks the rules, or ``after`` is no integer.
        """
        raise NotImplementedError

    # Any thread.

    @abc.abstractmethod
    def publish(self, group: str, message: dict[str, Any]) -> None:
        """Do what :meth:`group_send` does, from any thread, without an event loop.

        Where the layer is at work on an event loop of this process, this only queues the message, and waits
        for nothing; elsewhere, as in a script, it returns when the message is on its way.
        """

    def post(self, channel: str, message: dict[str, Any]) -> None:
        """Do what :meth:`send` does, as :meth:`publish` does it; a channel that is full counts in
        :attr:`losses`, and does not raise.
        """
        raise NotImplementedError

    # The layer itself.

    @abc.abstractmethod
    async def flush(self) -> None:
        """Forget every message, every group and every history; readers that wait keep waiting."""

    async def open(self) -> None:  # noqa: B027 - as below
        """Be at work on the running event loop from now on: a server calls this before it serves."""

    async def close(self) -> None:  # noqa: B027 - most layers hold nothing
        """Let go of connections, in layers that have some. Memberships of this process end."""

    # Rules.

    def figures(self) -> LayerFigures | None:
        """Return what the layer has, and has done; None where it does not know."""
        return None

    def get_capacity(self, channel: str) -> int:
        """Return how many messages may wait in a channel of this name."""
        for pattern, capacity in self.channel_capacity:
            if pattern.match(channel):
                return capacity
        return self.capacity

    def get_history(self, group: str) -> int:
        """Return how many messages of a group of this name are kept."""
        return next((length for pattern, length in self._history if pattern.match(group)), 0)

    @property
    def keeps_history(self) -> bool:
        """Whether messages are kept of any group."""
        return any(length > 0 for _, length in self._history)

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

    def require_valid_sequence(self, after: object) -> bool:
        """Return True for what :meth:`resume` can resume after, which may be what a client has sent.

        Raises:
            TypeError: it is neither an integer nor None.
        """
        if after is None or isinstance(after, int):
            return True
        raise TypeError(f"the number to resume after must be an integer, not {type(after).__name__}")

    def require_valid_message(self, message: object) -> bool:
        """Return True for a dict.

        Raises:
            TypeError: it is anything else.
        """
        if isinstance(message, dict):
            return True
        raise TypeError(f"a channel layer message must be a dict, not {type(message).__name__}")


def _valid(name: object, pattern: re.Pattern[str], noun: str, exception: str) -> bool:
    # The length first: what is remembered below must not be long.
    if isinstance(name, str) and len(name) < MAX_NAME_LENGTH and _matches(pattern, name):
        return True
    raise TypeError(
        f"{noun} name {name!r} is not allowed: use 1 to {MAX_NAME_LENGTH - 1} ASCII letters, digits, "
        f"hyphens, underscores and periods{exception}"
    )


@functools.lru_cache(maxsize=4096)
def _matches(pattern: re.Pattern[str], name: str) -> bool:
    """Return whether a name is allowed; the same few are asked for with every message."""
    return pattern.fullmatch(name) is not None


def _compiled(capacities: Iterable[tuple[str | re.Pattern[str], int]]) -> list[tuple[re.Pattern[str], int]]:
    return [
        (re.compile(fnmatch.translate(pattern)) if isinstance(pattern, str) else pattern, capacity)
        for pattern, capacity in capacities
    ]
