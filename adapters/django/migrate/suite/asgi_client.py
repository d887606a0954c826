"""Lets ``django.test.Client`` go through what Django has for ASGI.

The handler of the client keeps its name and its subclasses. Its middleware are loaded for ASGI, its requests
are of the class ``ASGIRequest``, and the receivers of ``request_started`` are given a scope. The coroutine
runs on an event loop of its own, and all synchronous code on the thread that the test is on: there are its
database connection, its transaction, and what it counts and patches.
"""

import asyncio
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from hybrid.adapters.django.migrate.suite.scope import header_keys, rules_of, scope_of, without_place

if TYPE_CHECKING:
    from collections.abc import Generator

    from hybrid.adapters.django.migrate.suite.recorder import Recorder

#: Whether a request of the client is under way, in this context.
_UNDER_WAY: "ContextVar[bool]" = ContextVar("hybrid.migrate.under_way", default=False)
#: Whether it is to be answered as without us.
_AS_IS: "ContextVar[bool]" = ContextVar("hybrid.migrate.as_is", default=False)
#: Modules in which Django leaves the test's thread for code that may come to the database.
_LEAVING: Final = ("django.core.handlers.base", "django.core.handlers.exception")


def change(client: Any, recorder: "Recorder") -> None:
    """Change the module ``django.test.client``."""
    handler: Any = client.ClientHandler
    as_is = handler.__call__, handler.get_response, handler.load_middleware

    def call(self: Any, environ: dict[str, Any]) -> Any:
        """Answer a request."""
        return _answer(client, recorder, self, environ)

    def get_response(self: Any, request: Any) -> Any:
        """Be what subclasses call."""
        if _AS_IS.get():
            return as_is[1](self, request)
        with _set(_UNDER_WAY):
            return _asgiref().async_to_sync(self.get_response_async)(request)

    def load_middleware(self: Any, is_async: bool = False) -> None:
        """Load them for ASGI, whatever the caller believes."""
        as_is[2](self, is_async=not _AS_IS.get())

    def outer(self: Any, environ: dict[str, Any]) -> Any:
        """Leave requests alone that are sent from a coroutine: nothing else can run on its thread."""
        if not loop_runs():
            return call(self, environ)
        with _set(_AS_IS), _other_chain(self):
            return as_is[0](self, environ)

    handler.__call__, handler.get_response, handler.load_middleware = outer, get_response, load_middleware
    for name in _LEAVING:
        module: Any = import_module(name)
        module.sync_to_async = _staying(module.sync_to_async)


def _answer(client: Any, recorder: "Recorder", handler: Any, environ: dict[str, Any]) -> Any:
    """Do what the handler does, with the classes and signals of ASGI."""
    if handler._middleware_chain is None:  # noqa: SLF001 - the handler's own
        handler.load_middleware()
    scope = scope_of(environ)
    forced = ["HM404"] if client.settings.FORCE_SCRIPT_NAME else []
    recorder.ask(without_place(environ), [*rules_of(environ), *forced])
    with _own_connections(client, client.request_started):
        client.request_started.send(sender=handler.__class__, scope=scope)
    request = _request_of(client, scope, environ)
    if request is None:  # Django answers so before it comes to middleware
        response = import_module("django.http").HttpResponseBadRequest()
        response.wsgi_request = None
        return response
    request._dont_enforce_csrf_checks = not handler.enforce_csrf_checks  # noqa: SLF001 - as the handler does
    response = handler.get_response(request)
    client.conditional_content_removal(request, response)
    response.wsgi_request = request
    if response.streaming:
        if not response.is_async:
            recorder.stream()
        wrap = client.aclosing_iterator_wrapper if response.is_async else client.closing_iterator_wrapper
        response.streaming_content = wrap(response.streaming_content, response.close)
    else:
        with _own_connections(client, client.request_finished):
            response.close()
    return response


def _request_of(client: Any, scope: dict[str, Any], environ: dict[str, Any]) -> Any:
    """Return the request; None for one whose query is no text."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    try:
        request = client.ASGIRequest(scope, client.LimitedStream(environ["wsgi.input"], length))
    except UnicodeDecodeError:
        return None
    # Text outside of Latin-1, which tests write into fields and no client sends, stays as on the other side.
    request.META.update({key: environ[key] for key in header_keys(environ)})
    return request


@contextmanager
def _own_connections(client: Any, signal: Any) -> "Generator[None]":
    """Keep the test's connections open, as the handler does."""
    signal.disconnect(client.close_old_connections)
    try:
        yield
    finally:
        signal.connect(client.close_old_connections)


@contextmanager
def _other_chain(handler: Any) -> "Generator[None]":
    """Have the handler load its middleware anew, and give it back those that it has."""
    attributes: dict[str, Any] = handler.__dict__
    had = {key: value for key, value in attributes.items() if "_middleware" in key}
    handler._middleware_chain = None  # noqa: SLF001 - the handler's own
    try:
        yield
    finally:
        attributes.update(had)


@contextmanager
def _set(variable: "ContextVar[bool]") -> "Generator[None]":
    token = variable.set(True)
    try:
        yield
    finally:
        variable.reset(token)


def _staying(sync_to_async: Any) -> Any:
    """Return a ``sync_to_async`` that stays on the test's thread for requests of the client.

    Django makes error pages and log records on any thread. In a test, another thread has another database
    connection, and does not see what the test has written: a difference that no server has.
    """

    def staying(function: Any, *, thread_sensitive: bool = True, **options: Any) -> Any:
        return sync_to_async(function, thread_sensitive=thread_sensitive or _UNDER_WAY.get(), **options)

    return staying


def loop_runs() -> bool:
    """Tell whether this is in a coroutine: a request that is sent from there is answered as without us."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _asgiref() -> Any:
    return import_module("asgiref.sync")
