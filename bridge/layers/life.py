"""The channel layers of a process while servers run in it: opened by the first, closed by the last."""

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Final

from hybrid.bridge.errors import ConfigError, HybridError
from hybrid.bridge.layers.base import BaseChannelLayer
from hybrid.bridge.layers.registry import channel_layers
from hybrid.bridge.layers.specification import ChannelLayer
from hybrid.bridge.layers.specs import LayerSpec

logger = logging.getLogger("hybrid.layers")

#: Seconds that what is cancelled may take to clean up.
_CANCEL_SECONDS: Final = 1.0
#: What somebody else's layer may call the end of its connections; the first that it has is called.
_ENDINGS: Final = ("close_pools", "close", "aclose")


class LayersInUse:
    """The part that one server has in the channel layers of its process.

    Made before the applications are imported, so that these find the layers that the server was told of;
    opened before they start, and closed when they have stopped. Layers are shared: another server in the
    process may have opened them, and the last one closes them.

    Args:
        specs: the layers that the server was told of, by alias.
        eager: whether they are made when the server starts, and not when somebody asks for them.

    Raises:
        ConfigError: another server in this process has been told of others.
    """

    def __init__(self, specs: Mapping[str, LayerSpec], *, eager: bool = True) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None
        self._specs = dict(specs)
        self._eager = eager
        self._opening: set[asyncio.Task[None]] = set()
        channel_layers.give(specs)

    def __repr__(self) -> str:
        return f"<LayersInUse {sorted(self._specs)} {'open' if self.loop else 'not open'}>"

    def make(self) -> list[ChannelLayer]:
        """Return all layers that are configured or have been used.

        Raises:
            ConfigError: one cannot be made.
        """
        aliases = dict.fromkeys((*(self._specs if self._eager else ()), *channel_layers.known()))
        return [layer for alias in aliases if (layer := channel_layers.get(alias)) is not None]

    async def open(self) -> None:
        """Have all layers at work that are configured or have been used, and each that is made later.

        Raises:
            ConfigError: one cannot be made or opened.
        """
        self.loop = asyncio.get_running_loop()
        self.make()  # before anybody hears of what is made later, which would open these a second time
        _USERS.enter(self)
        for alias, spec in self._specs.items():
            if self._eager and channel_layers.is_own(alias):
                logger.warning("the program has its own channel layer %r: %s is not used", alias, spec)
        for layer in self.make():
            if _USERS.take(layer, self):
                await _open(layer)

    async def close(self, seconds: float) -> None:
        """Close what no other server in this process uses, within so many seconds, and say what was lost."""
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            await _within(deadline, [farewell() for farewell in _FAREWELLS])
            mine = _USERS.leave(self)
            for task in tuple(self._opening):
                task.cancel()
            late = await _within(deadline, map(_close, mine))
            if late:
                logger.warning("%d channel layers are not closed after %g s", late, seconds)
        finally:
            self.discard()

    def discard(self) -> None:
        """Let another server be told of other layers; :meth:`close` does it too."""
        specs, self._specs = self._specs, dict[str, LayerSpec]()
        channel_layers.take_back(specs)

    def open_soon(self, layer: ChannelLayer) -> None:
        """Begin to open a layer that this server has taken over, or that has just been made (loop)."""
        if _USERS.has(layer, self):
            task = asyncio.get_running_loop().create_task(_open_logged(layer))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)


async def _open(layer: ChannelLayer) -> None:
    """Open a layer, if it is one that can be opened.

    Raises:
        ConfigError: it cannot be opened.
    """
    if isinstance(layer, BaseChannelLayer):
        try:
            await layer.open()
        except HybridError:
            raise
        except Exception as error:
            raise ConfigError(f"{type(layer).__name__} cannot be opened: {error}") from error


async def _open_logged(layer: ChannelLayer) -> None:
    try:
        await _open(layer)
    except HybridError as error:
        logger.error("%s", error)


