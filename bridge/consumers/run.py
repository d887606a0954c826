"""One connection of a consumer, from its first message to its end.

The client's messages and those of the channel layer are handled by one task each, one at a time, or several
at a time in tasks of their own. That the client has left is heard whatever the handlers do, and ends the run:

- the handler for that runs at once, beside handlers that still run; only ``websocket.connect``, whose work it
  undoes, comes to its end before;
- handlers that run go on to their end, and what they send raises
  :class:`~hybrid.bridge.errors.ClientDisconnected`;
- messages that wait are dropped, and counted in the log.
"""

import asyncio
import enum
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, Final, Protocol

from hybrid.bridge.consumers.dispatch import get_handler_name
from hybrid.bridge.consumers.read_ahead import LEAVING, ReadAhead, watched
from hybrid.bridge.errors import ClientDisconnected, PoolFull, StopConsumer
from hybrid.bridge.routing import refusing
from hybrid.bridge.types import Message, Receive, Scope, Send

logger = logging.getLogger("hybrid.consumers")

#: The key of a scope whose consumer is to raise what its handlers raise, for tests.
RAISE_ERRORS: Final = "hybrid.raise_errors"

#: Seconds after which a layer's ``receive()``, in which a cancellation was lost, is cancelled again.
_AGAIN_SECONDS: Final = 1.0
#: Seconds that the handler of ``websocket.disconnect`` may take when the server cancels the call.
_FAREWELL_SECONDS: Final = 1.0

#: What is sent when a handler fails: internal error, try again later (RFC 6455 section 7.4.1, IANA).
_INTERNAL_ERROR: Final = 1011
_TRY_AGAIN_LATER: Final = 1013


class Runnable(Protocol):
    """What a run needs of a consumer."""

    base_send: Any
    concurrency: Any
    max_concurrency: int
    handler_timeout: float | None
    prompt_disconnect: bool

    async def dispatch(self, message: Message) -> None:
        """Handle a message."""
        ...

    def bind(self, send: Send) -> None:
        """Send with this from now on."""
        ...


class State(enum.Enum):
    """Where a run is."""

    OPEN = "handling messages"
    FAILED = "waiting for the client to be gone, after a handler failed or its channel was full"
    STOPPED = "a handler has said that it is enough"
    LEFT = "the client has left"


