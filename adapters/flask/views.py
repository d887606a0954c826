"""What a WebSocket's route is to Flask: a view that is found by its rule, and never called as one."""

import inspect
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from flask import abort, current_app, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, NotFound


class SocketView:
    """The view function of a WebSocket's route.

    Attributes:
        handler: what the application has written.
        is_async: whether it runs on the event loop: a coroutine function, or what a decorator has made of
            one.
    """

    methods = ("GET",)
    provide_automatic_options = False

    def __init__(self, handler: Callable[..., Any]) -> None:
        self.handler = handler
        self.is_async = _is_async(handler)
        self.__name__: str = getattr(handler, "__name__", type(handler).__name__)
        self.__doc__ = handler.__doc__
        self.__module__: str = handler.__module__

    def __repr__(self) -> str:
        return f"<SocketView {self.__module__}.{self.__name__}>"

    def __call__(self, **view_args: object) -> ResponseReturnValue:
        """Refuse a handshake under a server that gives it to Flask as a request: 501."""
        abort(HTTPStatus.NOT_IMPLEMENTED, "this server does not give WebSockets to hybrid.adapters.flask")


def no_page(error: HTTPException) -> ResponseReturnValue:
    """Answer a request for a WebSocket's URL, or a handshake for that of a page, as any that leads nowhere.

    426 would say more, but needs an Upgrade field (RFC 9110 section 15.5.22), which no WSGI application may
    send (PEP 3333).
    """
    is_handshake = request.headers.get("Upgrade", "").lower() == "websocket"
    here, missing = ("page", "WebSocket") if is_handshake else ("WebSocket", "page")
    return current_app.handle_http_exception(NotFound(f"There is a {here} at this URL, and no {missing}."))


def _is_async(handler: Callable[..., Any]) -> bool:
    inner: Any = inspect.unwrap(handler)
    called: Any = getattr(inner, "__call__", None)  # noqa: B004 - the method itself is wanted
    return any(map(inspect.iscoroutinefunction, (handler, inner, called)))