class _Users:
    """Who uses the layers of the process, and who has opened which. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards both
        self._users: list[LayersInUse] = []
        self._homes: dict[int, tuple[ChannelLayer, LayersInUse]] = {}

    def enter(self, user: LayersInUse) -> None:
        """Let a server have a part in the layers."""
        with self._lock:
            self._users.append(user)
            channel_layers.on_made = self._made

    def take(self, layer: ChannelLayer, user: LayersInUse) -> bool:
        """Let it be this user that opens a layer; False when one has done so."""
        with self._lock:
            return self._homes.setdefault(id(layer), (layer, user))[1] is user

    def has(self, layer: ChannelLayer, user: LayersInUse) -> bool:
        """Tell whether it is this user that closes a layer."""
        with self._lock:
            known = self._homes.get(id(layer))
        return known is not None and known[1] is user

    def leave(self, user: LayersInUse) -> list[ChannelLayer]:
        """End a server's part in the layers; return those that it has to close, as nobody else is there."""
        with self._lock:
            if user not in self._users:
                return []
            self._users.remove(user)
            mine = [layer for layer, home in self._homes.values() if home is user]
            if not self._users:
                self._homes.clear()
                channel_layers.on_made = None
                return mine
            other = self._users[0]
            self._homes.update((id(layer), (layer, other)) for layer in mine)
        for layer in mine:
            self._hand_over(layer, other)
        return []

    def loop_of(self, layer: ChannelLayer) -> asyncio.AbstractEventLoop | None:
        """Return the event loop on which a server has a layer at work."""
        with self._lock:
            known = self._homes.get(id(layer))
            user = known[1] if known is not None else self._users[0] if self._users else None
        return None if user is None else user.loop

    def opens(self, layer: ChannelLayer) -> bool:
        """Tell whether a server has opened a layer, or is about to."""
        with self._lock:
            known = self._homes.get(id(layer))
        return known is not None and known[1].loop is not None and known[1].loop.is_running()

    def forget(self) -> None:
        """Begin anew, in a forked process."""
        self._lock = threading.Lock()
        self._users.clear()
        self._homes.clear()
        channel_layers.on_made = None

    def _made(self, layer: ChannelLayer) -> None:
        """A layer is there that was not when the servers started."""
        with self._lock:
            if not self._users:
                return
            user = self._homes.setdefault(id(layer), (layer, self._users[0]))[1]
        self._hand_over(layer, user)

    @staticmethod
    def _hand_over(layer: ChannelLayer, user: LayersInUse) -> None:
        loop = user.loop
        assert loop is not None
        with contextlib.suppress(RuntimeError):  # it has just ended
            loop.call_soon_threadsafe(user.open_soon, layer)


_USERS: Final = _Users()
loop_of: Final = _USERS.loop_of
is_opened_by_server: Final = _USERS.opens
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_USERS.forget)


#: What is still to be sent on the loop of a server that stops.
_FAREWELLS: Final[list[Callable[[], Coroutine[Any, Any, None]]]] = []
before_closing: Final = _FAREWELLS.append


async def _within(deadline: float, works: Iterable[Coroutine[Any, Any, None]]) -> int:
    """Do all this at once, until a time of the loop; return how much had to be cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    if not tasks:
        return 0
    _, late = await asyncio.wait(tasks, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=_CANCEL_SECONDS)
    return len(late)


async def _close(layer: ChannelLayer) -> None:
    """Close a layer, whoever has written it; what goes wrong is logged."""
    try:
        if isinstance(layer, BaseChannelLayer):
            await layer.close()
        else:
            await close_connections(layer)
    except Exception as error:  # noqa: BLE001 - the server ends all the same
        logger.warning("%s: closing it failed: %s: %s", type(layer).__name__, type(error).__name__, error)
    finally:
        if isinstance(layer, BaseChannelLayer):
            layer.losses.say()


async def close_connections(layer: Any) -> None:
    """Let somebody else's layer close its connections, if it has a method for that."""
    for name in _ENDINGS:
        ending = getattr(layer, name, None)
        if ending is not None:
            result = ending()
            if asyncio.iscoroutine(result):
                await result
            return
