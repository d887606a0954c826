"""How bytes become requests: listeners, connections, protocols, limits and shutdown.

The public names below are loaded on first use (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hybrid.server.config import Config
    from hybrid.server.embedding import running, running_in_thread
    from hybrid.server.server import Server

__all__ = ["Config", "Server", "running", "running_in_thread"]

_MODULE_OF = {
    "Config": "hybrid.server.config",
    "Server": "hybrid.server.server",
    "running": "hybrid.server.embedding",
    "running_in_thread": "hybrid.server.embedding",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for, and keep it."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the lazy names too, so that completion in a shell finds them."""
    return sorted({*globals(), *__all__})
