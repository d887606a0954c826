"""Lends connections to a SQLite file. Safe to use from any number of threads and processes."""

import contextlib
import queue
import sqlite3
import threading
import weakref
from collections.abc import Generator
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,  -- the name as it is compared
    password TEXT NOT NULL,  -- its hash
    session INTEGER NOT NULL DEFAULT 1  -- the number of the session that counts: signing out ends it
) STRICT;

CREATE TABLE IF NOT EXISTS room (
    id INTEGER PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS message (
    room INTEGER NOT NULL REFERENCES room,
    number INTEGER NOT NULL,  -- 1, 2, 3 … in each room
    author INTEGER NOT NULL REFERENCES account,
    text TEXT NOT NULL,
    created INTEGER NOT NULL,  -- milliseconds since 1970
    key TEXT,  -- what the page called it when it sent it
    PRIMARY KEY (room, number),
    UNIQUE (author, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS message_by_author ON message (author, created);

INSERT INTO room (id, slug, name) VALUES (1, 'lobby', 'Lobby') ON CONFLICT DO NOTHING;
"""

#: Seconds for which a thread waits for another one's write.
_BUSY_TIMEOUT = 10.0

#: Connections that are kept open between requests; more are opened when more threads need one.
_IDLE_CONNECTIONS = 16


class Database:
    """One SQLite file, which is made on first use, readable by its owner only.

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
        return f"<Database {self.path}>"

    @contextlib.contextmanager
    def connection(self) -> Generator[sqlite3.Connection]:
        """Lend a connection to one thread at a time; one on which something failed is not used again."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()  # what it had begun to write is undone
            raise
        try:
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Lend a connection on which nobody else writes meanwhile, in any process."""
        with self.connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        with self._preparing:
            if not self._prepared:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.touch(mode=0o600)
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
            )
            if not self._prepared:
                # Readers and a writer at the same time. It stays with the file; another process that starts
                # at the same moment may hold the lock that the change needs, and then it is the one that
                # makes it.
                with contextlib.suppress(sqlite3.OperationalError):
                    connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA};COMMIT")
                self._prepared = True
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection


def _close_all(connections: "queue.LifoQueue[sqlite3.Connection]") -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            connections.get_nowait().close()
