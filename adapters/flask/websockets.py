"""WebSockets for a Flask application: the extension."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from flask import Blueprint, Flask
from werkzeug.routing import WebsocketMismatch

from hybrid.adapters.flask import middleware
from hybrid.adapters.flask.application import FlaskSockets, Options
from hybrid.adapters.flask.membership import layer_of
from hybrid.adapters.flask.messages import for_group
from hybrid.adapters.flask.origins import AllowedOrigins, Origins
from hybrid.adapters.flask.views import SocketView, no_page
from hybrid.adapters.flask.visit import Whose
from hybrid.bridge import portal
from hybrid.bridge.errors import ConfigError
from hybrid.bridge.layers import DEFAULT_CHANNEL_LAYER
from hybrid.bridge.layers.presence import Member
from hybrid.bridge.types import ASGIApp, Receive, Scope, Send
from hybrid.bridge.wsgi.socket_threads import SocketThreads

Handler = TypeVar("Handler", bound=Callable[..., Any])

#: Where Flask keeps this extension.
EXTENSION: Final = "hybrid_websockets"


class WebSockets:
    """WebSockets for a Flask application, served beside it: ``ws = WebSockets(app)``, ``@ws.route("/chat")``.

    ``hybrid serve wsgi:app`` finds them by itself. For another ASGI server, and for a target of their own,
    the object is an ASGI application: ``hybrid serve wsgi:app wsgi:ws``.

    Args:
        app: the application; without one, :meth:`init_app` takes it, or several.
        allowed_origins: whose pages may open WebSockets beside the application's own, such as
            ``["https://example.org"]``; ``"*"`` for any page, which is dangerous where cookies say who
            somebody is.
        layer: the alias of the channel layer for groups.
        user_id: says whose a WebSocket is, by the id of the user, or None for nobody's. It is called without
            arguments, in the context of the handshake, when the application's ``before_request`` functions
            have let that in. :func:`hybrid.bridge.auth.disconnect_user` then closes all that are that user's,
            in every process.
        threads: how many handlers that are plain functions may run at a time; one more is answered 503.
        around: makes an ASGI application of another one, for all WebSockets: ASGI middleware, such as
            something that counts them. It is called once for each Flask application.
    """

    def __init__(  # noqa: PLR0913 - by keyword only, all but the application
        self,
        app: Flask | None = None,
        *,
        allowed_origins: AllowedOrigins = (),
        layer: str = DEFAULT_CHANNEL_LAYER,
        user_id: Whose | None = None,
        threads: int = 100,
        around: Callable[[ASGIApp], ASGIApp] | None = None,
    ) -> None:
        own_threads = SocketThreads(threads, name="flask-socket")
        self._options = Options(Origins(allowed_origins), layer, own_threads, user_id, around)
        self._apps: list[FlaskSockets] = []
        self._rules: list[tuple[str, SocketView, dict[str, Any]]] = []
        if app is not None:
            self.init_app(app)

    def __repr__(self) -> str:
        return f"<WebSockets {self._apps}>"

    def init_app(self, app: Flask) -> None:
        """Serve the WebSockets of an application.

        Raises:
            ConfigError: it has another object of this class.
        """
        if EXTENSION in app.extensions:
            if app.extensions[EXTENSION] is not self:
                raise ConfigError(f"the Flask application {app.name!r} has a WebSockets object already")
            return
        app.extensions[EXTENSION] = self
        sockets = FlaskSockets(app, self._options)
        self._apps.append(sockets)
        found_by: Any = app
        found_by.__hybrid_websocket__ = sockets  # the gateway looks for it
        _let_decorators_pass(app)
        middleware.watch(app)
        app.register_error_handler(WebsocketMismatch, no_page)
        for rule, view, options in self._rules:
            app.add_url_rule(rule, view_func=view, **options)

    def route(self, rule: str, bp: Blueprint | None = None, **options: Any) -> Callable[[Handler], Handler]:
        """Serve WebSockets at a URL with the decorated function; rules are as for :meth:`flask.Flask.route`.

        The function gets a socket and the values of the URL. A coroutine function runs on the event loop and
        gets a :class:`~hybrid.adapters.flask.socket.Socket`; a plain one runs on a thread of its own and gets
        a :class:`~hybrid.adapters.flask.thread_socket.ThreadSocket`. The end of the function closes the
        WebSocket. What it returns, or raises with ``abort()``, before the WebSocket is accepted is the
        response to the handshake.

        Args:
            rule: the URL rule.
            bp: the blueprint to which it belongs; none for the application.
            options: further arguments of :meth:`flask.Flask.add_url_rule`: ``endpoint``, ``defaults``, ….
        """

        def decorate(handler: Handler) -> Handler:
            self.add_url_rule(rule, handler, bp, **options)
            return handler

        return decorate

    def add_url_rule(
        self, rule: str, handler: Callable[..., Any], bp: Blueprint | None = None, **options: Any
    ) -> None:
        """Do what :meth:`route` does, without a decorator."""
        view = SocketView(handler)
        options = {"endpoint": view.__name__, **options, "websocket": True}
        if bp is not None:
            bp.add_url_rule(rule, view_func=cast("Any", view), **options)
            bp.record_once(lambda state: self.init_app(cast("Flask", state.app)))
            return
        self._rules.append((rule, view, options))
        for sockets in self._apps:
            sockets.app.add_url_rule(rule, view_func=cast("Any", view), **options)

    # Groups.

    def emit(self, group: str, data: str | bytes | dict[str, Any] | list[Any]) -> None:
        """Send a message to every member of a group: text for a str, binary for bytes, JSON text for a dict
        or a list. Any thread, such as a view's; waits for nobody.

        Raises:
            TypeError: the name of the group breaks the rules, or the data cannot be sent.
        """
        layer_of(self._options.layer).publish(group, for_group(data))

    def members(self, group: str) -> list[Member]:
        """Return who is in a group, in all processes, those that came first first (worker).

        Raises:
            PortalError: this is a thread of no server's, or its event loop: ``await socket.members(group)``
                there.
        """
        return portal.run(layer_of(self._options.layer).group_members, group)

    # ASGI.

    @property
    def asgi(self) -> FlaskSockets:
        """The ASGI application for WebSocket scopes.

        Raises:
            ConfigError: :meth:`init_app` has had no application, or several.
        """
        if len(self._apps) != 1:
            raise ConfigError(
                f"these WebSockets belong to {len(self._apps)} Flask applications: call init_app(app),"
                " or take app.__hybrid_websocket__"
            )
        return self._apps[0]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection (ASGI)."""
        await self.asgi(scope, receive, send)


def _let_decorators_pass(app: Flask) -> None:
    """Let decorators that call ``app.ensure_sync(view)``, as Flask-Login's do, call a handler on the loop.

    Flask's own would make a plain function of it, which cannot be called there: it waits.
    """
    ensure_sync = app.ensure_sync

    def on_the_loop_as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
        if asyncio._get_running_loop() is not None:  # noqa: SLF001 - documented; the public one raises
            return function
        return ensure_sync(function)

    patched: Any = app  # Flask's documentation invites applications to override it
    patched.ensure_sync = on_the_loop_as_it_is
