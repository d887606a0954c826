"""The files in which processes leave their figures."""

import dataclasses
import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from hybrid.bridge.histogram import Histogram
from hybrid.server.ops.metrics import snapshot as module
from hybrid.server.ops.metrics.records import Record
from hybrid.server.ops.metrics.snapshot import Connections, Process, Route, Snapshot, WebSockets, total
from hybrid.server.status.past import Past

HISTOGRAM = Histogram({5: 2})


@pytest.fixture
def gone() -> int:
    """Give the id of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def reading(pid: int, accepted: int, taken: float = 1.0) -> Snapshot:
    """Make one of a process, which has two requests in flight."""
    return Snapshot(
        taken=taken,
        processes=(Process(pid=pid, since=0.5),),
        connections=Connections(open=1, accepted=accepted),
        routes={"shop": Route(begun=accepted, in_flight=2, statuses={200: accepted - 2}, seconds=HISTOGRAM)},
        websockets={"chat": WebSockets(open=1, opened=3, closes={1000: 2})},
    )


def test_a_process_that_has_ended_stays_in_the_sum(tmp_path: Path, gone: int) -> None:
    """With its counts, once, whoever asks and however often; what was going on in it is over."""
    past, other = Past(tmp_path), Past(tmp_path)
    assert total(past.complete([reading(gone, 10), reading(os.getpid(), 5)])).connections.accepted == 15
    for each in (other, past, other):
        sum_of_all = total(each.complete([reading(os.getpid(), 6)]))
        assert sum_of_all.connections == Connections(open=1, accepted=16)
        assert [process.pid for process in sum_of_all.processes] == [os.getpid()]
        route = sum_of_all.routes["shop"]
        assert (route.begun, route.in_flight, route.cut_off) == (16, 2, 2)
        assert route.statuses == {200: 12, 499: 2}
        assert route.seconds == Histogram({5: 4})
        assert sum_of_all.websockets["chat"].closes == {1000: 4, 1006: 1}
    assert len(list(tmp_path.glob("*.figures"))) == 1


def test_a_route_that_was_not_known_yet() -> None:
    """A request in flight had not begun for the application alone, as it could be another route's; it cannot
    when its process has been killed.
    """
    ended = Route(begun=3, in_flight=2, statuses={200: 3}).past()
    assert (ended.begun, ended.in_flight, ended.statuses) == (5, 0, {200: 3, 499: 2})


def test_a_process_that_gives_no_answer_stays_as_it_was(tmp_path: Path) -> None:
    """It runs: it drains, or its loop is held, and what it had in flight is in flight."""
    past = Past(tmp_path)
    past.leave(reading(os.getppid(), 10))
    sum_of_all = total(past.complete([reading(os.getpid(), 5)]))
    assert sum_of_all.connections == Connections(open=2, accepted=15)
    assert sum_of_all.routes["shop"].in_flight == 4
    assert [process.pid for process in sum_of_all.processes] == [os.getpid()]


def test_a_reading_that_comes_late_counts_no_more(tmp_path: Path, gone: int) -> None:
    """Somebody who took it before the process had ended does not count it a second time, nor put it above its
    last figures.
    """
    past = Past(tmp_path)
    past.leave(reading(gone, 12, taken=3.0))
    assert total(past.complete([reading(gone, 11, taken=2.0)])).connections.accepted == 11
    assert total(past.complete([])).connections.accepted == 12
    assert total(past.complete([reading(gone, 11, taken=2.0)])).connections.accepted == 12
    assert total(past.complete([])).connections.accepted == 12


def test_without_the_files(tmp_path: Path) -> None:
    """Where the directory has gone with its server, or somebody keeps the lock, readings are still told."""
    one = reading(os.getpid(), 5)
    assert Past(tmp_path / "gone").complete([one]) == [one]
    Past(tmp_path / "gone").leave(one)
    with (tmp_path / "figures.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert total(Past(tmp_path).complete([one])).connections.accepted == 5


def test_without_room_on_the_disk(tmp_path: Path, gone: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has been left counts still, each time anew, as nothing can be put down."""
    past = Past(tmp_path)
    past.leave(reading(gone, 10))

    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    with monkeypatch.context() as patched:
        patched.setattr(Past, "_write", fail)
        for _ in range(2):
            assert total(past.complete([reading(os.getpid(), 5)])).connections.accepted == 15
    assert total(past.complete([reading(os.getpid(), 5)])).connections.accepted == 15


@pytest.mark.parametrize("text", ["", "[]", '{"processes": 1}', '{"schema": 0}', "{}"])
def test_what_cannot_be_read_is_passed_over(tmp_path: Path, gone: int, text: str) -> None:
    """Another version may have written it; all others count."""
    past = Past(tmp_path)
    past.leave(reading(gone, 10))
    (tmp_path / "1-1.figures").write_text(text, encoding="utf-8")
    assert total(past.complete([reading(os.getpid(), 5)])).connections.accepted == 15


def test_another_process_may_have_the_same_id(tmp_path: Path) -> None:
    """Then the one before has ended, and nothing of it is in flight."""
    past = Past(tmp_path)
    before = dataclasses.replace(reading(os.getpid(), 10), processes=(Process(pid=os.getpid(), since=0.25),))
    past.leave(before)
    sum_of_all = total(past.complete([reading(os.getpid(), 5)]))
    assert sum_of_all.connections == Connections(open=1, accepted=15)
    assert sum_of_all.routes["shop"].in_flight == 2


def test_a_child_does_not_keep_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is forked while somebody has it has the descriptor, too."""
    flock, kept = fcntl.flock, list[int]()

    def kept_by_a_child(lock: IO[str], how: int) -> None:
        kept.append(os.dup(lock.fileno()))
        flock(lock, how)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", kept_by_a_child)
        Past(tmp_path).leave(reading(os.getpid(), 5))
    try:
        with (tmp_path / "figures.lock").open("w") as lock:
            flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        for each in kept:
            os.close(each)
    assert kept


def test_what_is_now_is_no_count() -> None:
    """Each figure that is described as one of this moment is marked so."""
    for record in vars(module).values():
        if isinstance(record, type) and issubclass(record, Record):
            for field in dataclasses.fields(record):
                is_now = "now" in field.metadata["hybrid.about"].replace(";", ",").replace(",", "").split()
                assert not is_now or field.metadata["hybrid.now"], f"{record.__name__}.{field.name}"
