"""An ASGI application as a WSGI application, for those who stay on a WSGI server."""

import atexit
import logging
import os
import threading
from collections.abc import Iterable
from typing import Final
from wsgiref.types import StartResponse, WSGIEnvironment

from hybrid.bridge.interface import name_of
from hybrid.bridge.lifespan import Lifespan
from hybrid.bridge.types import ASGIApp, LifespanMode
from hybrid.bridge.wsgi.background import BackgroundLoop
from hybrid.bridge.wsgi.conversation import Conversation

logger = logging.getLogger("hybrid.wsgi")

#: Seconds that lifespan shutdown may take when the process ends.
_CLOSE_SECONDS: Final = 5.0


class ASGIToWSGI:
    """An ASGI application as a WSGI application: HTTP alone, on a thread per request.

    The application runs on an event loop on a thread of its own, which starts, with the lifespan, at the
    first request in a process, and so after a server has forked; the end of the process shuts both down.
    The bytes cross in a2wsgi's ``ASGIMiddleware``.

    What WSGI cannot do is not there: WebSockets, trailers, and knowing that a client has left before
    something is sent to it. Each request takes a thread of the server until its response is complete, an
    event stream too. A response's head waits for the first byte of the body. How bodies are buffered is the
    server's matter. Servers on greenlets (gevent, eventlet) are not supported.

    Args:
        app: the ASGI application.
        lifespan: ``"auto"``, ``"on"`` or ``"off"``, see :class:`~hybrid.bridge.lifespan.Lifespan`.
    """

    def __init__(self, app: ASGIApp, *, lifespan: LifespanMode = "auto") -> None:
        self.app = app
        self._lifespan: LifespanMode = lifespan
        self._background: BackgroundLoop | None = None
        self._starting = threading.Lock()

    def __repr__(self) -> str:
        return f"ASGIToWSGI({self.app!r})"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request (PEP 3333).

        Raises:
            LifespanError: the application failed to start; the next request tries again.
        """
        return Conversation(self.app, self._running(), environ, start_response)

    def close(self, timeout: float = _CLOSE_SECONDS) -> None:
        """Run lifespan shutdown and end the thread; the end of the process does so by itself."""
        with self._starting:
            background, self._background = self._background, None
        if background is not None and background.pid == os.getpid():
            atexit.unregister(self.close)
            if not background.close(timeout):
                logger.warning("%r: its event loop is blocked, and left behind", self)

    def _running(self) -> BackgroundLoop:
        background = self._background
        if background is not None and background.pid == os.getpid():
            return background
        with self._starting:
            background = self._background
            if background is None or background.pid != os.getpid():
                name = name_of(self.app)
                background = BackgroundLoop(Lifespan([self.app], self._lifespan, names=[name]), name)
                self._background = background
                atexit.register(self.close)
            return background
