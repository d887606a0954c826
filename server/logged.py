"""The exchanges of a server that logs accesses: what each kind tells the log, on top of what it does anyway.

A server without an access log uses the plain kinds, which know nothing of all this: no request there pays for
a clock or a count that nobody looks at.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from hybrid.bridge.errors import PoolFull
from hybrid.bridge.types import ASGIApp, ResponseHead, Scope, ThreadedApplication
from hybrid.server.connection import Connection
from hybrid.server.context import ServerContext
from hybrid.server.exchange import Exchange
from hybrid.server.gated import GatedExchange, GatedStreamedExchange, GatedThreadedExchange
from hybrid.server.logged_encoder import LoggedEncoder
from hybrid.server.ops.access_log import AccessLog
from hybrid.server.ops.access_record import AccessRecord
from hybrid.server.pipeline import start_call
from hybrid.server.streamed import StreamedExchange
from hybrid.server.threaded import ThreadedExchange
from hybrid.server.wire.http11 import Request


class _LoggedOnLoop(Exchange):
    """What both kinds on the loop have in common; what is assigned to here are slots of theirs."""

    __slots__ = ()

    _log: AccessLog
    _record: AccessRecord | None

    def __init__(
        self,
        connection: Connection,
        request: Request,
        scope: Scope,
        body_complete: bool,
        on_done: Callable[[], object],
    ) -> None:
        super().__init__(connection, request, scope, body_complete, on_done)
        log = self._log = _log_of(connection)  # type: ignore[misc] # see above
        self._record = log.begin(request, scope)  # type: ignore[misc]

    def note_application(self, application: object) -> None:
        """Keep how what answers is called."""
        if self._record is not None:
            self._log.label(self._record, application)

    def abandon(self) -> None:
        """The connection is gone, or is closed for a bad request: nothing more can be sent."""
        super().abandon()
        record = self._take_record()
        if record is not None:
            self._log.write_cut_off(record)

    def _take_record(self) -> AccessRecord | None:
        """Return what has not been logged yet, once."""
        record, self._record = self._record, None  # type: ignore[misc]
        return record

    def _new_encoder(self, *args: Any) -> LoggedEncoder:
        return LoggedEncoder(self._record, *args)

    def _write_refusal(self, status: int, data: bytes) -> None:
        if self._record is not None:
            self._record.note_refusal(data, status)
        super()._write_refusal(status, data)

    def _complete(self, status: int) -> None:
        record = self._take_record()
        if record is not None:
            self._log.write(record)
        super()._complete(status)


class LoggedExchange(_LoggedOnLoop):
    """An :class:`~hybrid.server.exchange.Exchange` that is logged when its response is complete, or lost."""

    __slots__ = ("_log", "_record")


class LoggedGatedExchange(GatedExchange, _LoggedOnLoop):
    """The same behind the gate."""

    __slots__ = ("_log", "_record")


class _LoggedOnThread(ThreadedExchange):
    """What both kinds on threads have in common; what is assigned to here are slots of theirs."""

    __slots__ = ()

    _log: AccessLog
    _record: AccessRecord | None

    def __init__(
        self,
        connection: Connection,
        request: Request,
        scope: Scope,
        application: ThreadedApplication,
        on_done: Callable[[], object],
    ) -> None:
        super().__init__(connection, request, scope, application, on_done)
        log = self._log = _log_of(connection)  # type: ignore[misc] # see above
        record = self._record = log.begin(request, scope)  # type: ignore[misc]
        log.label(record, application)

    # The loop's half.

    def _submit(self) -> None:
        if self._record is not None:
            self._record.queued = perf_counter()
        try:
            self._application.submit_watched(self)
        except PoolFull as error:
            self._refuse_for_want_of_threads(error)

    def abandon(self) -> None:
        """The connection is gone, or is closed for a bad request."""
        super().abandon()
        record = self._take_record()
        if record is not None:
            self._log.write_cut_off(record)

    def _send_part(self, data: bytes) -> None:
        if self._record is not None and not self.done:
            self._record.note_head(data)
        super()._send_part(data)

    def _send_whole(self, data: bytes) -> None:
        if self._record is not None and not self.done:
            self._record.note_head(data)
        super()._send_whole(data)

    def _write_refusal(self, status: int, data: bytes) -> None:
        if self._record is not None:
            self._record.note_refusal(data, status)
        super()._write_refusal(status, data)

    def _complete(self, status: int) -> None:
        record = self._take_record()
        if record is not None:
            self._log.write(record)
        super()._complete(status)

    def _take_record(self) -> AccessRecord | None:
        """Return what has not been logged yet, once."""
        record, self._record = self._record, None  # type: ignore[misc]
        return record

    # The worker's half.

    def taken(self) -> None:
        """Note how long it had to wait for a thread (worker)."""
        record = self._record  # which the loop takes away when the client leaves
        if record is not None:
            record.queue_time = perf_counter() - record.queued

    def called(self, environ: dict[str, Any]) -> None:
        """Keep the environ, for what the application puts there (worker)."""
        record = self._record
        if record is not None and self._log.wants_environ:
            record.environ = environ

    def respond(self, head: ResponseHead, data: bytes) -> None:
        """Send the whole response, and let go (worker)."""
        record = self._record
        if record is not None:
            record.status = head.status
            record.body_bytes = len(data)  # or what an encoder counts
        super().respond(head, data)

    def _new_encoder(self, *args: Any) -> LoggedEncoder:
        return LoggedEncoder(self._record, *args)


class LoggedThreadedExchange(_LoggedOnThread):
    """A :class:`~hybrid.server.threaded.ThreadedExchange` that is logged when its response is complete, or
    lost.
    """

    __slots__ = ("_log", "_record")


class LoggedStreamedExchange(_LoggedOnThread, StreamedExchange):
    """A :class:`~hybrid.server.streamed.StreamedExchange` that is logged likewise."""

    __slots__ = ("_log", "_record")


class LoggedGatedThreadedExchange(GatedThreadedExchange, _LoggedOnThread):
    """A :class:`LoggedThreadedExchange` behind the gate, which is asked first."""

    __slots__ = ("_log", "_record")


class LoggedGatedStreamedExchange(GatedStreamedExchange, _LoggedOnThread):
    """A :class:`LoggedStreamedExchange` behind the gate, which is asked first."""

    __slots__ = ("_log", "_record")


def _log_of(connection: Connection) -> AccessLog:
    log = connection.context.access_log
    assert log is not None
    return log


def start_logged_call(
    context: ServerContext, application: ASGIApp, exchange: LoggedExchange | LoggedGatedExchange
) -> None:
    """Have an ASGI application called, whose name goes to the log."""
    exchange.note_application(application)
    if isinstance(exchange, LoggedGatedExchange):
        exchange.enter(application)
    else:
        start_call(context, application, exchange)
