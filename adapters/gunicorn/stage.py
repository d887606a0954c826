"""How far a worker has come, written by the worker for the arbiter to read.

gunicorn gives each worker a file without a name whose times are its heartbeat. What is *in* that file nobody
looks at, so the stage is kept there: no pipe, and nothing to close. SIGCHLD makes the arbiter look.
"""

import enum
import os


class Stage(enum.Enum):
    """How far a worker has come; the value is the first byte of its file."""

    BOOTING = b"\0"
    """It imports and starts the applications, for as long as that takes."""
    SERVING = b"S"
    """It answers requests. The text is what it serves: the route table."""
    LEAVING = b"L"
    """It accepts nothing more, and ends by itself: another one is wanted."""
    FAILED = b"F"
    """It cannot boot. The text is the reason, with its traceback."""


def write_stage(descriptor: int, stage: Stage, text: str = "") -> None:
    """Say how far this worker has come (worker)."""
    if text:
        os.pwrite(descriptor, text.encode(), 1)
    os.pwrite(descriptor, stage.value, 0)  # last: whoever sees the stage finds the whole text


def read_stage(descriptor: int) -> tuple[Stage, str]:
    """Return how far a worker has come, and the text that goes with it."""
    data = os.pread(descriptor, 1 << 20, 0)
    try:
        return Stage(data[:1] or Stage.BOOTING.value), data[1:].decode(errors="replace")
    except ValueError:  # somebody else's file
        return Stage.BOOTING, ""
