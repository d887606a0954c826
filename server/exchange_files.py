"""Files as parts of a response, as an ASGI application hands them over (ASGI extensions "Path Send" and
"Zero Copy Send").

The loop sends them, with ``sendfile`` where the system has it and the connection is not encrypted. The
descriptor that it does that with is its own: what the application does with its file, or whether it waits,
concerns nobody. What fits into the socket's buffer is read, which takes fewer calls, and goes out with the
head.
"""

import io
import os
import stat
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final, NamedTuple, Protocol

from hybrid.bridge.errors import ClientDisconnected, ProtocolError
from hybrid.bridge.types import Message
from hybrid.server.connection import Connection
from hybrid.server.sendfile import FileRegion, FileSender
from hybrid.server.wire.errors import ResponseError
from hybrid.server.wire.fronted import BusyEncoder, Encoder

#: Bytes up to which a file is read instead of being sent by the system.
_READ_SIZE: Final = 32 * 1024
#: A pipe without a writer must not block the loop; where there is no such flag there are none.
_OPEN_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class FileExchange(Protocol):
    """What an exchange is to a file that is to be sent."""

    @property
    def connection(self) -> Connection:
        """The connection."""
        ...

    @property
    def encoder(self) -> Encoder | None:
        """What takes the body; None before the response has begun, and when it cannot go on."""
        ...

    @encoder.setter
    def encoder(self, encoder: Encoder) -> None: ...

    async def changed(self) -> None:
        """Wait until something has happened to the exchange, or :meth:`wake` is called."""
        ...

    def wake(self) -> None:
        """Let those look again who wait."""
        ...

    def complete(self) -> None:
        """Give the connection back."""
        ...

    def abandon(self) -> None:
        """Nothing more can be sent."""
        ...


class _Part(NamedTuple):
    """Bytes of a file, as a part of the body.

    Attributes:
        descriptor: somebody else's, and valid until the next ``await``.
        offset: where they begin.
        size: how many they are.
        more: whether other parts follow.
    """

    descriptor: int
    offset: int
    size: int
    more: bool


async def send_path(exchange: FileExchange, encoder: Encoder, message: Message) -> None:
    """Take ``http.response.pathsend``: the whole body is the file of a name, which is opened and closed here.

    The specification speaks of absolute paths, but frameworks pass on what they were given, so that a
    relative one means what it means to :func:`open`.

    Raises:
        ClientDisconnected: the client has left.
        KeyError, ValueError: the path is missing, or cannot be one.
        ProtocolError: a part of the body was sent already.
        ResponseError: the file cannot be sent, or does not have the length of the Content-Length.
    """
    path = message["path"]
    if not isinstance(path, str):
        raise ResponseError(f"http.response.pathsend: path must be str, not {path!r}")
    if encoder.head_sent:
        raise ProtocolError(
            "http.response.pathsend must be the whole body, and a part of it was sent already"
        )
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
        try:
            part = _Part(descriptor, 0, _size(descriptor), more=False)
            transfer = _begin(exchange, encoder, part)
        finally:
            os.close(descriptor)
    except OSError as error:  # which would say that the client has left
        raise ResponseError(f"http.response.pathsend: {path!r} cannot be sent: {error}") from error
    await _finish(exchange, transfer, more=False)


async def send_descriptor(exchange: FileExchange, encoder: Encoder, message: Message) -> None:
    """Take ``http.response.zerocopysend``: the next part of the body is some of an open file, which stays
    the application's.

    From a file whose position decides where the part begins, the next one begins where this has ended.

    Raises:
        ClientDisconnected: the client has left.
        KeyError, TypeError, ValueError: a value is missing or not what it should be.
        ProtocolError: another part is still being sent.
        ResponseError: the file cannot be sent, has not so many bytes, or more than the Content-Length says.
    """
    file = message["file"]
    more = bool(message.get("more_body", False))
    offset, count = _natural(message, "offset"), _natural(message, "count")
    try:
        descriptor = _descriptor(file)
        size = _size(descriptor)
        start = _position(file) if offset is None else offset
        available = max(0, size - start)
        if count is not None and count > available:
            raise ResponseError(
                f"http.response.zerocopysend: {available} bytes are left of {file!r}, not {count}"
            )
        part = _Part(descriptor, start, available if count is None else count, more)
        with ExitStack() as undo:
            if offset is None:
                _move(file, part.offset + part.size)
                undo.callback(_move, file, start)
            transfer = _begin(exchange, encoder, part)
            undo.pop_all()
    except OSError as error:
        raise ResponseError(f"http.response.zerocopysend: {file!r} cannot be sent: {error}") from error
    await _finish(exchange, transfer, more=more)


