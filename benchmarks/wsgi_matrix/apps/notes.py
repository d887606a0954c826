"""What applications tell the runner, and what it tells them, beside the response: files in a folder.

Not another request, because a server may have no second thread to answer it.
"""

import os
import time
from pathlib import Path

#: The environment variable that names the folder.
VARIABLE = "WSGI_MATRIX_NOTES"
#: Seconds that an application waits, or goes on, at most. Less than the runner waits for its last note.
PATIENCE = 4.0


def note(name: str, event: str) -> None:
    """Add a line to the notes of an application."""
    with Path(os.environ[VARIABLE], name).open("a", encoding="utf-8") as file:
        file.write(event + "\n")


def wait_for_step(name: str) -> None:
    """Wait until the runner lets the application go on."""
    step = Path(os.environ[VARIABLE], f"{name}.step")
    end = time.monotonic() + PATIENCE
    while not step.exists() and time.monotonic() < end:
        time.sleep(0.005)
