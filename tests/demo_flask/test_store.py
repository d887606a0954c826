import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from demo_flask import store as store_module
from demo_flask.database import Database
from demo_flask.store import Account, Message, NameTaken, Room, Store, TooManyMessages, TooManyRooms

LAST = 2**63 - 1


class Kept:
    """A store with somebody in it, which is closed with the test."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path)
        self.store = Store(self.database)

    def ada(self) -> Account:
        """Sign Ada up."""
        return self.store.sign_up("Ada", "hash")

    def room(self, slug: str = "lobby") -> Room:
        """Return a room that is there."""
        room = self.store.room(slug)
        assert room is not None
        return room

    def add(self, author: Account, text: str, key: str | None = None) -> Message:
        """Keep a message in the lobby, which must be new."""
        message, new = self.store.add(self.room(), author, text, key)
        assert new
        return message


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """Make a store in a folder that does not exist yet."""
    kept = Kept(tmp_path / "new" / "parlour.sqlite3")
    yield kept
    kept.database.close()


@pytest.fixture
def no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let people write as fast as they can."""
    monkeypatch.setattr(store_module, "MESSAGES", 10_000)


def test_messages_are_kept_in_order(kept: Kept) -> None:
    """Oldest first, whether before or after one, both within their limit."""
    ada, lobby, store = kept.ada(), kept.room(), kept.store
    added = [kept.add(ada, f"text {n}") for n in range(5)]
    assert [message.number for message in added] == [1, 2, 3, 4, 5]
    assert store.before(lobby, LAST, 3) == added[2:]
    assert store.before(lobby, 3, 10) == added[:2]
    assert store.after(lobby, 2, 2) == added[2:4]
    assert store.after(lobby, 5, 10) == []


def test_each_room_counts_for_itself(kept: Kept) -> None:
    """Numbers begin with 1 in every room, and no room sees another's messages."""
    ada = kept.ada()
    kept.store.open_room("garden", "Garden")
    kept.add(ada, "in the lobby")
    message, _ = kept.store.add(kept.room("garden"), ada, "in the garden")
    assert message.number == 1
    assert kept.store.after(kept.room("garden"), 0, 10) == [message]
    assert [(room.slug, room.messages) for room in kept.store.rooms()] == [("garden", 1), ("lobby", 1)]


def test_messages_outlive_the_store(kept: Kept) -> None:
    """A second store on the same file finds what the first one kept."""
    message = kept.add(kept.ada(), "hello", "key")
    again = Database(kept.database.path)
    assert Store(again).after(kept.room(), 0, 10) == [message]
    again.close()


def test_text_is_kept_as_it_is(kept: Kept) -> None:
    """Quotes, markup, line ends and characters of any alphabet come back unchanged."""
    text = "'; DROP TABLE message; -- <b>\n日本語 🎈"
    kept.add(kept.store.sign_up(text, "hash"), text)
    (found,) = kept.store.after(kept.room(), 0, 10)
    assert (found.author, found.text) == (text, text)


def test_a_message_that_is_sent_again_is_kept_once(kept: Kept) -> None:
    """The same author and key: the first message, not new. Other authors have keys of their own."""
    ada, grace = kept.ada(), kept.store.sign_up("Grace", "hash")
    message = kept.add(ada, "hello", "key")
    assert kept.store.add(kept.room(), ada, "hello", "key") == (message, False)
    assert kept.add(grace, "hello", "key").number == 2
    assert [kept.add(ada, "hello").number for _ in range(2)] == [3, 4]


