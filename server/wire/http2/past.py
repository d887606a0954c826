"""Which streams of an HTTP/2 connection there have been (RFC 9113 section 5.1)."""

from collections import OrderedDict
from typing import Final

from hybrid.server.wire.http2.frames import LAST_STREAM, ConnectionFault, ErrorCode, StreamFault

#: Streams ended before their time of which is remembered that somebody may not have known when it went on.
_REMEMBERED: Final = 1000


class Past:
    """Tells the streams that are over from those that never were. What a client may still send on one that is
    over depends on who has ended it, and how.

    Attributes:
        last: the highest number that the client has used.
        promised: the highest number that the server has used.
        taken: the highest number that is looked at, once the client has been told so.
    """

    __slots__ = ("_over", "last", "promised", "taken")

    def __init__(self) -> None:
        self.last = 0
        self.promised = 0
        self.taken = LAST_STREAM
        self._over: OrderedDict[int, bool] = OrderedDict()  # the last ones; whether the client has reset them

    def __repr__(self) -> str:
        return f"<Past last={self.last} promised={self.promised} over={len(self._over)}>"

    def remember(self, number: int, *, reset_by_client: bool = False) -> None:
        """A stream has been reset."""
        self._over[number] = reset_by_client
        if len(self._over) > _REMEMBERED:
            self._over.popitem(last=False)

    def check_not_idle(self, number: int) -> None:
        """Refuse a frame that only a stream can have that has been opened.

        Raises:
            ConnectionFault: nobody has opened it.
        """
        if number > (self.last if number & 1 else self.promised):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "a frame on a stream that was never opened")

    def let_pass(self, number: int) -> None:
        """Ignore what the client has sent before it knew that its stream had ended, or is not looked at.

        Raises:
            ConnectionFault: it has long known.
            StreamFault: it has reset the stream itself.
        """
        if number > self.taken:
            return
        reset_by_client = self._over.get(number)
        if reset_by_client is None:
            raise ConnectionFault(ErrorCode.STREAM_CLOSED, "a frame on a stream that is closed")
        if reset_by_client:
            raise StreamFault(ErrorCode.STREAM_CLOSED, "a frame on a stream that the client has reset")
