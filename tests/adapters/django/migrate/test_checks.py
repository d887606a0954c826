"""Running checks: what they find, what fails, and findings that are the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.checks import Checked, look_at_source, look_at_whole, without_duplicates
from hybrid.adapters.django.migrate.findings import Confidence, Finding, Place, Seen
from hybrid.adapters.django.migrate.report.report import Broken
from hybrid.adapters.django.migrate.rules import registry
from hybrid.adapters.django.migrate.source.module import SourceModule
from hybrid.adapters.django.migrate.source.sources import Sources
from tests.support.sources import finding, write_sources


@pytest.fixture(autouse=True)
def own_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test register checks of its own, and nothing else."""
    for name in ("STATIC", "WHOLE", "IMPORT"):
        monkeypatch.setattr(registry, name, {})


def test_a_check_that_fails_loses_nothing(tmp_path: Path) -> None:
    """It is told of once for each error, with what it had found, and the others go on."""

    @registry.static("HM101", "HM102")
    def fails(module: SourceModule, sources: Sources) -> Iterator[Finding]:
        yield finding(file=module.shown)
        raise KeyError(3)

    @registry.static("HM103")
    def works(module: SourceModule, sources: Sources) -> Iterator[Finding]:
        yield finding("HM103", file=module.shown)

    checked = Checked()
    sources = write_sources(tmp_path, {"a.py": "", "b.py": ""})
    look_at_source(sources.modules, sources, checked)
    assert [(each.rule, each.place.file) for each in checked.findings] == [
        ("HM101", "a.py"),
        ("HM103", "a.py"),
        ("HM101", "b.py"),
        ("HM103", "b.py"),
    ]
    assert checked.broken == [Broken("HM101, HM102", f"KeyError: 3 in {name}.py") for name in "ab"]
    assert checked.looked == {"HM101", "HM102", "HM103"}


def test_a_check_of_the_whole_that_fails(tmp_path: Path) -> None:
    """It is told of without a file."""

    @registry.whole("HM115")
    def fails(sources: Sources) -> Iterator[Finding]:
        raise ValueError("x")

    checked = Checked()
    look_at_whole(write_sources(tmp_path, {}), checked)
    assert checked.broken == [Broken("HM115", "ValueError: x")]


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("shop/views.py", ["HM101", "HM412"]),
        ("shop/tests.py", ["HM412"]),
        ("shop/test_cart.py", ["HM412"]),
        ("tests/cart.py", ["HM412"]),
        ("conftest.py", ["HM412"]),
        ("shop/contest.py", ["HM101", "HM412"]),
    ],
)
def test_tests_are_not_served(tmp_path: Path, file: str, rules: list[str]) -> None:
    """In tests only what is about tests is looked for."""

    @registry.static("HM101")
    def of_code(module: SourceModule, sources: Sources) -> list[Finding]:
        return [finding("HM101", file=module.shown)]

    @registry.static("HM412")
    def of_tests(module: SourceModule, sources: Sources) -> list[Finding]:
        return [finding("HM412", file=module.shown)]

    checked = Checked()
    sources = write_sources(tmp_path, {file: ""})
    look_at_source([each for each in sources.modules if each.shown == file], sources, checked)
    assert [each.rule for each in checked.findings] == rules


def test_the_surer_of_two_stays() -> None:
    """What reading and importing both see at one line, or of one symbol, is one finding."""
    read = finding(confidence=Confidence.LIKELY)
    shown = finding(seen=Seen.IMPORT)
    at_another_line = finding(line=2, seen=Seen.IMPORT)
    elsewhere = finding(line=9, symbol="a.g")
    assert without_duplicates([read, shown]) == [shown]
    assert without_duplicates([read, at_another_line]) == [at_another_line]
    assert len(without_duplicates([shown, elsewhere])) == 2
    assert len(without_duplicates([shown, finding("HM102")])) == 2


def test_two_of_one_function_stay() -> None:
    """Reading alone may find a rule at several lines of a function, and twice on one line."""
    assert len(without_duplicates([finding(line=1), finding(line=2)])) == 2
    assert len(without_duplicates([finding(), finding(evidence="something else")])) == 2
    assert len(without_duplicates([finding(), finding()])) == 1


def test_what_is_in_no_file() -> None:
    """Findings without a place are the same if all of them is."""
    one, other = (finding(place=Place(symbol=name)) for name in ("gevent", "eventlet"))
    assert len(without_duplicates([one, other, one])) == 2
