"""How bytes become requests: listeners, connections, protocols, limits and shutdown.

The public names below are loaded on first use (PEP 562).
"""

from typing import TYPE_CHECKING

from hybrid.bridge.imports import lazy_names

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

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
