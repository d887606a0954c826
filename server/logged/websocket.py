"""A WebSocket of a server that logs accesses: what it tells the log, on top of what it does anyway."""

from typing import Any

from hybrid.bridge.types import Message, Scope
from hybrid.server.connection import Connection
from hybrid.server.logged.encoder import LoggedEncoder
from hybrid.server.ops.access_record import AccessEvent, WebSocketRecord
from hybrid.server.websocket.guarded import GuardedWebSocket
from hybrid.server.websocket.websocket import State, WebSocket
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.websocket.close_codes import CloseCode
from hybrid.server.wire.websocket.events import Close, Event
from hybrid.server.wire.websocket.handshake import Handshake


class LoggedWebSocket(WebSocket):
    """A :class:`~hybrid.server.websocket.websocket.WebSocket` that is logged when it opens or is refused, and
    when it has closed, with what it has carried.
    """

    def __init__(
        self,
        connection: Connection,
        request: Request,
        handshake: Handshake,
        scope: Scope,
    ) -> None:
        super().__init__(connection, request, handshake, scope)
        log = connection.context.access_log
        assert log is not None
        self._log = log
        self._record: WebSocketRecord | None = log.begin_websocket(request, scope)

    def note_application(self, application: object) -> None:
        """Keep how that is called."""
        if self._record is not None:
            self._log.label(self._record, application)

    def _new_encoder(self, *args: Any) -> LoggedEncoder:
        return LoggedEncoder(self._record, *args)

    def _log_open(self, response: bytes) -> None:
        if self._record is not None:
            self._record.note_head(response)
            self._record = self._log.write_open(self._record)
            self._record.messages_in = self._record.messages_out = 0

    def _log_refused(self, status: int, data: bytes) -> None:
        record, self._record = self._record, None
        if record is not None:
            if data:
                record.note_refusal(data, status)
            self._log.write(record)

    # What it carries: messages, and the bytes in them.

    def _encode(self, message: Message) -> bytes:
        frame = super()._encode(message)
        record = self._record
        if record is not None and record.messages_out is not None:
            data = message.get("text") or message.get("bytes") or b""
            record.messages_out += 1
            record.bytes_out += _size(data)
        return frame

    def _take(self, events: list[Event]) -> None:
        record = self._record
        if record is not None and record.messages_in is not None:
            for event in events:
                if isinstance(event, (str, bytes)):
                    record.messages_in += 1
                    record.bytes_in += _size(event)
                elif isinstance(event, Close):
                    break
        super()._take(events)

    # Its end. Whoever closes it first says why.

    def _close(self, code: int, reason: str = "") -> None:
        super()._close(code, reason)
        if self._record is not None:
            self._record.note_close(code, reason, "server")

    def _fail(self, code: int, reason: str) -> None:
        if self._record is not None and self.state is State.OPEN:
            self._record.note_close(code, reason, "server")
        super()._fail(code, reason)

    def _end(self, code: int, reason: str = "") -> None:
        super()._end(code, reason)
        record, self._record = self._record, None
        if record is None:
            return
        if record.event is AccessEvent.WEBSOCKET_CLOSE:
            if self._keepalive is not None:
                record.rtt, record.rtt_min = self._keepalive.rtt, self._keepalive.rtt_min
            record.note_close(code, reason, "" if code == CloseCode.ABNORMAL else "client")
            self._log.write(record)
        else:
            self._log.write_cut_off(record)


class LoggedGuardedWebSocket(GuardedWebSocket, LoggedWebSocket):
    """One that is watched as well: what its client is not allowed to send is not counted."""


def _size(data: str | bytes) -> int:
    return len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())
