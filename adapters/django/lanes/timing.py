"""How long a request takes from the choice of its lane to the head of its response, and what comes of it.

The choice puts down in the scope when it was made, and for which view. Whoever takes that out counts the
request: each is counted once, whoever else may still answer it.
"""

import asyncio
import types
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from time import perf_counter
from typing import Any, Final, TypeVar
from wsgiref.types import StartResponse

from hybrid.adapters.django.lanes.figures import Tally
from hybrid.adapters.django.lanes.request import SCOPE
from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send
from hybrid.bridge.wsgi.filewrapper import FileWrapper

T = TypeVar("T")

#: The key of a scope: when its lane was chosen (of ``perf_counter``), the tally that counts it, and whether
#: its steps on the loop are timed.
BEGUN: Final = "hybrid.django.begun"
Begun = tuple[float, Tally, bool]
#: The key of a scope: what wants to know that the client has left, on the asgi lane, before the end of the
#: response. It is given the task that serves the request, which is about to be cancelled, or None where it is
#: not, and whether the request has not been counted. Only who observes has it.
LEFT: Final = "hybrid.django.left"
Left = Callable[["asyncio.Task[Any] | None", bool], object]


def count(scope: Scope, now: float, *, failed: bool) -> None:
    """Count a request whose response has its head, or that has failed; once only. Any thread."""
    begun: Begun | None = scope.pop(BEGUN, None)
    if begun is not None:
        begun[1].note(now - begun[0], failed)


def leave(scope: Scope, task: "asyncio.Task[Any] | None" = None) -> None:
    """A client of the asgi lane has left before the end of its response: it counts for nothing (loop)."""
    is_uncounted = scope.pop(BEGUN, None) is not None
    told: Left | None = scope.get(LEFT)
    if told is not None and (is_uncounted or task is not None):
        told(task, is_uncounted)


def has_left(environ: dict[str, Any]) -> bool:
    """Tell whether the client of a request has been seen to leave (worker)."""
    told: Callable[[], bool] | None = environ.get("hybrid.disconnected")
    return told is not None and told()


def count_on_thread(environ: dict[str, Any], now: float, *, failed: bool) -> None:
    """Count a request of the wsgi lane, unless its client has left (worker)."""
    scope: Scope = environ.get(SCOPE) or {}
    if has_left(environ):
        scope.pop(BEGUN, None)
    else:
        count(scope, now, failed=failed)


class ThreadAnswer:
    """The answer of a WSGI application to one request (worker).

    A response whose iterator fails before its first part is none: the server has not sent the head yet, and
    answers in its place (PEP 3333). So what may fail there is counted with its first part.

    Args:
        environ: of the request.
        start_response: the server's.
        status: that of the response, where it is known already.
    """

    __slots__ = ("_at", "_environ", "_start_response", "_status")

    def __init__(self, environ: dict[str, Any], start_response: StartResponse, status: int = 0) -> None:
        self._environ = environ
        self._start_response = start_response
        self._status = status
        self._at = perf_counter()

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """Take the head (PEP 3333); the last one counts."""
        write = self._start_response(status, headers, exc_info)
        self._status, self._at = int(status[:3]), perf_counter()
        return write

    def returned(self, parts: Iterable[bytes]) -> Iterable[bytes]:
        """Count the answer, or return what does so when its parts are taken."""
        if self._status and _cannot_fail(parts):
            self.begins()
            return parts
        return _Parts(parts, self)

    def begins(self) -> None:
        """The head goes out, if there is one."""
        if self._status:
            count_on_thread(self._environ, self._at, failed=self._status >= 500)
        else:
            self.failed()

    def failed(self) -> None:
        """There will be no response of the application's."""
        count_on_thread(self._environ, perf_counter(), failed=True)


def _cannot_fail(parts: Any) -> bool:
    """Tell whether parts are there already, or sent by the server itself: not of a stream."""
    return getattr(parts, "streaming", True) is False or isinstance(parts, (list, tuple, FileWrapper))


class _Parts:
    """The parts of a response that may still fail (worker)."""

    def __init__(self, parts: Iterable[bytes], answer: ThreadAnswer) -> None:
        self._parts = parts
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        parts = iter(self._parts)
        try:
            for part in parts:
                if part:
                    self._answer.begins()
                    yield part
                    break
            else:
                self._answer.begins()
        except BaseException:
            self._answer.failed()
            raise
        yield from parts

    def close(self) -> None:
        """Close them (PEP 3333)."""
        close: Any = getattr(self._parts, "close", None)
        if close is not None:
            close()


class LoopAnswer:
    """The answer of an ASGI application to one request (loop).

    As on a thread, the head goes out with what follows it: an application that fails before that has given no
    response. One whose client has left before counts for nothing.

    Args:
        scope: of the request.
        receive, send: those of the server.
    """

    __slots__ = ("_at", "_counted", "_receive", "_scope", "_send", "_status")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._status = 0
        self._at = 0.0
        self._counted = False

    async def receive(self) -> Message:
        """Receive as ever (ASGI)."""
        message = await self._receive()
        if message["type"] == "http.disconnect":
            leave(self._scope)
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Send as ever (ASGI)."""
        if not self._counted:
            if self._status:
                self._counted = True
                count(self._scope, self._at, failed=self._status >= 500)
            elif message.get("type") == "http.response.start":
                return self._start(message)
        return self._send(message)

    async def _start(self, message: Message) -> None:
        await send_start(self._scope, self._send, message)
        self._status, self._at = message["status"], perf_counter()


def counted(application: ASGIApp) -> ASGIApp:
    """Let the answers of an application be counted (loop); what it raises is the caller's matter."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        answer = LoopAnswer(scope, receive, send)
        await application(scope, answer.receive, answer.send)
        count(scope, perf_counter(), failed=True)  # it has returned without a response

    return call


async def send_start(scope: Scope, send: Send, message: Message) -> None:
    """Send the head (loop); a request whose client has left counts for nothing."""
    try:
        await send(message)
    except OSError:  # as ASGI has it where the client has left
        scope.pop(BEGUN, None)
        raise


def count_failed(scope: Scope, error: BaseException) -> None:
    """Count a request whose application has raised something (loop)."""
    if not _is_called_off(error):
        count(scope, perf_counter(), failed=True)


def _is_called_off(error: BaseException) -> bool:
    """Tell whether an application was ended from outside: with the server, not by itself."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return isinstance(error, GeneratorExit)


@types.coroutine
def timed_steps(
    awaitable: Awaitable[T], limit: float, stalled: Callable[[float], object]
) -> Generator[Any, Any, T]:
    """Await something, and tell of each of its steps on the loop that takes longer than ``limit`` seconds.

    What it runs as other tasks, and on threads, is not part of it.
    """
    steps: Any = awaitable.__await__()
    error: BaseException | None = None
    while True:
        begun = perf_counter()
        try:
            waits_for = next(steps) if error is None else steps.throw(error)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            error = None  # whose traceback has this frame
            if (took := perf_counter() - begun) > limit:
                stalled(took)
        try:
            yield waits_for
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 - which is for what is awaited
            error = thrown
