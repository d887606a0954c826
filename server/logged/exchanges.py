"""The exchanges of a server with an access log: what they tell the log, on top of what they do anyway."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from hybrid.bridge.errors import PoolFull
from hybrid.bridge.types import ASGIApp, ResponseHead, Scope, ThreadedApplication
from hybrid.server.connection import Connection
from hybrid.server.context import ServerContext
from hybrid.server.exchange import Exchange
from hybrid.server.gated import GatedExchange, GatedStreamedExchange, GatedThreadedExchange
from hybrid.server.logged.encoder import LoggedEncoder
from hybrid.server.ops.access_log import AccessLog
from hybrid.server.ops.access_record import AccessRecord
from hybrid.server.pipeline import start_call
from hybrid.server.streamed import StreamedExchange
from hybrid.server.threaded import ThreadedExchange
from hybrid.server.wire.http11 import Request


class _Logged:
    """The record of a request, and when it is written: what the kinds on the loop and on threads share.

    What is assigned to here are slots of theirs: classes whose bases both have slots cannot be made.
    """

    __slots__ = ()

    _log: AccessLog
    _record: AccessRecord | None  # until it is written

    def _begin_record(self, connection: Connection, request: Request, scope: Scope) -> AccessRecord:
        log = connection.context.access_log
        assert log is not None
        self._log = log  # type: ignore[misc] # see above
        record = self._record = log.begin(request, scope)  # type: ignore[misc]
        return record

    def _note_refusal(self, data: bytes, status: int) -> None:
        if self._record is not None:
            self._record.note_refusal(data, status)

    def _write_record(self) -> None:
        """The response is complete."""
        record, self._record = self._record, None  # type: ignore[misc]
        if record is not None:
            self._log.write(record)

    def _write_cut_off(self) -> None:
        """There will be no more of a response, if it is not complete."""
        record, self._record = self._record, None  # type: ignore[misc]
        if record is not None:
            self._log.write_cut_off(record)


class _LoggedOnLoop(_Logged, Exchange):
    """What both kinds on the loop have in common."""

    __slots__ = ()

    def __init__(
        self,
        connection: Connection,
        request: Request,
        scope: Scope,
        body_complete: bool,
        on_done: Callable[[], object],
    ) -> None:
        super().__init__(connection, request, scope, body_complete, on_done)
        self._begin_record(connection, request, scope)

    def note_application(self, application: object) -> None:
        """Keep how what answers is called."""
        if self._record is not None:
            self._log.label(self._record, application)

    def abandon(self) -> None:
        """The connection is gone, or is closed for a bad request: nothing more can be sent."""
        super().abandon()
        self._write_cut_off()

    def _new_encoder(self, *args: Any) -> LoggedEncoder:
        return LoggedEncoder(self._record, *args)

    def _write_refusal(self, status: int, data: bytes) -> None:
        self._note_refusal(data, status)
        super()._write_refusal(status, data)

    def _complete(self, status: int) -> None:
        self._write_record()
        super()._complete(status)


class LoggedExchange(_LoggedOnLoop):
    """An :class:`~hybrid.server.exchange.Exchange` that is logged when its response is complete, or lost."""

    __slots__ = ("_log", "_record")


class LoggedGatedExchange(GatedExchange, _LoggedOnLoop):
    """The same behind the gate."""

    __slots__ = ("_log", "_record")


class _LoggedOnThread(_Logged, ThreadedExchange):
    """What both kinds on threads have in common."""

    __slots__ = ()

    def __init__(
        self,
        connection: Connection,
        request: Request,
        scope: Scope,
        application: ThreadedApplication,
        on_done: Callable[[], object],
    ) -> None:
        super().__init__(connection, request, scope, application, on_done)
        record = self._begin_record(connection, request, scope)
        self._log.label(record, application)

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
        self._write_cut_off()

    def _send_part(self, data: bytes) -> None:
        if self._record is not None and not self.done:
            self._record.note_head(data)
        super()._send_part(data)

    def _send_whole(self, data: bytes) -> None:
        if self._record is not None and not self.done:
            self._record.note_head(data)
        super()._send_whole(data)

    def _write_refusal(self, status: int, data: bytes) -> None:
        self._note_refusal(data, status)
        super()._write_refusal(status, data)

    def _complete(self, status: int) -> None:
        self._write_record()
        super()._complete(status)

    # The worker's half.

    def taken(self) -> None:
        """Note how long it had to wait for a thread (worker)."""
        super().taken()
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


def start_logged_call(
    context: ServerContext, application: ASGIApp, exchange: LoggedExchange | LoggedGatedExchange
) -> None:
    """Have an ASGI application called, whose name goes to the log."""
    exchange.note_application(application)
    if isinstance(exchange, LoggedGatedExchange):
        exchange.enter(application)
    else:
        start_call(context, application, exchange)