class _Transfer:
    """A part of a file on its way to the client. The encoder's place is taken until it is there."""

    def __init__(self, exchange: FileExchange, encoder: Encoder, region: FileRegion, after: bytes) -> None:
        self._exchange = exchange
        self._encoder = encoder
        self._after = after
        self._over = False
        self._error: OSError | None = None
        self._sender = FileSender(exchange.connection, region, self._end, self._end)
        exchange.encoder = BusyEncoder(encoder)
        self._sender.start()

    def __repr__(self) -> str:
        return f"<_Transfer over={self._over}>"

    def _end(self, error: OSError | None = None) -> None:
        """All is sent, or nothing more can be."""
        self._error = error
        self._over = True
        self._sender.stop()  # now: the application may take its time to come back
        self._exchange.wake()

    async def wait(self) -> None:
        """Wait until all is sent. Who does not wait to the end cuts the response off: half of the part is on
        its way.

        Raises:
            ClientDisconnected: the client has left.
            ResponseError: the file has become shorter, or cannot be read.
        """
        sent = False
        try:
            while not self._over and self._exchange.encoder is not None:
                await self._exchange.changed()
            sent = self._over and self._error is None
        finally:
            self._sender.stop()
            error = self._error
            del self._sender, self._error  # which refer back: nothing is left to the garbage collector
            if not sent:
                self._exchange.connection.abort()
                self._exchange.abandon()
        if error is not None and not isinstance(error, ConnectionError):
            raise ResponseError(f"a file cannot be sent: {error}") from error
        if self._exchange.encoder is None:
            raise ClientDisconnected("the client has left")
        self._exchange.encoder = self._encoder
        self._exchange.connection.write(self._after)


def _begin(exchange: FileExchange, encoder: Encoder, part: _Part) -> _Transfer | None:
    """Send a part, or begin to. What is the application's is not needed afterwards.

    Raises:
        OSError: the file cannot be read; nothing has been sent of it.
        ProtocolError, ResponseError: the part must not be sent.
    """
    connection = exchange.connection
    if not encoder.sends_body:
        connection.write(encoder.encode(b"", part.more))
        return None
    if part.size <= _READ_SIZE:
        connection.write(encoder.encode(_read(part), part.more))
        return None
    with ExitStack() as owed:
        region = FileRegion(part.descriptor, part.offset, part.size, encoder.note_sent)
        owed.callback(region.close)
        before, after = encoder.encode_around(part.size, more=part.more)
        owed.pop_all()
    connection.write(before)
    return _Transfer(exchange, encoder, region, after)


async def _finish(exchange: FileExchange, transfer: _Transfer | None, *, more: bool) -> None:
    """Wait until a part is sent, and end the response with the last one."""
    if transfer is not None:
        await transfer.wait()
    encoder = exchange.encoder
    if encoder is not None and not more and encoder.complete:
        exchange.complete()
    elif exchange.connection.transport.is_closing():
        exchange.abandon()
        raise ClientDisconnected("the client has left")
    else:
        await exchange.connection.wait_writable()


def _read(part: _Part) -> bytes:
    data = os.pread(part.descriptor, part.size, part.offset) if part.size else b""
    if len(data) < part.size:
        raise ResponseError(f"a file became {part.size - len(data)} bytes shorter meanwhile")
    return data


def _descriptor(file: Any) -> int:
    if isinstance(file, int):
        return file
    if not hasattr(file, "fileno"):
        raise TypeError("what is to be sent has no descriptor")
    return int(file.fileno())


def _size(descriptor: int) -> int:
    """Return the size of a regular file; of others nobody knows it, and reading them may block."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise ResponseError("what is to be sent is not a regular file")
    return status.st_size


def _natural(message: Message, name: str) -> int | None:
    value = message.get(name)
    if value is None or (isinstance(value, int) and value >= 0):
        return value
    raise ValueError(f"{name} must be a number of bytes")


def _position(file: Any) -> int:
    """Return where the next read would begin: what is buffered is not in the descriptor's own position."""
    if isinstance(file, io.TextIOBase):
        raise TypeError("a file must be binary to have a position in bytes")
    tell: Callable[[], object] | None = getattr(file, "tell", None)
    position = os.lseek(_descriptor(file), 0, os.SEEK_CUR) if tell is None else tell()
    if not isinstance(position, int):
        raise TypeError("a file that does not tell its position needs an offset")
    return position


def _move(file: Any, position: int) -> None:
    if hasattr(file, "seek"):
        file.seek(position)
    else:
        os.lseek(_descriptor(file), position, os.SEEK_SET)
