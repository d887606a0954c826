"""Where the server's own log goes: to a stream or a file, without ever making the event loop wait for a
reader.
"""

import asyncio
import logging
import os
import select
import stat
from collections import deque
from pathlib import Path
from threading import get_ident
from typing import IO, Any, Final
from weakref import WeakSet

#: Bytes that a pipe takes at once or not at all, so that lines of several processes are not mixed up; and
#: what it has room for when it says that it has room (pipe(7)).
_PIECE_SIZE: Final = 4096
#: Characters that wait for somebody who does not read the log; beyond, lines are dropped and counted.
_WAITING_LIMIT: Final = 1 << 20
#: Characters after which a batch is written before its turn of the loop is over.
_BATCH_SIZE: Final = 1 << 15
#: Milliseconds that a closing handler waits for a reader, for each piece.
_LAST_WAIT: Final = 200

_handlers: WeakSet["LineHandler"] = WeakSet()


class LineHandler(logging.Handler):
    """Writes lines to a stream or a file.

    A pipe that nobody reads, or a terminal that is stopped, would stop whoever writes to it: this process,
    which is an event loop. So such a stream is asked before each piece whether it has room. What finds none
    waits, up to 1 MiB; beyond that, lines are dropped, and the log says how many as soon as it can. A file is
    taken to have room always.

    Args:
        stream: where to; None when there is a path.
        path: a file to append to, which :meth:`reopen` opens anew.
        batches: whether it may gather the lines of one turn of a loop, see :meth:`batch`; otherwise each is
            written at once.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(
        self, stream: IO[str] | None = None, *, path: str | Path | None = None, batches: bool = False
    ) -> None:
        self.batches = batches
        self.path = None if path is None else Path(path).absolute()
        self._stream: Any = stream if self.path is None else self._open()
        super().__init__()  # now: logging flushes at the end every handler that has come so far
        self._lines: deque[str] = deque()
        self._size = 0
        self._dropped = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._due = False
        self._poll = self._make_poll()
        _handlers.add(self)

    def __repr__(self) -> str:
        return f"<LineHandler {self.path or self._stream!r} waiting={self._size} dropped={self._dropped}>"

    @property
    def dropped(self) -> int:
        """Lines dropped that the log has not told of yet."""
        return self._dropped

    def batch(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Gather what is logged on this thread, and write it in the loop's next turn; None ends that."""
        self.acquire()
        try:
            self._loop, self._loop_thread, self._due = loop, get_ident(), False
        finally:
            self.release()
        self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record. The handler is locked."""
        try:
            line = self.format(record) + "\n"
        except Exception:  # noqa: BLE001 - as logging's own handlers do: a formatter may be anybody's
            self.handleError(record)
            return
        if self._size > _WAITING_LIMIT:
            self._dropped += 1
            return
        self._append(line)
        if self._loop is None or self._size > _BATCH_SIZE or get_ident() != self._loop_thread:
            self._write()
        elif not self._due:
            self._due = True
            try:
                self._loop.call_soon(self.flush)
            except RuntimeError:  # it is closed
                self._loop = None
                self._write()

    def flush(self) -> None:
        """Write what waits, as far as there is room."""
        self.acquire()
        try:
            self._due = False
            self._write()
        finally:
            self.release()

    def reopen(self) -> None:
        """Open the file anew, under the name that it was given: another program has moved the old one away.

        Raises:
            OSError: it cannot be opened; the old one stays in use.
        """
        if self.path is None:
            return
        self.acquire()
        try:
            self._write()
            stream = self._open()
            self._stream.close()
            self._stream = stream
        finally:
            self.release()

    def close(self) -> None:
        """Write what waits, which may take a moment, and close the file."""
        self.acquire()
        try:
            self._loop = None
            self._write(_LAST_WAIT)
            self._lines.clear()
            if self.path is not None:
                self._stream.close()
        finally:
            self.release()
        super().close()

    def _open(self) -> IO[str]:
        assert self.path is not None
        return self.path.open("a", encoding="utf-8", errors="backslashreplace")

    def _make_poll(self) -> "select.poll | None":
        """Return what tells whether the stream has room; None where it always has, or nothing can tell."""
        try:
            descriptor = self._stream.fileno()
            mode = os.fstat(descriptor).st_mode
        except (AttributeError, OSError, ValueError):
            return None
        if not hasattr(select, "poll") or not (
            stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(descriptor)
        ):
            return None
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        return poll

    def _append(self, line: str) -> None:
        """Keep a line, in pieces that a pipe takes at once."""
        self._size += len(line)
        if len(line) > _PIECE_SIZE // 4 or not line.isascii():  # a character may have four bytes
            step = _PIECE_SIZE // 4
            self._lines.extend(line[start : start + step] for start in range(0, len(line), step))
        else:
            self._lines.append(line)

    def _write(self, wait: int = 0) -> None:
        """Write what waits, as far as there is room. The handler is locked."""
        if self._lines and self.path is not None and self._stream.closed and not self._open_again():
            return
        lines, stream = self._lines, self._stream
        while lines:
            if self._poll is not None and not self._poll.poll(wait):
                return
            piece = self._next_piece()
            self._size -= len(piece)
            try:
                stream.write(piece)
                stream.flush()
            except (OSError, ValueError):  # the reader has left, the disk is full, the stream is closed
                self._dropped += piece.count("\n")
                return
        if self._dropped:
            self._tell_dropped()

    def _open_again(self) -> bool:
        """Open a file that somebody has closed: an application that sets its own logging up closes every
        handler there is (:func:`logging.config.dictConfig`), and does not mean those that go on. Whether
        it could be opened; otherwise what waits is dropped.
        """
        try:
            self._stream = self._open()
        except OSError:
            self._dropped += len(self._lines)
            self._lines.clear()
            self._size = 0
            return False
        return True

    def _next_piece(self) -> str:
        """Take as many lines as can be written at once."""
        lines = self._lines
        first = lines.popleft()
        if not lines or not first.isascii():
            return first
        piece, size = [first], len(first)
        while lines and size + len(lines[0]) <= _PIECE_SIZE and lines[0].isascii():
            piece.append(lines.popleft())
            size += len(piece[-1])
        return "".join(piece)

    def _tell_dropped(self) -> None:
        dropped, self._dropped = self._dropped, 0
        text = f"the log was not read in time: {dropped} lines were dropped"
        record = logging.makeLogRecord(
            {"name": "hybrid.server", "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
        )
        self._append(self.format(record) + "\n")
        self._write()


def batch_logs(loop: asyncio.AbstractEventLoop | None) -> None:
    """Write accesses that are logged on this thread once a turn of its loop; None ends that."""
    for handler in tuple(_handlers):
        if handler.batches or loop is None:
            handler.batch(loop)


def flush_logs() -> None:
    """Write what had to wait for a reader, as far as there is room now."""
    for handler in tuple(_handlers):
        handler.flush()


def reopen_log_files() -> None:
    """Open every log file anew, as after ``logrotate`` has moved the old ones away.

    Those of this server, and those of every :class:`logging.FileHandler` of the process. One that cannot be
    opened stays as it is, and the log says so.
    """
    loggers = [logging.root, *map(logging.getLogger, tuple(logging.root.manager.loggerDict))]
    for handler in {handler for logger in loggers for handler in logger.handlers}:
        try:
            if isinstance(handler, LineHandler):
                handler.reopen()
            elif isinstance(handler, logging.FileHandler):
                _reopen(handler)
        except OSError as error:
            logging.getLogger("hybrid.server").error("a log file cannot be reopened: %s", error)


def _reopen(handler: logging.FileHandler) -> None:
    handler.acquire()
    try:
        if handler.stream is not None:  # otherwise its next line opens it
            old = handler.setStream(handler._open())  # noqa: SLF001 - which is documented
            if old is not None:
                old.close()
    finally:
        handler.release()
