"""What a connection makes of its requests, by what the server is to do with them beside answering them."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from hybrid.bridge.types import ASGIApp
from hybrid.server.context import ServerContext
from hybrid.server.exchange import Exchange
from hybrid.server.gated import GatedExchange, GatedStreamedExchange, GatedThreadedExchange, enter
from hybrid.server.logged.exchanges import (
    LoggedExchange,
    LoggedGatedExchange,
    LoggedGatedStreamedExchange,
    LoggedGatedThreadedExchange,
    LoggedStreamedExchange,
    LoggedThreadedExchange,
    start_logged_call,
)
from hybrid.server.pipeline import start_call
from hybrid.server.streamed import StreamedExchange
from hybrid.server.threaded import ThreadedExchange


class Kinds(NamedTuple):
    """What a connection makes of its requests.

    Attributes:
        asgi: the exchange for an ASGI application.
        threaded: the exchange for a WSGI application that is given whole bodies.
        streamed: the exchange for one that reads bodies as they come.
        start: has an ASGI application called.
    """

    asgi: type[Exchange]
    threaded: type[ThreadedExchange]
    streamed: type[StreamedExchange]
    start: Callable[[ServerContext, ASGIApp, Any], None]

    @staticmethod
    def of(context: ServerContext) -> "Kinds":
        """Return what the settings ask for: no request pays for what nobody wants."""
        return _KINDS[context.gate is not None, context.access_log is not None]


_KINDS: Final = {
    (False, False): Kinds(Exchange, ThreadedExchange, StreamedExchange, start_call),
    (True, False): Kinds(GatedExchange, GatedThreadedExchange, GatedStreamedExchange, enter),
    (False, True): Kinds(LoggedExchange, LoggedThreadedExchange, LoggedStreamedExchange, start_logged_call),
    (True, True): Kinds(
        LoggedGatedExchange,
        LoggedGatedThreadedExchange,
        LoggedGatedStreamedExchange,
        start_logged_call,
    ),
}
