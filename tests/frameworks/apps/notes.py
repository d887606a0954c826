"""What applications tell the tests: a line on stderr for each event, also when requests are over."""

import sys


def note(event: str) -> None:
    """Write that something has happened: a name that the test chose, and what happened to it."""
    sys.stderr.write(f"note: {event}\n")
