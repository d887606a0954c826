"""Runs WSGI applications, ASGI applications and WebSockets behind one port, in one process.

The public names below are loaded on first use (PEP 562), so that `import hybrid.bridge` costs no server and
works under any ASGI server.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybrid.bridge.gateway import Gateway
    from hybrid.bridge.routing import ProtocolTypeRouter
    from hybrid.bridge.shutdown import shutdown_notice
    from hybrid.bridge.wsgi.adapter import WSGIToASGI
    from hybrid.bridge.wsgi.reverse import ASGIToWSGI
    from hybrid.bridge.wsgi.threadpool import ThreadPool
    from hybrid.server.config import Config
    from hybrid.server.server import Server

    __version__: str

__all__ = [
    "ASGIToWSGI",
    "Config",
    "Gateway",
    "ProtocolTypeRouter",
    "Server",
    "ThreadPool",
    "WSGIToASGI",
    "__version__",
    "shutdown_notice",
]

_MODULE_OF = {
    "ASGIToWSGI": "hybrid.bridge.wsgi.reverse",
    "Config": "hybrid.server.config",
    "Gateway": "hybrid.bridge.gateway",
    "ProtocolTypeRouter": "hybrid.bridge.routing",
    "Server": "hybrid.server.server",
    "ThreadPool": "hybrid.bridge.wsgi.threadpool",
    "WSGIToASGI": "hybrid.bridge.wsgi.adapter",
    "shutdown_notice": "hybrid.bridge.shutdown",
}


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
