"""What one broker leaves to the next: written whole, read once, and trusted only if it is this user's."""

import os
from pathlib import Path

import pytest

from hybrid.bridge.layers.workers import legacy
from hybrid.bridge.layers.workers.broker import ABSENCE_SECONDS, Broker
from hybrid.bridge.layers.workers.framing import FramingError, Unframer, frame
from hybrid.bridge.layers.workers.words import Ask, Tell
from tests.bridge.layers.workers.test_broker import EPOCH, Process


def full_broker() -> Broker:
    """Make a broker with something of everything."""
    broker = Broker(EPOCH)
    one = Process(broker, "one")
    one.say([Ask.SUBSCRIBE, "g"], [Ask.WATCH, 1, "g"], [Ask.SEND, 2, "q", b"q", 5, 60, False])
    one.join("g", "a.one!1", b"meta")
    one.join("g", "queue")
    one.publish("g", b"1", length=5)
    return broker


def loaded(broker: Broker, then: float, now: float) -> Broker:
    """Return a broker that has what this one leaves."""
    frames = Unframer().feed(b"".join(legacy.dump(broker, then)))
    another = Broker(EPOCH)
    legacy.load(another, frames, now)
    return another


def test_the_next_broker_knows_everything() -> None:
    """Its own books say the same, but for the way to the processes."""
    broker = full_broker()
    again = loaded(broker, 1.0, 2.0)

    assert list(legacy.dump(again, 2.0))[1:] == list(legacy.dump(broker, 2.0))[1:]


def test_what_was_kept_for_a_process_is_left_too() -> None:
    """A process that comes only to the third broker gets what the second had for it."""
    second = loaded(full_broker(), 1.0, 2.0)
    Process(second, "other", 2.0).publish("g", b"2", now=2.0)
    third = loaded(second, 2.0, 3.0)

    assert Process(third, "one", 3.0).heard(Tell.DELIVER) == [["g", None, b"2", 0]]


def test_after_a_pause_the_processes_are_gone() -> None:
    """Histories, queues and their memberships are kept; processes that had time to come have not."""
    again = loaded(full_broker(), 1.0, 2.0 + ABSENCE_SECONDS)

    assert again.nodes == {}
    assert list(again.groups.members("g")) == ["queue"]
    assert (len(again.histories), len(again.queues)) == (1, 2)


def test_a_machine_that_was_started_anew_begins_anew() -> None:
    """Its clock says less than what is written."""
    with pytest.raises(FramingError, match="before the machine has started"):
        loaded(full_broker(), 100.0, 1.0)


@pytest.mark.parametrize("spoiled", [(1,), (4, "g"), (3, 1, 2, 3, 4), (5, b"", b"")])
def test_books_that_are_not_in_order_are_refused(spoiled: tuple[object, ...]) -> None:
    """One kind of error, whatever is wrong."""
    frames = Unframer().feed(frame(0, 1, 0.0) + frame(*spoiled))

    with pytest.raises(FramingError):
        legacy.load(Broker(EPOCH), frames, 1.0)


def test_a_file_is_read_once(tmp_path: Path) -> None:
    """It is this user's alone, and gone when it was read; without one there is nothing."""
    path = tmp_path / "state"
    legacy.write(path, [frame(1, "a"), frame(2, "b")])

    assert path.stat().st_mode & 0o777 == 0o600
    assert list(legacy.read(path)) == [[1, "a"], [2, "b"]]
    assert list(tmp_path.iterdir()) == []
    assert list(legacy.read(path)) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither to read nor to write."""
    (tmp_path / "victim").write_text("precious", encoding="ascii")
    path = tmp_path / "state"
    path.with_name(f"state.{os.getpid()}").symlink_to(tmp_path / "victim")
    legacy.write(path, [frame(1)])
    path.unlink()
    path.symlink_to(tmp_path / "victim")

    with pytest.raises(OSError, match="symbolic"):
        list(legacy.read(path))
    assert (tmp_path / "victim").read_text(encoding="ascii") == "precious"


def test_half_a_file_is_none(tmp_path: Path) -> None:
    """When writing fails nothing is left."""

    def failing() -> "list[bytes]":
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        legacy.write(tmp_path / "state", (failing()[0] for _ in range(1)))
    assert list(tmp_path.iterdir()) == []
