"""gunicorn: a worker class for its users, and its arbiter over the workers of ``hybrid serve``."""

from hybrid.adapters.gunicorn.worker import HybridWorker

__all__ = ["HybridWorker"]
