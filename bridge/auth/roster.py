"""Whose WebSockets are here, so that all of a user's can be closed, on every worker.

Each user is a group of a channel layer. The members are not the sockets but the event loops that have any of
that user's: a loop has one channel, and one task that listens to it while anybody is here.
"""

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from hybrid.bridge.layers import DEFAULT_CHANNEL_LAYER, get_channel_layer
from hybrid.bridge.types import Message

logger = logging.getLogger("hybrid.auth")

#: The type of the message that closes a user's sockets.
DISCONNECT: Final = "hybrid.auth.disconnect"

#: Seconds for a layer to do what a connection waits for; it goes on without, and it is tried again.
_PATIENCE: Final = 5.0
_RETRY: Final = 5.0
#: Seconds between two tries to receive from a layer that fails.
_PAUSE: Final = 1.0
#: Seconds after each of which a listener is cancelled once more: that of channels_redis loses a cancellation.
_UNTIL_CANCELLED: Final = (0.1, 0.5, 1.0, 5.0)


def group_of(user_id: str) -> str:
    """Return the name of a user's group: a digest, as an id may have characters that a name may not."""
    return f"hybrid.auth.{hashlib.sha256(user_id.encode('utf-8', 'surrogatepass')).hexdigest()}"


class Socket(Protocol):
    """A WebSocket of a user."""

    def expel(self, code: int, reason: str) -> None:
        """Close it, soon; a handshake that is not answered yet is refused."""


class _Entry:
    """A user with sockets here.

    Attributes:
        sockets: of this user.
        turn: held by who changes the membership in the group.
        joined: whether this loop's channel is a member.
    """

    __slots__ = ("joined", "sockets", "turn")

    def __init__(self) -> None:
        self.sockets: set[Socket] = set()
        self.turn = asyncio.Lock()
        self.joined = False


class Roster:
    """The users of one event loop who can be disconnected through one channel layer. All on the loop.

    A layer that fails keeps nobody out: joining is tried again, and the log says so.

    Args:
        layer: any channel layer with groups, somebody else's too.
        forget: called when nobody is here any more.
    """

    def __init__(self, layer: Any, forget: Callable[[], object]) -> None:
        self._layer = layer
        self._forget = forget
        self._entries: dict[str, _Entry] = {}
        self._channel: asyncio.Future[str] | None = None  # while there is a listener
        self._listener: asyncio.Task[None] | None = None
        self._keeper: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Roster of {len(self._entries)} users, {'' if self._listener else 'not '}listening>"

    async def join(self, user_id: str, socket: Socket) -> None:
        """Have a socket closed when its user is disconnected."""
        group = group_of(user_id)
        entry = self._entries.setdefault(group, _Entry())
        entry.sockets.add(socket)
        self._listen()
        async with entry.turn:
            await self._join(group, entry)

    async def leave(self, user_id: str, socket: Socket) -> None:
        """Forget a socket. This goes on when the caller is cancelled."""
        group = group_of(user_id)
        entry = self._entries.get(group)
        if entry is None:
            return
        entry.sockets.discard(socket)
        if not entry.sockets:
            await asyncio.shield(self._start(self._leave(group, entry)))

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # The layer.

    async def _join(self, group: str, entry: _Entry, *, again: bool = False) -> None:
        """Become a member; its turn is held."""
        if not entry.sockets or self._channel is None or (entry.joined and not again):
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                channel = await asyncio.shield(self._channel)
                await self._layer.group_add(group, channel)
        except Exception as error:  # noqa: BLE001 - the layer's, of whatever kind
            entry.joined = False
            logger.warning("disconnect_user() cannot reach a user here, which is tried again: %r", error)
            self._keep_in(_RETRY)
        else:
            entry.joined = True

    async def _leave(self, group: str, entry: _Entry) -> None:
        async with entry.turn:
            if entry.sockets or self._entries.get(group) is not entry:
                return
            if entry.joined and self._channel is not None:
                entry.joined = False
                try:
                    async with asyncio.timeout(_PATIENCE):
                        await self._layer.group_discard(group, self._channel.result())
                except Exception as error:  # noqa: BLE001 - the membership expires, and closes nobody's socket
                    logger.info("a channel could not leave the group of a user: %r", error)
            if not entry.sockets:
                del self._entries[group]
        if not self._entries:
            await self._stop()

    # Listening.

    def _listen(self) -> None:
        if self._listener is not None:
            return
        loop = asyncio.get_running_loop()
        self._channel = loop.create_future()
        self._listener = loop.create_task(self._hear_all(self._channel))
        self._keep_in(self._renewal)

    async def _stop(self) -> None:
        self._forget()
        listener, self._listener, self._channel = self._listener, None, None
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        for seconds in _UNTIL_CANCELLED if listener is not None else ():
            assert listener is not None
            listener.cancel()
            done, _ = await asyncio.wait({listener}, timeout=seconds)
            if done:
                return

    async def _hear_all(self, channel: "asyncio.Future[str]") -> None:
        failing = False
        while self._channel is channel:
            try:
                if not channel.done():
                    channel.set_result(await self._layer.new_channel())
                message = await self._layer.receive(channel.result())
            except Exception as error:  # noqa: BLE001 - the layer's, of whatever kind
                if not failing:
                    logger.warning("disconnect_user() reaches nobody here: receiving failed: %r", error)
                failing = True
                await asyncio.sleep(_PAUSE)
            else:
                failing = False
                self._hear(message)

    def _hear(self, message: Message) -> None:
        if message.get("type") != DISCONNECT:
            return
        entry = self._entries.get(message["group"])
        for socket in tuple(entry.sockets if entry is not None else ()):
            socket.expel(message["code"], message["reason"])

    # Memberships last for a time only.

    @property
    def _renewal(self) -> float:
        """Seconds after which memberships are renewed."""
        return max(_RETRY, min(float(getattr(self._layer, "group_expiry", 86400)) / 3, 86400.0))

    def _keep_in(self, seconds: float) -> None:
        """Renew them in so many seconds, or before."""
        loop = asyncio.get_running_loop()
        if self._keeper is not None:
            if self._keeper.when() <= loop.time() + seconds:
                return
            self._keeper.cancel()
        self._keeper = loop.call_later(seconds, self._keep)

    def _keep(self) -> None:
        self._keeper = None
        self._keep_in(self._renewal)
        self._start(self._renew())

    async def _renew(self) -> None:
        for group, entry in tuple(self._entries.items()):
            async with entry.turn:
                await self._join(group, entry, again=True)


#: Those with anybody in them, by their loop and the id of their layer, which they keep alive.
_rosters: Final[dict[tuple[asyncio.AbstractEventLoop, int], Roster]] = {}
_rosters_lock: Final = threading.Lock()  # guards that dictionary, in which each loop looks for its own


def roster_of(alias: str = DEFAULT_CHANNEL_LAYER) -> Roster | None:
    """Return the roster of the running loop and a channel layer, for somebody to join at once; None without a
    layer that has groups.
    """
    layer: Any = get_channel_layer(alias)
    if layer is None or not hasattr(layer, "group_add"):
        return None
    key = asyncio.get_running_loop(), id(layer)
    with _rosters_lock:
        roster = _rosters.get(key)
        if roster is None:
            for other in [other for other in _rosters if other[0].is_closed()]:
                del _rosters[other]
            roster = _rosters[key] = Roster(layer, lambda: _forget(key))
    return roster


def _forget(key: tuple[asyncio.AbstractEventLoop, int]) -> None:
    with _rosters_lock:
        _rosters.pop(key, None)
