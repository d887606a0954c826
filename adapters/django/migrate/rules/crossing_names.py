"""What makes a synchronous function of an asynchronous one, and the other way round, by its dotted names."""

from typing import Final

TO_SYNC: Final = ("asgiref.sync.async_to_sync", "asgiref.sync.AsyncToSync")
TO_ASYNC: Final = (
    "asgiref.sync.sync_to_async",
    "asgiref.sync.SyncToAsync",
    "channels.db.database_sync_to_async",
    "hybrid.adapters.django.db.database_sync_to_async",
)
