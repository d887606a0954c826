"""Where the applications that serve files find them."""

import os

#: Names the directory.
FILES_VARIABLE = "HYBRID_BENCHMARK_FILES"


def folder() -> str:
    """Return the directory."""
    return os.environ[FILES_VARIABLE]
