"""What is known of one stream of an HTTP/2 connection (RFC 9113 section 5), as far as the wire goes."""

from hybrid.server.wire.http2.frames import ErrorCode, StreamFault


class Stream:
    """One request and its response.

    Attributes:
        number: which it is (section 5.1.1).
        remote_open, local_open: whether the client, and the server, may send more (section 5.1).
        window: bytes that the client still takes; may be negative (section 6.9.2).
        granted: bytes that the client may still send.
        owed: bytes that it may have back, and has not been told of.
        expected: bytes of the body that its Content-Length still announces; None without one.
    """

    __slots__ = ("expected", "granted", "local_open", "number", "owed", "remote_open", "window")

    def __init__(self, number: int, window: int, granted: int) -> None:
        self.number = number
        self.remote_open = True
        self.local_open = True
        self.window = window
        self.granted = granted
        self.owed = 0
        self.expected: int | None = None

    def __repr__(self) -> str:
        return f"<Stream {self.number} remote={self.remote_open} local={self.local_open} {self.window}>"

    def receive(self, size: int) -> None:
        """Take a DATA frame of so many bytes, padding included.

        Raises:
            StreamFault: the client must not send it.
        """
        if not self.remote_open:
            raise StreamFault(ErrorCode.STREAM_CLOSED, "DATA after the end of the stream")
        self.granted -= size
        if self.granted < 0:
            raise StreamFault(ErrorCode.FLOW_CONTROL_ERROR, "more DATA than the stream's window")

    def count(self, size: int, *, ended: bool) -> None:
        """Compare the body with its Content-Length (section 8.1.1).

        Raises:
            StreamFault: it is longer, or has ended and is shorter.
        """
        if ended:
            self.remote_open = False
        if self.expected is not None:
            self.expected -= size
            if self.expected < 0 or (ended and self.expected):
                raise StreamFault(ErrorCode.PROTOCOL_ERROR, "the body differs from its Content-Length")
