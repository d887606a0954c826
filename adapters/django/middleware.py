"""The name of ``channels.middleware``."""

from hybrid.bridge.middleware import BaseMiddleware

__all__ = ["BaseMiddleware"]