class Run:
    """One connection of a consumer; all on the loop.

    Args:
        consumer: whose connection it is.
        scope: of the ASGI call, as are ``receive`` and ``send``.
        on_deaf: called when nothing is received from the channel layer any more, once or twice.
    """

    def __init__(
        self,
        consumer: Runnable,
        scope: Scope,
        receive: Receive,
        send: Send,
        on_deaf: Callable[[], object] | None = None,
    ) -> None:
        self.state = State.OPEN
        self._consumer = consumer
        self._scope = scope
        self._send = send
        self._on_deaf = on_deaf
        self._client = ReadAhead(receive, self._leave)
        parallel = consumer.concurrency == "parallel"
        self._parallel = parallel
        # A lock is the cheaper of the two, and taken for every message.
        self._places = asyncio.Semaphore(consumer.max_concurrency) if parallel else asyncio.Lock()
        self._over = asyncio.get_running_loop().create_future()
        self._context = copy_context()  # one for all that is not in parallel, as if there were one task
        self._tasks: set[asyncio.Task[None]] = set()
        self._listening: set[asyncio.Task[Any] | None] = set()  # those of them that wait for a message
        self._is_websocket = scope["type"] == "websocket"
        self._connecting: asyncio.Task[Any] | None = None  # while its handler runs
        self._connected = False  # whether it has begun
        self._accepted = False
        self._late_error: BaseException | None = None  # raised when the end had begun, for tests
        consumer.bind(self._send_handshake if self._is_websocket else send)

    def __repr__(self) -> str:
        return f"<Run of {type(self._consumer).__name__}: {self.state.value}, {len(self._tasks)} tasks>"

    async def serve(self, layer_receive: Callable[[], Awaitable[Message]] | None) -> None:
        """Handle messages until the client has left or a handler stops the consumer, and clean up."""
        self._start(self._hear_client(layer_receive))
        if layer_receive is not None and not self._is_websocket:
            self._start(self._hear_layer(layer_receive))
        try:
            message = await self._over
            self._stop_listening()
            if message is not None:
                await self._say_farewell(message)
            while self._tasks:
                await asyncio.wait(self._tasks, timeout=_AGAIN_SECONDS)
                self._stop_listening()
            if self._late_error is not None:
                raise self._late_error
        except asyncio.CancelledError:
            await self._abandon()
            raise
        finally:
            self._client.cancel()
            for task in self._tasks:
                task.cancel()

    def _start(
        self, coroutine: Coroutine[Any, Any, None], context: Context | None = None
    ) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine, context=context or self._context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Messages.

    async def _hear_client(self, layer_receive: Callable[[], Awaitable[Message]] | None) -> None:
        """Handle what the client says; when it has connected, listen to the channel layer too."""
        client = self._client
        listening = self._listening
        task = asyncio.current_task()
        prompt = self._consumer.prompt_disconnect and self._scope["type"] != "channel"  # which nobody leaves
        try:
            while self.state in (State.OPEN, State.FAILED):
                listening.add(task)
                message = await client.next()
                listening.discard(task)
                kind = message["type"]
                if kind in LEAVING:
                    self._leave(message)
                    return
                if self.state is not State.OPEN:  # nobody answers what comes before the end
                    continue
                if kind == "websocket.connect":
                    self._connected, self._connecting = True, task
                if prompt:
                    await watched(self._handle(message), client.watch)
                else:
                    await self._handle(message)
                if self._connecting is not None:
                    self._connecting = None
                    if layer_receive is not None and self.state is State.OPEN:
                        self._start(self._hear_layer(layer_receive))
        except StopConsumer:  # of receive(): a worker stops, and handlers that run go on to their end
            self._end(State.STOPPED, None)
        except Exception as error:  # noqa: BLE001 - of receive(): the server's matter
            self._end(State.STOPPED, error)

    async def _hear_layer(self, layer_receive: Callable[[], Awaitable[Message]]) -> None:
        """Handle what comes through the channel layer."""
        listening = self._listening
        task = asyncio.current_task()
        try:
            while self.state is State.OPEN:
                listening.add(task)
                message = await layer_receive()
                listening.discard(task)
                await self._handle(message)
        except Exception as error:  # noqa: BLE001 - of the layer's
            await self._fail("channel_receive", error)

    async def _handle(self, message: Message) -> None:
        """Handle a message when it is its turn; in parallel, when there is a place for one more."""
        await self._places.acquire()
        if self.state is not State.OPEN:  # while this waited
            self._places.release()
        elif self._parallel and message.get("type") != "websocket.connect":
            self._start(self._run_handler(message), copy_context())
        else:
            await self._run_handler(message)

    async def _run_handler(self, message: Message) -> None:
        try:
            await self._dispatch(message)
        finally:
            self._places.release()

    async def _dispatch(self, message: Message) -> None:
        """Run the handler of a message; nothing but cancellation gets out."""
        timeout = self._consumer.handler_timeout
        try:
            if timeout is None:
                await self._consumer.dispatch(message)
            else:
                await self._dispatch_within(timeout, message)
        except StopConsumer:
            self._end(State.STOPPED, None)
        except ClientDisconnected:
            pass  # word of it is on its way
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            await self._fail(_name_of(message), error)  # something that the handler waited for
        except BaseException as error:  # noqa: BLE001 - SystemExit would end the loop with everybody's connections
            await self._fail(_name_of(message), error)

    async def _dispatch_within(self, seconds: float, message: Message) -> None:
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                await self._consumer.dispatch(message)
        except TimeoutError:
            if limit.expired():
                raise _HandlerTimeout(f"it has not ended within {seconds:g} s") from None
            raise

    def fall_behind(self) -> None:
        """Close the WebSocket, as its channel was full: at once, whatever handlers wait for."""
        if self.state is State.OPEN:
            logger.warning("%s: closed with %d, as its channel was full", self._name(), _TRY_AGAIN_LATER)
            self._give_up()
            self._start(self._close(_TRY_AGAIN_LATER))

    # Sending.

    async def _send_handshake(self, message: Message) -> None:
        """Send until the handshake is answered, and then be out of the way."""
        await self._send(message)
        if message["type"] == "websocket.accept" and self.state is State.OPEN:
            self._accepted = True
            self._consumer.bind(self._send)

    async def _send_nowhere(self, message: Message) -> None:
        """Send to a client that has left: it may be closed, as it is."""
        if message["type"] != "websocket.close":
            raise ClientDisconnected("the client has left")

    # The end.

    def _leave(self, message: Message) -> None:
        """The client has left; this is its last message."""
        if self.state in (State.OPEN, State.FAILED):
            if self._client.dropped:
                logger.info("%s: has left, %d messages of its dropped", self._name(), self._client.dropped)
            self._consumer.bind(self._send_nowhere)
            self._end(State.LEFT, None, message)

    def _end(self, state: State, error: BaseException | None, message: Message | None = None) -> None:
        """Let the run come to its end; the first reason counts."""
        if not self._over.done():
            self.state = state
            self._be_deaf()
            if error is None:
                self._over.set_result(message)
            else:
                self._over.set_exception(error)

    def _stop_listening(self) -> None:
        for task in self._listening:
            if task is not None:
                task.cancel()

    async def _say_farewell(self, message: Message) -> None:
        """Run the handler that the client has left, beside others but for that of its coming."""
        if self._connecting is not None:
            await asyncio.wait({self._connecting})
        if self._connected or not self._is_websocket:
            await asyncio.wait({self._start(self._dispatch(message), _beside(self._context))})

    async def _abandon(self) -> None:
        """Clean up after a call that the server has cancelled: handlers are cancelled, too."""
        told = self.state is State.LEFT
        self.state = State.LEFT
        self._consumer.bind(self._send_nowhere)
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if self._connected and not told:
            farewell = {"type": "websocket.disconnect", "code": 1006, "reason": ""}
            tasks.add(self._start(self._dispatch(farewell), _beside(self._context)))
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL_SECONDS)

    async def _fail(self, handler: str, error: BaseException) -> None:
        """A handler has raised: log it, and close the WebSocket; other scopes are the server's matter."""
        name = f"{type(self._consumer).__qualname__}.{handler}"
        if self._scope.get(RAISE_ERRORS) or (not self._is_websocket and not self._over.done()):
            error.add_note(f"in {name}, {self._name()}")
            if self._over.done():
                self._late_error = error
            self._end(State.STOPPED, error)
            return
        if isinstance(error, (_HandlerTimeout, PoolFull)):
            logger.error("%s: %s: %s", self._name(), name, error)
        else:
            logger.error("%s: %s failed", self._name(), name, exc_info=error)
        if self.state is State.OPEN:
            self._give_up()
            await self._close(_TRY_AGAIN_LATER if isinstance(error, PoolFull) else _INTERNAL_ERROR)

    def _give_up(self) -> None:
        """Handle nothing more; that the client has left is still to come."""
        self.state = State.FAILED
        self._be_deaf()
        self._consumer.bind(self._send_nowhere)

    def _be_deaf(self) -> None:
        if self._on_deaf is not None:
            self._on_deaf()

    async def _close(self, code: int) -> None:
        with suppress(Exception):  # it may be closed already, by the application or by the client
            if self._accepted:
                await self._send({"type": "websocket.close", "code": code})
            else:
                status = 503 if code == _TRY_AGAIN_LATER else 500
                await refusing(status)(self._scope, self._client.next, self._send)

    def _name(self) -> str:
        """Name the connection in the log, without control characters that a client put into its path."""
        path = str(self._scope.get("path", self._scope.get("channel", "")))
        return f"{self._scope['type']} {path.encode('unicode_escape').decode('ascii')}"


class _HandlerTimeout(Exception):
    """A handler was given up."""


def _beside(context: Context) -> Context:
    """Return the context of a handler beside others that run in this one.

    asgiref notes there that its one thread is in use, and refuses who comes with the note: of several tasks,
    each needs its own.
    """
    own = context.copy()
    sync = sys.modules.get("asgiref.sync")
    if sync is not None:
        own.run(sync.SyncToAsync.deadlock_context.set, False)
    return own


def _name_of(message: Message) -> str:
    """Name the handler of a message, which may have none."""
    try:
        return get_handler_name(message)
    except ValueError:
        return "dispatch"
