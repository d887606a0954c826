"""The journal of what has been changed about lanes."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from hybrid.adapters.django.lanes import journal as journals
from hybrid.adapters.django.lanes.journal import KEPT, MOST, Journal
from hybrid.adapters.django.lanes.rules import Rule
from hybrid.bridge.control import ControlError
from tests.support.http_peer import on_loop, start_waiting
from tests.support.lanes import following, made
from tests.support.process import DEADLINE, ROOT, process_environment

APPENDS = """
import asyncio, sys
from pathlib import Path
from hybrid.adapters.django.lanes.journal import Journal
from tests.support.http_peer import on_loop, start_waiting
from tests.support.lanes import following

async def main() -> None:
    journal = Journal(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(200):
        await journal.append(lambda changes: following(changes, sys.argv[2]))

asyncio.run(main())
"""


def numbers(journal: Journal) -> list[int]:
    """Return the numbers of its changes."""
    return [change.number for change in journal.changes]


@on_loop
async def test_what_one_process_adds_another_reads(tmp_path: Path) -> None:
    """Once it has looked, which costs nothing but that as long as there is nothing new."""
    one, other = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    other.read()
    assert not other.has_grown()
    await one.append(following)
    assert other.has_grown()
    other.read()
    assert numbers(other) == numbers(one) == [1]
    assert not other.has_grown()
    assert not one.has_grown()


def test_two_processes_that_append_at_once_agree(tmp_path: Path) -> None:
    """Each number is there once, in order, and nothing is lost."""
    path = tmp_path / "j"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDS, str(path), name],
            env=process_environment({"PYTHONPATH": str(ROOT)}),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in ("shop:one", "shop:two")
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=DEADLINE)
        assert child.returncode == 0
    journal = Journal(path)
    journal.read()
    assert numbers(journal) == list(range(1, 401))
    assert [change.view for change in journal.changes].count("shop:one") == 200


@on_loop
async def test_a_half_written_last_line_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody reads it, and the next change is a line of its own."""
    path = tmp_path / "j"
    await Journal(path).append(following)
    with path.open("ab") as file:
        file.write(b'{"number":2,"time":')
    journal = Journal(path)
    journal.read()
    assert numbers(journal) == [1]
    assert not caplog.records
    await journal.append(following)
    assert numbers(journal) == [1, 2]
    assert "a line of the journal is no change" in caplog.text
    other = Journal(path)
    other.read()
    assert numbers(other) == [1, 2]


@on_loop
async def test_a_change_that_lacks_only_its_newline_counts(tmp_path: Path) -> None:
    """The next one has the number after it."""
    path = tmp_path / "j"
    await Journal(path).append(following)
    path.write_bytes(path.read_bytes().rstrip())
    journal = Journal(path)
    await journal.append(following)
    assert numbers(journal) == [1, 2]


@on_loop
async def test_nothing_is_added_that_is_better_not(tmp_path: Path) -> None:
    """Whoever decides knows all that there is."""
    await Journal(tmp_path / "j").append(following)
    journal = Journal(tmp_path / "j")
    seen: list[int] = []
    assert await journal.append(lambda changes: seen.extend(each.number for each in changes)) is None
    assert (seen, numbers(journal)) == ([1], [1])


@pytest.mark.parametrize("in_file", [True, False], ids=["file", "memory"])
@on_loop
async def test_a_journal_is_bounded(tmp_path: Path, in_file: bool) -> None:
    """With many changes it keeps the latest, and older ones that still count; others notice."""
    path = tmp_path / "j"
    journal, other = (Journal(path if in_file else None) for _ in range(2))
    rule = Rule("shop:live", "wsgi")
    await journal.append(lambda _: made(1, "shop:live", rule))
    await journal.append(lambda _: made(2, "/gone", "file"))
    other.read()
    for _ in range(MOST - 1):
        await journal.append(following)
    assert numbers(journal) == [1, *range(MOST + 2 - KEPT, MOST + 2)]
    if in_file:
        assert len(path.read_bytes().splitlines()) == KEPT + 1
        assert path.stat().st_mode & 0o777 == 0o600
        other.read()
        assert numbers(other) == numbers(journal)


@on_loop
async def test_a_journal_that_is_removed_is_written_again(tmp_path: Path) -> None:
    """By whoever changes something next, with all that it knows."""
    path = tmp_path / "j"
    journal, other = Journal(path), Journal(path)
    await journal.append(following)
    other.read()
    path.unlink()
    assert not other.has_grown()
    await journal.append(following)
    assert other.has_grown()
    other.read()
    assert numbers(other) == [1, 2]


@on_loop
async def test_another_file_in_the_place_of_the_first_is_read_from_its_beginning(tmp_path: Path) -> None:
    """Also where it looks like the same one, as systems give the numbers of files again."""
    path, elsewhere = tmp_path / "j", Journal(tmp_path / "elsewhere")
    journal = Journal(path)
    await journal.append(following)
    for number in range(5, 9):
        await elsewhere.append(lambda _, number=number: made(number))  # type: ignore[misc]
    path.write_bytes((tmp_path / "elsewhere").read_bytes())
    journal.read()
    assert numbers(journal) == [5, 6, 7, 8]


@on_loop
async def test_a_journal_that_is_removed_is_restored(tmp_path: Path) -> None:
    """Also without a change, once there is a directory again; an empty one is not made."""
    path = tmp_path / "folder" / "j"
    path.parent.mkdir()
    journal, later = Journal(path), Journal(path)
    await journal.restore()
    assert not path.exists()
    await journal.append(following)
    path.unlink()
    path.parent.rmdir()
    await journal.restore()
    path.parent.mkdir()
    await journal.restore()
    later.read()
    assert numbers(later) == [1]


@on_loop
async def test_a_journal_that_somebody_holds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without holding up the loop, and not for ever."""
    path = tmp_path / "j"
    journal = Journal(path)
    await journal.append(following)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting = await start_waiting(journal.append(following))
        assert not waiting.done()
        monkeypatch.setattr(journals, "_PATIENCE", 0.0)
        with pytest.raises(ControlError, match="another process does not let go of it"):
            await journal.append(following)
    await waiting
    assert numbers(journal) == [1, 2]


@on_loop
async def test_a_journal_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """The message has the file, and why."""
    (tmp_path / "j").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "missing" / "j", tmp_path / "j"):
        with pytest.raises(ControlError, match=f"{path}: "):
            await Journal(path).append(following)
