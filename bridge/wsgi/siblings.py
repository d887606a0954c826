"""Whether other processes serve the same applications: what ``wsgi.multiprocess`` says (PEP 3333)."""

import sys

_known: list[bool] = []


def note_siblings() -> None:
    """Say that this process is one of several; a supervisor's workers do so when they start."""
    _known.append(True)


def has_siblings() -> bool:
    """Tell whether this process is one of several: it said so, or multiprocessing has started it, as it does
    the workers of uvicorn and Hypercorn.
    """
    multiprocessing = sys.modules.get("multiprocessing.process")  # it is loaded where it has
    return bool(_known) or (multiprocessing is not None and multiprocessing.parent_process() is not None)
