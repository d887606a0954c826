"""A request body, collected before a thread is given to it: small ones in memory, large ones on disk."""

import io
import tempfile
from typing import BinaryIO

#: Bytes kept in memory before a body moves to a temporary file.
MEMORY_LIMIT = 64 * 1024


class RequestBody:
    """Collects a body of any size in bounded memory.

    What :meth:`open` returns belongs to the caller, who closes it; before that, :meth:`close` is due.
    """

    __slots__ = ("_file", "_parts", "size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._file: BinaryIO | None = None
        self.size = 0

    def __repr__(self) -> str:
        return f"<RequestBody {self.size} bytes {'on disk' if self._file else 'in memory'}>"

    def write(self, data: bytes) -> None:
        """Append bytes."""
        if not data:
            return
        self.size += len(data)
        if self._file is not None:
            self._file.write(data)
            return
        self._parts.append(data)
        if self.size > MEMORY_LIMIT:
            self._file = tempfile.TemporaryFile(prefix="hybrid-body-")  # noqa: SIM115 - closed with the exchange
            self._file.writelines(self._parts)
            self._parts.clear()

    def open(self) -> BinaryIO:
        """Return all of it as a binary file, positioned at its start; to be called once, when it is
        complete.
        """
        if self._file is not None:
            self._file.seek(0)
            return self._file
        return io.BytesIO(self._parts[0] if len(self._parts) == 1 else b"".join(self._parts))

    def close(self) -> None:
        """Free memory and disk; may be called repeatedly."""
        self._parts.clear()
        if self._file is not None:
            self._file.close()
