"""Both lanes, with a record of what requests do."""

import asyncio
from collections.abc import Iterable
from threading import get_ident
from typing import Any, Final
from urllib.parse import unquote_to_bytes
from wsgiref.types import StartResponse, WSGIApplication

from hybrid.adapters.django.lanes.asgi import ASGILane, LaneHandler, Visit
from hybrid.adapters.django.lanes.observed.closing import ended_by_close
from hybrid.adapters.django.lanes.observed.frames import own_spot_in, spot_of_task
from hybrid.adapters.django.lanes.observed.notes import Spot
from hybrid.adapters.django.lanes.observed.seen import CURRENT, ObservedTally, Record, Seen
from hybrid.adapters.django.lanes.parts import HttpResponseBase
from hybrid.adapters.django.lanes.request import SCOPE, Identities
from hybrid.adapters.django.lanes.threads import RequestThread, StickyThreads
from hybrid.adapters.django.lanes.timing import BEGUN, LEFT, Begun
from hybrid.adapters.django.lanes.wsgi import WSGILane
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.bridge.wsgi.filewrapper import FileWrapper

#: What sends ``request_finished``, where a response has no other.
_CLOSE: Final = HttpResponseBase.close
#: The key of a scope: a response that has a ``close()`` of its own.
_ODD: Final = "hybrid.django.odd"


class ObservedWSGILane(WSGILane):
    """A project's WSGI application, whose requests are observed (worker)."""

    def __init__(self, application: WSGIApplication, identities: Identities) -> None:
        super().__init__(application, identities)
        self._application: Any = application
        self._call = self._observed

    def _observed(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Call the application (PEP 3333)."""
        scope = environ.get(SCOPE)
        if scope is None or (begun := scope.get(BEGUN)) is None:  # nothing has chosen its lane
            return self._application(environ, start_response)  # type: ignore[no-any-return]
        seen: Seen = begun[1].seen
        ident = get_ident()
        record = seen.records.get(ident) or seen.record_of(ident)
        CURRENT.set(record)
        if not environ["PATH_INFO"].isascii():
            _look_at(scope, seen)
        try:
            response: Any = self._application(environ, start_response)
        except BaseException as error:
            _escaped(seen, error)
            raise
        if not self.is_plain or response.__class__.close is not _CLOSE:
            response = self._closed(response, record)
        return response  # type: ignore[no-any-return]

    def _closed(self, response: Any, record: Record) -> Any:
        """Let it be looked at whether what is not Django's own ends the request as that does."""
        if not self.is_plain:
            return ended_by_close(response, record.settle)
        file: Any = response.filelike if isinstance(response, FileWrapper) else None
        origin: Any = response if file is None else getattr(file.close, "__self__", None)
        if getattr(origin.__class__, "close", None) is _CLOSE or not hasattr(origin, "closed"):
            return response

        def look() -> None:
            if not origin.closed:
                record.seen.happens("unfinished", Spot(), origin.__class__.__qualname__)

        return ended_by_close(response, look)


class ObservedHandler(LaneHandler):
    """Django's ASGI handler as the asgi lane has it, which tells of responses that may not end a request."""

    def _send(self, visit: Visit, response: Any) -> Any:
        # Returns the coroutine: one of its own would take longer than the rest of this.
        if response.__class__.close is not _CLOSE and hasattr(response, "closed"):
            visit.scope[_ODD] = response
        return super()._send(visit, response)


class ObservedASGILane(ASGILane):
    """A project's ASGI application, whose requests are observed."""

    def __call__(
        self, scope: Scope, receive: Receive, send: Send, thread: RequestThread | None = None
    ) -> Any:
        """Serve one request (ASGI), on a thread that has its record."""
        begun: Begun | None = scope.get(BEGUN)
        if begun is not None:  # or else nothing has chosen its lane
            tally: Any = begun[1]
            if not scope["path"].isascii():
                _look_at(scope, tally.seen)
            thread = ObservedThread(self._threads, tally.seen, scope)
        return super().__call__(scope, receive, send, thread)

    def _failed(self, scope: Scope, error: BaseException) -> None:
        if BEGUN in scope and isinstance(error, Exception):
            assert isinstance(scope[BEGUN][1], ObservedTally)
            _escaped(scope[BEGUN][1].seen, error)
        super()._failed(scope, error)


class ObservedThread(RequestThread):
    """The thread of one request of the asgi lane, with the record of what that does.

    Attributes:
        record: the record.
    """

    def __init__(self, threads: StickyThreads, seen: Seen, scope: Scope) -> None:
        super().__init__(threads)
        self.record = Record(seen)
        self._scope = scope
        scope[LEFT] = self._left

    def release(self) -> None:
        """The request is over (loop)."""
        super().release()
        record, scope = self.record, self._scope
        seen = record.seen
        if (thread := self._thread) is not None and thread not in seen.threads:
            seen.ran_on(thread)
        if (response := scope.pop(_ODD, None)) is not None and not response.closed:
            seen.happens("unfinished", Spot(), type(response).__qualname__)
        del scope[LEFT]  # which refers to this
        record.settle()
        seen.hops += record.hops
        seen.queries += record.queries

    def _left(self, task: "asyncio.Task[Any] | None", is_uncounted: bool) -> None:
        """The client has left: put down where the request is, which is about to be cancelled (loop)."""
        spot = Spot() if task is None else spot_of_task(task.get_coro())
        self.record.seen.cancels(spot, self._scope["method"], is_uncounted=is_uncounted)


def _look_at(scope: Scope, seen: Seen) -> None:
    """Put down a path of which the bytes are no UTF-8."""
    try:
        unquote_to_bytes(scope.get("raw_path") or b"").decode()
    except UnicodeDecodeError:
        seen.happens("path", Spot())


def _escaped(seen: Seen, error: BaseException) -> None:
    """An error has come out of the application, of which Django makes no response."""
    seen.happens("escaped", own_spot_in(error.__traceback__), type(error).__name__)
