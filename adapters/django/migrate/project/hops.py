"""Counts how often a request changes between threads and the event loop, by serving it.

Nothing of Django's is changed for it: what is called of asgiref's two adapters is noted, with who calls it.
"""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import CodeType
from typing import Any, Final

from asgiref.sync import AsyncToSync, SyncToAsync, markcoroutinefunction

from hybrid.adapters.django.lanes.parts import (
    ASGIHandler,
    WSGIHandler,
    django,
    is_coroutine_function,
    signals,
)
from hybrid.adapters.django.migrate.project.origins import dotted, in_one_line
from hybrid.adapters.django.migrate.project.serving import serve_asgi, serve_wsgi
from hybrid.adapters.django.migrate.project.unwrap import layers_of

#: Who calls, by the end of its file's name: their hops are those of the chain, all others the project's own.
_HANDLERS: Final = (
    os.path.join("django", "core", "handlers", "base.py"),  # noqa: PTH118 - the end of a name, not a path
    os.path.join("django", "core", "handlers", "asgi.py"),  # noqa: PTH118
    os.path.join("django", "utils", "deprecation.py"),  # noqa: PTH118
    os.path.join("adapters", "django", "lanes", "asgi.py"),  # noqa: PTH118
    os.path.join("adapters", "django", "lanes", "middleware.py"),  # noqa: PTH118
)
_EXCEPTIONS: Final = os.path.join("django", "core", "handlers", "exception.py")  # noqa: PTH118
_DISPATCHER: Final = os.path.join("django", "dispatch", "dispatcher.py")  # noqa: PTH118
#: What Django calls hops for, by the name of the function.
_PURPOSES: Final = {
    "process_request": "process_request",
    "process_response": "process_response",
    "process_view": "process_view",
    "process_template_response": "process_template_response",
    "process_exception_by_middleware": "exception",
    "response_for_exception": "exception",
    "log_response": "log",
    "close": "close",
    "_close_unanswered": "close",
    "render": "render",
    "_enter": "group",
    "_leave": "group",
}


class Counter:
    """Notes hops while a request is served.

    Attributes:
        hops: each as ``{"kind", "purpose", "what", "where"}``; the purpose of the project's own is ``own``.
    """

    def __init__(self) -> None:
        self.hops: list[dict[str, str]] = []

    @contextmanager
    def counting(self) -> Generator[None]:
        """Count what is called within, on all threads."""
        to_thread: Any = SyncToAsync
        to_loop: Any = AsyncToSync
        kept = to_thread.__call__, to_loop.__call__
        to_thread.__call__ = markcoroutinefunction(self._noting("sync_to_async", kept[0]))
        to_loop.__call__ = self._noting("async_to_sync", kept[1])
        try:
            yield
        finally:
            to_thread.__call__, to_loop.__call__ = kept

    def _noting(self, kind: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(adapter: Any, *args: Any, **kwargs: Any) -> Any:
            frame = sys._getframe(1)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            self._note(kind, adapter, frame)
            return call(adapter, *args, **kwargs)

        return noted

    def _note(self, kind: str, adapter: Any, frame: Any) -> None:
        function = adapter.func if kind == "sync_to_async" else adapter.awaitable
        hop = {"kind": kind, "purpose": _purpose(function, frame), "what": _name(function)}
        self.hops.append({**hop, "where": f"{frame.f_code.co_filename}:{frame.f_lineno}"})


def _purpose(function: Any, frame: Any) -> str:
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType) and code.co_filename.endswith(_EXCEPTIONS) and code.co_name == "inner":
        return "adapter"
    file: str = frame.f_code.co_filename
    if file.endswith(_DISPATCHER):
        return _signal(frame.f_locals.get("self"))
    if getattr(function, "__self__", None) is signals.request_started:  # Django 4.2
        return "request_started"
    if not file.endswith((*_HANDLERS, _EXCEPTIONS)):
        return "own"
    name = getattr(function, "__name__", "")
    return _PURPOSES.get(name, "view" if frame.f_code.co_name.startswith("_get_response") else "own")


def _signal(signal: Any) -> str:
    for name in ("request_started", "request_finished"):
        if signal is getattr(signals, name):
            return name
    return "own"


def _name(function: Any) -> str:
    """Return a dotted name: of an adapter of the chain, that of what Django has around its middleware."""
    function = getattr(function, "__wrapped__", function)
    owner = getattr(function, "__self__", None)
    if owner is not None and not isinstance(owner, type):
        return f"{type(owner).__module__}.{type(owner).__qualname__}.{getattr(function, '__name__', '')}"
    return dotted(function).replace(".<locals>", "")


class Run:
    """Serves one request by a handler, and says what it has cost.

    Args:
        lane: ``wsgi``, ``asgi`` or ``hybrid``.
        handler: Django's, or one made from it.
    """

    def __init__(self, lane: str, handler: Any) -> None:
        self._lane = lane
        self._handler = handler
        self._reached = "before"
        self._view: Any = None
        self._watch()

    def _watch(self) -> None:
        """Note how far the request comes."""
        resolve, make_atomic = self._handler.resolve_request, self._handler.make_view_atomic

        def resolve_request(request: Any) -> Any:
            self._reached = "no route"
            match = resolve(request)
            self._reached, self._view = "process_view", match.func
            return match

        def make_view_atomic(view: Any) -> Any:
            self._reached = "view"
            return make_atomic(view)

        self._handler.resolve_request = resolve_request
        self._handler.make_view_atomic = make_view_atomic
        self._leave_streams()

    def _leave_streams(self) -> None:
        """Take the parts of synchronous streams away: Django collects them on ASGI, and some have no end."""
        answer = self._handler.get_response_async

        async def get_response_async(request: Any) -> Any:
            response = await answer(request)
            if response.streaming and not response.is_async:
                response.streaming_content = iter(())
            return response

        self._handler.get_response_async = get_response_async

    def serve(self, url: str) -> dict[str, Any]:
        """Serve a GET request, and return the answer of the process."""
        counter = Counter()
        status, error = 500, ""
        with counter.counting():
            try:
                status = (
                    serve_wsgi(self._handler, url) if self._lane == "wsgi" else serve_asgi(self._handler, url)
                )
            except Exception as raised:  # noqa: BLE001 - where a server would answer 500
                error = in_one_line(raised)
        return {
            "lane": self._lane,
            "status": status,
            "error": error,
            "reached": self._reached,
            "view_is_async": bool(is_coroutine_function(self._view)),
            "view": "" if self._view is None else _name(list(layers_of(self._view))[-1]),
            "hops": counter.hops,
        }


def run_handlers(url: str) -> list[dict[str, Any]]:
    """Serve a URL by a new handler for each lane."""
    handlers: list[tuple[str, Callable[[], Any]]] = [("wsgi", WSGIHandler), ("asgi", ASGIHandler)]
    if django.VERSION >= (5, 2):
        handlers.append(("hybrid", _hybrid))
    return [Run(lane, make()).serve(url) for lane, make in handlers]


def _hybrid() -> Any:
    from hybrid.adapters.django.lanes.asgi import LaneHandler
    from hybrid.adapters.django.lanes.request import Identities
    from hybrid.bridge.types import BodyPolicy
    from hybrid.bridge.wsgi.environ import EnvironBuilder

    return LaneHandler(
        EnvironBuilder(multithread=True, multiprocess=False), Identities(), BodyPolicy(limit=0)
    )
