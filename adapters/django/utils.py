"""The name of ``channels.utils`` that somebody may want."""

from hybrid.bridge.consumers.dispatch import await_many_dispatch

__all__ = ["await_many_dispatch"]
