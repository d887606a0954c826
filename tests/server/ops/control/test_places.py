"""Where servers are found: what is made, what is refused, and what is removed."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.bridge.errors import ConfigError
from hybrid.server.ops.control import places
from hybrid.server.ops.control.places import (
    default_folders,
    directories_in,
    is_alive,
    listen,
    pids_in,
    prepare_control,
    prepare_directory,
    remove_dead,
    remove_directory,
    remove_server,
    socket_of,
)
from tests.support.control import STRANGER, as_stranger, short_folder


@pytest.fixture
def gone() -> int:
    """Give the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def control_folder() -> Iterator[Path]:
    """Give a folder into which a test may put things, too."""
    with short_folder(is_emptied=False) as folder:
        yield folder


@pytest.fixture(autouse=True)
def _no_folders_but_these(control_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's own folders out of it."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(control_folder))


def test_the_folder_is_systemds_the_users_or_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order; of several runtime directories of a service the first counts."""
    monkeypatch.setenv("RUNTIME_DIRECTORY", f"{tmp_path}/shop:{tmp_path}/other")
    monkeypatch.setattr(tempfile, "tempdir", "/var/tmp")  # noqa: S108 - nothing is made there
    names = [str(each) for each in default_folders(7)]
    assert names == [
        f"{tmp_path}/shop/hybrid",
        f"{os.environ['XDG_RUNTIME_DIR']}/hybrid",
        "/var/tmp/hybrid-7",  # noqa: S108
    ]


def test_a_directory_is_this_users_alone_and_goes(control_folder: Path) -> None:
    """It is named by the main process; at the end the folder goes too, unless another server is in it."""
    one, other = prepare_directory(None, 1), prepare_directory(None, os.getpid())
    assert one == control_folder / "hybrid" / "1"
    assert {each.stat().st_mode & 0o777 for each in (one, other, one.parent)} == {0o700}
    (one / "lanes.jsonl").write_text("{}\n", encoding="utf-8")
    assert directories_in(one.parent) == sorted([one, other], key=lambda each: int(each.name))
    remove_directory(one)
    assert directories_in(one.parent) == [other]
    remove_server(None, os.getpid())


def test_the_next_folder_is_taken_where_one_cannot_be_had(
    control_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That others could meddle with, that is missing, or whose name is too long."""
    (control_folder / "hybrid").mkdir(mode=0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(control_folder))
    wanted = control_folder / f"hybrid-{os.geteuid()}"
    for folder in (control_folder, control_folder / "missing", control_folder / ("x" * 90)):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        assert prepare_control(None) == wanted
    wanted.chmod(0o755)
    with pytest.raises(ConfigError, match=r"control: .*hybrid-\d+ is open to others"):
        prepare_control(None)


def test_a_folder_that_is_named_may_be_opened_to_others_for_reading(control_folder: Path) -> None:
    """The directories in it are closed anyway; where others may write, it is refused."""
    named = control_folder / "named"
    named.mkdir(mode=0o755)
    assert prepare_directory(str(named), 5).stat().st_mode & 0o777 == 0o700
    remove_server(str(named), 5)
    assert named.is_dir()
    named.chmod(0o777)
    with pytest.raises(ConfigError, match=r"control: .*written to by others"):
        prepare_control(str(named))
    for name, problem in (("x" * 90, "at most"), ("no/where", "No such file")):
        with pytest.raises(ConfigError, match=f"control: .*{problem}"):
            prepare_control(str(control_folder / name))


def test_a_folder_that_is_named_must_be_one_to_which_this_user_may_write(control_folder: Path) -> None:
    """Else no server has a directory there, which is said before it starts."""
    (control_folder / "file").touch()
    with pytest.raises(ConfigError, match=r"control: .*file is no folder"):
        prepare_control(str(control_folder / "file"))

    def try_it() -> str:
        try:
            return str(prepare_control(str(control_folder)))
        except ConfigError as error:
            return str(error)

    assert as_stranger(try_it) == f"control: {control_folder}: Permission denied"


def test_a_folder_of_somebody_else_is_refused(control_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner could put sockets there; in the temporary directory anybody can be first."""
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(control_folder))
    control_folder.chmod(0o777)
    name = f"hybrid-{os.geteuid()}"

    def be_first() -> str:
        (control_folder / name).mkdir()
        return "done"

    assert (as_stranger(be_first), (control_folder / name).stat().st_uid) == ("done", STRANGER)
    with pytest.raises(ConfigError, match="belongs to somebody else"):
        prepare_directory(None, 5)
    with pytest.raises(ConfigError, match="belongs to somebody else"):
        prepare_directory(str(control_folder / name), 5)


def test_a_link_in_its_place_is_refused_and_not_followed(control_folder: Path) -> None:
    """Neither when a directory is made nor when it is removed."""
    named = control_folder / "named"
    victim = control_folder / "victim"
    victim.mkdir(mode=0o700)
    (victim / "precious").touch()
    named.mkdir(mode=0o700)
    (named / "5").symlink_to(victim)
    with pytest.raises(ConfigError, match="somebody else, or is no folder"):
        prepare_directory(str(named), 5)
    remove_server(str(named), 5)
    assert (victim / "precious").exists()


def test_what_a_killed_server_of_the_same_id_has_left_does_not_count(control_folder: Path) -> None:
    """A container's first process always has the same: its journal must not be that of the one before."""
    directory = prepare_directory(None, os.getpid())
    (directory / "lanes.jsonl").touch()
    assert list(prepare_directory(None, os.getpid()).iterdir()) == []
    (directory / "lanes.jsonl").touch()
    assert list(prepare_directory(None, 1).parent.iterdir()) != []
    assert (directory / "lanes.jsonl").exists()
    remove_server(None, os.getpid())


def test_abandoned_directories_are_removed_by_the_next_server(
    gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those whose main process is gone, once they are old; not those in which anybody listens."""
    abandoned, own = prepare_directory(None, gone), prepare_directory(None, os.getpid())
    assert abandoned.is_dir()
    (abandoned / "lanes.jsonl").touch()
    monkeypatch.setattr(places, "_ABANDONED", -1.0)
    with listen(abandoned):
        prepare_directory(None, os.getpid())
        assert abandoned.is_dir()
    prepare_directory(None, os.getpid())
    assert not abandoned.exists()
    assert own.is_dir()
    remove_server(None, os.getpid())


def test_directories_that_are_no_servers_are_left_alone(
    control_folder: Path, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may name a folder in which directories are named by years or dates, or by this very number."""
    named = control_folder / "named"
    named.mkdir(mode=0o700)
    monkeypatch.setattr(places, "_ABANDONED", -1.0)
    files = [named / name / "precious" for name in (str(gone), str(os.getpid()), "20261126101500")]
    for each in files:
        each.parent.mkdir(mode=0o755)
        each.touch()
    (named / "7777777").mkdir(mode=0o700)
    files.append(named / "7777777" / "closed to others")
    files[-1].touch()
    with pytest.raises(ConfigError, match="is open to others"):
        prepare_directory(str(named), os.getpid())
    prepare_directory(str(named), 1)
    remove_server(str(named), os.getpid())
    assert all(each.exists() for each in files)
    assert directories_in(named) == sorted(
        [named / "1", *(each.parent for each in files if each.parent.name != "20261126101500")],
        key=lambda each: int(each.name),
    )


def test_one_process_listens_at_its_place(gone: int) -> None:
    """A second server in it is refused; sockets on which nobody listens are replaced, or removed."""
    directory = prepare_directory(None, os.getpid())
    with listen(directory):
        assert socket_of(directory, os.getpid()).stat().st_mode & 0o777 == 0o600
        with pytest.raises(ConfigError, match=r"somebody listens on .* already"):
            listen(directory)
    with listen(directory):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(socket_of(directory, gone)))
        (directory / "x.sock").touch()
        assert pids_in(directory) == sorted([gone, os.getpid()])
        remove_dead(directory)
        assert pids_in(directory) == [os.getpid()]
        assert is_alive(socket_of(directory, os.getpid()))
        remove_directory(directory)
        assert directory.is_dir()
    remove_directory(directory)


def test_a_socket_that_is_about_to_be_listened_on_is_left_alone() -> None:
    """Between its two steps a process that starts looks like a dead one."""
    directory = prepare_directory(None, os.getpid())
    with socket.socket(socket.AF_UNIX) as starting:
        starting.bind(str(socket_of(directory, os.getpid())))
        remove_dead(directory)
        assert pids_in(directory) == [os.getpid()]
        os.utime(socket_of(directory, os.getpid()), (1, 1))
        remove_dead(directory)
        assert pids_in(directory) == []
    remove_directory(directory)
