"""What two runs of a suite say together, and how it is written."""

import json
from pathlib import Path
from typing import Any

import pytest

from hybrid.adapters.django.migrate.suite.comparison import Comparison, compare
from hybrid.adapters.django.migrate.suite.records import Run, read
from hybrid.adapters.django.migrate.suite.report import as_json, as_text
from hybrid.adapters.django.migrate.suite.running import Ended

DONE: dict[str, Any] = {
    "requests": [["GET", "/", 200]],
    "sent": 1,
    "kept": 0,
    "collected": 0,
    "left_out": [],
    "rules": [],
    "behind": [],
}


def error(message: str, kind: str = "AssertionError", file: str = "shop/tests.py") -> dict[str, Any]:
    """Return an exception as the recorder writes it."""
    return {"type": kind, "message": message, "file": file, "line": 5, "symbol": "T.test", "chain": []}


def run(folder: Path, lane: str, *processes: list[dict[str, Any]], code: int | None = 0) -> Run:
    """Return the run in which these processes have written these lines."""
    lines = folder / lane / "lines"
    lines.mkdir(parents=True)
    for number, each in enumerate(processes, 100):
        (lines / f"{number}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in each))
    return read(Ended(lane, code, 1.0), folder / lane)


def lines_of(
    name: str, outcome: str, said: dict[str, Any] | None = None, **done: Any
) -> list[dict[str, Any]]:
    """Return the lines of a test."""
    came = {"test": name, "outcome": outcome} | ({} if said is None else {"error": said})
    return [{"begin": name}, came, {"test": name, **DONE, **done}]


def compared(folder: Path, wsgi: list[dict[str, Any]], asgi: list[dict[str, Any]]) -> Comparison:
    """Compare two runs of one process each."""
    return compare(run(folder, "wsgi", wsgi), run(folder, "asgi", asgi))


@pytest.mark.parametrize(
    ("outcomes", "counts"),
    [
        (("passed", "passed"), (1, 0, 0)),
        (("passed", "xfailed"), (1, 0, 0)),
        (("skipped", "skipped"), (1, 0, 0)),
        (("failed", "error"), (0, 0, 1)),
        (("passed", "failed"), (0, 1, 0)),
        (("error", "passed"), (0, 1, 0)),
        (("passed", "skipped"), (0, 1, 0)),
        (("passed", "xpassed"), (0, 1, 0)),
    ],
    ids=lambda each: "-".join(map(str, each)),
)
def test_verdicts(tmp_path: Path, outcomes: tuple[str, str], counts: tuple[int, int, int]) -> None:
    """Tests agree, differ, or fail on both sides; how they fail does not matter."""
    found = compared(tmp_path, lines_of("a", outcomes[0]), lines_of("a", outcomes[1]))
    assert (found.agreeing, len(found.differing), len(found.failing)) == counts


def test_test_that_did_not_end(tmp_path: Path) -> None:
    """A test that was begun alone, and one that was never run, differ from those that passed."""
    wsgi = run(tmp_path, "wsgi", [*lines_of("a", "passed"), *lines_of("b", "passed")])
    asgi = run(tmp_path, "asgi", [{"begin": "a"}], code=None)
    found = compare(wsgi, asgi)
    assert [each.asgi for each in found.differing] == ["unfinished", "not run"]
    text = as_text(found)
    assert "Begun on ASGI, and not ended: 1 test" in text
    assert "Not run on ASGI: 1 test" in text
    assert "the run on ASGI had not ended after 1 s" in text


def test_class_that_is_not_set_up(tmp_path: Path) -> None:
    """Tests that were not run have the exception of what sets up their class."""
    holder = {"test": "setUpClass (shop.T)", "outcome": "error", "error": error("'wsgi.input'", "KeyError")}
    wsgi = [*lines_of("shop.T.a", "passed"), *lines_of("shop.Two.b", "passed")]
    found = compared(tmp_path, wsgi, [holder])
    assert [(each.test, each.rule) for each in found.differing] == [("shop.T.a", "HM102"), ("shop.Two.b", "")]


def test_several_processes(tmp_path: Path) -> None:
    """The worst that a process says counts, and an exception with its place rather than without."""
    where = error("no", file="shop/views.py")
    read_again = [{"test": "a", "outcome": "error", "error": error("no", file="")}]
    found = run(tmp_path, "wsgi", read_again, lines_of("a", "error", where), lines_of("b", "passed"))
    assert found.tests["a"].error == where
    assert (found.tests["a"].sent, found.tests["b"].verdict) == (1, "passed")


def test_begun_again(tmp_path: Path) -> None:
    """Where a plugin runs a failed test again, the last time counts."""
    found = run(tmp_path, "wsgi", [*lines_of("a", "failed"), *lines_of("a", "passed")])
    assert (found.tests["a"].verdict, found.sent) == ("passed", 1)


def test_line_that_is_cut_off(tmp_path: Path) -> None:
    """A process that was killed leaves a piece of a line, which is left out."""
    lines = tmp_path / "lines"
    lines.mkdir()
    (lines / "1.jsonl").write_text('{"begin": "a"}\n{"test": "a", "outc')
    assert read(Ended("asgi", None, 1.0), tmp_path).tests["a"].verdict == "unfinished"


def test_exception_behind_an_answer(tmp_path: Path) -> None:
    """It tells more than what the test sees, unless it was there on WSGI too."""
    old, new = error("sold", "LookupError"), error("'RAW_URI'", "KeyError", "shop/views.py")
    wsgi = lines_of("a", "passed", behind=[old])
    asgi = lines_of("a", "failed", error("500 != 200"), behind=[old, new], requests=[["GET", "/", 500]])
    (difference,) = compared(tmp_path, wsgi, asgi).differing
    assert (difference.error, difference.said) == (new, "AssertionError: 500 != 200")
    assert (difference.rule, difference.request) == ("HM102", "GET /: 500 on ASGI, 200 on WSGI")


def test_groups(tmp_path: Path) -> None:
    """Tests with one cause are one group, whose size comes first; few of its tests are listed."""
    names = [f"t{number}" for number in range(7)]
    wsgi = [line for name in [*names, "alone"] for line in lines_of(name, "passed")]
    asgi = [line for name in names for line in lines_of(name, "failed", error("'RAW_URI'", "KeyError"))]
    found = compared(tmp_path, wsgi, [*lines_of("alone", "failed", error("1 != 2")), *asgi])
    assert [len(group) for group in found.groups()] == [7, 1]
    text = as_text(found)
    assert "HM102: A key of META is used that only WSGI servers set: 7 tests" in text
    assert "    and 2 more" in text
    assert "Failed on ASGI, passed on WSGI: 1 test" in text
    assert [len(group["tests"]) for group in as_json(found, ("x",))["groups"]] == [7, 1]


def test_again(tmp_path: Path) -> None:
    """What comes to the same when a side runs again is unsteady; the side is the one on which it failed."""
    wsgi = [*lines_of("steady", "passed"), *lines_of("unsteady", "passed")]
    asgi = [*lines_of("steady", "failed"), *lines_of("unsteady", "failed")]
    found = compared(tmp_path, wsgi, asgi)
    assert found.doubtful() == ["asgi"]
    found.confirm(
        run(tmp_path / "again", "asgi", [*lines_of("steady", "failed"), *lines_of("unsteady", "passed")])
    )
    assert ([each.test for each in found.differing], found.unsteady) == (["steady"], ["unsteady"])


def test_again_on_wsgi(tmp_path: Path) -> None:
    """A test that failed on WSGI alone is asked about there."""
    found = compared(tmp_path, lines_of("a", "failed"), lines_of("a", "passed"))
    assert found.doubtful() == ["wsgi"]
    found.confirm(run(tmp_path / "again", "wsgi", lines_of("a", "passed")))
    assert (found.differing, found.unsteady) == ([], ["a"])


def test_again_cut_short(tmp_path: Path) -> None:
    """A run that does not come as far as a test says nothing of it, though the other side did not either."""
    found = compared(tmp_path, lines_of("a", "failed"), [])
    found.confirm(run(tmp_path / "again", "wsgi", [], code=None))
    assert ([each.test for each in found.differing], found.unsteady) == (["a"], [])


def test_text_in_other_encodings(tmp_path: Path) -> None:
    """What UTF-8 cannot say is escaped, in messages and ids, so that the report can be written."""
    asgi = lines_of("caf\udce9", "failed", error("caf\udce9 is no file"))
    text = as_text(compared(tmp_path, lines_of("caf\udce9", "passed"), asgi))
    assert "  AssertionError: caf\\udce9 is no file" in text.encode().decode()
    assert "  - caf\\udce9" in text
