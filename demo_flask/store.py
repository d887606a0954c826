"""Keeps the messages in a SQLite file. Safe to use from any number of threads and processes."""

import contextlib
import queue
import sqlite3
import threading
import weakref
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author TEXT NOT NULL,
    text TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT
"""

#: Seconds for which a thread waits for another one's write.
_BUSY_TIMEOUT = 10.0

#: Connections that are kept open between requests; more are opened when more threads need one.
_IDLE_CONNECTIONS = 16

#: Colours that the style sheet has for authors.
_COLOURS = 12


@dataclass(frozen=True)
class Message:
    """A message on the board. Ids grow by one, and never come back."""

    id: int
    author: str
    text: str
    created: datetime

    @property
    def colour(self) -> int:
        """The number of the author's colour: the same name always has the same one."""
        return crc32(self.author.casefold().encode()) % _COLOURS

    @property
    def when(self) -> str:
        """The time in ISO 8601, which both `<time>` and JavaScript read."""
        return self.created.strftime("%Y-%m-%dT%H:%M:%SZ")

    def as_json(self) -> dict[str, Any]:
        """Return what pages are told about the message."""
        return {
            "id": self.id,
            "author": self.author,
            "text": self.text,
            "created": self.when,
            "colour": self.colour,
        }


class Store:
    """The messages in one SQLite file, which is made on first use.

    Args:
        path: the file; its folder is made too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._prepared = False
        self._preparing = threading.Lock()
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue(_IDLE_CONNECTIONS)
        self.close = weakref.finalize(self, _close_all, self._idle)

    def __repr__(self) -> str:
        return f"<Store {self.path}>"

    def add(self, author: str, text: str) -> Message:
        """Keep a new message and return it."""
        created = datetime.now(UTC).replace(microsecond=0)
        with self._connection() as connection:
            cursor = connection.execute(
                "INSERT INTO message (author, text, created) VALUES (?, ?, ?)",
                (author, text, int(created.timestamp())),
            )
            assert cursor.lastrowid is not None
            return Message(cursor.lastrowid, author, text, created)

    def latest(self, limit: int) -> list[Message]:
        """Return the newest messages, newest first."""
        return self._select(
            "SELECT id, author, text, created FROM message ORDER BY id DESC LIMIT ?", (limit,)
        )

    def after(self, newest: int, limit: int) -> list[Message]:
        """Return the messages that came after one with this id, oldest first."""
        return self._select(
            "SELECT id, author, text, created FROM message WHERE id > ? ORDER BY id LIMIT ?", (newest, limit)
        )

    def _select(self, query: str, parameters: Iterable[int]) -> list[Message]:
        with self._connection() as connection:
            return [
                Message(number, author, text, datetime.fromtimestamp(created, UTC))
                for number, author, text, created in connection.execute(query, tuple(parameters))
            ]

    @contextlib.contextmanager
    def _connection(self) -> Generator[sqlite3.Connection]:
        """Lend a connection to one thread at a time; one on which something failed is not used again."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        try:
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        with self._preparing:
            if not self._prepared:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            if not self._prepared:
                # Readers and a writer at the same time. It stays with the file; another process that starts
                # at the same moment may hold the lock that the change needs, and then it is the one that
                # makes it.
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(_SCHEMA)
                self._prepared = True
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection


def _close_all(connections: "queue.LifoQueue[sqlite3.Connection]") -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            connections.get_nowait().close()
