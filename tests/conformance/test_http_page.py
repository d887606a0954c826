"""The page about HTTP/1.1: its tables say what the tables of raw requests say."""

import pytest

from tests.conformance.rfc9112 import ROWS, Refused
from tests.support.process import ROOT

PAGE = (ROOT / "docs" / "http.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    """Read the cells of the table under a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.replace("\\|", "").strip("|").split("|")] for line in lines[2:]]


def test_refusals() -> None:
    """Each section and status of a row that is refused is on the page, and nothing else is."""
    listed = {
        (section, int(status))
        for _, status, sections in table("What is refused")
        for section in sections.split(", ")
    }
    assert listed == {(row.section, row.expected.status) for row in ROWS if isinstance(row.expected, Refused)}


def test_departures() -> None:
    """Each section in which the server departs from the RFC is on the page with a reason."""
    rows = table("Where it departs from the RFC")
    assert {section for section, *_ in rows} == {row.section for row in ROWS if row.departs}
    assert all(all(cells) and len(cells) == 4 for cells in rows)


@pytest.mark.parametrize("heading", ["What is refused", "Where it departs from the RFC"])
def test_tables_are_found(heading: str) -> None:
    """The tests above read tables that are there."""
    assert len(table(heading)) > 5
