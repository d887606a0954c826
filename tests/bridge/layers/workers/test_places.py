"""Where processes meet: who may be the broker, and what is refused."""

import os
import tempfile
from pathlib import Path

import pytest

from hybrid.bridge.layers.workers import WorkersChannelLayer
from hybrid.bridge.layers.workers.places import (
    VARIABLE,
    Seat,
    offer_place,
    private_place,
    remove_private_place,
    state_of,
)
from hybrid.bridge.unix.folders import NotOurs, prepare_folder


def test_one_at_a_time_has_the_seat(tmp_path: Path) -> None:
    """The second has to wait for the first; the lock says which process it is."""
    first, second = Seat(tmp_path / "s"), Seat(tmp_path / "s")

    assert first.claim()
    assert first.lock.read_text(encoding="ascii") == f"{os.getpid()}\n"
    assert first.lock.stat().st_mode & 0o777 == 0o600
    assert not second.claim()
    first.give_up()
    assert second.claim()
    second.give_up()
    assert not first.lock.exists()


def test_a_lock_that_was_removed_is_not_held(tmp_path: Path) -> None:
    """Who has opened the file just before it went has no seat, as others would open another one."""
    seat = Seat(tmp_path / "s")
    descriptor = os.open(seat.lock, os.O_RDWR | os.O_CREAT)
    found = os.fstat(descriptor)
    seat.lock.unlink()

    assert not seat._lock(descriptor, found)
    os.close(descriptor)


def test_a_link_in_the_place_of_the_lock_is_refused(tmp_path: Path) -> None:
    """Nobody's file is written to through a link."""
    (tmp_path / "victim").write_text("precious", encoding="ascii")
    (tmp_path / "s.lock").symlink_to(tmp_path / "victim")

    with pytest.raises(OSError, match="symbolic"):
        Seat(tmp_path / "s").claim()
    assert (tmp_path / "victim").read_text(encoding="ascii") == "precious"


def test_a_lock_that_is_no_file_is_refused(tmp_path: Path) -> None:
    """A pipe there is somebody's trick, or a mistake."""
    os.mkfifo(tmp_path / "s.lock")

    with pytest.raises(NotOurs):
        Seat(tmp_path / "s").claim()


def test_private_places_are_made_once_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process offers its children is in the environment; it goes when no broker is there."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "")
    place = Path(offer_place())
    prepare_folder(place.parent)
    state_of(place).touch()
    seat = Seat(place)

    assert offer_place() == str(place) == os.environ[VARIABLE] == WorkersChannelLayer.default_path()
    assert seat.claim()
    remove_private_place(str(place))
    assert state_of(place).exists()
    seat.give_up()
    remove_private_place(str(place))
    assert list(tmp_path.iterdir()) == []
    remove_private_place(str(place))


def test_other_places_are_left_alone(tmp_path: Path) -> None:
    """A folder that somebody has named is not removed, whatever it is called."""
    place = tmp_path / "hybrid-app" / "layer.sock"
    prepare_folder(place.parent)
    remove_private_place(str(place))
    remove_private_place("")

    assert place.parent.exists()


def test_a_private_place_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the user's folder has too long a name, it is elsewhere."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    monkeypatch.setattr(tempfile, "tempdir", str(long))

    for folder in (None, str(tmp_path / "missing")):
        assert Path(private_place(folder)).parents[1] == Path("/tmp")  # noqa: S108 - the last resort


def test_a_child_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A process that this one has forked, and that lives on, does not keep others from being the broker."""
    seat = Seat(tmp_path / "s")
    assert seat.claim()
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(sending)
        os.read(receiving, 1)
        os._exit(0)
    try:
        os.close(receiving)
        seat.give_up()
        assert Seat(tmp_path / "s").claim()
    finally:
        os.close(sending)
        os.waitpid(child, 0)
