"""What a client does on an HTTP/2 connection: what comes out of :mod:`hybrid.server.wire.http2.session`."""

from hybrid.server.wire.errors import RequestError
from hybrid.server.wire.http2.frames import StreamFault
from hybrid.server.wire.http2.priority import Priority
from hybrid.server.wire.http11 import Request


class RequestBegun:
    """The head of a request is here.

    Attributes:
        stream: the number of its stream.
        request: the head.
        ended: whether there is no body.
        priority: what the client has said before, and holds whatever the head says (RFC 9218 section 7.1);
            None where it has not.
    """

    __slots__ = ("ended", "priority", "request", "stream")

    def __init__(self, stream: int, request: Request, ended: bool, priority: Priority | None = None) -> None:
        self.stream = stream
        self.request = request
        self.ended = ended
        self.priority = priority


class RequestRefused:
    """A request cannot be taken, and can be told so in a response.

    Attributes:
        stream: the number of its stream.
        error: the status, and the reason.
    """

    __slots__ = ("error", "stream")

    def __init__(self, stream: int, error: RequestError) -> None:
        self.stream = stream
        self.error = error


class BodyReceived:
    """A part of a body is here.

    Attributes:
        stream: the number of its stream.
        data: the part, which may be empty.
        size: bytes of the stream's window that it has taken: owed back to the client with
            :meth:`~hybrid.server.wire.http2.session.Session.credit` when there is room for as many.
        ended: whether it was the last.
    """

    __slots__ = ("data", "ended", "size", "stream")

    def __init__(self, stream: int, data: bytes, size: int, ended: bool) -> None:
        self.stream = stream
        self.data = data
        self.size = size
        self.ended = ended


class StreamEnded:
    """A stream is over before its time; nothing more can be sent on it.

    Attributes:
        stream: its number.
        fault: what the client has done wrong on it; None when it has reset the stream itself.
    """

    __slots__ = ("fault", "stream")

    def __init__(self, stream: int, fault: StreamFault | None) -> None:
        self.stream = stream
        self.fault = fault


class RoomGained:
    """A window has grown: of one stream, or of all of them, then ``stream`` is 0."""

    __slots__ = ("stream",)

    def __init__(self, stream: int) -> None:
        self.stream = stream


class PriorityChanged:
    """The client wants a response sooner or later than it has said (RFC 9218 section 7).

    Attributes:
        stream: the number of its stream.
        priority: what holds from now on.
    """

    __slots__ = ("priority", "stream")

    def __init__(self, stream: int, priority: Priority) -> None:
        self.stream = stream
        self.priority = priority


Event = RequestBegun | RequestRefused | BodyReceived | StreamEnded | RoomGained | PriorityChanged
