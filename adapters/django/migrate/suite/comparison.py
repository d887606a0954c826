"""Compares the runs of a suite, test by test."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hybrid.adapters.django.migrate.known_errors import rule_of
from hybrid.adapters.django.migrate.suite.records import Run, Test

_SET_UP: Final = ("setUpClass (", "setUpModule (")


@dataclass(frozen=True)
class Difference:
    """A test that comes to something else on ASGI.

    Attributes:
        test: its id.
        wsgi, asgi: its verdicts; ``not run`` where there is none.
        error: the exception on ASGI, or the one behind its first answer that is another.
        said: that of the test, where ``error`` is what stands behind it.
        request: the first request with another status: ``GET /cart/: 500, and 200 on WSGI``.
        left_out: keys of the environ that a request under ASGI cannot have.
        rule: of the catalogue; ``""`` where none is known.
        asked: whether the rule, if there is one, is told by what the test asks for, and not by the exception.
    """

    test: str
    wsgi: str
    asgi: str
    error: dict[str, Any] | None = None
    said: str = ""
    request: str = ""
    left_out: tuple[str, ...] = ()
    rule: str = ""
    asked: bool = True

    @property
    def cause(self) -> tuple[str, ...]:
        """What differences of one cause have in common."""
        if self.error is None or (self.rule and self.asked):
            return self.rule, self.wsgi, self.asgi
        if self.rule:
            return self.rule, f"{self.error['file']}:{self.error['line']}"
        return self.wsgi, self.asgi, _text(self.error)


@dataclass
class Comparison:
    """What the runs say together.

    Attributes:
        agreeing: how many tests come to the same and do not fail.
        differing: those that do not.
        failing: the ids of tests that fail on both sides.
        unsteady: the ids of tests that differed, and not when they ran again.
    """

    wsgi: Run
    asgi: Run | None
    agreeing: int = 0
    differing: list[Difference] = field(default_factory=list[Difference])
    failing: list[str] = field(default_factory=list[str])
    unsteady: list[str] = field(default_factory=list[str])

    def groups(self) -> list[list[Difference]]:
        """Return the differences by cause, the largest group first."""
        groups: dict[tuple[str, ...], list[Difference]] = {}
        for each in self.differing:
            groups.setdefault(each.cause, []).append(each)
        return sorted(groups.values(), key=len, reverse=True)

    def confirm(self, again: Run) -> None:
        """Take differences out that are not there when a side runs again."""
        steady = [each for each in self.differing if _is_steady(each, again)]
        self.unsteady += [each.test for each in self.differing if each not in steady]
        self.differing = steady

    def doubtful(self) -> list[str]:
        """Return the sides that are to run again: on which something failed that did not on the other."""
        sides = {"wsgi" if each.wsgi == "failed" else "asgi" for each in self.differing}
        return sorted(sides)


def compare(wsgi: Run, asgi: Run) -> Comparison:
    """Compare the run of a suite as it is with that on ASGI."""
    found = Comparison(wsgi, asgi)
    for name, test in wsgi.tests.items():
        other = asgi.tests.get(name)
        verdict = "not run" if other is None else other.verdict
        if test.verdict == "unfinished" or name.startswith(_SET_UP):
            found.failing.append(name)
        elif verdict != test.verdict:
            found.differing.append(_difference(name, test, other, asgi))
        elif verdict == "failed":
            found.failing.append(name)
        else:
            found.agreeing += 1
    return found


def _is_steady(found: Difference, again: Run) -> bool:
    test = again.tests.get(found.test)
    if test is None:  # a run that was ended, say, has nothing to add
        return True
    return test.verdict != (found.asgi if again.ended.lane == "wsgi" else found.wsgi)


def _difference(name: str, test: Test, other: Test | None, asgi: Run) -> Difference:
    if other is None:
        holder = _set_up_of(name, asgi)
        return Difference(name, test.verdict, "not run", **_why(Test() if holder is None else holder, Test()))
    return Difference(name, test.verdict, other.verdict, request=_request(test, other), **_why(other, test))


def _why(other: Test, test: Test) -> dict[str, Any]:
    """Return what there is to say of the cause: the exception of the test or one behind it, and the rule."""
    known = {_text(each) for each in test.behind}
    behind = next((each for each in other.behind if _text(each) not in known), None)
    error, said = other.error, ""
    if behind is not None and (error is None or not rule_of(_texts(error))):
        if error is not None and _text(error) != _text(behind):
            said = _text(error)
        error = behind
    rule = "" if error is None else rule_of(_texts(error))
    return {
        "error": error,
        "said": said,
        "rule": rule or next(iter(other.rules), ""),
        "asked": not rule,
        "left_out": tuple(dict.fromkeys(other.left_out)),
    }


def _request(test: Test, other: Test) -> str:
    """Return the first request of which the sides have made something else."""
    for (method, path, status), (_, there, got) in zip(test.requests, other.requests, strict=False):
        if path != there:
            return ""
        if status != got:
            return f"{method} {path}: {_status(got)} on ASGI, {_status(status)} on WSGI"
    return ""


def _status(status: int) -> str:
    return str(status) if status else "an exception"


def _set_up_of(name: str, run: Run) -> Test | None:
    """Return what prepares the class or module of a test of unittest, where that has failed."""
    for holder, test in run.tests.items():
        if holder.startswith(_SET_UP) and name.startswith(f"{holder.partition('(')[2][:-1]}."):
            return test
    return None


def _texts(error: dict[str, Any]) -> Iterator[str]:
    yield _text(error)
    yield from error["chain"]


def _text(error: dict[str, Any]) -> str:
    return f"{error['type']}: {error['message']}"
