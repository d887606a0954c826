"""An encoder that tells the access log what it sends."""

from typing import Any

from hybrid.server.ops.access_record import AccessRecord
from hybrid.server.wire.http11 import Request
from hybrid.server.wire.response import ResponseEncoder


class LoggedEncoder(ResponseEncoder):
    """A :class:`~hybrid.server.wire.response.ResponseEncoder` that keeps a record of the response.

    Args:
        record: is told the status, the head, and the size of the body; None when it has been logged already.
        request, status, others: as for the encoder.
    """

    __slots__ = ("_counts", "_record")

    def __init__(self, record: AccessRecord | None, request: Request, status: int, *others: Any) -> None:
        super().__init__(request, status, *others)
        self._record = record
        self._counts = self.sends_body
        if record is not None:
            record.status = status
            record.body_bytes = 0

    def encode(self, data: bytes, more: bool) -> bytes:
        """Return the bytes to send for a part of the body, and count it."""
        encoded = super().encode(data, more)
        record = self._record
        if record is not None:
            record.note_head(encoded)
            if self._counts:
                record.body_bytes += len(data)
        return encoded

    def note_sent(self, count: int) -> None:
        """Count bytes of the body that do not pass through here."""
        if self._record is not None:
            self._record.body_bytes += count
