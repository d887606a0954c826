"""What an application is: interfaces, translation between them, threads, routing and channel layers.

The public names below are loaded on first use (PEP 562): somebody who wants one of them need not pay for all.
"""

from typing import TYPE_CHECKING

from hybrid.bridge.imports import lazy_names

if TYPE_CHECKING:
    from hybrid.bridge.auth import (
        AllowedHostsOriginValidator,
        Authentication,
        BearerToken,
        CookieSession,
        FirstMessageToken,
        Identity,
        OriginValidator,
        SubprotocolToken,
        WebsocketDenier,
        disconnect_user,
    )
    from hybrid.bridge.consumers.base import AsyncConsumer, SyncConsumer
    from hybrid.bridge.consumers.dispatch import await_many_dispatch, get_handler_name
    from hybrid.bridge.consumers.http import AsyncHttpConsumer
    from hybrid.bridge.consumers.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer
    from hybrid.bridge.consumers.websocket_sync import JsonWebsocketConsumer, WebsocketConsumer
    from hybrid.bridge.errors import (
        AcceptConnection,
        ChannelFull,
        ClientDisconnected,
        ConfigError,
        DenyConnection,
        HybridError,
        InterfaceError,
        InvalidChannelLayerError,
        LifespanError,
        LoadError,
        MessageTooLarge,
        PoolFull,
        PortalError,
        ProtocolError,
        RequestAborted,
        RequestTimeout,
        StopConsumer,
    )
    from hybrid.bridge.gateway import Gateway, load_targets
    from hybrid.bridge.interface import Interface, detect
    from hybrid.bridge.layers import (
        BaseChannelLayer,
        ChannelLayer,
        InMemoryChannelLayer,
        channel_layers,
        get_channel_layer,
        publish,
        send,
    )
    from hybrid.bridge.layers.worker import Worker
    from hybrid.bridge.lifespan import Lifespan
    from hybrid.bridge.middleware import BaseMiddleware, CookieMiddleware
    from hybrid.bridge.routes import Route, Target, format_routes
    from hybrid.bridge.routing import (
        ChannelNameRouter,
        HostRouter,
        PathRouter,
        ProtocolTypeRouter,
        not_found,
        refusing,
    )
    from hybrid.bridge.targets import TargetSpec, add_app_dir, call_factory, load_target, parse_target
    from hybrid.bridge.types import BodyPolicy
    from hybrid.bridge.url_patterns import URLRoute, path, re_path
    from hybrid.bridge.url_router import URLRouter
    from hybrid.bridge.wsgi.adapter import WSGIToASGI
    from hybrid.bridge.wsgi.oversight import Patience
    from hybrid.bridge.wsgi.pool_stats import PoolStats
    from hybrid.bridge.wsgi.reverse import ASGIToWSGI
    from hybrid.bridge.wsgi.socket_threads import SocketThreads
    from hybrid.bridge.wsgi.threadpool import ThreadPool

__all__ = [
    "ASGIToWSGI",
    "AcceptConnection",
    "AllowedHostsOriginValidator",
    "AsyncConsumer",
    "AsyncHttpConsumer",
    "AsyncJsonWebsocketConsumer",
    "AsyncWebsocketConsumer",
    "Authentication",
    "BaseChannelLayer",
    "BaseMiddleware",
    "BearerToken",
    "BodyPolicy",
    "ChannelFull",
    "ChannelLayer",
    "ChannelNameRouter",
    "ClientDisconnected",
    "ConfigError",
    "CookieMiddleware",
    "CookieSession",
    "DenyConnection",
    "FirstMessageToken",
    "Gateway",
    "HostRouter",
    "HybridError",
    "Identity",
    "InMemoryChannelLayer",
    "Interface",
    "InterfaceError",
    "InvalidChannelLayerError",
    "JsonWebsocketConsumer",
    "Lifespan",
    "LifespanError",
    "LoadError",
    "MessageTooLarge",
    "OriginValidator",
    "PathRouter",
    "Patience",
    "PoolFull",
    "PoolStats",
    "PortalError",
    "ProtocolError",
    "ProtocolTypeRouter",
    "RequestAborted",
    "RequestTimeout",
    "Route",
    "SocketThreads",
    "StopConsumer",
    "SubprotocolToken",
    "SyncConsumer",
    "Target",
    "TargetSpec",
    "ThreadPool",
    "URLRoute",
    "URLRouter",
    "WSGIToASGI",
    "WebsocketConsumer",
    "WebsocketDenier",
    "Worker",
    "add_app_dir",
    "await_many_dispatch",
    "call_factory",
    "channel_layers",
    "detect",
    "disconnect_user",
    "format_routes",
    "get_channel_layer",
    "get_handler_name",
    "load_target",
    "load_targets",
    "not_found",
    "parse_target",
    "path",
    "publish",
    "re_path",
    "refusing",
    "send",
]

