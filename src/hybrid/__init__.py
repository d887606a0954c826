"""Runs WSGI applications, ASGI applications and WebSockets behind one port, in one process.

The public names below are loaded on first use (PEP 562), so that `import hybrid.bridge` costs no server and
works under any ASGI server.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybrid.adapters.django.lanes.decorator import lane
    from hybrid.bridge.consumers.base import AsyncConsumer, SyncConsumer
    from hybrid.bridge.consumers.http import AsyncHttpConsumer
    from hybrid.bridge.consumers.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
    from hybrid.bridge.consumers.websocket_sync import JsonWebsocketConsumer, WebsocketConsumer
    from hybrid.bridge.gateway import Gateway
    from hybrid.bridge.layers import get_channel_layer, publish, send
    from hybrid.bridge.routing import ProtocolTypeRouter
    from hybrid.bridge.shutdown import shutdown_notice
    from hybrid.bridge.static.files import StaticFiles
    from hybrid.bridge.url_patterns import path, re_path
    from hybrid.bridge.url_router import URLRouter
    from hybrid.bridge.wsgi.adapter import WSGIToASGI
    from hybrid.bridge.wsgi.reverse import ASGIToWSGI
    from hybrid.bridge.wsgi.threadpool import ThreadPool
    from hybrid.server.config import Config
    from hybrid.server.server import Server

    __version__: str

__all__ = [
    "ASGIToWSGI",
    "AsyncConsumer",
    "AsyncHttpConsumer",
    "AsyncJsonWebsocketConsumer",
    "AsyncWebsocketConsumer",
    "Config",
    "Gateway",
    "JsonWebsocketConsumer",
    "ProtocolTypeRouter",
    "Server",
    "StaticFiles",
    "SyncConsumer",
    "ThreadPool",
    "URLRouter",
    "WSGIToASGI",
    "WebsocketConsumer",
    "__version__",
    "get_channel_layer",
    "lane",
    "path",
    "publish",
    "re_path",
    "send",
    "shutdown_notice",
]

_MODULE_OF = {
    "ASGIToWSGI": "hybrid.bridge.wsgi.reverse",
    "AsyncConsumer": "hybrid.bridge.consumers.base",
    "AsyncHttpConsumer": "hybrid.bridge.consumers.http",
    "AsyncJsonWebsocketConsumer": "hybrid.bridge.consumers.websocket",
    "AsyncWebsocketConsumer": "hybrid.bridge.consumers.websocket",
    "Config": "hybrid.server.config",
    "Gateway": "hybrid.bridge.gateway",
    "JsonWebsocketConsumer": "hybrid.bridge.consumers.websocket_sync",
    "ProtocolTypeRouter": "hybrid.bridge.routing",
    "Server": "hybrid.server.server",
    "StaticFiles": "hybrid.bridge.static.files",
    "SyncConsumer": "hybrid.bridge.consumers.base",
    "ThreadPool": "hybrid.bridge.wsgi.threadpool",
    "URLRouter": "hybrid.bridge.url_router",
    "WSGIToASGI": "hybrid.bridge.wsgi.adapter",
    "WebsocketConsumer": "hybrid.bridge.consumers.websocket_sync",
    "get_channel_layer": "hybrid.bridge.layers",
    "lane": "hybrid.adapters.django.lanes.decorator",
    "path": "hybrid.bridge.url_patterns",
    "publish": "hybrid.bridge.layers",
    "re_path": "hybrid.bridge.url_patterns",
    "send": "hybrid.bridge.layers",
    "shutdown_notice": "hybrid.bridge.shutdown",
}


#: Who knows a framework, by the package that its applications are from: the name of a module that is a
#: ``hybrid.server.frameworks.Adapter``. Servers ask it, whoever starts them; neither need know any framework.
FRAMEWORKS = {"django": "hybrid.adapters.frameworks"}
#: Who knows which of its own routes an application has taken for a request, likewise: the name of a module
#: that is a ``hybrid.server.frameworks.Router``.
ROUTERS = dict.fromkeys(("fastapi", "flask", "starlette"), "hybrid.adapters.routes")


def _installed_version() -> str:
    """Give the installed distribution's version, or `0+unknown` in a source tree nobody has installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("hybrid-gateway")
    except PackageNotFoundError:
        return "0+unknown"


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for, and keep it."""
    value: object
    if name == "__version__":
        value = _installed_version()
    elif name in _MODULE_OF:
        value = getattr(import_module(_MODULE_OF[name]), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the lazy names too, so that completion in a shell finds them."""
    return sorted({*globals(), *__all__})
