"""The database for coroutines; the names of ``channels.db``."""

from typing import Any, ParamSpec, TypeVar

from asgiref.sync import SyncToAsync

from hybrid.adapters.django.connections import OPEN, close_old_connections

__all__ = ["DatabaseSyncToAsync", "aclose_old_connections", "database_sync_to_async"]

P = ParamSpec("P")
R = TypeVar("R")


class DatabaseSyncToAsync(SyncToAsync[P, R]):
    """``sync_to_async`` for functions that use the database.

    Before and after, it closes the connections of the thread that are too old or broken.
    """

    def thread_handler(self, loop: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the function (worker)."""
        handler: Any = getattr(super(), "thread_handler")  # noqa: B009 - asgiref says no types of it
        close_old_connections()
        try:
            return handler(loop, *args, **kwargs)
        finally:
            close_old_connections()


database_sync_to_async = DatabaseSyncToAsync


async def aclose_old_connections() -> None:
    """Close connections that coroutines have used and that are too old or broken.

    Where there are none, which can be seen from here, no thread is visited for that.
    """
    visit = OPEN.visit()
    if visit is not None:
        await visit
