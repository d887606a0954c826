from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from demo_flask.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Make a store in a folder that does not exist yet."""
    store = Store(tmp_path / "new" / "board.sqlite3")
    yield store
    store.close()


def test_messages_are_kept_in_order(store: Store) -> None:
    """latest() gives the newest first, after() what is newer, oldest first, both within their limit."""
    added = [store.add("Ada", f"text {n}") for n in range(5)]
    assert store.latest(3) == [added[4], added[3], added[2]]
    assert store.after(added[1].id, 2) == [added[2], added[3]]
    assert store.after(added[4].id, 10) == []


def test_messages_outlive_the_store(store: Store) -> None:
    """A second store on the same file finds what the first one kept."""
    message = store.add("Ada", "hello")
    again = Store(store.path)
    assert again.latest(10) == [message]
    again.close()


def test_text_is_kept_as_it_is(store: Store) -> None:
    """Quotes, markup, line ends and characters of any alphabet come back unchanged."""
    text = "'; DROP TABLE message; -- <b>\n日本語 🎈"
    store.add(text, text)
    (found,) = store.latest(1)
    assert (found.author, found.text) == (text, text)


def test_sixteen_threads_write_and_read_at_once(tmp_path: Path) -> None:
    """On a file that does not exist yet: no write is lost or refused, and ids are 1, 2, 3 …"""
    store = Store(tmp_path / "board.sqlite3")

    def work(thread: int) -> None:
        for n in range(20):
            message = store.add(f"thread {thread}", str(n))
            assert store.after(message.id - 1, 1) == [message]

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    found = store.after(0, 1000)
    assert [message.id for message in found] == list(range(1, 16 * 20 + 1))
    for thread in range(16):
        texts = [message.text for message in found if message.author == f"thread {thread}"]
        assert texts == [str(n) for n in range(20)]
    store.close()


def test_two_stores_write_to_one_file_at_once(tmp_path: Path) -> None:
    """As two processes would: both make the table, and wait for one another's writes."""
    stores = [Store(tmp_path / "board.sqlite3") for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda store: [store.add("Ada", str(n)) for n in range(50)], stores))
    assert len(stores[0].latest(1000)) == 100
    for store in stores:
        store.close()


def test_a_file_that_cannot_be_opened_is_an_error_and_leaves_nothing_open(tmp_path: Path) -> None:
    """A folder in the file's place: SQLite's own error, again and again, and the lock is let go."""
    store = Store(tmp_path)
    for _ in range(2):
        with pytest.raises(Exception, match="unable to open"):
            store.latest(1)


def test_an_author_always_has_the_same_colour(store: Store) -> None:
    """The colour depends on the name alone, however it is written."""
    colours = {store.add(name, "x").colour for name in ("Ada", "ADA", "ada")}
    assert len(colours) == 1
    assert colours <= set(range(12))
