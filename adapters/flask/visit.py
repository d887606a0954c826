"""One WebSocket's way through Flask: its request context, the application's hooks, and its response.

What a request gets is what a handshake gets: ``before_request`` and ``after_request``, error handlers,
signals, and teardown, in this order. The response is that of the handshake, so a cookie can be set until the
WebSocket is accepted, and not any more afterwards.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeVar

from flask import Flask, got_request_exception, request, request_finished, request_started, session
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as BaseResponse

from hybrid.adapters.flask.views import SocketView
from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import Headers

T = TypeVar("T")

#: Fields that the server writes, or that are not for the response of a handshake that is granted.
_HOP_BY_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})
_NOT_FOR_101: Final = _HOP_BY_HOP | {"content-length", "content-type"}


#: Says whose a handshake is, in its request context.
Whose = Callable[[], str | int | None]


class Refusal(NamedTuple):
    """A response instead of a WebSocket."""

    status: int
    headers: Headers
    body: bytes


class Visit:
    """A handshake as a Flask request.

    Attributes:
        context: where the request context is pushed, and the handler runs.
        view: the route's; set by :meth:`find`.
        error: what the application has raised, and has no handler for.
        user_id: whose the WebSocket is, if anybody's; set by :meth:`enter`.
        entered: whether there is something to leave.
    """

    view: SocketView
    error: BaseException | None = None
    user_id: str | None = None

    def __init__(self, app: Flask, environ: dict[str, Any], whose: Whose | None = None) -> None:
        self.context = copy_context()
        self._app = app
        self._environ = environ
        self._flask = app.request_context(environ)
        self._whose = whose
        self._granted = False
        self.entered = False

    def __repr__(self) -> str:
        return f"<Visit {self.name}>"

    # The loop.

    def has_route(self) -> bool:
        """Return whether the URL is a WebSocket's that is served here, or one that redirects (loop)."""
        refusal = self.find()
        return refusal is None or refusal.status in range(300, 400)

    def find(self) -> Refusal | None:
        """Find the route; return what to answer where there is none (loop).

        A converter that looks into a database would hold up everybody.
        """
        adapter = self._flask.url_adapter
        try:
            if adapter is None:
                raise self._flask.request.routing_exception or HTTPException
            rule, _ = adapter.match(return_rule=True)
        except RequestRedirect as redirect:
            return self._refusal(redirect.get_response(self._environ))
        except HTTPException as error:
            return _NO_SOCKET if adapter else plain(error.code or 400, error.description or "Bad Request")
        view = self._app.view_functions.get(rule.endpoint)
        if not isinstance(view, SocketView):
            return _NO_SOCKET
        self.view = view
        return None

    @property
    def name(self) -> str:
        """Name the WebSocket in the log, without control characters that a client put into its path."""
        path = self._environ["PATH_INFO"].encode("unicode_escape").decode("ascii")
        rule = self._flask.request.url_rule
        return f"websocket {path}" + (f" (route {rule.rule}, endpoint {rule.endpoint})" if rule else "")

    # A worker thread, in the context.

    def enter(self) -> Refusal | None:
        """Push the contexts and run what runs before a request; return what that answers (worker)."""

        def before() -> ResponseReturnValue | None:
            self.entered = True
            self._flask.push()
            if self.view.is_async:
                _load_user(self._app)
            request_started.send(self._app, _async_wrapper=self._app.ensure_sync)
            answer = self._app.preprocess_request()
            if answer is None and request.routing_exception is not None:
                raise request.routing_exception
            if answer is None and self._whose is not None:
                found = self._whose()
                self.user_id = None if found is None else str(found)
            return answer

        return self._answer(before)

    @property
    def args(self) -> dict[str, Any]:
        """The values of the URL for the handler (after :meth:`enter`)."""
        return dict(self._flask.request.view_args or {})

    def grant(self) -> Headers:
        """Return fields for the response of a handshake that is granted (worker, in any context)."""
        return self.context.copy().run(self._grant)

    def _grant(self) -> Headers:
        response = self._app.response_class(status=101)
        response = self._app.process_response(response)
        request_finished.send(self._app, _async_wrapper=self._app.ensure_sync, response=response)
        self._granted = True
        with suppress(AttributeError):  # to notice what comes too late
            session.modified = False
        return _fields(response.headers, _NOT_FOR_101)

    def refuse(self, answer: Any, error: Exception | None) -> Refusal | None:
        """Return the response for what a handler has returned or raised before it accepted (worker)."""

        def outcome() -> ResponseReturnValue | None:
            if error is not None:
                raise error
            result: ResponseReturnValue | None = answer
            return result

        return self._answer(outcome)

    def report(self, error: BaseException) -> None:
        """Log what a handler has raised after it accepted, and tell the application's listeners (worker)."""
        got_request_exception.send(self._app, _async_wrapper=self._app.ensure_sync, exception=error)
        self._app.logger.error("Exception on %s", self.name, exc_info=error)

    def leave(self, error: BaseException | None) -> None:
        """Run what runs at the end of a request, and pop the contexts (worker)."""
        if not self.entered:
            return
        if self._granted and getattr(session, "modified", False):
            self._app.logger.warning(
                "%s: the session was changed after the WebSocket was accepted, which no cookie can keep",
                self.name,
            )
        self._flask.pop(error)

    def _answer(self, call: Callable[[], ResponseReturnValue | None]) -> Refusal | None:
        """Do as Flask does with a view: errors go to the handlers for them, and the rest is a 500."""
        try:
            try:
                answer = call()
            except ClientDisconnected:
                raise
            except Exception as error:  # noqa: BLE001 - the application's
                answer = self._app.handle_user_exception(error)
            return None if answer is None else self._refusal(self._app.finalize_request(answer))
        except ClientDisconnected:
            return None
        except Exception as error:  # noqa: BLE001 - as above
            self.error = error
            return self._refusal(self._app.handle_exception(error))

    def _refusal(self, response: BaseResponse) -> Refusal:
        parts, _, headers = response.get_wsgi_response(self._environ)
        try:
            body = b"".join(parts)
        finally:
            response.close()
        return refusal_of(response.status_code, headers, body)


def _load_user(app: Flask) -> None:
    """Let Flask-Login look the user up where that may take time; what goes wrong goes wrong when it is asked
    for. On the loop it finds the user in ``g``.
    """
    if hasattr(app, "login_manager"):
        with suppress(Exception):
            bool(import_module("flask_login").current_user.is_authenticated)


def refusal_of(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Refusal:
    """Make a refusal of a response.

    Raises:
        ValueError: it is none that there can be.
    """
    if status < 200:
        raise ValueError(f"a handshake cannot be refused with the status {status}")
    return Refusal(status, _fields(headers, _HOP_BY_HOP), body)


def plain(status: int, reason: str) -> Refusal:
    """Make a refusal of one line of text."""
    return Refusal(status, [(b"content-type", b"text/plain; charset=utf-8")], f"{reason}\n".encode())


_NO_SOCKET: Final = plain(404, "There is no WebSocket at this URL.")
#: What is answered when nothing better can be made.
FAILURE: Final = plain(500, "Internal Server Error")
#: What is answered while no thread is free.
FULL: Final = plain(503, "Too many WebSockets are open.")


def _fields(headers: Iterable[tuple[str, str]], unwanted: frozenset[str]) -> Headers:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if name.lower() not in unwanted
    ]
