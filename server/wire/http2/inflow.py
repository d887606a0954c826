"""How much a client may send on all streams of a connection together (RFC 9113 section 6.9)."""

from typing import Final

from hybrid.server.wire.http2.frames import ConnectionFault, ErrorCode

#: The connection's own window. It is given back as bytes come, since each stream's window bounds what is
#: kept: a stream whose application does not read holds up no other.
CONNECTION_WINDOW: Final = 1 << 20
#: Bytes of bodies, of all streams, that wait for applications that do not read, before the connection's
#: window is given back no more.
_MOST_HELD: Final = 4 << 20


class Inflow:
    """The connection's window for what the client sends; that of a stream is with the stream.

    Attributes:
        held: bytes that nobody has read yet.
    """

    __slots__ = ("_granted", "_owed", "held")

    def __init__(self) -> None:
        self.held = 0
        self._granted = CONNECTION_WINDOW  # bytes that it may still send
        self._owed = 0  # bytes of the window that it may have back

    def __repr__(self) -> str:
        return f"<Inflow granted={self._granted} owed={self._owed} held={self.held}>"

    @property
    def full(self) -> bool:
        """Whether so much waits to be read that the window is not given back."""
        return self.held > _MOST_HELD

    def take(self, size: int) -> None:
        """A DATA frame of so many bytes has come, padding included, on whatever stream.

        Raises:
            ConnectionFault: the client must not send it.
        """
        self._granted -= size
        if self._granted < 0:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the connection's window")
        self._owed += size

    def renew(self) -> int:
        """Return how much is to be given back now: nothing, or half of the window and more."""
        owed = self._owed
        if owed < CONNECTION_WINDOW // 2 or self.full:
            return 0
        self._granted += owed
        self._owed = 0
        return owed
