"""WebSockets of a WSGI application: it is called with the connection's socket in its environ.

PEP 3333 knows no WebSockets. What there is instead is a habit: development servers put the client's socket
into the environ, and libraries such as simple-websocket, below flask-sock and Flask-SocketIO, take it from
there, answer the handshake and speak the protocol by themselves, on the thread of the call.
"""

import logging
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.socket_application import SocketApplication, SocketExchange
from hybrid.bridge.types import Receive, Scope, Send
from hybrid.bridge.wsgi.call import serve
from hybrid.bridge.wsgi.environ import EnvironBuilder
from hybrid.bridge.wsgi.errorlog import ERRORS
from hybrid.bridge.wsgi.siblings import has_siblings
from hybrid.bridge.wsgi.socket_threads import SocketThreads

logger = logging.getLogger("hybrid.wsgi")

#: Where Werkzeug's server has the socket. Of the names that libraries look for it is the one under which they
#: end like any other view: flask-sock returns an empty response, and engineio raises ``ConnectionError``,
#: which Werkzeug takes for a client that left. Under gunicorn's name both raise ``StopIteration``.
SOCKET_KEY = "werkzeug.socket"


class WSGISockets(SocketApplication):
    """The WebSockets of a WSGI application, which takes each of them as a socket in ``werkzeug.socket``.

    - Once the application has written to the socket, what it wrote is all that the client gets: the response
      that it returns afterwards is dropped, and a ``ConnectionError`` is how a WebSocket ends.
    - An application that returns without having written to it has answered the handshake like any other
      request; one that knows no WebSockets so answers what it answers to a GET.

    Only a server that has such a socket to give can use it; under any other a WebSocket is refused.

    Args:
        app: the WSGI application.
        threads: what it runs on, one thread for each WebSocket; the caller closes them.
    """

    def __init__(self, app: WSGIApplication, threads: SocketThreads) -> None:
        self.app = app
        self.threads = threads
        self._environ = EnvironBuilder(multithread=True, multiprocess=has_siblings())

    def __repr__(self) -> str:
        return f"WSGISockets({self.app!r})"

    def submit_socket(self, exchange: SocketExchange) -> None:
        """Start the application on a thread (loop); raises :class:`PoolFull`."""
        self.threads.submit(partial(self._serve, get_running_loop()), exchange)

    def _serve(self, loop: AbstractEventLoop, exchange: SocketExchange) -> None:
        """Serve one WebSocket from its handshake to its end (worker)."""
        from hybrid.bridge import portal  # which takes milliseconds to import

        portal.enter(loop)
        environ: dict[str, Any] = {}
        try:
            environ = self._environ.build(exchange.scope, BytesIO())
            environ[SOCKET_KEY] = exchange.take_socket()
            environ["hybrid.disconnected"] = lambda: exchange.disconnected
            serve(_unless_used(self.app, exchange), environ, exchange)
        except BaseException:  # a scope that no environ can be made of
            logger.exception("the WebSocket could not be given to %r", self.app)
            exchange.abort()
        finally:
            environ.pop(SOCKET_KEY, None)  # frameworks leave environs to the garbage collector, which is late
            exchange.end()
            if ERRORS.incomplete:  # half a line is not the beginning of another request's
                ERRORS.flush()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a WebSocket, for a server that does not know this class."""
        await send({"type": "websocket.close", "code": 1000})


def _unless_used(app: WSGIApplication, exchange: SocketExchange) -> WSGIApplication:
    """Drop what a call returns once it has used its socket, and let it end with a ``ConnectionError``.

    That either means that the client has left, or is engineio's way to keep Werkzeug from sending a response.
    What is returned may not even have called start_response.
    """

    def check() -> None:
        if exchange.used():
            raise ClientDisconnected("the WebSocket has ended")

    def application(environ: dict[str, Any], start_response: StartResponse) -> Iterator[bytes]:
        try:
            parts = app(environ, start_response)
            try:
                check()
                for part in parts:
                    check()
                    yield part
                check()
            finally:
                close = getattr(parts, "close", None)
                if close is not None:
                    close()
        except ConnectionError:
            check()
            raise

    return application
