"""The asgi lane: requests on the event loop, through Django's ASGI handler."""

import asyncio
import io
import logging
from contextlib import aclosing
from time import perf_counter
from typing import Any, BinaryIO, Final

from asgiref.sync import ThreadSensitiveContext, sync_to_async

from hybrid.adapters.django.lanes.middleware import grouped, view_middleware
from hybrid.adapters.django.lanes.parts import (
    ASGIHandler,
    script_name_of,
    set_script_prefix,
    settings,
    signals,
)
from hybrid.adapters.django.lanes.request import Identities, LaneRequest
from hybrid.adapters.django.lanes.streams import parts_of, stepped
from hybrid.adapters.django.lanes.synchronous import taken_for_what_they_are
from hybrid.adapters.django.lanes.threads import RequestThread, StickyThreads
from hybrid.adapters.django.lanes.timing import (
    BEGUN,
    Begun,
    LoopAnswer,
    count,
    count_failed,
    counted,
    leave,
    send_start,
    timed_steps,
)
from hybrid.adapters.django.lanes.wsgi import LANE_FIELD
from hybrid.bridge.errors import BodyRefused
from hybrid.bridge.types import LANE, ASGIApp, BodyPolicy, Headers, Receive, Scope, Send
from hybrid.bridge.wsgi.body import RequestBody
from hybrid.bridge.wsgi.call import describe
from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.bridge.wsgi.filewrapper import FileWrapper

logger = logging.getLogger("hybrid.django")

_ZEROCOPY: Final = "http.response.zerocopysend"
_LANE_FIELD: Final = LANE_FIELD.lower().encode()
#: Bytes that are read of a file at a time, where the server does not send it by itself.
_BLOCK_SIZE: Final = 256 * 1024


class ASGILane:
    """A project's ASGI application, with threads for what is synchronous in it.

    Args:
        application: Django's handler, or something around it.
        threads: the threads.
        stall: the seconds that a request may hold the loop without a pause; longer ones count as stalls.
    """

    def __init__(self, application: ASGIApp, threads: StickyThreads, stall: float) -> None:
        self.application = application
        self._threads = threads
        self._stall = stall
        self._call = application if isinstance(application, LaneHandler) else counted(application)

    def __repr__(self) -> str:
        return f"<ASGILane of {self.application!r}>"

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, thread: RequestThread | None = None
    ) -> None:
        """Serve one request (ASGI), on a thread of its own kind where it has one."""
        if thread is None:
            thread = RequestThread(self._threads)
        begun: Begun | None = scope.get(BEGUN)
        try:
            async with ThreadSensitiveContext(executor=thread):
                call = self._call(scope, receive, send)
                if begun is not None and begun[2]:
                    await timed_steps(call, self._stall, begun[1].stall)
                else:
                    await call
        except BaseException as error:
            self._failed(scope, error)
            raise
        finally:
            thread.release()

    def _failed(self, scope: Scope, error: BaseException) -> None:
        count_failed(scope, error)


