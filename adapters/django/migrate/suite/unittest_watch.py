"""Hears what comes of tests that ``unittest`` runs, Django's runner included, in one process or several.

What counts is where the result is told of first; Django's parallel runner tells it again in its main process,
which changes nothing.
"""

import pickle
import unittest
from collections.abc import Callable
from functools import partial, wraps
from types import TracebackType
from typing import Any, Final

from hybrid.adapters.django.migrate.suite.recorder import Recorder

_OUTCOMES: Final = {
    "addSuccess": "passed",
    "addExpectedFailure": "xfailed",
    "addSkip": "skipped",
    "addUnexpectedSuccess": "xpassed",
    "addFailure": "failed",
    "addError": "error",
}
#: The class of results that Django's parallel runner sends from one process to another.
_REMOTE: Final = "RemoteTestResult"
_MARK: Final = "_hybrid_heard"


class _Listener:
    """Tells the recorder, of each test, what the result says that has begun it.

    A test may use results itself, to test what they say: these are not its own.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._owner: Any = None

    def begin(self, result: Any, test: Any) -> None:
        """A test begins."""
        if self._owner is None:
            self._owner = result
            self._recorder.begin(test.id())

    def end(self, result: Any, test: Any) -> None:
        """It is over; what takes it down may still fail."""
        if self._owner is result:
            self._owner = None
            self._recorder.end()

    def come(self, outcome: str, result: Any, test: Any, said: Any = None) -> None:
        """Something came of it; of a part of it that went well, nothing."""
        if self._owner in (None, result):
            failed = outcome in ("failed", "error")
            error: BaseException | None = said[1] if failed else None
            self._recorder.outcome(test.id(), outcome, error)

    def come_of_part(self, result: Any, test: Any, part: Any, said: Any = None) -> None:
        """Something came of a subtest."""
        if said is not None:
            failed = issubclass(said[0], test.failureException)
            self.come("failed" if failed else "error", result, test, said)


def watch(recorder: Recorder) -> None:
    """Listen to every result from now on. Classes of results may tell nothing to those they inherit from,
    so that each class is listened to when it is first used.
    """
    base: Any = unittest.TestResult
    make = base.__init__
    listener = _Listener(recorder)

    def init(self: Any, *args: Any, **options: Any) -> None:
        _listen(type(self), listener)
        make(self, *args, **options)

    base.__init__ = init


def _listen(results: Any, listener: _Listener) -> None:
    _before(results, "startTest", listener.begin)
    _before(results, "addSubTest", listener.come_of_part)
    for name, outcome in _OUTCOMES.items():
        _before(results, name, partial(listener.come, outcome))
    _before(results, "stopTest", listener.end)


def _portable(said: Any) -> Any:
    """Return an exception with type and traceback as it can be sent to another process, if it cannot.

    Without tblib tracebacks cannot, and some exceptions never: Django's parallel runner would end there, with
    all the tests that there still are.
    """
    match said:
        case (type(), BaseException(), TracebackType()):
            try:
                pickle.loads(pickle.dumps(said))  # noqa: S301 - the runner's own way to find out
            except Exception:  # noqa: BLE001 - pickling calls code of the project's
                text = f"{type(said[1]).__name__}: {said[1]}"
                return AssertionError, AssertionError(text), None
            return said
        case _:
            return said


def _before(results: Any, name: str, hear: Callable[..., None]) -> None:
    """Have a function called before a method, unless it is one already that this has been done to."""
    method = getattr(results, name)
    if getattr(method, _MARK, False):
        return

    @wraps(method)
    def heard(self: Any, *args: Any, **options: Any) -> Any:
        hear(self, *args, **options)
        if type(self).__name__ == _REMOTE:
            args = tuple(_portable(each) for each in args)
        return method(self, *args, **options)

    setattr(heard, _MARK, True)
    setattr(results, name, heard)
