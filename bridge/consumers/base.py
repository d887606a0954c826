"""What all consumers share: an instance for each connection, and a method for each type of message."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from hybrid.bridge.consumers.dispatch import get_handler_name
from hybrid.bridge.consumers.housekeeping import HOUSEKEEPING, RUN_IN_THREAD, keep_house
from hybrid.bridge.consumers.own_channel import OwnChannel
from hybrid.bridge.consumers.run import Run
from hybrid.bridge.errors import ClientDisconnected, ConfigError
from hybrid.bridge.layers import DEFAULT_CHANNEL_LAYER, get_channel_layer
from hybrid.bridge.routing import not_found
from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send
from hybrid.bridge.wsgi.threadpool import ThreadPool

#: The first message of each type of scope: without a handler for it, a consumer has nothing to say there.
_FIRST = {"http": "http_request", "websocket": "websocket_connect"}


class AsyncConsumer:
    """An ASGI application that handles messages in coroutine methods named after their types.

    ``websocket.receive`` goes to ``websocket_receive``; a message of the channel layer with the type
    ``chat.message`` goes to ``chat_message``. A connection has an instance of its own.

    Attributes:
        channel_layer_alias: which channel layer to use, see :func:`~hybrid.bridge.layers.get_channel_layer`.
        concurrency: ``"serial"`` handles one message at a time; ``"parallel"`` up to ``max_concurrency``,
            which may end in another order.
        max_concurrency: with so many handlers at work, receiving waits, and so, in the end, does the client.
        handler_timeout: seconds after which a handler is cancelled and the WebSocket closed with 1011; None
            for never.
        prompt_disconnect: whether a disconnect is handled at once, and what the client sent before it and
            nobody has begun to handle is dropped. False handles it last, as Channels does.
        scope: of the connection.
        channel_layer: the layer, or None where there is none of that alias.
        channel_name: the connection's own channel in it.
        base_send: the ``send`` of the connection.
    """

    _sync = False

    channel_layer_alias: str = DEFAULT_CHANNEL_LAYER
    concurrency: Literal["serial", "parallel"] = "serial"
    max_concurrency: int = 16
    handler_timeout: float | None = None
    prompt_disconnect: bool = True

    scope: Scope
    channel_layer: Any  # somebody else's layer need not be one of our classes
    channel_name: str
    channel_receive: Callable[[], Awaitable[Message]]
    base_send: Callable[[Message], Any]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection. A type of scope that the consumer does not handle is refused: 404."""
        first = _FIRST.get(scope["type"])
        if first is not None and not hasattr(self, first):
            await not_found(scope, receive, send)
            return
        if scope["type"] == "lifespan" and not hasattr(self, "lifespan_startup"):
            raise ValueError("No handler for scopes of type lifespan")
        self.scope = scope
        self.channel_layer = get_channel_layer(self.channel_layer_alias)
        if self.channel_layer is None:
            await Run(self, scope, receive, send).serve(None)
            return
        self.channel_name = await self.channel_layer.new_channel()
        self.channel_receive = functools.partial(self.channel_layer.receive, self.channel_name)
        channel = OwnChannel(self.channel_layer, self.channel_name)
        run = Run(self, scope, receive, send, channel.stop_reading)
        if scope["type"] == "websocket":
            channel.end_when_full(run.fall_behind)
        try:
            await run.serve(self.channel_receive)
        finally:
            channel.close()

    async def dispatch(self, message: Message) -> None:
        """Call the handler of a message.

        Raises:
            ValueError: there is none.
        """
        handler = self.find_handler(message)
        tidy = HOUSEKEEPING.on_loop
        if tidy is None:
            await handler(message)
        else:
            await keep_house(tidy, handler, message)

    def find_handler(self, message: Message) -> Callable[[Message], Any]:
        """Return the method for a message.

        Raises:
            ValueError: there is none.
        """
        handler: Callable[[Message], Any] | None = getattr(self, get_handler_name(message), None)
        if handler is None:
            raise ValueError(f"No handler for message type {message['type']}")
        return handler

    async def send(self, message: Message) -> None:
        """Send an ASGI message.

        Raises:
            ClientDisconnected: the client has left.
        """
        try:
            await self.base_send(message)
        except OSError as error:  # what servers raise then (ASGI HTTP spec 2.4)
            raise _disconnected(error) from error

    def bind(self, send: Send) -> None:
        """Send with this from now on; for the run of the consumer."""
        self.base_send = send

    @classmethod
    def as_asgi(cls, **initkwargs: Any) -> ASGIApp:
        """Make an ASGI application with an instance of the class, made with these arguments, per connection.

        Raises:
            ConfigError: ``concurrency``, ``max_concurrency`` or ``handler_timeout`` cannot be.
        """
        _check(cls)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await cls(**initkwargs)(scope, receive, send)

        made: Any = app
        made.consumer_class = cls
        made.consumer_initkwargs = initkwargs
        functools.update_wrapper(made, cls, updated=())
        return app


class SyncConsumer(AsyncConsumer):
    """A consumer whose handlers are ordinary methods, which run on a thread pool.

    Messages are handled in order all the same. :meth:`send` waits until the server has taken the message, and
    may be called on any thread that runs no event loop.

    Attributes:
        thread_pool: the threads for the handlers; None for those that all consumers share. A handler for
            which there is no room waits, and receiving with it.
    """

    _sync = True

    thread_pool: ThreadPool | None = None

    _loop: asyncio.AbstractEventLoop

    async def dispatch(self, message: Message) -> None:
        """Call the handler of a message on a thread."""
        from hybrid.bridge.consumers.threads import run_in_thread

        handler = self.find_handler(message)
        run = self.scope.get(RUN_IN_THREAD)
        if run is None:
            await run_in_thread(self.thread_pool, handler, message)
        else:
            await run(handler, message)

    def send(self, message: Message) -> None:  # type: ignore[override]
        """Send an ASGI message, from a handler or another thread.

        Raises:
            ClientDisconnected: the client has left.
        """
        try:
            self.base_send(message)
        except OSError as error:
            raise _disconnected(error) from error

    def bind(self, send: Send) -> None:
        """Send with this from now on; for the run of the consumer."""
        self._loop = asyncio.get_running_loop()
        self.base_send = functools.partial(self.run_on_loop, send)

    def run_on_loop(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """Run ``await function(*args)`` on the connection's event loop, and wait for its result, see
        :func:`hybrid.bridge.portal.run`.
        """
        from hybrid.bridge import portal

        return portal.run_on(self._loop, function, *args)


def _disconnected(error: OSError) -> ClientDisconnected:
    return error if isinstance(error, ClientDisconnected) else ClientDisconnected("the client has left")


def _check(consumer: type[AsyncConsumer]) -> None:
    name = consumer.__qualname__
    if consumer.concurrency not in ("serial", "parallel"):
        raise ConfigError(f"{name}.concurrency is {consumer.concurrency!r}: say 'serial' or 'parallel'")
    if consumer.max_concurrency < 1:
        raise ConfigError(f"{name}.max_concurrency is {consumer.max_concurrency}: at least 1 is needed")
    if consumer.handler_timeout is not None and consumer.handler_timeout <= 0:
        raise ConfigError(f"{name}.handler_timeout is {consumer.handler_timeout}: None is for ever")