class LaneHandler(ASGIHandler):  # type: ignore[misc]  # of Django, which is not typed
    """Django's ASGI handler, with requests as on the wsgi lane, and an end for each of them.

    On top of what Django's does: META and the body are made as for WSGI, ``request_finished`` is sent once
    for each ``request_started``, whatever happens in between, receivers of the latter find ``environ`` too,
    and synchronous streams are sent part by part.

    Args:
        environs: makes META.
        identities: which fields say who the user is.
        body_policy: where bodies are kept, and how large they may be.
    """

    def __init__(self, environs: EnvironBuilder, identities: Identities, body_policy: BodyPolicy) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._middleware_chain: Any = grouped(self._middleware_chain)
        self._view_middleware: Any = view_middleware(self._view_middleware)
        self._environs = environs
        self._identities = identities
        self._body_policy = body_policy
        self._tells = bool(settings.DEBUG)

    def load_middleware(self, is_async: bool = False) -> None:
        """Load the chain; ``__init__`` of Django's handler calls this."""
        with taken_for_what_they_are():
            super().load_middleware(is_async)  # pyright: ignore[reportUnknownMemberType]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            raise ValueError(f"Django has no scopes of type {scope['type']!r}")
        try:
            body = await self._read_body(receive)
        except BodyRefused as error:
            await _refuse(send, error)
            return
        if body is not None:
            with body:
                await self._serve(scope, body, receive, send)

    async def _read_body(self, receive: Receive) -> BinaryIO | None:
        """Return the whole body; None when the client has left before its end."""
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            return io.BytesIO(message.get("body", b""))
        body = RequestBody(self._body_policy)
        try:
            while message["type"] == "http.request":
                body.write(message.get("body", b""))
                if not message.get("more_body", False):
                    return body.open()
                message = await receive()
        except BaseException:
            body.close()
            raise
        body.close()
        return None

    async def _serve(self, scope: Scope, body: BinaryIO, receive: Receive, send: Send) -> None:
        environ = self._environs.build(scope, body)
        self._identities.check(environ)
        set_script_prefix(script_name_of(environ))
        visit = Visit(scope, receive, send)
        try:
            await signals.request_started.asend(sender=ASGIHandler, scope=scope, environ=environ)
            try:
                visit.request = LaneRequest(scope, body, environ)
            except UnicodeDecodeError:  # which Django answers so
                logger.warning("%s: refused, what its path says is no text", describe(scope))
                await _refuse(send, BodyRefused(400, "Bad Request"))
                return
            await self._answer(visit)
        finally:
            await visit.finish()

    async def _answer(self, visit: "Visit") -> None:
        """Let the view answer, which is cancelled when the client leaves."""
        watching = asyncio.create_task(visit.watch())
        try:
            visit.response = await self.get_response_async(visit.request)
            await self._send(visit, visit.response)
        except asyncio.CancelledError:
            if not visit.called_off or visit.task.uncancel() > 0:
                raise
        finally:
            visit.answered = True
            watching.cancel()

    async def _send(self, visit: "Visit", response: Any) -> None:
        headers = _headers_of(response)
        if self._tells:
            headers.append((_LANE_FIELD, visit.scope.get(LANE, "asgi").encode()))
        scope, send, status = visit.scope, visit.send, response.status_code
        start = {"type": "http.response.start", "status": status, "headers": headers}
        if not response.streaming:
            await send_start(scope, send, start)
            count(scope, perf_counter(), failed=status >= 500)
            await send({"type": "http.response.body", "body": response.content})
            return
        send = LoopAnswer(scope, visit.receive, send).send  # a stream may fail before its first part
        await send(start)
        if not await _send_file(scope, response, send):
            await _send_parts(response, send)


class Visit:
    """One request between its two signals.

    Attributes:
        request, response: those of Django, once there are any.
        answered: whether the response is complete, or there will be none.
        called_off: whether the client has left before, so that the view was cancelled.
    """

    __slots__ = ("answered", "called_off", "receive", "request", "response", "scope", "send", "task")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.request: Any = None
        self.response: Any = None
        self.answered = self.called_off = False
        task = asyncio.current_task()
        assert task is not None
        self.task = task

    async def watch(self) -> None:
        """Cancel the view when the client leaves: it gets no other message than that."""
        await self.receive()
        if not self.answered:
            self.called_off = True
            leave(self.scope, self.task)
            self.task.cancel()

    async def finish(self) -> None:
        """Let the request be over for Django, on the thread that its database connections belong to. That
        comes to pass even if this is cancelled.
        """
        if self.response is not None:
            self.response._handler_class = ASGIHandler  # noqa: SLF001 - the sender of the signal
            await sync_to_async(self.response.close, thread_sensitive=True)()
        else:
            await sync_to_async(self._close_unanswered, thread_sensitive=True)()

    def _close_unanswered(self) -> None:
        if self.request is not None:
            self.request.close()
        signals.request_finished.send(sender=ASGIHandler)


def _headers_of(response: Any) -> Headers:
    """Return the header fields of a response as ASGI has them, in lower case; Django has checked them."""
    headers: Headers = [
        (name.lower().encode("ascii"), value.encode("latin-1")) for name, value in response.items()
    ]
    for cookie in response.cookies.values():
        headers.append((b"set-cookie", cookie.output(header="").strip().encode("ascii")))
    return headers


async def _send_parts(response: Any, send: Send) -> None:
    """Send a stream, part by part: a synchronous one from the thread of the request."""
    response.block_size = _BLOCK_SIZE  # of one that reads a file
    parts = parts_of(response) if response.is_async else stepped(iter(response))
    async with aclosing(parts):
        async for part in parts:
            if part:
                await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _send_file(scope: Scope, response: Any, send: Send) -> bool:
    """Let the server send a file by itself; False where it cannot."""
    file = getattr(response, "file_to_stream", None)
    if file is None or _ZEROCOPY not in (scope.get("extensions") or ()):
        return False
    wrapper = FileWrapper(file)
    wrapper.limit = int(response.headers.get("Content-Length", -1))
    region = wrapper.region()
    if region is None or region.length != wrapper.limit:
        return False
    message = {"type": _ZEROCOPY, "file": region.descriptor, "offset": region.offset, "count": region.length}
    await send(message)
    return True


async def _refuse(send: Send, error: BodyRefused) -> None:
    """Answer in Django's place."""
    body = error.reason.encode("ascii")
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
