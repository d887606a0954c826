"""Folders for sockets: whose they may be, and who may look into them."""

import os
from pathlib import Path

import pytest

from hybrid.bridge.unix.folders import NotOurs, prepare_folder, prepare_private_folder


def test_a_folder_in_which_others_may_write_is_refused(tmp_path: Path) -> None:
    """They could put a socket of theirs there; a folder that is missing is made for this user alone."""
    prepare_folder(tmp_path / "made")
    (tmp_path / "open").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "open").chmod(0o777)

    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    with pytest.raises(NotOurs, match="written to by others"):
        prepare_folder(tmp_path / "open")
    with pytest.raises(NotOurs, match="is no folder"):
        prepare_folder(tmp_path / "file")


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever owns it can put anything there."""
    (tmp_path / "run").mkdir()
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    if uid == 0:
        os.chown(tmp_path / "run", 12345, -1)

    with pytest.raises(NotOurs, match="somebody else"):
        prepare_folder(tmp_path / "run")
    with pytest.raises(NotOurs, match="somebody else"):
        prepare_private_folder(tmp_path / "run")


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_private_folder_is_closed_to_others(tmp_path: Path, mode: int) -> None:
    """Where others may look in, it is refused; where it is missing, it is made closed."""
    prepare_private_folder(tmp_path / "made")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(mode)

    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    prepare_private_folder(tmp_path / "made")
    with pytest.raises(NotOurs, match="permissions must be 700"):
        prepare_private_folder(tmp_path / "open")


def test_a_private_folder_is_no_link_and_no_file(tmp_path: Path) -> None:
    """Whoever was there first could lead this user's sockets, and what is removed at the end, elsewhere."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "file").touch(mode=0o600)

    for name in ("link", "file"):
        with pytest.raises(NotOurs):
            prepare_private_folder(tmp_path / name)
