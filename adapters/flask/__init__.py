"""WebSockets for Flask applications: routes, sessions and groups. ``docs/flask.md`` is the manual."""

from hybrid.adapters.flask.socket import Socket
from hybrid.adapters.flask.thread_socket import ThreadSocket
from hybrid.adapters.flask.websockets import WebSockets
from hybrid.bridge.errors import ClientDisconnected

__all__ = ["ClientDisconnected", "Socket", "ThreadSocket", "WebSockets"]
