"""gunicorn's ``pre_request`` and ``post_request`` around applications; no ``sendfile`` where that is off.

A hook runs where its application does: on a thread for a WSGI application, on the loop for an ASGI one.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment
from wsgiref.util import FileWrapper as ReadingWrapper

from gunicorn.workers.base import Worker

from hybrid.adapters.gunicorn.views import RequestView, ResponseView, response_fields
from hybrid.bridge.interface import Interface, detect
from hybrid.bridge.lanes import TwoLanes
from hybrid.bridge.types import ASGIApp, Message, Receive, Scope, Send
from hybrid.bridge.wsgi.filewrapper import FileWrapper
from hybrid.bridge.wsgi.own_sockets import WEBSOCKET_ATTRIBUTE, own_sockets


class Hooks:
    """The hooks that a configuration file has set; gunicorn's own do nothing but a debug message."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._pre = _set(worker, "pre_request")
        self._post = _set(worker, "post_request")

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return self._pre is not None or self._post is not None

    def before(self, request: RequestView) -> None:
        """Call ``pre_request``; what it raises fails the request."""
        if self._pre is not None:
            self._pre(self._worker, request)

    def after(self, request: RequestView, environ: Any, response: ResponseView) -> None:
        """Call ``post_request``; what it raises is logged."""
        if self._post is not None:
            try:
                self._post(self._worker, request, environ, response)
            except Exception:
                self._worker.log.exception("Exception in post_request hook")


def with_hooks(app: object, worker: Worker) -> object:
    """Return an application as the configuration wants it called; itself where that is as it is."""
    hooks = Hooks(worker)
    reads_files = not worker.cfg.sendfile
    if not hooks.any and not reads_files:
        return app
    if isinstance(app, TwoLanes):
        app.surround(
            lambda part: HookedWSGI(part, hooks, reads_files=reads_files),
            lambda part: HookedASGI(part, hooks) if hooks.any else part,
        )
        return app
    interface = detect(app)
    if interface is Interface.WSGI:
        hooked: Any = HookedWSGI(cast("WSGIApplication", app), hooks, reads_files=reads_files)
        setattr(hooked, WEBSOCKET_ATTRIBUTE, _own_sockets(app, hooks))
        return hooked
    if interface is Interface.ASGI3 and hooks.any:
        return HookedASGI(cast("ASGIApp", app), hooks)
    return app


def _own_sockets(app: object, hooks: Hooks) -> ASGIApp | None:
    """Return the application for the WebSockets of a WSGI application, between hooks."""
    sockets = own_sockets(app)
    if sockets is None or not hooks.any:
        return sockets
    hooked: Any = HookedASGI(sockets, hooks)
    if (takes := getattr(sockets, "takes", None)) is not None:
        hooked.takes = takes
    return cast("ASGIApp", hooked)


def _set(worker: Worker, name: str) -> Callable[..., object] | None:
    setting = worker.cfg.settings[name]
    hook: Callable[..., object] = setting.get()
    is_quiet = setting.get() is setting.default and not worker.log.error_log.isEnabledFor(logging.DEBUG)
    return None if is_quiet or (name == "post_request" and hook is setting.default) else hook


class HookedWSGI:
    """A WSGI application between hooks (worker threads)."""

    def __init__(self, app: WSGIApplication, hooks: Hooks, *, reads_files: bool) -> None:
        self._app = app
        self._hooks = hooks
        self._reads_files = reads_files

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application, and the hooks before it and at its end."""
        if self._reads_files:
            environ["wsgi.file_wrapper"] = ReadingWrapper
        if not self._hooks.any:
            return self._app(environ, start_response)
        request, response = RequestView.of_environ(environ), ResponseView()

        def note_and_start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            response.status, response.headers = status, response_fields(headers)
            return start_response(status, headers, exc_info)

        self._hooks.before(request)
        try:
            parts = self._app(environ, note_and_start)
        except BaseException:
            self._hooks.after(request, environ, response)
            raise
        return _ending(parts, response, lambda: self._hooks.after(request, environ, response))


def _ending(parts: Iterable[bytes], response: ResponseView, end: Callable[[], object]) -> Iterable[bytes]:
    """Return the parts so that ``end`` is called after their own ``close()``."""
    if type(parts) is FileWrapper:  # the server sends the file itself, as long as it is this type
        response.sent = response.response_length
        parts.filelike = _ClosingFile(parts.filelike, end)
        return parts
    if isinstance(parts, (list, tuple)):
        return _ClosingList(cast("Iterable[bytes]", parts), response, end)
    return _ClosingParts(parts, response, end)


class _ClosingList(list[bytes]):
    """A list of parts: one that has a single part gets a Content-Length."""

    def __init__(self, parts: Iterable[bytes], response: ResponseView, end: Callable[[], object]) -> None:
        super().__init__(parts)
        response.sent = sum(map(len, self))
        self.close = end


class _ClosingParts:
    """Any other iterable."""

    def __init__(self, parts: Iterable[bytes], response: ResponseView, end: Callable[[], object]) -> None:
        self._parts = parts
        self._response = response
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        response = self._response
        for part in self._parts:
            response.sent = (response.sent or 0) + len(part)
            yield part

    def close(self) -> None:
        """Close the parts, then call the hook."""
        try:
            close: Callable[[], object] | None = getattr(self._parts, "close", None)
            if close is not None:
                close()
        finally:
            self._end()


class _ClosingFile:
    """A file whose end is wanted; everything else is the file's."""

    def __init__(self, file: Any, end: Callable[[], object]) -> None:
        self._file = file
        self._end = end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def close(self) -> None:
        """Close the file, then call the hook."""
        try:
            close: Callable[[], object] | None = getattr(self._file, "close", None)
            if close is not None:
                close()
        finally:
            self._end()


class HookedASGI:
    """An ASGI application between hooks. On the loop: a hook that waits keeps everybody waiting."""

    def __init__(self, app: ASGIApp, hooks: Hooks) -> None:
        self._app = app
        self._hooks = hooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, and the hooks before it and at its end; lifespan has none."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request, response = RequestView.of_scope(scope), ResponseView()

        async def note_and_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                response.status = str(message["status"])
                response.headers = response_fields(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                response.sent = (response.sent or 0) + len(message.get("body", b""))
            elif message["type"] == "websocket.accept":
                response.status = "101"
            await send(message)

        self._hooks.before(request)
        try:
            await self._app(scope, receive, note_and_send)
        finally:
            self._hooks.after(request, _environ_of(request), response)


def _environ_of(request: RequestView) -> dict[str, Any]:
    """Make what of an environ gunicorn's own worker for ASGI gives to hooks and loggers."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "RAW_URI": request.uri,
        "PATH_INFO": request.path,
        "QUERY_STRING": request.query,
        "SERVER_PROTOCOL": f"HTTP/{request.version[0]}.{request.version[1]}",
        "REMOTE_ADDR": request.remote_addr[0] if request.remote_addr else "-",
    }
    return environ | {f"HTTP_{name.replace('-', '_')}": value for name, value in request.headers}
