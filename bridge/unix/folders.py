"""Folders in which nobody else can put a socket, so that who listens there is who is meant."""

import contextlib
import os
import stat
from pathlib import Path

from hybrid.bridge.errors import ConfigError


class NotOurs(ConfigError):
    """A file or a folder is in the hands of others, who could listen, or speak, in this user's name."""


def prepare_folder(folder: Path) -> None:
    """Make a folder that somebody has named, for this user alone, if it is not there.

    Raises:
        NotOurs: it is there, and others may write to it, or it is no folder.
        OSError: it cannot be made.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotOurs(f"{folder} is no folder")
    if found.st_uid not in (0, os.geteuid()):
        raise NotOurs(f"{folder} belongs to somebody else")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotOurs(f"{folder} can be written to by others: name a folder that is this user's alone")


def prepare_private_folder(folder: Path) -> None:
    """Make a folder whose name others know in advance, and who may have been there first.

    Raises:
        NotOurs: it is there, and no folder of this user's, or others may look into it.
        OSError: it cannot be made.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()  # a link would lead to where somebody else wants
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NotOurs(f"{folder} belongs to somebody else, or is no folder")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise NotOurs(f"{folder} is open to others: its permissions must be 700")
