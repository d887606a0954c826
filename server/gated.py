"""Exchanges that go through the gate: those of a server with ``limit_concurrency``.

A request counts from when an application is given it: for ASGI until the call returns, for WSGI until the
worker has left the whole response to the loop, or somebody else has answered. A body that is collected before
the application is called, or a response that the client is slow to read, therefore counts for WSGI neither
way.

A client that closes its direction while its request waits is answered 503: nearly always it has left, which
looks the same until something is sent to it, and a queue full of those who have left serves nobody.
"""

import logging
from contextlib import suppress

from hybrid.bridge.errors import ClientDisconnected
from hybrid.bridge.types import ASGIApp, Headers
from hybrid.server.context import ServerContext
from hybrid.server.exchange import Exchange
from hybrid.server.gate import Gate
from hybrid.server.pipeline import start_call
from hybrid.server.streamed import StreamedExchange
from hybrid.server.threaded import ThreadedExchange
from hybrid.server.wire.response import RETRY_AFTER

logger = logging.getLogger("hybrid.server")


def _gate_of(context: ServerContext) -> Gate:
    assert context.gate is not None
    return context.gate


class GatedExchange(Exchange):
    """An exchange with an ASGI application, which is called when the gate lets it. Loop thread only."""

    __slots__ = ("_application",)

    _application: ASGIApp

    def enter(self, application: ASGIApp) -> None:
        """Have the application called, in time."""
        self._application = application
        _gate_of(self._connection.context).enter(self)

    def admitted(self) -> None:
        """Call the application."""
        start_call(self._connection.context, self._application, self)
        self.task.add_done_callback(self._left)

    def turned_away(self, reason: str) -> None:
        """Answer in the application's place."""
        logger.warning("%s: refused, %s", self.request, reason)
        self.refuse(503, "Service Unavailable", [RETRY_AFTER])

    def refuse(self, status: int, reason: str, headers: Headers | None = None) -> bool:
        """Answer in the application's place; False when its own response has begun."""
        refused = super().refuse(status, reason, headers)
        self._stop_waiting()
        return refused

    def disconnect(self) -> None:
        """The client sends nothing more: most likely it has left, and then its place is another one's."""
        super().disconnect()
        self._connection.context.loop.call_soon(self._give_up)  # asyncio cannot bear a close inside this call

    def abandon(self) -> None:
        """The connection is gone: leave the queue. An application that has been called is told, and stays."""
        super().abandon()
        self._stop_waiting()

    def _give_up(self) -> None:
        if _gate_of(self._connection.context).is_waiting(self):
            self.refuse(503, "Service Unavailable", [RETRY_AFTER])

    def _stop_waiting(self) -> None:
        gate = _gate_of(self._connection.context)
        if gate.is_waiting(self):
            gate.leave(self)

    def _left(self, _task: object) -> None:
        _gate_of(self._connection.context).leave(self)


class GatedThreadedExchange(ThreadedExchange):
    """An exchange with a WSGI application, which gets a worker when the gate lets it."""

    __slots__ = ()

    # The loop's half.

    def admitted(self) -> None:
        """Hand the exchange to a worker."""
        super()._submit()

    def turned_away(self, reason: str) -> None:
        """Answer in the application's place."""
        logger.warning("%s: refused, %s", self.request, reason)
        self.body.close()
        self.reject(503, "Service Unavailable", [RETRY_AFTER])

    def reject(self, status: int, reason: str, headers: Headers) -> None:
        """Answer in the application's place although a worker may have the exchange; it does not count."""
        super().reject(status, reason, headers)
        self._leave_gate(b"")

    def disconnect(self) -> None:
        """The client sends nothing more: most likely it has left, and then its place is another one's."""
        super().disconnect()
        self._connection.context.loop.call_soon(self._give_up)  # asyncio cannot bear a close inside this call

    def abandon(self) -> None:
        """The connection is gone: leave the queue. A worker that has the exchange finds out."""
        super().abandon()
        if _gate_of(self._connection.context).is_waiting(self):
            self._leave_gate(b"")

    def _give_up(self) -> None:
        if _gate_of(self._connection.context).is_waiting(self):
            self.reject(503, "Service Unavailable", [RETRY_AFTER])

    def _submit(self) -> None:
        _gate_of(self._connection.context).enter(self)

    def _complete(self, status: int) -> None:
        super()._complete(status)
        self._leave_gate(b"")

    def _leave_gate(self, _data: bytes) -> None:
        if _gate_of(self._connection.context).leave(self):
            self.body.close()  # no worker will

    # The worker's half.

    def _let_go(self) -> None:
        super()._let_go()
        with suppress(ClientDisconnected):  # the server has stopped
            self._connection.context.outbox.put(self._leave_gate, b"")


class GatedStreamedExchange(GatedThreadedExchange, StreamedExchange):
    """The same for a worker that reads the body while it comes."""

    __slots__ = ()


def enter(_context: ServerContext, application: ASGIApp, exchange: GatedExchange) -> None:
    """Have an ASGI application called, when the gate lets it."""
    exchange.enter(application)
