"""What a worker leaves of a response for the loop to send, when the client does not read it at once."""

import logging
from collections.abc import Callable
from functools import partial

from hybrid.bridge.errors import ClientDisconnected
from hybrid.server.connection import Connection
from hybrid.server.ops.escape import format_client
from hybrid.server.sendfile import FileRegion, FileSender
from hybrid.server.spool import Spool

logger = logging.getLogger("hybrid.server")


class Overflow:
    """The part of a response that the loop sends from a file: what the client has not read yet, or a file of
    the application's.

    The worker makes it when it is first needed, and from then on lets everything it has to say go this way
    for as long as anything is :attr:`pending`. When it is through, it calls :meth:`release`, whatever has
    happened; the loop calls :meth:`stop` when the client leaves, and the response's end does so too.

    Args:
        connection: where the response goes.
        may_begin: asked on the loop before anything is sent; False when somebody else has answered.
        on_through: called on the loop with what :meth:`hold` was given, when all that came before is sent.
    """

    __slots__ = ("_connection", "_last", "_may_begin", "_on_through", "_sender", "_spool", "_stopped")

    def __init__(
        self, connection: Connection, may_begin: Callable[[], bool], on_through: Callable[[bytes], object]
    ) -> None:
        self._connection = connection
        self._may_begin = may_begin
        self._on_through = on_through
        self._spool: Spool | None = None  # the worker's; the loop knows it from the sender
        self._sender: FileSender | None = None  # loop only
        self._last: bytes | None = None  # loop only
        self._stopped = False  # loop only

    def __repr__(self) -> str:
        return f"<Overflow {self._spool!r} {self._sender!r}>"

    # The worker's half.

    @property
    def pending(self) -> bool:
        """Whether bytes are spooled, which must not be overtaken. Any thread."""
        return self._spool is not None and self._spool.pending > 0

    def write(self, data: bytes) -> None:
        """Leave a part of the response; waits for the client when the spool is full (worker).

        Raises:
            ClientDisconnected: the client has left.
        """
        outbox = self._connection.context.outbox
        rest = memoryview(data)
        try:
            if self._spool is None:
                self._spool = Spool()
            spool = self._spool
            while rest:
                rest = rest[spool.append(rest) :]
                if spool.claim():
                    outbox.put(self._send_spooled, b"")
                if rest:
                    outbox.wait(spool.wait_for_room)
        except ClientDisconnected:
            raise
        except OSError as error:
            client = format_client(self._connection.client)
            logger.warning("%s: a response cannot be spooled, its thread waits: %s", client, error)
            self._wait_spooled()
            outbox.wait(self._connection.wait_writable)
            outbox.put(self._connection.write, bytes(rest))

    def send_file(self, region: FileRegion, before: bytes, after: bytes) -> None:
        """Leave the rest of the response: a part of a file, and what goes before and after it (worker).

        Raises:
            ClientDisconnected: the client has left.
        """
        try:
            self._wait_spooled()
            self._connection.context.outbox.put(partial(self._send_region, region, after), before)
        except ClientDisconnected:
            region.close()
            raise

    def release(self) -> None:
        """Leave nothing more; may be called repeatedly (worker)."""
        if self._spool is not None:
            self._spool.release()

    def _wait_spooled(self) -> None:
        """Wait until everything spooled has been sent (worker)."""
        if self._spool is not None:
            self._connection.context.outbox.wait(self._spool.wait_until_empty)

    # The loop's half.

    @property
    def ending(self) -> bool:
        """Whether the response is complete, and only waits for the client (loop)."""
        return self._last is not None

    def hold(self, data: bytes) -> bool:
        """Keep the last bytes of the response until it is their turn; False if it is already (loop)."""
        if self.pending and not self._stopped:
            self._last = data
            return True
        self.stop()
        return False

    def stop(self) -> None:
        """Send nothing more; may be called repeatedly (loop)."""
        self._stopped = True
        if self._sender is not None:
            self._sender.stop()
        if self._spool is not None:
            self._spool.close()

    def _send_spooled(self, _: bytes) -> None:
        """Begin or go on to send what is spooled (loop)."""
        assert self._spool is not None
        if self._stopped or self._connection.closed or not self._may_begin():
            self.stop()
            return
        if self._sender is None:
            self._sender = FileSender(self._connection, self._spool, self._on_sent)
        self._sender.start()

    def _send_region(self, region: FileRegion, after: bytes, before: bytes) -> None:
        """Begin to send a file (loop)."""
        if self._stopped or self._connection.closed or not self._may_begin():
            region.close()
            return
        self.stop()  # what was spooled is through
        self._connection.write(before)
        self._last = after
        self._stopped = False
        self._sender = FileSender(self._connection, region, self._on_sent)
        self._sender.start()

    def _on_sent(self) -> None:
        """Nothing is left for now: the worker may add to it, until there are last bytes to send (loop)."""
        if self._last is not None:
            last, self._last = self._last, None
            self.stop()
            self._on_through(last)
