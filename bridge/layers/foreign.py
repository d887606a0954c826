"""Sending through somebody else's channel layer, which has coroutines alone, from any thread.

Three ways, by where one is: a thread that runs an event loop must not wait, and leaves the message to a
queue of that loop; another thread of a process with a server has the server's loop do it, and waits; and
where there is no loop, one is run for the message.
"""

import asyncio
import threading
from collections import deque
from typing import Any, Final, Literal, NamedTuple
from weakref import WeakKeyDictionary

from hybrid.bridge.errors import InvalidChannelLayerError, PortalError
from hybrid.bridge.layers.base import copy_message
from hybrid.bridge.layers.life import before_closing, close_connections, loop_of
from hybrid.bridge.layers.losses import Losses
from hybrid.bridge.layers.specification import ChannelLayer

Method = Literal["group_send", "send"]

#: Messages that may wait for the event loop to send them; a further one is lost.
_QUEUE: Final = 1024
#: Seconds that a thread waits for a message to be sent, and that a queue gives one message.
_PATIENCE: Final = 10.0


class _Parcel(NamedTuple):
    layer: ChannelLayer
    method: Method
    name: str
    message: dict[str, Any]

    def __str__(self) -> str:
        return f"{'group' if self.method == 'group_send' else 'channel'} {self.name}"

    async def dispatch(self) -> None:
        """Send it; a channel that is full is a loss, and no error."""
        try:
            await getattr(self.layer, self.method)(self.name, self.message)
        except Exception as error:
            if type(error).__name__ != "ChannelFull":  # of Channels, which need not be installed
                raise
            losses_of(self.layer).count("full", example=str(self))


def deliver(layer: ChannelLayer, method: Method, name: str, message: dict[str, Any]) -> None:
    """Send a message to a group or a channel (any thread).

    Raises:
        InvalidChannelLayerError: the layer has no groups.
        TypeError: the message is not a dict.
        TimeoutError: it has not been sent within ten seconds.
        Exception: whatever the layer raises, unless this is an event loop's thread.
    """
    if not isinstance(message, dict):
        raise TypeError(f"a channel layer message must be a dict, not {type(message).__name__}")
    if not hasattr(layer, method):
        raise InvalidChannelLayerError(f"{type(layer).__name__} has no groups")
    parcel = _Parcel(layer, method, name, message)
    running = asyncio._get_running_loop()  # noqa: SLF001 - documented; the public one raises where there is none
    if running is not None:
        _queue_of(running).put(parcel._replace(message=copy_message(message)))
        return
    from hybrid.bridge import portal

    loop: asyncio.AbstractEventLoop | None
    try:
        loop = portal.loop()
    except PortalError:
        loop = loop_of(layer)
    if loop is None:
        asyncio.run(_by_itself(parcel))
    else:
        portal.run_on(loop, parcel.dispatch, timeout=_PATIENCE)


async def _by_itself(parcel: _Parcel) -> None:
    """Send a message on an event loop that is there for it alone, and leave no connection open."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await parcel.dispatch()
    finally:
        await close_connections(parcel.layer)


class _Queue:
    """What waits for one event loop to send it, in order; all on that loop."""

    def __init__(self) -> None:
        self._parcels: deque[_Parcel] = deque()
        self._task: asyncio.Task[None] | None = None

    def put(self, parcel: _Parcel) -> None:
        """Send a message after all others that wait; without room for it, it is lost and counted."""
        if len(self._parcels) >= _QUEUE:
            losses_of(parcel.layer).count("full", example=str(parcel))
            return
        self._parcels.append(parcel)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send_all())

    async def settle(self) -> None:
        """Wait until all that waits now has been sent."""
        while self._task is not None:
            await asyncio.wait({self._task})

    async def _send_all(self) -> None:
        try:
            while self._parcels:
                await self._send_one(self._parcels.popleft())
        finally:
            self._task = None

    @staticmethod
    async def _send_one(parcel: _Parcel) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await parcel.dispatch()
        except Exception as error:  # noqa: BLE001 - nobody waits for it
            reason = f"{parcel}: {type(error).__name__}: {error}"
            losses_of(parcel.layer).count("disconnected", example=reason)


_lock = threading.Lock()  # guards the two dicts
_queues: "WeakKeyDictionary[asyncio.AbstractEventLoop, _Queue]" = WeakKeyDictionary()
_losses: "WeakKeyDictionary[ChannelLayer, Losses]" = WeakKeyDictionary()


def losses_of(layer: ChannelLayer) -> Losses:
    """Return what was lost on the way to somebody else's layer, as far as it is known here. Any thread."""
    with _lock:
        return _losses.setdefault(layer, Losses(type(layer).__name__))


def _queue_of(loop: asyncio.AbstractEventLoop) -> _Queue:
    with _lock:
        queue = _queues.get(loop)
        if queue is None:
            queue = _queues[loop] = _Queue()
        return queue


async def _settle() -> None:
    """Send what waits for the running loop, before its server closes the layers."""
    await _queue_of(asyncio.get_running_loop()).settle()


before_closing(_settle)
