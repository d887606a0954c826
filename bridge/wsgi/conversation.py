"""One request to an ASGI application behind a WSGI server, between the server's thread and the loop."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final, cast
from wsgiref.types import StartResponse, WSGIEnvironment

from a2wsgi import ASGIMiddleware

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import BODILESS, ASGIApp, Headers, Message
from hybrid.bridge.wsgi.adapter import ResponseAborted
from hybrid.bridge.wsgi.background import BackgroundLoop
from hybrid.bridge.wsgi.call import ExcInfo
from hybrid.bridge.wsgi.scope import http_scope

logger = logging.getLogger("hybrid.wsgi")

#: Fields of the connection, which PEP 3333 leaves to the server.
_HOP_BY_HOP: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade")
)
_DISCONNECT: Final = {"type": "http.disconnect"}
_ERROR_HEADERS: Final = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", "21")]


class _State(Enum):
    """How far the response is; loop only."""

    WAITING = auto()  # for its head
    STARTED = auto()
    COMPLETE = auto()
    LEFT = auto()  # the client has left, or the server takes no more


def _tamed(environ: WSGIEnvironment, *, to_the_end: bool) -> dict[str, Any]:
    """Return what a2wsgi is told of a request: how to read its body. It could stumble over the rest."""
    length = environ.get("CONTENT_LENGTH") or "0"
    return {
        "REQUEST_METHOD": environ["REQUEST_METHOD"],
        "SERVER_NAME": "",
        "SERVER_PORT": "0",
        "CONTENT_LENGTH": str(sys.maxsize) if to_the_end else length,
        "wsgi.input": environ["wsgi.input"],
    }


class Conversation:
    """One request: the ASGI call on the loop, and the iterable from which the WSGI server takes the response.

    a2wsgi moves the messages between the two. It is told nothing of the application's end or errors, of which
    it can lose one in a race, nor of messages that it does not know, on which it would leave the call stuck.
    """

    def __init__(
        self,
        app: ASGIApp,
        background: BackgroundLoop,
        environ: WSGIEnvironment,
        start_response: StartResponse,
    ) -> None:
        self._app = app
        self._background = background
        self._scope = http_scope(environ, background.state)
        self._start_response = start_response
        # Whether the body ends where the input does: one that came in chunks.
        self._to_the_end = not environ.get("CONTENT_LENGTH") and bool(environ.get("wsgi.input_terminated"))
        tamed = _tamed(environ, to_the_end=self._to_the_end)
        relay = ASGIMiddleware(cast("Any", self._serve), loop=background.loop)
        self._parts = cast("Iterator[bytes]", relay(cast("Any", tamed), cast("Any", start_response)))
        self._begun = False  # whether the server has a part of the body, and so the head
        self._error: BaseException | None = None  # what the application failed with; set before _over

        self._state = _State.WAITING
        self._status = 0
        self._body_complete = False
        self._over = asyncio.Event()
        self._reading: asyncio.Task[Any] | None = None
        self._sending: asyncio.Task[Any] | None = None

    # The server's thread.

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Wait for a part that is not empty: on an empty one some servers send the head."""
        try:
            for part in self._parts:
                if part:
                    self._begun = True
                    return part
        except (
            RuntimeError
        ):  # a2wsgi tells the loop that it is through, and that may have been closed meanwhile
            if not self._background.loop.is_closed():
                raise
            self._error = self._error or ResponseAborted("the event loop has ended")
        if self._error is None:
            raise StopIteration
        return self._fail(self._error)

    def _fail(self, error: BaseException) -> bytes:
        """Answer 500, or make the server cut the response off."""
        self._error = None
        if self._begun:
            raise ResponseAborted("the ASGI application failed in the middle of its response") from error
        logger.error("%s %s: the ASGI application failed", *self._named(), exc_info=error)
        self._begun = True
        exc_info = cast("ExcInfo", (type(error), error, error.__traceback__))
        self._start_response("500 Internal Server Error", list(_ERROR_HEADERS), exc_info)
        return b"" if self._scope["method"] == "HEAD" else b"Internal Server Error"

    def close(self) -> None:
        """Let go, in the middle of the response too: what WSGI servers call at the end (PEP 3333)."""
        with suppress(RuntimeError):  # the loop has ended
            cast("Any", self._parts).close()
            self._background.loop.call_soon_threadsafe(self._leave)

    def _named(self) -> tuple[str, str]:
        return self._scope["method"], self._scope["path"].encode("unicode_escape").decode("ascii")

    # The loop.

    async def _serve(self, _: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        """Be the application for a2wsgi, for as long as there is something for it to do.

        The real one may go on after its response, with background tasks, and then takes no thread.
        """
        self._relay_receive, self._relay_send = receive, send
        call = asyncio.create_task(self._call())
        self._background.calls.add(call)
        call.add_done_callback(self._background.calls.discard)
        try:
            await self._over.wait()
        except asyncio.CancelledError:
            self._error = ResponseAborted("the event loop has ended")
        if self._error is not None:
            await send({"type": "http.response.disconnect"})  # its word for the end of the iteration

    async def _call(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
            if self._state in (_State.WAITING, _State.STARTED):
                raise ProtocolError("the ASGI application returned without a complete response")
        except BaseException as error:  # SystemExit would stop the loop of all requests
            if self._state in (_State.WAITING, _State.STARTED):
                self._error = error
            elif not isinstance(error, (ClientDisconnected, asyncio.CancelledError)):
                logger.error("%s %s: failed after the response", *self._named(), exc_info=error)
        finally:
            self._over.set()

    def _leave(self) -> None:
        """Nobody takes the response any more."""
        if self._state is not _State.COMPLETE:
            self._state = _State.LEFT
            self._over.set()
            for step in (self._reading, self._sending):
                if step is not None:
                    step.cancel()

    async def _receive(self) -> Message:
        """Give the next part of the body; after the last, wait for the end of the response."""
        if self._body_complete or self._over.is_set():
            await self._over.wait()
            return dict(_DISCONNECT)
        if self._reading is None:
            self._reading = self._step(self._relay_receive())
        try:
            message: Message = await asyncio.shield(self._reading)  # who gives up waiting loses no part
        except asyncio.CancelledError:
            if not self._reading.cancelled():
                raise
            return dict(_DISCONNECT)
        self._reading = None
        return self._check_part(message)

    def _check_part(self, message: Message) -> Message:
        """Tell the end of the input from its being cut off: either is an empty read."""
        if message["type"] == "http.request":
            if not message["body"] and message["more_body"]:
                self._body_complete = True
                return {**message, "more_body": False} if self._to_the_end else dict(_DISCONNECT)
            self._body_complete = not message["more_body"]
        return message

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        match self._state, kind:
            case _State.LEFT, _:
                raise ClientDisconnected("the client has left")
            case _State.WAITING, "http.response.start":
                headers = _plain_headers(message.get("headers", ()))
                self._status = message["status"]
                self._state = _State.STARTED
                await self._relay({"type": kind, "status": self._status, "headers": headers})
            case _State.STARTED, "http.response.body":
                await self._send_part(bytes(message.get("body", b"")), more=message.get("more_body", False))
            case _:
                raise ProtocolError(
                    f"the ASGI application sent {kind!r} while its response was {self._state.name}"
                )

    async def _send_part(self, data: bytes, *, more: bool) -> None:
        if self._scope["method"] == "HEAD" or self._status in BODILESS:
            data = b""
        if data or not more:
            await self._relay({"type": "http.response.body", "body": data, "more_body": more})
        if not more:
            self._state = _State.COMPLETE
            self._over.set()

    async def _relay(self, message: Message) -> None:
        """Give a message to the server's thread, and wait until that takes the next one."""
        self._sending = self._step(self._relay_send(message))
        try:
            await self._sending
        except asyncio.CancelledError:
            if self._state is _State.LEFT:
                raise ClientDisconnected("the client has left") from None
            raise

    @staticmethod
    def _step(awaitable: Awaitable[Any]) -> "asyncio.Task[Any]":
        return asyncio.create_task(cast("Coroutine[Any, Any, Any]", awaitable))


def _plain_headers(headers: Iterable[Iterable[bytes]]) -> Headers:
    """Leave out what PEP 3333 leaves to the server."""
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
