"""Files with requests, whichever of the formats they have."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hybrid.adapters.django.migrate.shadow.recordings import (
    Recorded,
    RecordingError,
    is_recording,
    read_recording,
)
from hybrid.adapters.django.migrate.shadow.sources.access_logs import read_log_line
from hybrid.adapters.django.migrate.shadow.sources.har import is_archive, read_archive

#: Bytes of an archive, which is read as a whole.
_MOST: Final = 256 * 1024 * 1024


def read_requests(path: Path) -> Iterator[Recorded]:
    """Give the requests of a recording, an HTTP archive, an access log or a list of paths.

    Raises:
        RecordingError: it cannot be read, or has no request.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            start = file.readline()
            file.seek(0)
            if is_recording(start):
                yield from read_recording(file, str(path))
            elif start.lstrip().startswith("{"):
                yield from _archive(path)
            else:
                yield from _log(file, path)
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from None


def _archive(path: Path) -> Iterator[Recorded]:
    if path.stat().st_size > _MOST:
        raise RecordingError(f"{path}: an archive of more than {_MOST // 1024 // 1024} MiB is not read")
    try:
        said: Any = json.loads(path.read_bytes())
        if not is_archive(said):
            raise RecordingError(f"{path} is JSON, and neither a recording of hybrid's nor an HTTP archive")
        yield from read_archive(said)
    except RecordingError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordingError(f"{path} is no HTTP archive: {type(error).__name__}: {error}") from None


def _log(lines: Any, path: Path) -> Iterator[Recorded]:
    is_empty = True
    for line in lines:
        found = read_log_line(line)
        if found is not None:
            is_empty = False
            yield found
    if is_empty:
        raise RecordingError(
            f"{path} has no request: it is no recording, no HTTP archive, no access log and no list of paths"
        )
