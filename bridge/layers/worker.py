"""Handling what is sent to channels by name, away from any connection: background work."""

import asyncio
import logging
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from hybrid.bridge.errors import ConfigError, StopConsumer
from hybrid.bridge.layers.specification import ChannelLayer
from hybrid.bridge.types import ASGIApp, Message, Scope

logger = logging.getLogger("hybrid.worker")

#: Seconds between two attempts to receive from a layer that fails, at first and at most.
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
#: Seconds that applications which are cancelled may take to clean up.
_CANCEL_SECONDS: Final = 1.0


class Worker:
    """Gives the messages of some channels to an application, named and called as in Channels.

    Each channel has one instance of the application, with the scope ``{"type": "channel", "channel": …}``: a
    :class:`~hybrid.bridge.routing.ChannelNameRouter` chooses by that. The next message is taken from the
    layer when the instance has asked for it, so what comes faster than it is handled waits in the layer,
    whose capacity bounds it. One that fails is logged, and the next message has a new one.

    Args:
        application: an ASGI application.
        channels: names of the channels; any number of workers, in any number of processes, share their
            messages.
        channel_layer: the layer.
        max_applications: instances that there may be at once; the one that has been idle for longest ends
            for another one.

    Raises:
        ConfigError: there is no layer or no channel.
    """

    def __init__(
        self,
        application: ASGIApp,
        channels: Iterable[str],
        channel_layer: ChannelLayer | None,
        max_applications: int = 1000,
    ) -> None:
        self.application = application
        self.channels = list(dict.fromkeys(channels))
        if channel_layer is None:
            raise ConfigError("Channel layer is not valid: there is none")
        if not self.channels:
            raise ConfigError("a worker needs channels to listen on")
        self.channel_layer = channel_layer
        self.max_applications = max_applications
        self._instances: dict[str, _Instance] = {}  # the one that was used last comes last
        self._stopping = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Worker for {' '.join(self.channels)}: {len(self._instances)} applications>"

    def run(self) -> None:
        """Work on an event loop of its own until SIGINT or SIGTERM."""
        asyncio.run(self._run_until_told())

    async def arun(self, seconds: float = 30.0) -> None:
        """Work on the running loop until :meth:`stop`; messages that have been taken are handled then.

        Args:
            seconds: that this may take; handlers that still run are cancelled.
        """
        listening = [asyncio.create_task(self.handle())]
        try:
            await self._stopping.wait()
            await _cancel(listening)
            async with asyncio.timeout(seconds):
                while ends := [instance.end() for instance in self._instances.values()]:
                    await asyncio.wait(ends)
        except TimeoutError:
            logger.warning("cutting off %d handlers after %g s", len(self._instances), seconds)
        finally:
            await _cancel(listening)
            await _cancel([instance.task for instance in self._instances.values()])

    def stop(self) -> None:
        """Take no further message, and end. On the worker's loop."""
        self._stopping.set()

    async def _run_until_told(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError):  # Windows, or not the main thread
                loop.add_signal_handler(number, self.stop)
        await self.arun()

    async def handle(self) -> None:
        """Take the messages of all channels, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for channel in self.channels:
                group.create_task(self.listener(channel))

    async def listener(self, channel: str) -> None:
        """Take the messages of one channel, each when there is room for it."""
        pause = _FIRST_PAUSE
        while True:
            if channel in self._instances:
                await self._instances[channel].has_room()
            try:
                message = await self.channel_layer.receive(channel)
            except Exception as error:  # noqa: BLE001 - of somebody's layer, which may come back
                logger.error("channel %s: receiving failed: %s: %s", channel, type(error).__name__, error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            pause = _FIRST_PAUSE
            if isinstance(message.get("type"), str):
                self._instance(channel).put(message)
            else:
                logger.error("channel %s: a message without a type is dropped", channel)

    def _instance(self, channel: str) -> "_Instance":
        """Return the instance of a channel, a new one when there is none."""
        instance = self._instances.pop(channel, None)
        if instance is None:
            while len(self._instances) >= self.max_applications:
                self._instances.pop(next(iter(self._instances))).end()
            instance = _Instance(self.application, channel, self._ended)
        self._instances[channel] = instance
        return instance

    def _ended(self, instance: "_Instance") -> None:
        """Go on with a new instance where messages wait that the last one has not asked for.

        One that fails before it asks for any would fail again: its message is dropped.
        """
        if self._instances.get(instance.channel) is not instance:
            return
        del self._instances[instance.channel]
        left = instance.left()
        if left and not instance.has_asked:
            logger.error("channel %s: %d messages dropped", instance.channel, len(left))
        elif not instance.task.cancelled():
            for message in left:
                self._instance(instance.channel).put(message)


class _Instance:
    """One application for one channel, and the messages that it has not asked for; on the worker's loop.

    Attributes:
        has_asked: whether it has asked for a message.
    """

    def __init__(self, application: ASGIApp, channel: str, ended: "Callable[[_Instance], object]") -> None:
        self.channel = channel
        self.has_asked = False
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        scope: dict[str, Any] = {"type": "channel", "channel": channel}
        self.task = asyncio.create_task(self._live(application, scope))
        self.task.add_done_callback(lambda _: ended(self))

    def put(self, message: Message) -> None:
        """Give it a message."""
        self._messages.put_nowait(message)

    async def has_room(self) -> None:
        """Wait until it has asked for all that it was given, or has ended."""
        room = asyncio.create_task(self._messages.join())
        try:
            await asyncio.wait((room, self.task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            room.cancel()

    def end(self) -> "asyncio.Task[None]":
        """Let it end when it has handled all that it was given, and return its task."""
        self._messages.put_nowait(None)
        return self.task

    def left(self) -> list[Message]:
        """Return what it has not asked for."""
        left: list[Message] = []
        with suppress(asyncio.QueueEmpty):
            while True:
                message = self._messages.get_nowait()
                if message is not None:
                    left.append(message)
        return left

    async def _live(self, application: ASGIApp, scope: Scope) -> None:
        try:
            await application(scope, self._receive, self._send)
        except StopConsumer:
            pass
        except Exception:
            logger.exception("channel %s: the application failed", self.channel)

    async def _receive(self) -> Message:
        """Return the next message; where none will come, raise what ends a consumer in good order."""
        self.has_asked = True
        message = await self._messages.get()
        self._messages.task_done()
        if message is None:
            self._messages.put_nowait(None)  # for whoever asks again
            raise StopConsumer("the worker stops")
        return message

    async def _send(self, message: Message) -> None:
        raise RuntimeError(f"nobody is there to send {message.get('type')!r} to: a worker has no client")


async def _cancel(tasks: "list[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
