"""The server of ``runserver``, in the place of the one that Django has of the standard library."""

import logging
import os
import socket
import socketserver
from collections.abc import Mapping
from dataclasses import replace
from time import strftime
from typing import Any, Final
from urllib.parse import urlparse

from hybrid.adapters.django.lanes.parts import settings
from hybrid.adapters.django.lanes.project import project
from hybrid.bridge.gateway import Target
from hybrid.server.config import Config
from hybrid.server.ops.access_record import AccessEvent, AccessRecord
from hybrid.server.ops.escape import escape
from hybrid.server.server import Server
from hybrid.server.sources.gather import gather

_log: Final = logging.getLogger("django.server")
_EVENTS: Final = {
    AccessEvent.WEBSOCKET_OPEN: "WebSocket CONNECT %s",
    AccessEvent.WEBSOCKET_CLOSE: "WebSocket DISCONNECT %s",
}


class DevelopmentServer:
    """What ``runserver`` makes, binds, gives the handler to and runs: as its ``WSGIServer``.

    Settings are read as by ``hybrid serve``, but for where it listens. A class that is made of this one and
    ``ThreadingMixIn``, as Django does it without ``--nothreading``, has as many threads as they say.

    Args:
        address: host and port.
        handler_class: what Django would handle requests with; not used.
        ipv6: whether the address is one of IPv6.

    Raises:
        OSError: it cannot listen there.
    """

    def __init__(self, address: tuple[str, int], handler_class: object, *, ipv6: bool = False) -> None:
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        self._socket = socket.create_server(address, family=family)
        self.server_port: int = self._socket.getsockname()[1]
        self._handler: Any = None

    def __repr__(self) -> str:
        return f"<DevelopmentServer on port {self.server_port}>"

    def set_app(self, handler: object) -> None:
        """Take what is to be served: the WSGI application, with static files around it perhaps."""
        self._handler = handler

    def serve_forever(self) -> None:
        """Serve until SIGINT or SIGTERM; on another thread than the main one, until the process ends."""
        config = self._config()
        server = Server(config)
        server.on_started = _say_nothing  # Django has said it
        server.load([Target(project(config, self._handler), name=settings.SETTINGS_MODULE)])
        server.run([self._socket])

    def _config(self) -> Config:
        config = gather({"django": os.environ["DJANGO_SETTINGS_MODULE"], "log_level": "warning"}).config()
        return replace(
            config,
            lanes=_static_first(config.lanes),
            threads=config.threads if isinstance(self, socketserver.ThreadingMixIn) else 1,
            workers=1,
            reload=False,
            django_static=False,  # the handler finds them where they are written
            access_logger=_log_access,
        )


def _static_first(lanes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Let static files be found where their handler is, whatever routes would take their paths."""
    path = urlparse(getattr(settings, "STATIC_URL", None) or "").path
    return {f"{path}*": "wsgi", **(lanes or {})} if path not in ("", "/") else dict(lanes or {})


def _say_nothing() -> None:
    pass


def _log_access(record: AccessRecord) -> None:
    """Log a request, or a WebSocket, where and as Django's own server does."""
    extra = {"request": None, "server_time": strftime("%d/%b/%Y %H:%M:%S"), "status_code": record.status}
    if said := _EVENTS.get(record.event):
        _log.info(said, escape(record.path), extra=extra)
        return
    level = (
        logging.ERROR if record.status >= 500 else logging.WARNING if record.status >= 400 else logging.INFO
    )
    line = '"%s" %s %s'
    _log.log(level, line, escape(record.request_line), record.status, record.body_bytes, extra=extra)
