"""A channel layer of several processes and the event loop that it is at work on in this one."""

import abc
import asyncio
import os
import secrets
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from hybrid.bridge.errors import ChannelLayerError, ConfigError
from hybrid.bridge.layers.backlog import Backlog
from hybrid.bridge.layers.base import BaseChannelLayer, LayerFigures
from hybrid.bridge.layers.codec import MAX_MESSAGE_SIZE
from hybrid.bridge.layers.errands import Errand, Errands
from hybrid.bridge.layers.home import Home
from hybrid.bridge.layers.hub import Hub
from hybrid.bridge.layers.link import Link
from hybrid.bridge.layers.memory import InMemoryChannelLayer
from hybrid.bridge.layers.outgoing import Outgoing, Parcel
from hybrid.bridge.layers.roster import Roster

Result = TypeVar("Result")


class Resident(BaseChannelLayer):
    """The part of a layer that is about its home, its life and its hub; the rest is
    :class:`~hybrid.bridge.layers.shared.SharedChannelLayer`, which has the arguments.
    """

    def __init__(
        self,
        *,
        backlog: int = 4096,
        max_message_size: int = MAX_MESSAGE_SIZE,
        timeout: float = 5.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        numbers = {"backlog": backlog, "max_message_size": max_message_size, "timeout": timeout}
        for name, number in numbers.items():
            if number <= 0:
                raise ConfigError(f"{name} must be greater than 0, not {number!r}")
        self.max_message_size = max_message_size
        self.timeout = timeout
        self._backlog_limit = backlog
        self._start_afresh()
        _layers.add(self)

    @abc.abstractmethod
    def make_hub(self) -> Hub:
        """Return a new hub, which is not open; called on the loop that it will be at work on."""

    def _start_afresh(self) -> None:
        """Be a process that nobody knows: when the layer is made, and in a child process after a fork."""
        self.node = secrets.token_hex(6)
        self._mark = f".{self.node}!"
        capacities = dict(self.channel_capacity)
        self._local = InMemoryChannelLayer(
            self.expiry, self.group_expiry, self.capacity, capacities, overflow=self.overflow
        )
        self.losses = self._local.losses  # one book for both
        self.losses.name = type(self).__name__
        self._roster = Roster()
        self._outgoing = Outgoing(self._backlog_limit, self.expiry)
        self._backlog: Backlog[Parcel] = Backlog(self._backlog_limit, self._collect)
        self._link: Link | None = None
        self._home = Home(self)

    def figures(self) -> LayerFigures:
        """Return what the layer has, and has done, in this process."""
        return self._local.figures()

    def __repr__(self) -> str:
        link = self._link or "not at work"
        return f"<{type(self).__name__} {self.node}: {self._home!r}, {link}, {self.losses!r}>"

    def owns(self, channel: str) -> bool:
        """Return whether a channel belongs to this process."""
        return self._mark in channel

    # At home.

    def arrive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to be at work on a loop; called there by :class:`Home`."""
        if self._link is not None:
            self._link.retire()
        errands = Errands(f"specific.{self.node}!", self._carry, self._run_errand)
        link = Link(self, self.make_hub(), errands, self._local, self._roster, self._outgoing)
        self._link = link
        self._backlog.add_home(loop)
        link.open(self.node)

    async def depart(self) -> None:
        """End the work there."""
        link = self._link
        if link is not None:
            self._collect()
            self._roster.clear()
            await link.close()
            if self._link is link:
                self._link = None
                self._roster.clear()  # of who has come during the goodbye

    async def open(self) -> None:
        """Be at work on the running event loop from now on: a server calls this before it serves."""
        self._home.enter(opening=True)

    async def close(self) -> None:
        """Let go of the connection, after a goodbye that ends the memberships of this process."""
        if self._home.is_running:
            await self._at_home(self._close)
        self.losses.say()

    async def _close(self) -> None:
        await self.depart()
        await self._local.close()
        self._home.leave()

    async def _at_home(self, function: Callable[..., Coroutine[Any, Any, Result]], *args: Any) -> Result:
        """Return what ``await function(*args)`` returns on the home loop."""
        home = self._home.enter()
        if home is asyncio.get_running_loop():
            return await function(*args)
        result: Result = await asyncio.wrap_future(self._home.run(function, *args))
        return result

    def _collect(self) -> None:
        """Take over what other threads have published (on the home loop; elsewhere it does nothing)."""
        link = self._link
        if link is None or self._home.loop is not asyncio.get_running_loop():
            return
        while (parcel := self._backlog.pop()) is not None:
            link.send(parcel)

    def _present(self) -> Link:
        """Return the link (at home).

        Raises:
            ConnectionError: the layer has been closed before this had its turn.
        """
        if self._link is None:
            raise ConnectionError("the layer has been closed")
        return self._link

    async def _linked(self) -> Link:
        """Return the link, whether there is a connection or not, after what was sent before (at home)."""
        link = self._present()
        await link.settled()
        self._collect()
        link.send_all()
        return link

    async def _ask(self, question: Callable[[Link], Awaitable[Result]], what: str) -> Result:
        """Return the hub's answer, on any loop.

        Raises:
            ChannelLayerError: there is none.
        """

        async def ask() -> Result:
            async with asyncio.timeout(self.timeout):
                return await question(await self._linked())

        try:
            return await self._at_home(ask)
        except (ConnectionError, TimeoutError) as error:
            raise self.no_answer(what, error) from error

    def no_answer(self, what: str, error: Exception) -> ChannelLayerError:
        """Return the error that says what could not be done, and why."""
        why = str(error) or f"no answer within {self.timeout:g} seconds"
        return ChannelLayerError(f"{what}: {type(self).__name__}: {why}")

    async def _carry(self, channel: str, body: bytes) -> bool:
        link = self._link
        if link is None:
            return False
        try:
            return await link.hub.send(channel, body, link.waiting(channel))
        except ConnectionError:
            return False

    @abc.abstractmethod
    async def _run_errand(self, errand: Errand) -> None:
        """Do with a channel of this process what another process asks."""

    def after_fork(self) -> None:
        """Let go of what is the parent's (in the child process)."""
        if self._link is not None:
            self._link.hub.abandon()
            _inherited.append(self._link)
        self._start_afresh()


_layers: weakref.WeakSet[Resident] = weakref.WeakSet()
#: What a child process has of its parent's connections. Kept, as the end of these objects would be noticed by
#: loops that do not run here.
_inherited: list[Link] = []


def _after_fork() -> None:
    for layer in list(_layers):
        layer.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
