"""A connection whose bytes an application reads and writes itself, through a socket of its own."""

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from math import inf
from typing import Final

from hybrid.server.caps import Overstep
from hybrid.server.connection import Connection, Handler
from hybrid.server.websocket.guards import Guards
from hybrid.server.websocket.websocket import CLOSE_TIMEOUT
from hybrid.server.wire.boundary import FrameBoundaries
from hybrid.server.wire.websocket.close_codes import CloseCode
from hybrid.server.wire.websocket.frames import encode_close

#: Bytes that are taken from the application at a time, and how often before others have their turn.
_CHUNK: Final = 64 * 1024
_ROUNDS: Final = 8
#: Seconds that an application's threads may take to let go of a socket whose end they have been told.
_RELEASE_SECONDS: Final = 1.0


class _State(Enum):
    """Whom the client hears."""

    PENDING = auto()  # nobody yet
    OPEN = auto()  # the application's socket: bytes pass in both directions
    STOPPED = auto()  # our close frame, and nothing after it: the server is stopping
    ANSWERED = auto()  # the application's response, as to any request; nothing passes
    GONE = auto()  # nobody any more: it has left, or all has been said


class Tunnel(Handler):
    """Carries bytes between a client and an application's socket, in both directions. Loop thread only.

    The application has one end of a pair of sockets; the other is here, and never blocks. So a thread that
    reads or writes late, or forgets to close, has no descriptor that could be another client's by then.

    Back-pressure passes through: as long as one side does not read, nothing is taken from the other. What is
    held is bounded by the kernel's buffers of the pair, the transport's high-water mark and one read. The end
    of a direction passes through too, where the transport can close one alone (TLS cannot). A client that
    vanishes is first an end of input to the application, which so has a moment to find out by reading, and
    then an error to whoever still writes.

    Frames are not looked at, but for where the application's end. When the server stops, its input ends as if
    the client had left, and the client gets a close frame with 1012 as soon as that cannot tear another frame
    apart. From an application that writes no frames it hears what that says to the end of its input.

    Args:
        connection: the client's, whose handler this is to become.
        end: this side's end of the pair.
        on_open: is called when the application has begun to write.

    Attributes:
        guards: watches the client; None where nobody asks for that. Messages are not counted.

    Raises:
        NotImplementedError: the event loop cannot watch sockets.
    """

    def __init__(self, connection: Connection, end: socket.socket, on_open: Callable[[], object]) -> None:
        super().__init__(connection)
        end.setblocking(False)
        self._end = end
        self._on_open = on_open
        self.guards: Guards | None = None
        self._loop = connection.context.loop
        self._state = _State.PENDING
        self._unsent = b""  # for the application, which has no room; the client is not read meanwhile
        self._eof = False  # whether the client has closed its direction
        self._input_over = False  # whether the application gets nothing more
        self._output_over = False  # whether the application has closed its direction
        self._frames = FrameBoundaries()  # in what the client hears
        self._farewell: tuple[int, str] | None = None  # the close frame that the client is to get
        self._released = False  # whether the application's call is over
        self._deadline = inf  # for letting go
        self._loop.add_reader(end, self._catch_up)

    def __repr__(self) -> str:
        return f"<Tunnel {self._state.name} unsent={len(self._unsent)}>"

    @property
    def used(self) -> bool:
        """Whether the application has written to its socket, or cannot any more."""
        if self._state is _State.PENDING:
            self._pull()  # it may have written a moment ago
        return self._state in (_State.OPEN, _State.STOPPED, _State.GONE)

    # What asyncio, the connection and the server call.

    @property
    def lasting(self) -> Sequence[Connection]:
        """The connection: its client stays, unless it has left."""
        return () if self._state is _State.GONE else (self._connection,)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client."""
        if self._input_over:
            return
        if self.guards is not None:
            self.guards.note_activity()
            overstep = self.guards.take_bytes(len(data))
            if overstep is not None:
                self._show_out(overstep)
                return
        if self._unsent:
            self._unsent += data
        else:
            self._push(data)

    def eof_received(self) -> bool:
        """Pass the end on; the application may still have something to say."""
        self._eof = True
        self._input_over = True
        if not self._unsent:
            self._end_input()
        return not self._output_over and self._connection.transport.can_write_eof()

    def pause_writing(self) -> None:
        """Take nothing more from the application: the client does not read."""
        super().pause_writing()
        if not self._output_over:
            self._loop.remove_reader(self._end)

    def resume_writing(self) -> None:
        """Take what the application writes again."""
        super().resume_writing()
        if not self._output_over:
            self._loop.add_reader(self._end, self._catch_up)

    def disconnected(self) -> None:
        """Tell the application, and give it a moment, in which what it writes is dropped."""
        self._state = _State.GONE
        context = self._connection.context
        if self._output_over or self._released or context.draining:
            self._close_end()
            return
        self._stop_input()
        context.connections.add(self)  # which the connection is no longer: for the ticks
        self._deadline = context.deadline(_RELEASE_SECONDS)
        self._loop.add_reader(self._end, self._catch_up)

    def tick(self, now: float) -> None:
        """Let go when it is time, and all that the application has written is on its way."""
        if self.guards is not None and self._state is _State.OPEN and self._farewell is None:
            overstep = self.guards.look(now)
            if overstep is not None:
                self._show_out(overstep)
        caught_up = self._catch_up()
        if now >= self._deadline and (caught_up or self._state is _State.GONE):
            self.close()

    def drain(self) -> None:
        """Close with 1012, and end the application's input, so that it ends. A response to the handshake may
        still come.
        """
        if self._state is _State.GONE:
            self._close_end()
        elif self._state is not _State.ANSWERED:
            self._hang_up(CloseCode.SERVICE_RESTART, "the server is stopping")

    def _hang_up(self, code: int, reason: str) -> None:
        """Send a close frame where it cannot tear another one apart, and end the application's input."""
        if self._farewell is None:
            self._farewell = code, reason
        self._catch_up()
        if self._state is _State.OPEN and self._output_over:
            self.close()  # the client has been told the end already: there is nothing to say after that
            return
        if self._state is _State.OPEN and self._frames.at_boundary:
            self._send_close(*self._farewell)
        self._stop_input()

    def _show_out(self, overstep: Overstep) -> None:
        """Hang up on a client; an application that does not mind the end of its input has no more time."""
        self._hang_up(overstep.code, overstep.reason)
        self._deadline = min(self._deadline, self._connection.context.deadline(CLOSE_TIMEOUT))

    def abort(self) -> None:
        """End at once what is left after the client."""
        self._close_end()

    # What the application's exchange calls.

    def claim(self) -> bool:
        """Give the client to a response, unless the application has written to its socket."""
        if self.used:
            return False
        self._state = _State.ANSWERED
        return True

    def close(self) -> None:
        """All has been said: let go of the application, and of the client when it has read everything."""
        self._close_end()
        if self._state is _State.GONE:
            return
        self._state = _State.GONE
        if self._eof or self._connection.tls is not None:
            # Under TLS, to go on reading would be to keep the end from a client that waits for it.
            self._connection.close()
        else:
            self._connection.close_after_response()

    def cut_off(self) -> None:
        """The response cannot be completed, and the client must be able to tell."""
        if self._state is _State.ANSWERED:
            self._connection.abort()

    def release(self) -> None:
        """The application's call is over: carry what it has written, and close.

        A thread that the application leaves behind may still be about to answer a close frame, and has until
        the deadline to close its end.
        """
        self._released = True
        if not self.used:
            self._connection.abort()
        elif self._state is _State.GONE:
            self._close_end()
        elif self._output_over:
            self.close()
        else:
            self._stop_input()
            self._deadline = self._connection.context.deadline(_RELEASE_SECONDS)

    # From the client to the application.

    def _push(self, data: bytes) -> None:
        try:
            sent = self._end.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:  # the application has closed its end
            self._stop_input()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._connection.pause_reading()
            self._loop.add_writer(self._end, self._push_rest)

    def _push_rest(self) -> None:
        """Send what the application had no room for."""
        self._loop.remove_writer(self._end)
        data, self._unsent = self._unsent, b""
        self._push(data)
        if not self._unsent:
            if self._input_over:
                self._end_input()
            self._connection.resume_reading()

    def _stop_input(self) -> None:
        """Give the application nothing more; what the client still sends is dropped."""
        if self._unsent:
            self._unsent = b""
            self._loop.remove_writer(self._end)
            self._connection.resume_reading()
        self._input_over = True
        self._end_input()

    def _end_input(self) -> None:
        with suppress(OSError):  # the application has closed its end
            self._end.shutdown(socket.SHUT_WR)

    # From the application to the client.

    def _catch_up(self) -> bool:
        """Take what the application has written; whether that was all, for now.

        To the end and not once for each call: uvloop is silent about a socket after one call when the other
        end was closed with something unread. The ticks look for what so would be left.
        """
        for _ in range(_ROUNDS):
            if not self._connection.writable and self._state is not _State.GONE:
                return False
            if not self._pull():
                return True
        return False

    def _pull(self) -> bool:
        """Take one part; False when there is none."""
        if self._output_over:
            return False
        try:
            data = self._end.recv(_CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # it closed its end with something unread
            data = b""
        if not data:
            self._end_output()
            return False
        if self._state is _State.PENDING:
            self._state = _State.OPEN
            self._on_open()
        if self._state is _State.OPEN:
            self._pass_on(data)
        return True

    def _pass_on(self, data: bytes) -> None:
        """Send what the application writes, as far as it may still write."""
        if self.guards is not None:
            self.guards.note_activity()
        end = self._frames.feed(data)
        if self._farewell is None or not end:
            self._connection.write(data)
        else:
            self._connection.write(data[:end])
            self._send_close(*self._farewell)

    def _send_close(self, code: int, reason: str) -> None:
        """Say why it ends, at the end of a frame. What the application still says is dropped."""
        self._connection.write(encode_close(code, reason))
        self._state = _State.STOPPED
        self._deadline = self._connection.context.deadline(_RELEASE_SECONDS)

    def _end_output(self) -> None:
        """The application writes no more: pass that on, and close when that was the last direction."""
        self._output_over = True
        self._loop.remove_reader(self._end)
        if self._state is _State.GONE:
            self._close_end()
        elif self._state is _State.STOPPED:
            self.close()
        elif self._state is _State.OPEN:
            if self._released or self._input_over or not self._connection.half_close():
                self.close()

    def _close_end(self) -> None:
        self._input_over = self._output_over = True
        self._unsent = b""
        self._connection.context.connections.discard(self)
        if self._end.fileno() >= 0:
            self._loop.remove_reader(self._end)
            self._loop.remove_writer(self._end)
            self._end.close()
