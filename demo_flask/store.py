"""Keeps accounts, rooms and messages. The database is the truth: pages ask it for what they have missed."""

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from flask import current_app

from demo_flask.database import Database

#: What one person may write: so many messages within so many seconds, in all rooms.
MESSAGES = 10
SECONDS = 10

MAX_ROOMS = 100

#: Colours that the style sheet has for people.
_COLOURS = 12

_ROOM = (
    "SELECT id, slug, name, coalesce((SELECT max(number) FROM message WHERE message.room = room.id), 0)"
    " FROM room"
)
_MESSAGE = "SELECT number, name, text, created, key FROM message JOIN account ON author = account.id"


class NameTaken(Exception):
    """Somebody else has signed up with this name."""


class TooManyRooms(Exception):
    """There are as many rooms as there may be."""


class TooManyMessages(Exception):
    """Somebody writes too fast, and may go on in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"You write faster than others can read. Wait {seconds} s.")
        self.seconds = seconds


@dataclass(frozen=True)
class Account:
    """Somebody who has signed up."""

    id: int
    name: str
    password: str
    session: int

    @property
    def colour(self) -> int:
        """The number of their colour."""
        return colour_of(self.name)


@dataclass(frozen=True)
class Room:
    """A room, and how many messages were written there."""

    id: int
    slug: str
    name: str
    messages: int

    @property
    def group(self) -> str:
        """The group of the channel layer that its open pages belong to."""
        return f"room.{self.id}"


@dataclass(frozen=True)
class Message:
    """A message. In each room they are numbered 1, 2, 3 … without a gap."""

    number: int
    author: str
    text: str
    created: datetime
    key: str | None = None

    @property
    def colour(self) -> int:
        """The number of the author's colour."""
        return colour_of(self.author)

    @property
    def when(self) -> str:
        """The time in ISO 8601, which both `<time>` and JavaScript read."""
        return self.created.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def as_json(self) -> dict[str, Any]:
        """Return what pages are told about the message."""
        return {
            "number": self.number,
            "author": self.author,
            "text": self.text,
            "created": self.when,
            "colour": self.colour,
            "key": self.key,
        }


class Store:
    """What is kept in a database. Every method may be called on any thread, and may wait for the disk."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.close = database.close

    # Accounts

    def sign_up(self, name: str, password: str) -> Account:
        """Keep a new account, with the hash of its password.

        Raises:
            NameTaken: there is one of that name, if perhaps in other letters.
        """
        try:
            with self._database.connection() as connection:
                (row,) = connection.execute(
                    "INSERT INTO account (name, folded, password) VALUES (?, ?, ?) RETURNING id, name, "
                    "password, session",
                    (name, name.casefold(), password),
                )
        except sqlite3.IntegrityError:
            raise NameTaken from None
        return Account(*row)

    def account(self, number: int) -> Account | None:
        """Return the account with this id."""
        found = self._select("SELECT id, name, password, session FROM account WHERE id = ?", (number,))
        return next((Account(*row) for row in found), None)

    def account_named(self, name: str) -> Account | None:
        """Return the account of this name, in whatever letters it is written."""
        query = "SELECT id, name, password, session FROM account WHERE folded = ?"
        return next((Account(*row) for row in self._select(query, (name.casefold(),))), None)

    def sign_out(self, account: Account) -> None:
        """Let no session of an account count any more, wherever its cookie is."""
        with self._database.connection() as connection:
            connection.execute("UPDATE account SET session = session + 1 WHERE id = ?", (account.id,))

    # Rooms

    def rooms(self) -> list[Room]:
        """Return all rooms by name."""
        return [Room(*row) for row in self._select(f"{_ROOM} ORDER BY name COLLATE NOCASE", ())]

    def room(self, slug: str) -> Room | None:
        """Return the room at this address."""
        return next((Room(*row) for row in self._select(f"{_ROOM} WHERE slug = ?", (slug,))), None)

    def open_room(self, slug: str, name: str) -> None:
        """Make a room, unless there is one at this address.

        Raises:
            TooManyRooms: there are as many as there may be.
        """
        with self._database.transaction() as connection:
            ((rooms,),) = connection.execute("SELECT count(*) FROM room WHERE slug <> ?", (slug,))
            if rooms >= MAX_ROOMS:
                raise TooManyRooms
            connection.execute(
                "INSERT INTO room (slug, name) VALUES (?, ?) ON CONFLICT DO NOTHING", (slug, name)
            )

    # Messages

    def add(self, room: Room, author: Account, text: str, key: str | None = None) -> tuple[Message, bool]:
        """Keep a message, and return it and whether it is new.

        Args:
            room: where it was written.
            author: by whom.
            text: what it says.
            key: what the author's page calls it. A page that does not hear whether a message arrived sends it
                again with the same key, and it is kept once.

        Raises:
            TooManyMessages: the author writes too fast.
        """
        now = time.time_ns() // 1_000_000
        with self._database.transaction() as connection:
            known = connection.execute(f"{_MESSAGE} WHERE author = ? AND key = ?", (author.id, key))
            for row in known:
                return _message(row), False
            _admit(connection, author, now)
            ((number,),) = connection.execute(
                "INSERT INTO message (room, number, author, text, created, key)"
                " SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ? FROM message WHERE room = ?"
                " RETURNING number",
                (room.id, author.id, text, now, key, room.id),
            )
        return _message((number, author.name, text, now, key)), True

    def before(self, room: Room, number: int, limit: int) -> list[Message]:
        """Return the last messages before one, oldest first."""
        query = f"{_MESSAGE} WHERE room = ? AND number < ? ORDER BY number DESC LIMIT ?"
        return [_message(row) for row in self._select(query, (room.id, number, limit))][::-1]

    def after(self, room: Room, number: int, limit: int) -> list[Message]:
        """Return the first messages after one, oldest first."""
        query = f"{_MESSAGE} WHERE room = ? AND number > ? ORDER BY number LIMIT ?"
        return [_message(row) for row in self._select(query, (room.id, number, limit))]

    def _select(self, query: str, parameters: Iterable[int | str]) -> list[tuple[Any, ...]]:
        with self._database.connection() as connection:
            return connection.execute(query, tuple(parameters)).fetchall()


def get_store() -> Store:
    """Return the store of the current application."""
    store: Store = current_app.extensions["store"]
    return store


def colour_of(name: str) -> int:
    """Return the number of a person's colour: the same name always has the same one."""
    return crc32(name.casefold().encode()) % _COLOURS


def _admit(connection: sqlite3.Connection, author: Account, now: int) -> None:
    """Raise TooManyMessages if the author has written so many already. `now` is in milliseconds."""
    newest = connection.execute(
        "SELECT created FROM message WHERE author = ? ORDER BY created DESC LIMIT 1 OFFSET ?",
        (author.id, MESSAGES - 1),
    )
    for (created,) in newest:
        wait = created + SECONDS * 1000 - now
        if wait > 0:
            raise TooManyMessages(min(-(-wait // 1000), SECONDS))


def _message(row: tuple[int, str, str, int, str | None]) -> Message:
    number, author, text, created, key = row
    return Message(number, author, text, datetime.fromtimestamp(created / 1000, UTC), key)
