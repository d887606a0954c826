"""WebSockets for Flask applications: routes, sessions and groups. ``docs/flask.md`` is the manual.

The names are loaded when they are first asked for (PEP 562): ``migrate/`` reads projects without Flask.
"""

from typing import TYPE_CHECKING, Final

from hybrid.bridge.imports import lazy_names

if TYPE_CHECKING:
    from hybrid.adapters.flask.socket import Socket
    from hybrid.adapters.flask.thread_socket import ThreadSocket
    from hybrid.adapters.flask.websockets import WebSockets
    from hybrid.bridge.errors import ClientDisconnected

__all__ = ["ClientDisconnected", "Socket", "ThreadSocket", "WebSockets"]

_MODULE_OF: Final = {
    "ClientDisconnected": "hybrid.bridge.errors",
    "Socket": "hybrid.adapters.flask.socket",
    "ThreadSocket": "hybrid.adapters.flask.thread_socket",
    "WebSockets": "hybrid.adapters.flask.websockets",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
