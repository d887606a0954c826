"""What is said to the client of one HTTP/2 connection (RFC 9113), without any I/O."""

from hybrid.server.wire.http2.allowance import Allowance
from hybrid.server.wire.http2.frames import (
    DEFAULT_WINDOW,
    ErrorCode,
    data_header,
    goaway,
    header_frames,
    promise_frames,
    rst_stream,
    window_update,
)
from hybrid.server.wire.http2.inflow import CONNECTION_WINDOW, Inflow
from hybrid.server.wire.http2.past import Past
from hybrid.server.wire.http2.peer import PeerSettings
from hybrid.server.wire.http2.stream import Stream
from hybrid.server.wire.http2.terms import Terms


class Outgoing:
    """The server's half of a :class:`~hybrid.server.wire.http2.session.Session`, and what both halves know.

    Args:
        terms: what the client may do.

    Attributes:
        streams: those that are open, by their numbers; nothing may be sent on others.
        window: bytes that the client still takes on all streams together.
        given: by how much it has widened that so far.
        peer: what it says of itself.
        abandoned: what still works for clients of streams that are over; it counts as open streams do, up to
            twice as many.
        unsent: bytes of bodies that :meth:`take_output` would return.
    """

    __slots__ = (
        "_idle", "_inflow", "_out", "_past", "_resets", "_terms", "abandoned", "given", "peer", "streams",
        "unsent", "window",
    )  # fmt: skip

    def __init__(self, terms: Terms) -> None:
        self.streams: dict[int, Stream] = {}
        self.abandoned: set[object] = set()
        self.window: int = DEFAULT_WINDOW
        self.given: int = 0
        self.peer = PeerSettings()
        self.unsent = 0
        self._terms = terms
        self._inflow = Inflow()
        self._past = Past()
        self._resets = Allowance("streams that were reset", burst=1000, rate=33)
        self._idle = Allowance("frames that say nothing", burst=1000, rate=100)
        self._out: list[bytes | memoryview] = [
            terms.frame(),
            window_update(0, CONNECTION_WINDOW - DEFAULT_WINDOW),
        ]

    def take_output(self) -> bytes:
        """Return the bytes that are to be sent now."""
        out = self._out
        data = out[0] if len(out) == 1 and type(out[0]) is bytes else b"".join(out)
        out.clear()
        self.unsent = 0
        return data

    # Responses.

    def room(self, stream: Stream) -> int:
        """Return how many bytes of a body may be sent on a stream now, in one frame; negative is none."""
        return min(self.window, stream.window, self.peer.frame_size)

    def send_head(self, stream: Stream, block: bytes, *, end: bool) -> None:
        """Send a header block: of an interim response, of the response, or of its trailers."""
        self._out.append(header_frames(stream.number, block, self.peer.frame_size, end_stream=end))
        if end:
            self._end(stream)

    def send_response(self, stream: Stream, block: bytes, data: bytes) -> None:
        """Send a whole response, for whose body, which is not empty, there is :meth:`room`."""
        size = len(data)
        self._out.append(
            header_frames(stream.number, block, self.peer.frame_size, end_stream=False)
            + data_header(size, stream.number, end_stream=True)
            + data
        )
        self._count(stream, size)
        self._end(stream)

    def send_data(self, stream: Stream, data: bytes | memoryview, *, end: bool) -> None:
        """Send a part of a body, for which there is :meth:`room`."""
        size = len(data)
        out = self._out
        out.append(data_header(size, stream.number, end_stream=end))
        if size:
            out.append(data)
            self._count(stream, size)
        if end:
            self._end(stream)

    def _count(self, stream: Stream, size: int) -> None:
        """So many bytes of a body go out."""
        self.unsent += size
        stream.window -= size
        self.window -= size
        # Two updates for each frame of any size, and one for each KiB, are what eager clients send.
        self._idle.left += 2 + (size >> 10)

    def squeeze(self) -> None:
        """A frame was small because the client takes so little at a time (CVE-2019-9511).

        Raises:
            ConnectionFault: it has happened too often.
        """
        self._idle.spend(4)

    def promise(self, stream: Stream, block: bytes) -> Stream | None:
        """Promise the response to a request that the client has not made (section 8.4).

        Args:
            stream: of a request of the client's, whose response goes on.
            block: the header block of the other request.

        Returns:
            The stream of that one; None where the client takes no pushes, or no more of them at a time.
        """
        working = self._open(0) + len(self.abandoned)
        if not self.peer.takes_pushes or working >= min(self.peer.streams, self._terms.streams):
            return None
        self._past.promised += 2
        number = self._past.promised
        promised = self.streams[number] = Stream(number, self.peer.window, 0)
        promised.remote_open = False
        self._out.append(promise_frames(stream.number, number, block, self.peer.frame_size))
        return promised

    def _open(self, whose: int) -> int:
        """Return how many streams are open that the client has begun (1), or the server (0)."""
        return sum(number & 1 == whose for number in self.streams)

    # Room for what the client sends.

    def credit(self, stream: Stream, size: int) -> None:
        """Let the client send so many bytes more of a body."""
        stream.owed += size
        if stream.owed >= self._terms.window // 2 and stream.remote_open:
            self._out.append(window_update(stream.number, stream.owed))
            stream.granted += stream.owed
            stream.owed = 0

    def hold(self, size: int) -> None:
        """So many bytes wait for an application to read them; fewer, when negative."""
        self._inflow.held += size
        if size < 0:
            self._renew()

    def _renew(self) -> None:
        """Let the client send as much again on the connection, if that is due."""
        increment = self._inflow.renew()
        if increment:
            self._out.append(window_update(0, increment))

    # The end of a stream, and of all.

    def reset(self, number: int, code: ErrorCode) -> None:
        """End a stream, whatever its state; nothing more can be sent on it."""
        self.streams.pop(number, None)
        self._out.append(rst_stream(number, code))
        self._past.remember(number)

    def leave(self, code: ErrorCode = ErrorCode.NO_ERROR, reason: str = "", *, soon: bool = False) -> None:
        """Say that the connection ends (section 6.8).

        Args:
            code: why.
            reason: the same in words.
            soon: whether requests that are on their way are still taken; it is to be said again, then.
        """
        past = self._past
        if not soon:
            past.taken = min(past.taken, past.last)
        self._out.append(goaway(past.taken, code, reason))

    def _end(self, stream: Stream) -> None:
        stream.local_open = False
        self._forget_if_over(stream)

    def _forget_if_over(self, stream: Stream) -> None:
        if not stream.remote_open and not stream.local_open and stream.number in self.streams:
            del self.streams[stream.number]
            # A proxy's clients cancel some of very many requests.
            self._resets.left += 1
            self._idle.left += 1
