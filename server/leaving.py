"""Ending a response whose client has left in the middle of it, when its application does not notice."""

import asyncio
import logging
from typing import Protocol

from hybrid.server.connection import Connection
from hybrid.server.wire.http11 import Request

logger = logging.getLogger("hybrid.server")


class LeftExchange(Protocol):
    """What an exchange is to those who watch its application."""

    task: asyncio.Task[None]

    @property
    def connection(self) -> Connection:
        """The connection."""
        ...

    @property
    def request(self) -> Request:
        """The request's head."""
        ...

    @property
    def encoder(self) -> object | None:
        """What takes the body; None when nothing more can be sent."""
        ...

    @property
    def done(self) -> bool:
        """Whether the response is complete."""
        ...


class Leaving:
    """What an application knows of its client's having left. Loop thread only.

    Only its timer refers to the exchange, which refers to it: nothing is left to the garbage collector.
    """

    __slots__ = ("_sent", "_timer", "_told", "_watching")

    def __init__(self) -> None:
        self._told = False  # whether the application has received http.disconnect, or is about to
        self._watching = False
        self._timer: asyncio.TimerHandle | None = None
        self._sent = False  # whether the application has sent anything since it was looked at

    def __repr__(self) -> str:
        return f"<Leaving told={self._told} watching={self._watching}>"

    def watch(self, exchange: LeftExchange) -> None:
        """Begin to count the time in which an application that is answering must notice
        (``timeout_disconnect``). One that has not begun to may be doing what must be done all the same.
        """
        if not self._told and not self._watching and exchange.connection.context.config.timeout_disconnect:
            self._watching = True
            self._look_later(exchange)

    def note_sent(self) -> None:
        """The application has sent something."""
        self._sent = True

    def note_told(self) -> None:
        """The application has received ``http.disconnect``, or is about to."""
        self._told = True
        self.stop()

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def look(self, exchange: LeftExchange) -> None:
        """Cancel an application that waits for something else than its client, and would for ever."""
        self.stop()
        if exchange.done or exchange.task.done():
            return
        if exchange.encoder is not None and (self._sent or not exchange.connection.writable):
            self._look_later(exchange)  # the client may have closed its direction only, and be reading
        else:
            logger.info("%s: cancelled, as its client has left", exchange.request)
            exchange.task.cancel()

    def _look_later(self, exchange: LeftExchange) -> None:
        self._sent = False
        context = exchange.connection.context
        self._timer = context.loop.call_later(context.config.timeout_disconnect, self.look, exchange)
