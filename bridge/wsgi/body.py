"""A request body, collected before a thread is given to it: small ones in memory, large ones on disk."""

import io
import logging
import tempfile
from contextlib import suppress
from typing import BinaryIO

from hybrid.bridge.errors import BodyRefused
from hybrid.bridge.types import BodyPolicy

logger = logging.getLogger("hybrid.wsgi")


class RequestBody:
    """Collects a body of any size in bounded memory.

    The file is written on the loop's thread, part by part as it comes from the socket, as nginx and Puma do.
    A part goes to the kernel's page cache: 16 µs for 64 KiB, less than handing it to a thread and back costs.
    But after some hundred megabytes for which the network was faster than the disk, the kernel lets the
    writer feel it, and with it the loop: 10 ms and more now and then. Where uploads are so large and so fast,
    let TMPDIR be in memory or on a fast disk, or let the application read a stream.

    What :meth:`open` returns belongs to the caller, who closes it; before that, :meth:`close` is due.
    """

    __slots__ = ("_file", "_parts", "_policy", "size")

    def __init__(self, policy: BodyPolicy) -> None:
        self._policy = policy
        self._parts: list[bytes] = []
        self._file: BinaryIO | None = None
        self.size = 0

    def __repr__(self) -> str:
        return f"<RequestBody {self.size} bytes {'on disk' if self._file else 'in memory'}>"

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            BodyRefused: the body has become too large, or the disk has no room for it.
        """
        if not data:
            return
        self.size += len(data)
        self._policy.check_size(self.size)
        try:
            if self._file is not None:
                self._file.write(data)
                return
            self._parts.append(data)
            if self.size > self._policy.buffer:
                self._file = tempfile.TemporaryFile(prefix="hybrid-body-")  # noqa: SIM115 - closed with the exchange
                self._file.writelines(self._parts)
                self._parts.clear()
        except OSError as error:
            raise _no_room(error) from error

    def open(self) -> BinaryIO:
        """Return all of it as a binary file, positioned at its start; to be called once, when it is
        complete.

        Raises:
            BodyRefused: the disk has no room for the last of it.
        """
        if self._file is not None:
            try:
                self._file.seek(0)  # writes what is still in the file object's own buffer
            except OSError as error:
                raise _no_room(error) from error
            return self._file
        return io.BytesIO(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))

    def close(self) -> None:
        """Free memory and disk; may be called repeatedly."""
        self._parts.clear()
        if self._file is not None:
            with suppress(OSError):  # what it still wanted to write is not wanted; it is closed all the same
                self._file.close()


def _no_room(error: OSError) -> BodyRefused:
    """Log why a body could not be kept: a full disk is for the operator to see, whoever the client was."""
    logger.error("no room on the disk for a request body: %s", error)
    return BodyRefused(507, "no room for the request body")
