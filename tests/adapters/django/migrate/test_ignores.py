"""Comments that say to leave a finding out."""

from pathlib import Path

import pytest

from hybrid.adapters.django.migrate.ignores import without_ignored
from hybrid.adapters.django.migrate.report.report import UnusedIgnore
from tests.support.sources import finding, write_sources

LOOKED = {"HM101", "HM102"}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("x = 1  # hybrid: ignore[HM101] of tests\n", 1, "of tests"),
        ("x = 1  #hybrid:ignore[HM102,HM101]\n", 1, ""),
        ("# hybrid: ignore[HM101] below\n# more\n\nx = 1\n", 4, "below"),
        ("x = (\n    1\n)  # hybrid: ignore[HM101]\n", 1, ""),
        ("a = 1\n\x0c\n# hybrid: ignore[HM101] below\nx = 1\n", 4, "below"),
    ],
)
def test_ignored(tmp_path: Path, text: str, line: int, reason: str) -> None:
    """A comment is for its line, which may be the last one of what is found, or alone for the next line."""
    sources = write_sources(tmp_path, {"a.py": text})
    end = text.count("\n")
    made = finding(place=finding().place.__class__("a.py", line, end, "a"))
    left, ignored, _ = without_ignored([made], sources.modules, LOOKED)
    assert left == []
    assert [(each.finding, each.reason) for each in ignored] == [(made, reason)]


@pytest.mark.parametrize(
    "text",
    [
        "x = 1  # hybrid: ignore[HM102]\n",
        "x = 1\n# hybrid: ignore[HM101]\n",
        'x = "# hybrid: ignore[HM101]"\n',
        "x = 1  # hybrid: ignore\n",
        "\nx = 1  # hybrid: ignore[HM101]\n",
    ],
)
def test_not_ignored(tmp_path: Path, text: str) -> None:
    """Another rule, another line, a text, or no rule at all ignores nothing."""
    sources = write_sources(tmp_path, {"a.py": text})
    assert without_ignored([finding()], sources.modules, LOOKED)[:2] == ([finding()], ())


def test_unused(tmp_path: Path) -> None:
    """What leaves nothing out is told of, unless nobody has looked for its rule."""
    text = """\
    a = 1  # hybrid: ignore[HM101, HM102]
    b = 1  # hybrid: ignore[HM103]
    c = 1  # hybrid: ignore[HM999]
    d = 1  # hybrid: ignore[]
    """
    sources = write_sources(tmp_path, {"a.py": text})
    _, _, unused = without_ignored([finding()], sources.modules, LOOKED)
    assert unused == (
        UnusedIgnore("a.py", 1, ("HM102",)),
        UnusedIgnore("a.py", 3, ("HM999",)),
        UnusedIgnore("a.py", 4, ()),
    )
