"""Signals of the process, handled in our way for as long as something runs."""

import signal
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object]


@contextmanager
def signals_handled(handlers: Mapping[signal.Signals, Handler]) -> Generator[None]:
    """Handle signals while the block runs, and then as before. Only the main thread can have that; on another
    one nothing is handled.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
