"""What a connection makes of its requests, by what the server is to do with them beside answering them."""

from collections.abc import Callable
from time import monotonic
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
from hybrid.server.pipeline import run_call, start_call
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
        kinds = _KINDS if context.tallies is None else _COUNTED_KINDS
        return kinds[context.gate is not None, context.access_log is not None]


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


def _start_counted_call(context: ServerContext, application: ASGIApp, exchange: Exchange) -> None:
    """Have an ASGI application called, as :func:`start_call` does, and count that."""
    tallies: Any = context.tallies
    main = application is tallies.main_application
    exchange.tally = tally = tallies.main if main else tallies.of_request(application, exchange.scope)
    tally.begun = begun = tally.begun + 1
    exchange.begun_at = 0.0 if begun % tally.step else monotonic()
    exchange.task = task = context.create_task(run_call(application, exchange, context.calls))
    context.calls.add(task)


def _counted(kinds: Kinds) -> Kinds:
    """Return the same, where requests are counted: threaded exchanges see to it themselves."""
    start = kinds.start

    def start_counted(context: ServerContext, application: ASGIApp, exchange: Exchange) -> None:
        """Have an ASGI application called, and count that."""
        tallies: Any = context.tallies
        main = application is tallies.main_application
        exchange.tally = tally = tallies.main if main else tallies.of_request(application, exchange.scope)
        tally.begun = begun = tally.begun + 1
        exchange.begun_at = 0.0 if begun % tally.step else monotonic()
        start(context, application, exchange)

    return kinds._replace(start=start_counted)


_COUNTED_KINDS: Final = {wanted: _counted(kinds) for wanted, kinds in _KINDS.items()}
_COUNTED_KINDS[False, False] = _KINDS[False, False]._replace(start=_start_counted_call)
