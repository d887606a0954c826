"""Importing much at once."""

import gc
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Generator[None]:
    """Import what follows without the garbage collector.

    It runs each time that so many objects were made, and looks at all of them: at modules and classes again
    and again, of which nothing is garbage. That takes a fifteenth of a server's start.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
