"""What applications tell the tests: a line on stderr for each event, which outlives the server's last request."""

import sys


def note(event: str) -> None:
    """Write that something has happened; by convention a name that the test chose, and what happened to it."""
    sys.stderr.write(f"note: {event}\n")
