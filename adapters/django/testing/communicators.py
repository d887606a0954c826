"""Communicators whose synchronous consumers see what a test has written to the database.

Such a test is a transaction that is never committed, on a connection that belongs to a thread. So handlers of
synchronous consumers run where Django's own synchronous code would, on the test's thread.
"""

from collections.abc import Callable
from typing import Any

import hybrid.bridge.testing as bridge
from hybrid.adapters.django.db import database_sync_to_async
from hybrid.bridge.consumers.housekeeping import RUN_IN_THREAD
from hybrid.bridge.types import ASGIApp, Scope


class ApplicationCommunicator(bridge.ApplicationCommunicator):
    """One call of an ASGI application, see :class:`hybrid.bridge.testing.ApplicationCommunicator`."""

    def __init__(self, application: ASGIApp, scope: Scope) -> None:
        super().__init__(application, scope)
        self.scope[RUN_IN_THREAD] = _run


class HttpCommunicator(bridge.HttpCommunicator):
    """One request and its response, see :class:`hybrid.bridge.testing.HttpCommunicator`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope[RUN_IN_THREAD] = _run


class WebsocketCommunicator(bridge.WebsocketCommunicator):
    """One WebSocket, seen from the client, see :class:`hybrid.bridge.testing.WebsocketCommunicator`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope[RUN_IN_THREAD] = _run


async def _run(function: Callable[[Any], object], argument: Any) -> None:
    await database_sync_to_async(function)(argument)