_NAMES_IN = {
    "hybrid.bridge.auth": (
        "AllowedHostsOriginValidator",
        "Authentication",
        "BearerToken",
        "CookieSession",
        "FirstMessageToken",
        "Identity",
        "OriginValidator",
        "SubprotocolToken",
        "WebsocketDenier",
        "disconnect_user",
    ),
    "hybrid.bridge.consumers.base": ("AsyncConsumer", "SyncConsumer"),
    "hybrid.bridge.consumers.dispatch": ("await_many_dispatch", "get_handler_name"),
    "hybrid.bridge.consumers.http": ("AsyncHttpConsumer",),
    "hybrid.bridge.consumers.websocket": ("AsyncJsonWebsocketConsumer", "AsyncWebsocketConsumer"),
    "hybrid.bridge.consumers.websocket_sync": ("JsonWebsocketConsumer", "WebsocketConsumer"),
    "hybrid.bridge.errors": (
        "AcceptConnection",
        "ChannelFull",
        "ClientDisconnected",
        "ConfigError",
        "DenyConnection",
        "HybridError",
        "InterfaceError",
        "InvalidChannelLayerError",
        "LifespanError",
        "LoadError",
        "MessageTooLarge",
        "PoolFull",
        "PortalError",
        "ProtocolError",
        "RequestAborted",
        "RequestTimeout",
        "StopConsumer",
    ),
    "hybrid.bridge.gateway": ("Gateway", "load_targets"),
    "hybrid.bridge.interface": ("Interface", "detect"),
    "hybrid.bridge.layers": (
        "BaseChannelLayer",
        "ChannelLayer",
        "InMemoryChannelLayer",
        "channel_layers",
        "get_channel_layer",
        "publish",
        "send",
    ),
    "hybrid.bridge.layers.worker": ("Worker",),
    "hybrid.bridge.lifespan": ("Lifespan",),
    "hybrid.bridge.middleware": ("BaseMiddleware", "CookieMiddleware"),
    "hybrid.bridge.routes": ("Route", "Target", "format_routes"),
    "hybrid.bridge.routing": (
        "ChannelNameRouter",
        "HostRouter",
        "PathRouter",
        "ProtocolTypeRouter",
        "not_found",
        "refusing",
    ),
    "hybrid.bridge.targets": ("TargetSpec", "add_app_dir", "call_factory", "load_target", "parse_target"),
    "hybrid.bridge.types": ("BodyPolicy",),
    "hybrid.bridge.url_patterns": ("URLRoute", "path", "re_path"),
    "hybrid.bridge.url_router": ("URLRouter",),
    "hybrid.bridge.wsgi.adapter": ("WSGIToASGI",),
    "hybrid.bridge.wsgi.oversight": ("Patience",),
    "hybrid.bridge.wsgi.pool_stats": ("PoolStats",),
    "hybrid.bridge.wsgi.reverse": ("ASGIToWSGI",),
    "hybrid.bridge.wsgi.socket_threads": ("SocketThreads",),
    "hybrid.bridge.wsgi.threadpool": ("ThreadPool",),
}
_MODULE_OF = {name: module for module, names in _NAMES_IN.items() for name in names}

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
