"""Bytes of a file that go to a client without passing through Python, where the system can do that."""

import errno
import logging
import os
from collections.abc import Callable
from io import FileIO
from typing import Final, Protocol

from hybrid.server.connection import Connection
from hybrid.server.ops.escape import format_client

logger = logging.getLogger("hybrid.server")

#: Bytes that the system is asked to send in one turn of the loop; others have theirs in between.
_SLICE_SIZE: Final = 512 * 1024
#: Bytes that are read at a time, where the system does not send by itself.
_PIECE_SIZE: Final = 64 * 1024
#: What ``sendfile`` says of a file or a socket that it does not do.
_UNSUPPORTED: Final = frozenset((errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTSOCK))


class Source(Protocol):
    """Where a :class:`FileSender` finds its bytes, in order."""

    @property
    def settled(self) -> bool:
        """Whether the bytes stay as they are once they were sent.

        What ``sendfile`` sends are the pages of the file themselves: until the client has them, writing to
        the file changes what the client gets.
        """
        ...

    def region(self) -> tuple[int, int, int]:
        """Return where the next bytes are: a descriptor, an offset, and how many there are, which is 0 when
        there are none for now.
        """
        ...

    def advance(self, count: int) -> None:
        """So many of them have been sent."""
        ...

    def close(self) -> None:
        """Nothing more is wanted."""
        ...


class FileRegion:
    """A part of a file that somebody else may close: a :class:`Source`.

    Args:
        descriptor: of a regular file; it is duplicated.
        offset: where the part begins.
        count: how many bytes there are.
        on_advance: told how many bytes have been sent, whenever some have.
    """

    settled = True

    def __init__(self, descriptor: int, offset: int, count: int, on_advance: Callable[[int], object]) -> None:
        self._file = FileIO(os.dup(descriptor))
        self._offset = offset
        self._left = count
        self._on_advance = on_advance
        read_ahead(descriptor, offset, count)

    def __repr__(self) -> str:
        return f"<FileRegion {self._left} bytes from {self._offset}>"

    def region(self) -> tuple[int, int, int]:
        """Return descriptor, offset and number of what has not been sent."""
        return self._file.fileno(), self._offset, self._left

    def advance(self, count: int) -> None:
        """So many bytes have been sent."""
        self._offset += count
        self._left -= count
        self._on_advance(count)

    def close(self) -> None:
        """Close the duplicate."""
        self._file.close()


class FileSender:
    """Sends the bytes of a :class:`Source` on a connection as the client takes them. Loop thread only.

    ``sendfile`` takes what finds room in the system's buffer for the socket. When that is full, the transport
    is given a small piece, and knows best how to wait until the client has taken it, and what to do when that
    never happens. So only the transport ever watches its socket, and TLS is the case in which every piece
    goes that way. Nothing else may be written to the connection meanwhile.

    Args:
        connection: where to; what has been written to it before goes first.
        source: the bytes. It is closed by :meth:`stop`, which whoever made this owes it, also when the client
            has left.
        on_sent: called whenever the source has nothing more for now.
        on_failed: called with the error when nothing more can be sent; otherwise it is logged, unless the
            client has left, and the connection is cut off.
    """

    __slots__ = ("_connection", "_on_failed", "_on_sent", "_scheduled", "_socket", "_source", "_stopped")

    def __init__(
        self,
        connection: Connection,
        source: Source,
        on_sent: Callable[[], object],
        on_failed: Callable[[OSError], object] | None = None,
    ) -> None:
        self._connection = connection
        self._source = source
        self._on_sent = on_sent
        self._on_failed = on_failed or self._cut_off
        self._scheduled = False
        self._stopped = False
        self._socket = connection.descriptor if source.settled and hasattr(os, "sendfile") else None
        if self._socket is not None:
            connection.transport.set_write_buffer_limits(0)  # writable means from here on: all is sent
        connection.on_writable = self.start

    def __repr__(self) -> str:
        state = "stopped" if self._stopped else "sending"
        return f"<FileSender {state} {self._source!r}>"

    def start(self) -> None:
        """Send what there is; may be called repeatedly, as when the source has more."""
        if not self._scheduled and not self._stopped:
            self._scheduled = True
            self._connection.context.loop.call_soon(self._step)

    def stop(self) -> None:
        """Send nothing more, and close the source."""
        if not self._stopped:
            self._stopped = True
            self._connection.on_writable = None
            self._do_without_sendfile()
            self._source.close()

    def _step(self) -> None:
        """Send as much as one turn of the loop allows, and come again."""
        self._scheduled = False
        connection = self._connection
        if self._stopped or not connection.writable or connection.transport.is_closing():
            return  # it comes again when the client has read, or never
        descriptor, offset, count = self._source.region()
        if not count:
            self._on_sent()
            return
        try:
            sent = self._send(descriptor, offset, count)
        except OSError as error:
            self._on_failed(error)
            return
        self._source.advance(sent)
        self.start()

    def _send(self, descriptor: int, offset: int, count: int) -> int:
        """Send some of these bytes, and return how many."""
        if self._socket is not None and not self._connection.has_unsent:
            size = min(count, _SLICE_SIZE)
            try:
                sent = os.sendfile(self._socket, descriptor, offset, size)
            except BlockingIOError:
                pass
            except OSError as error:
                if error.errno not in _UNSUPPORTED:
                    raise
                self._do_without_sendfile()
            else:
                read_ahead(descriptor, offset + sent, count - sent)
                return sent or self._cut_short(count)
        data = os.pread(descriptor, min(count, _PIECE_SIZE), offset)
        self._connection.write(data)
        return len(data) or self._cut_short(count)

    def _cut_off(self, error: OSError) -> None:
        if not isinstance(error, ConnectionError):
            logger.error("%s: a file cannot be sent: %s", format_client(self._connection.client), error)
        self._connection.abort()

    def _cut_short(self, count: int) -> int:
        raise OSError(f"it became {count} bytes shorter meanwhile")

    def _do_without_sendfile(self) -> None:
        if self._socket is not None:
            self._socket = None
            if not self._connection.transport.is_closing():
                self._connection.transport.set_write_buffer_limits()


def read_ahead(descriptor: int, offset: int, count: int) -> None:
    """Have the system read the next slice of a file now, so that sending it does not wait for a disk."""
    if hasattr(os, "posix_fadvise") and count > 0:
        os.posix_fadvise(descriptor, offset, min(count, _SLICE_SIZE), os.POSIX_FADV_WILLNEED)
