"""The documents: their links lead somewhere, and the checker that says so can be trusted."""

from pathlib import Path

import pytest

from tests.support.links import anchors, broken_links, main
from tests.support.process import ROOT


def test_every_link_of_the_repository_leads_somewhere() -> None:
    """No relative link of any document is broken."""
    assert broken_links(ROOT) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a](other.md)", None),
        ("[a](other.md#a-heading-of-its-own)", None),
        ("[a](#top)", None),
        ('![a](picture.png "a title")', None),
        ("[a]: other.md", None),
        ("[a](https://example.org/gone.md) and [b](mailto:a@example.org)", None),
        ("`[a](gone.md)` is how a link is written", None),
        ("```\n[a](gone.md)\n```", None),
        ("[a](gone.md)", "page.md:2: gone.md does not exist"),
        ("[a]: gone.md", "page.md:2: gone.md does not exist"),
        ('<img src="gone.png">', "page.md:2: gone.png does not exist"),
        ("[a](other.md#nothing)", "page.md:2: other.md#nothing names no heading of other.md"),
        ("[a](#nothing)", "page.md:2: #nothing names no heading of page.md"),
        ("[a](../elsewhere.md)", "page.md:2: ../elsewhere.md leads out of the repository"),
    ],
)
def test_broken_links(tmp_path: Path, text: str, problem: str | None) -> None:
    """A link to a missing file or heading, or outside, is reported with its line; code is not looked at."""
    (tmp_path / "other.md").write_text("# A *heading* of its own!\n")
    (tmp_path / "picture.png").touch()
    (tmp_path / "page.md").write_text(f"# Top\n{text}\n")
    assert broken_links(tmp_path) == ([problem] if problem else [])


def test_repeated_headings_are_numbered(tmp_path: Path) -> None:
    """The second heading of a name gets `-1`, the third `-2`."""
    page = tmp_path / "page.md"
    page.write_text("# Same\n## Same\n### Same\n")
    assert anchors(page) == {"same", "same-1", "same-2"}


def test_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command ends with 0 when all is well, and with 1 and the list on stderr when something is not."""
    page = tmp_path / "page.md"
    page.write_text("[a](page.md)")
    assert main(tmp_path) == 0
    assert capsys.readouterr().out == "1 links in 1 documents checked\n"
    page.write_text("[a](gone.md)")
    assert main(tmp_path) == 1
    assert "page.md:1: gone.md does not exist" in capsys.readouterr().err