def test_who_writes_too_fast_has_to_wait(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten messages in ten seconds, in all rooms, for each person; what was kept before can be sent again."""
    now = 1_800_000_000_000_000_000
    monkeypatch.setattr("demo_flask.store.time.time_ns", lambda: now)
    ada, grace = kept.ada(), kept.store.sign_up("Grace", "hash")
    kept.store.open_room("garden", "Garden")
    for n in range(10):
        kept.store.add(kept.room("garden" if n % 2 else "lobby"), ada, "hello", f"key {n}")
        now += 100_000_000
    with pytest.raises(TooManyMessages, match="Wait 9 s") as refused:
        kept.add(ada, "one more")
    assert refused.value.seconds == 9
    assert kept.store.add(kept.room(), ada, "hello", "key 0")[1] is False
    kept.add(grace, "another person")
    now += 9_000_000_000
    kept.add(ada, "one more")


def test_a_clock_that_was_set_back_stops_nobody_for_long(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is asked to wait for more than ten seconds."""
    monkeypatch.setattr(store_module, "MESSAGES", 1)
    ada = kept.ada()
    kept.add(ada, "hello")
    monkeypatch.setattr("demo_flask.store.time.time_ns", lambda: 0)
    with pytest.raises(TooManyMessages) as refused:
        kept.add(ada, "again")
    assert refused.value.seconds == 10


def test_a_name_is_had_once(kept: Kept) -> None:
    """In whatever letters it is written, it is found, and cannot be taken again."""
    ada = kept.ada()
    assert kept.store.account_named("ADA") == kept.store.account(ada.id) == ada
    assert kept.store.account_named("Grace") is None
    for name in ("Ada", "aDA"):
        with pytest.raises(NameTaken):
            kept.store.sign_up(name, "other")


def test_signing_out_ends_the_session(kept: Kept) -> None:
    """The number of the session that counts is another one afterwards, for this account only."""
    ada, grace = kept.ada(), kept.store.sign_up("Grace", "hash")
    kept.store.sign_out(ada)
    found = kept.store.account(ada.id)
    assert found is not None
    assert found.session != ada.session
    assert kept.store.account(grace.id) == grace


def test_a_room_is_opened_once(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first name stays; there is a limit, within which those that are there can be opened still."""
    monkeypatch.setattr(store_module, "MAX_ROOMS", 2)
    kept.store.open_room("garden", "Garden")
    kept.store.open_room("garden", "GARDEN!")
    assert [room.name for room in kept.store.rooms()] == ["Garden", "Lobby"]
    with pytest.raises(TooManyRooms):
        kept.store.open_room("attic", "Attic")
    kept.store.open_room("garden", "Garden")


@pytest.mark.usefixtures("no_limit")
def test_sixteen_threads_write_and_read_at_once(kept: Kept) -> None:
    """On a file that does not exist yet: no write is lost or refused, and numbers are 1, 2, 3 …"""

    def work(thread: int) -> None:
        author = kept.store.sign_up(f"thread {thread}", "hash")
        for n in range(20):
            message = kept.add(author, str(n))
            assert kept.store.after(kept.room(), message.number - 1, 1) == [message]

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    found = kept.store.after(kept.room(), 0, 1000)
    assert [message.number for message in found] == list(range(1, 16 * 20 + 1))
    for thread in range(16):
        texts = [message.text for message in found if message.author == f"thread {thread}"]
        assert texts == [str(n) for n in range(20)]


@pytest.mark.usefixtures("no_limit")
def test_two_stores_write_to_one_file_at_once(tmp_path: Path) -> None:
    """As two processes would: both make the tables, and wait for one another's writes."""
    both = [Kept(tmp_path / "parlour.sqlite3") for _ in range(2)]
    names = count()

    def work(kept: Kept) -> None:
        author = kept.store.sign_up(f"process {next(names)}", "hash")
        for n in range(50):
            kept.add(author, str(n))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(work, both))
    assert both[0].room().messages == 100
    for kept in both:
        kept.database.close()


def test_the_file_is_its_owners_alone(kept: Kept) -> None:
    """It has the hashes of passwords in it: nobody else can read it, nor what SQLite puts beside it."""
    kept.ada()
    for path in kept.database.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_opened_is_an_error_and_leaves_nothing_open(tmp_path: Path) -> None:
    """A folder in the file's place: SQLite's own error, again and again, and the lock is let go."""
    store = Store(Database(tmp_path))
    for _ in range(2):
        with pytest.raises(Exception, match="unable to open"):
            store.rooms()


def test_a_person_always_has_the_same_colour(kept: Kept) -> None:
    """The colour depends on the name alone, however it is written."""
    ada = kept.ada()
    assert ada.colour == kept.add(ada, "x").colour == store_module.colour_of("aDA")
    assert {store_module.colour_of(str(n)) for n in range(500)} == set(range(12))
